"""A line is not blamed for what its neighbours fell short of, and a neighbour that fell short is blamed for its own."""

from __future__ import annotations

from random import Random
from uuid import UUID

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from overrides.core.monitoring.watching.e_detector import LIMIT, Detector, design_effect, standardised
from overrides.core.monitoring.watching.neighbours import REMAINS, WIDER, Acted, Judgement, Paths, evidence_paths, judge

S_P, SD, PROMISE = 1.4, 0.1, 0.25
TRADE = st.tuples(st.integers(0, 4), st.sets(st.sampled_from("abc"), min_size=1), st.floats(-6, 6))


def together(day: int, number: int, lines: str | set[str], surprise: float) -> list[Acted]:
    """Return a trade of these lines that differs from all that was predicted of it by `surprise` R."""
    trade = UUID(int=number)
    return [Acted(line, trade, day, 1, PROMISE + surprise, PROMISE, SD, S_P) for line in sorted(lines)]


def naive(rows: list[Acted]) -> dict[str, float]:
    """Return what remains against each line at the end, trade by trade and line by line."""
    lines = sorted({row.line for row in rows})
    shift = dict.fromkeys(lines, 0.0)
    promised, remaining = ({line: Detector() for line in lines} for _ in range(2))
    for day in sorted({row.day for row in rows}):
        of_day = [row for row in rows if row.day == day]
        gained = dict.fromkeys(lines, 0.0)
        for row in of_day:
            beside = [each.line for each in of_day if each.trade == row.trade]
            own = [each for each in of_day if each.line == row.line]
            past = promised[row.line]
            effect = design_effect(past.days, past.trades, past.total, past.squares)
            known = sum(shift[line] for line in beside)
            gain = (WIDER * SD) ** 2 / (len(own) * len(beside) * (WIDER * SD) ** 2 + S_P**2 * effect)
            gained[row.line] += gain * (row.residual - PROMISE - known)
            u = standardised(1, row.residual - (known - shift[row.line]), S_P)
            remaining[row.line] = remaining[row.line].plus(day, u, 0.0)
        for row in of_day:
            promised[row.line] = promised[row.line].plus(day, standardised(1, row.residual, S_P), 0.0)
        promised = {line: each.closed(day + 1, 0.0) for line, each in promised.items()}
        remaining = {line: each.closed(day + 1, 0.0) for line, each in remaining.items()}
        shift = {line: shift[line] + gained[line] for line in lines}
    return {line: each.level for line, each in remaining.items()}


def paths(promised: list[list[float]], remaining: list[list[float]], last: list[int]) -> Paths:
    """Return paths of lines a, b, ... over days 0, 1, ..."""
    days = np.arange(len(promised), dtype=np.int64)
    return Paths(tuple("abc"[: len(last)]), days, np.array(promised), np.array(remaining), np.array(last))


class TestThePaths:
    @settings(max_examples=40, deadline=None)
    @given(st.lists(TRADE, min_size=1, max_size=12))
    def test_are_those_of_a_naive_loop(self, trades: list[tuple[int, set[str], float]]) -> None:
        rows = [row for number, each in enumerate(trades) for row in together(each[0], number, *each[1:])]

        found = evidence_paths(rows)

        expected = naive(rows)
        assert list(found.remaining[-1]) == pytest.approx([expected[line] for line in found.lines], rel=1e-9)

    def test_do_not_depend_on_the_order_in_which_rows_arrive(self) -> None:
        draw = Random(4)
        rows = [row for n in range(60) for row in together(n // 3, n, "".join(draw.sample("abc", 2)), draw.gauss(0, 1))]
        mixed = draw.sample(rows, len(rows))

        assert np.array_equal(evidence_paths(rows).remaining, evidence_paths(mixed).remaining)

    def test_take_nothing_off_before_the_first_day_is_over(self) -> None:
        found = evidence_paths(together(0, 1, "ab", -2.0))

        assert np.array_equal(found.promised, found.remaining)

    def test_take_off_what_the_first_day_told_by_hand(self) -> None:
        """A surprise of -1.4 R at v = .04 for each of two lines: d = .04 * -1.4 / (.08 + 1.96) = -.02745 R."""
        found = evidence_paths([*together(0, 1, "ab", -1.4), *together(1, 2, "ab", -1.4)])
        first = Detector().plus(0, (PROMISE - 1.4) / S_P, 0.0)
        second = first.plus(1, (PROMISE - 1.4 + 0.04 * 1.4 / 2.04) / S_P, 0.0).closed(2, 0.0)

        assert found.remaining[1].tolist() == pytest.approx([second.level] * 2)

    def test_are_empty_without_rows(self) -> None:
        assert evidence_paths([]).remaining.shape == (0, 0)


class TestTheJudgement:
    def test_blames_a_line_that_always_acts_and_not_one_that_was_beside_it_for_part_of_the_time(self) -> None:
        """The wide line fell short by .5 R everywhere; the narrow one acts in every fourth trade."""
        draw = Random(7)
        lines = ["ab" if n % 4 == 0 else "a" for n in range(600)]
        rows = [row for n, each in enumerate(lines) for row in together(n, n, each, draw.gauss(-0.5, 0.8))]
        found = evidence_paths(rows)

        assert judge(found, "a", {"a", "b"}).is_to_blame
        assert not judge(found, "b", {"a", "b"}).is_to_blame

    def test_blames_a_narrow_line_that_fell_short_and_not_the_wide_one_beside_it(self) -> None:
        draw = Random(8)
        lines = ["ab" if n % 4 == 0 else "a" for n in range(600)]
        rows = [
            row for n, each in enumerate(lines) for row in together(n, n, each, draw.gauss(-0.6 * (each == "ab"), 0.8))
        ]
        found = evidence_paths(rows)

        assert judge(found, "b", {"a", "b"}).is_to_blame
        assert not judge(found, "a", {"a", "b"}).is_to_blame

    def test_blames_a_line_alone_as_soon_as_it_reaches_the_limit(self) -> None:
        rows = [row for n in range(60) for row in together(n, n, "a", -1.4)]
        found = evidence_paths(rows)

        assert judge(found, "a", {"a"}) == Judgement(True, float(found.promised[-1, 0]), None)

    @pytest.mark.parametrize(
        ("own", "other", "standing", "expected"),
        [
            (REMAINS, REMAINS - 1, "ab", Judgement(True, REMAINS, None)),
            (REMAINS - 1, 0.0, "ab", Judgement(False, REMAINS - 1, None)),
            (REMAINS, REMAINS + 1, "ab", Judgement(False, REMAINS, "b")),
            (LIMIT, LIMIT + 1, "ab", Judgement(True, LIMIT, None)),
            (REMAINS, REMAINS + 1, "a", Judgement(True, REMAINS, None)),
        ],
    )
    def test_takes_six_tenths_of_the_limit_and_the_most_of_those_in_force(
        self, own: float, other: float, standing: str, expected: Judgement
    ) -> None:
        found = paths([[0.0, 0.0], [LIMIT, 0.0]], [[0.0, 0.0], [own, other]], [1, 0])

        assert judge(found, "a", standing) == expected

    def test_counts_a_day_on_which_it_reached_the_limit_though_it_went_back(self) -> None:
        assert judge(paths([[LIMIT], [40.0]], [[LIMIT], [40.0]], [1]), "a", "a").is_to_blame

    def test_blames_nobody_who_did_not_reach_the_limit(self) -> None:
        assert not judge(paths([[LIMIT - 1]], [[LIMIT]], [0]), "a", "a").is_to_blame

    def test_refuses_a_line_that_did_not_act(self) -> None:
        with pytest.raises(KeyError, match="z"):
            judge(evidence_paths(together(0, 1, "ab", 0.0)), "z", {"z"})

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from learning.core.cells.rows import Floats, Rows
from learning.core.tuning.alternatives import GRADES, UNGRADED, Grade, grade_of, most_frequent_grade
from tests.learning.core.builders import by_unit, make_rows, random_rows

CUTOFFS = (0.1, 0.5, 1.5)
NAN = math.nan


def graded(deltas: Mapping[str, Sequence[float]], rows: Rows | None = None, **over: Any) -> Grade | None:
    options: dict[str, Any] = {"neutral": 0.0, "n_min": 10, "cutoffs": CUTOFFS}
    columns = {name: np.array(values, dtype=np.float64) for name, values in deltas.items()}
    count = len(next(iter(columns.values()), ()))
    return grade_of(make_rows([0.0] * count) if rows is None else rows, columns, **options | over)


def frequent(grades: Sequence[str], rows: Rows | None = None, *, is_later: bool = True) -> Grade | None:
    carried = np.array([GRADES.index(each) if each else UNGRADED for each in grades], dtype=np.int64)
    return most_frequent_grade(
        make_rows([0.0] * len(grades)) if rows is None else rows, carried, n_min=10, is_later=is_later
    )


def naive(rows: Rows, told: Mapping[str, Floats], neutral: float, n_min: int) -> tuple[str, str] | None:
    """Return grade and best alternative by a literal reading of the rule, unit by unit."""
    best: tuple[float, float, str] | None = None
    for name, deltas in told.items():
        tells = ~np.isnan(deltas)
        part = rows.take(tells)
        units = by_unit(make_rows(deltas[tells], trade=part.trade, cluster=part.cluster, closed_at=part.closed_at))
        if len(units) < max(n_min, 2) or float(name) == neutral:
            continue
        mean = sum(units) / len(units)
        se = math.sqrt(sum((unit - mean) ** 2 for unit in units) / (len(units) - 1) / len(units))
        if best is None or mean > best[0]:
            best = (mean, se, name)
    if best is None:
        return None
    mean, se, name = best
    return GRADES[sum(mean >= cutoff for cutoff in CUTOFFS) if mean > se else 0], name


class TestDeltas:
    @pytest.mark.parametrize(
        ("mean", "grade"),
        [(-0.5, "none"), (0.0, "none"), (0.099, "none"), (0.1, "small"), (0.499, "small"), (0.5, "medium"),
         (1.499, "medium"), (1.5, "large"), (40.0, "large")],
    )  # fmt: skip
    def test_are_graded_by_their_mean(self, mean: float, grade: str) -> None:
        found = graded({"2": [mean] * 12})

        assert found is not None
        assert (found.grade, found.alternative, found.n) == (grade, "2", 12)

    def test_need_more_than_one_standard_error(self) -> None:
        """Mean .75 both times: eleven 0 and one 9 have a standard error of .75; a 9 in two parts, less."""
        assert graded({"2": [9.0, *[0.0] * 11]}).grade == "none"  # type: ignore[union-attr]
        assert graded({"2": [4.5, 4.5, *[0.0] * 10]}).grade == "medium"  # type: ignore[union-attr]

    def test_are_followed_one_alternative_at_a_time(self) -> None:
        """The best alternative of each trade would add 1 R a trade; no fixed alternative adds any."""
        alternating = [1.0, -1.0] * 6
        found = graded({"1": alternating, "2": [-each for each in alternating]})

        assert found is not None
        assert (found.grade, found.mean) == ("none", 0.0)

    def test_let_the_best_alternative_win_and_the_nearest_among_equals(self) -> None:
        assert graded({"3": [0.6] * 12, "1": [0.6] * 12, "2": [0.2] * 12}).alternative == "1"  # type: ignore[union-attr]
        assert graded({"1": [0.2] * 12, "6": [0.9] * 12}).alternative == "6"  # type: ignore[union-attr]

    @pytest.mark.parametrize(("name", "is_later"), [("0.667", False), ("1.333", True), ("never", True)])
    def test_say_whether_the_winner_acts_later(self, name: str, is_later: bool) -> None:
        found = graded({name: [0.6] * 12}, neutral=1.0)

        assert found is not None
        assert (found.alternative, found.is_later) == (name, is_later)

    @pytest.mark.parametrize("name", ["1", "1.0", "nan", "as traded"])
    def test_of_what_was_done_and_of_what_is_no_number_are_passed_over(self, name: str) -> None:
        assert graded({name: [5.0] * 12}, neutral=1.0) is None

    def test_need_enough_trades_that_tell_of_them(self) -> None:
        nine = [2.0] * 9 + [NAN] * 3

        assert graded({"1": nine}) is None
        assert graded({"1": nine, "2": [0.2] * 10 + [NAN] * 2}).alternative == "2"  # type: ignore[union-attr]

    def test_count_a_trade_and_a_cluster_once(self) -> None:
        """Ten trades that waiting would have cost .2 R, and one with fifty adds that it would have gained 5 R each."""
        rows = make_rows([0.0] * 60, trade=[*range(10), *[10] * 50])
        found = graded({"2": [*[-0.2] * 10, *[5.0] * 50]}, rows)

        assert found is not None
        assert found.n == 11
        assert found.mean == pytest.approx((5 - 10 * 0.2) / 11)
        clusters = make_rows([0.0] * 60, trade=range(60), cluster=[*range(10), *[10] * 50])
        assert graded({"2": [*[-0.2] * 10, *[5.0] * 50]}, clusters) == found

    @given(st.integers(0, 10**6), st.floats(0.05, 2.0))
    @settings(deadline=None, max_examples=40)
    def test_equal_the_loop(self, seed: int, shift: float) -> None:
        rng = np.random.default_rng(seed)
        rows = random_rows(seed, 60, (2,), clustered=True)
        deltas = {name: rng.normal(shift * (2 - int(name)), 1.0, 60) for name in ("0", "1", "2", "3")}
        for column in deltas.values():
            column[rng.random(60) < 0.2] = NAN
        found = graded({name: column.tolist() for name, column in deltas.items()}, rows)

        assert (None if found is None else (found.grade, found.alternative)) == naive(rows, deltas, 0.0, 10)


class TestGradesOfActions:
    def test_are_counted_over_those_that_carry_one(self) -> None:
        assert frequent(["medium"] * 6 + ["none"] * 5 + [""] * 4) == Grade("medium", None, True, None, None, 11)

    def test_fall_to_the_smaller_among_equals(self) -> None:
        found = frequent(["large", "small"] * 6)

        assert found is not None
        assert found.grade == "small"

    def test_count_a_trade_once(self) -> None:
        """Ten trades carry none, one with thirty adds carries large."""
        rows = make_rows([0.0] * 40, trade=[*range(10), *[10] * 30])

        found = frequent(["none"] * 10 + ["large"] * 30, rows)

        assert found is not None
        assert (found.grade, found.n) == ("none", 11)

    def test_need_enough_trades(self) -> None:
        assert frequent(["large"] * 9) is None

    def test_point_where_they_are_said_to(self) -> None:
        found = frequent(["large"] * 12, is_later=False)

        assert found is not None
        assert not found.is_later


def test_nothing_told_is_no_grade() -> None:
    assert graded({}) is None
    assert frequent([""] * 12) is None
    assert frequent([]) is None

"""Coefficients compared with a naive recomputation from the facts, whatever the order of arrival."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from statistics import fmean
from typing import Any

import pytest
from django.db import connection, transaction
from hypothesis import given, settings
from hypothesis import strategies as st

from learning.coefficients.coefficient_memory import update_coefficients
from learning.models import Coefficient
from learning.readers.group_columns import EPOCH
from overrides.core.engine.definitions.coefficients import LEVER_DIMENSIONS
from telemetry.core.vocabulary import DM_PATTERN_KEY
from telemetry.decisions.attribute_trades import attribute_trades
from telemetry.decisions.decision_log import DecisionRecord, record_decisions
from telemetry.foundation.core.canonical_json import utc_text
from telemetry.models import FreshTrade, Outcome
from telemetry.recording.record_trades import record_trades
from tests.builders import (
    DAY,
    NOW,
    action_payload,
    decision_ids,
    make_correction,
    make_decision,
    make_parameters,
    make_trade,
    publish,
    run_concurrently,
)

CASES = json.loads((Path(__file__).parents[1] / "core" / "coefficients.json").read_text())
EXACT = 1e-9


def allocated(
    external_id: str, rr: float, day: float, *scopes: Mapping[str, str], known: float | None = None, **over: Any
) -> Any:
    """Return a trade with an allocation for each scope, closed (and if given, known) this many days before NOW."""
    closed_at = NOW - DAY * day
    stated = {} if known is None else {"known_at": utc_text(NOW - DAY * known)}
    return (make_correction if "revision" in over else make_trade)(
        external_id,
        rr=rr,
        opened_at=utc_text(closed_at - DAY),
        closed_at=utc_text(closed_at),
        actions=[
            action_payload(
                module="dm",
                pattern_key="dm_pattern.allocation.allocation",
                action_category="allocation",
                scope=scope,
                at=utc_text(closed_at - DAY),
                **stated,
            )
            for scope in scopes or ({"chain": "base"},)
        ],
        **over,
    )


def named_by(decision: DecisionRecord, external_id: str, rr: float, **over: Any) -> Any:
    """Return a trade whose allocation was sent with chain base and names the decision."""
    action = action_payload(
        module="dm",
        pattern_key=DM_PATTERN_KEY,
        action_category="allocation",
        scope={"chain": "base"},
        decision_ids=decision_ids(decision),
    )
    return (make_correction if over else make_trade)(external_id, rr=rr, actions=[action], **over)


def record(*trades: Any) -> None:
    record_trades(trades, now=NOW)


def stored() -> dict[str, tuple[float, ...]]:
    """Return the stored memories by dimension and value: sums as of the newest trade, means and weight as of NOW."""
    rows: dict[str, tuple[float, ...]] = {}
    for row in Coefficient.objects.all():
        sums = row.sums
        memory = (sums["short"]["s"], sums["short"]["w"], sums["long"]["s"], sums["long"]["w"])
        rows[f"{row.name}={row.key}"] = (row.n, *memory, row.rr_short, row.rr_long, row.weight)
    return rows


def recomputed(as_of: datetime = NOW, books: Sequence[str] = ("paper",)) -> dict[str, tuple[float, ...]]:
    """Return the result of the formulas of docs/method.md 8 over the facts, in plain loops."""
    facts = list(Outcome.objects.filter(module="dm", book__in=books, known_at__lte=as_of).values())
    values = {(lever, f["scope"].get(name)) for lever, name in LEVER_DIMENSIONS.items() for f in facts}
    own = {
        f"{lever}={value}": [f for f in facts if f["scope"].get(LEVER_DIMENSIONS[lever]) == value]
        for lever, value in values
        if value is not None
    }
    if not facts:
        return {}
    overall = units(facts)
    short_all, long_all = (decayed_mean(overall, tau) for tau in (14, 90))
    newest = max(closed_at for _, closed_at in overall)
    found = {"all=": (len(overall), *sums(overall, newest), short_all, long_all, 1.0)}
    for name, rows in own.items():
        trades = units(rows)
        long = shrunk(trades, 90, long_all, as_of)
        short = shrunk(trades, 14, long - long_all + short_all, as_of)
        weight = min(max(math.exp(min(max(short - short_all, -1), 1)), 0.5), 2.0)
        newest = max(closed_at for _, closed_at in trades)
        found[name] = (len(trades), *sums(trades, newest), short, long, weight)
    return found


def units(facts: Sequence[Mapping[str, Any]]) -> list[tuple[float, datetime]]:
    """Return outcome and close of every trade, or of every cluster, counting once."""
    clusters: dict[Any, dict[Any, list[Mapping[str, Any]]]] = {}
    for each in facts:
        clusters.setdefault(each["cluster_id"] or each["trade_id"], {}).setdefault(each["trade_id"], []).append(each)
    return [
        (
            fmean(fmean(each["rr"] for each in rows) for rows in trades.values()),
            max(rows[0]["closed_at"] for rows in trades.values()),
        )
        for trades in clusters.values()
    ]


def weights(trades: Sequence[tuple[float, datetime]], tau: float, as_of: datetime) -> list[float]:
    return [math.exp(-((as_of - closed_at) / DAY) / tau) for _, closed_at in trades]


def sums(trades: Sequence[tuple[float, datetime]], as_of: datetime) -> tuple[float, ...]:
    found: list[float] = []
    for tau in (14, 90):
        weight = weights(trades, tau, as_of)
        found += [math.fsum(w * rr for w, (rr, _) in zip(weight, trades, strict=True)), math.fsum(weight)]
    return tuple(found)


def decayed_mean(trades: Sequence[tuple[float, datetime]], tau: float) -> float:
    weight = weights(trades, tau, max(closed_at for _, closed_at in trades))
    return math.fsum(w * rr for w, (rr, _) in zip(weight, trades, strict=True)) / math.fsum(weight)


def shrunk(trades: Sequence[tuple[float, datetime]], tau: float, prior: float, as_of: datetime) -> float:
    w = math.fsum(weights(trades, tau, as_of))
    return (w * decayed_mean(trades, tau) + 10 * prior) / (w + 10)


def assert_as_recomputed(**given: Any) -> None:
    found, expected = stored(), recomputed(**given)
    assert found.keys() == expected.keys()
    for name, numbers in expected.items():
        assert found[name] == pytest.approx(numbers, rel=EXACT, abs=EXACT), name


SCOPES = st.fixed_dictionaries(
    {},
    optional={
        "chain": st.sampled_from(["base", "sol"]),
        "curator": st.sampled_from(["a", "b"]),
        "mcap_bucket": st.just("<500k"),
        "macro_phase": st.sampled_from(["Good", "Dip"]),
    },
)


@st.composite
def histories(draw: Any) -> list[tuple[Any, bool]]:
    """Draw trades and corrections in order of arrival, with flags for when memories are updated."""
    arrivals: list[tuple[Any, bool]] = []
    for number in range(draw(st.integers(1, 8))):
        for revision in range(1, 1 + draw(st.sampled_from([1, 1, 1, 2, 3]))):
            over: dict[str, Any] = {"cluster_id": draw(st.sampled_from([None, None, None, "x"]))}
            over["book"] = draw(st.sampled_from(["paper", "paper", "paper", "live"]))
            if revision > 1:
                over |= {"revision": revision, "excluded_reason": draw(st.sampled_from([None, None, "a fat finger"]))}
            scopes = draw(st.lists(SCOPES, min_size=1, max_size=2))
            trade = allocated(f"t{number}", draw(st.floats(-20, 20)), draw(st.floats(0.01, 400)), *scopes, **over)
            arrivals.append((trade, draw(st.booleans())))
    shuffled = draw(st.permutations(arrivals))
    return sorted(shuffled, key=lambda each: each[0].revision)  # a correction follows the trade it corrects


@pytest.mark.django_db
class TestUpdateCoefficients:
    @given(histories())
    @settings(deadline=None, max_examples=60)
    def test_equals_a_recomputation_in_any_order_of_arrival(self, history: list[tuple[Any, bool]]) -> None:
        with transaction.atomic():
            for trade, is_updated in history:
                record(trade)
                if is_updated:
                    update_coefficients(now=NOW)
            update_coefficients(now=NOW)

            assert_as_recomputed()
            assert not FreshTrade.objects.exists()
            transaction.set_rollback(True)

    @pytest.mark.parametrize("case", CASES, ids=lambda case: f"trades-{len(case['given']['trades'])}")
    @pytest.mark.parametrize("at_once", [True, False])
    def test_reproduces_the_golden_cases_from_rows(self, case: dict[str, Any], at_once: bool) -> None:
        as_of = case["given"]["as_of"]
        names = LEVER_DIMENSIONS
        for index, trade in enumerate(case["given"]["trades"]):
            scope = {names[lever]: value for lever, value in trade["values"].items()}
            record(allocated(f"t{index}", trade["rr"], as_of - trade["closed_day"], scope))
            if not at_once:
                update_coefficients(now=NOW)
        update_coefficients(now=NOW)

        rows = {f"{row.name}={row.key}": row for row in Coefficient.objects.all()}
        overall = rows.pop("all=")
        expect = case["expect"]
        assert (overall.rr_short, overall.rr_long) == pytest.approx((expect["global_short"], expect["global_long"]))
        assert rows.keys() == expect["weights"].keys()
        for name, expected in expect["weights"].items():
            row = rows[name]
            found = {"n": row.n, "short": row.rr_short, "long": row.rr_long, "weight": row.weight}
            assert found == pytest.approx(expected, rel=EXACT, abs=EXACT), name

    def test_remembers_by_steps_and_reads_no_other_trade(self, django_assert_num_queries: Any) -> None:
        record(*[allocated(f"t{n}", n, n) for n in range(1, 6)])
        update_coefficients(now=NOW)
        record(allocated("new", 2.0, 0.5))

        with django_assert_num_queries(8) as seen:
            update_coefficients(now=NOW)

        assert not [query for query in seen if "WITH trades" in query["sql"]]
        assert_as_recomputed()

    def test_takes_back_what_a_correction_changes(self) -> None:
        record(allocated("t", 9.0, 3, {"chain": "base"}), allocated("u", 1.0, 2, {"chain": "sol"}))
        update_coefficients(now=NOW)

        record(allocated("t", 1.0, 3, {"chain": "eth"}, revision=2))
        update_coefficients(now=NOW)

        assert set(stored()) == {"all=", "chain=sol", "chain=eth"}
        assert_as_recomputed()

    @pytest.mark.parametrize("is_remembered_before", [True, False])
    def test_follows_an_allocation_into_the_scope_that_was_asked(self, is_remembered_before: bool) -> None:
        """The trade was sent with chain base; its decision was asked for chain eth."""
        about = {"module": "dm", "pattern_key": DM_PATTERN_KEY, "action_category": "allocation"}
        decision = make_decision({}, **about, scope={"chain": "eth"})
        record(allocated("u", 1.0, 2, {"chain": "base"}), allocated("v", 3.0, 2, {"chain": "eth"}))
        record(named_by(decision, "t", 9.0))
        if is_remembered_before:
            update_coefficients(now=NOW)
            assert_as_recomputed()
        record_decisions([decision])

        assert attribute_trades(now=NOW) == 1
        update_coefficients(now=NOW)

        assert {key: found[0] for key, found in stored().items()} == {"all=": 3, "chain=base": 1, "chain=eth": 2}
        assert_as_recomputed()

        record(named_by(decision, "t", 8.0, revision=2))
        update_coefficients(now=NOW)
        assert_as_recomputed()
        assert attribute_trades(now=NOW) == 1
        update_coefficients(now=NOW)

        assert {key: found[0] for key, found in stored().items()} == {"all=": 3, "chain=base": 1, "chain=eth": 2}
        assert_as_recomputed()

    def test_forgets_an_excluded_trade(self) -> None:
        record(allocated("t", 9.0, 3, {"chain": "base"}), allocated("u", 1.0, 2, {"chain": "sol"}))
        update_coefficients(now=NOW)

        record(allocated("t", 9.0, 3, {"chain": "base"}, revision=2, excluded_reason="a fat finger"))
        update_coefficients(now=NOW)

        assert set(stored()) == {"all=", "chain=sol"}
        assert_as_recomputed()

    def test_forgets_everything_with_the_last_trade(self) -> None:
        record(allocated("t", 9.0, 3))
        update_coefficients(now=NOW)

        record(allocated("t", 9.0, 3, revision=2, excluded_reason="a fat finger"))
        update_coefficients(now=NOW)

        assert stored() == {}

    def test_learns_anew_when_the_books_change(self) -> None:
        record(allocated("t", 9.0, 3), allocated("u", 1.0, 2, {"chain": "sol"}, book="live"))
        update_coefficients(now=NOW)
        before = set(stored())

        publish(module="dm", parameters=make_parameters(module="dm", lessons={"books": ["live"]}))
        update_coefficients(now=NOW)

        assert (before, set(stored())) == ({"all=", "chain=base"}, {"all=", "chain=sol"})
        assert_as_recomputed(books=["live"])

    def test_counts_a_cluster_once_when_its_last_trade_closed(self) -> None:
        record(allocated("t", 3.0, 3, cluster_id="x"))
        update_coefficients(now=NOW)
        record(allocated("u", 1.0, 2, cluster_id="x"))
        update_coefficients(now=NOW)

        row = Coefficient.objects.get(name="chain")
        assert (row.n, row.sums["short"]) == (1, {"s": 2.0, "w": 1.0})
        assert row.sums["at"] == (NOW - 2 * DAY).timestamp() / 86_400

    def test_weighs_again_as_time_passes(self) -> None:
        record(allocated("t", 2.0, 1, {"chain": "base"}), allocated("u", -2.0, 1, {"chain": "sol"}))
        update_coefficients(now=NOW)
        weight = Coefficient.objects.get(key="base").weight

        update_coefficients(now=NOW + timedelta(minutes=59))
        soon = Coefficient.objects.get(key="base").weight
        update_coefficients(now=NOW + 30 * DAY)

        assert soon == weight
        assert 1 < Coefficient.objects.get(key="base").weight < weight
        assert_as_recomputed(as_of=NOW + 30 * DAY)

    def test_weighs_no_earlier_than_its_newest_trade(self) -> None:
        record(allocated("t", 2.0, 1))
        update_coefficients(now=NOW - DAY)
        record(allocated("u", 1.0, 6))

        update_coefficients(now=NOW - 5 * DAY)

        row = Coefficient.objects.get(key="base")
        assert (row.n, row.as_of) == (2, NOW - DAY)

    def test_leaves_other_modules_and_categories_alone(self) -> None:
        record(make_trade())

        assert update_coefficients(now=NOW) == 0
        assert stored() == {}


@pytest.mark.django_db
class TestKnowledge:
    """A trade is remembered from the moment at which its allocations were known, and once."""

    def test_comes_after_the_close(self) -> None:
        record(allocated("known", 1.0, 9), allocated("later", 5.0, 8, known=3))

        taken = [update_coefficients(now=NOW - DAY * day) for day in (7, 3.5, 3, 2)]

        assert taken == [1, 0, 1, 0]
        assert FreshTrade.objects.count() == 0
        assert_as_recomputed(as_of=NOW - 2 * DAY)
        row = Coefficient.objects.get(name="all")
        assert (row.n, row.sums["at"]) == (2, pytest.approx((NOW - 8 * DAY - EPOCH) / DAY))

    def test_decays_from_the_close(self) -> None:
        """Two trades of one close weigh the same, whenever they were known."""
        record(allocated("a", 1.0, 9), allocated("b", 3.0, 9, known=1))

        update_coefficients(now=NOW)

        assert Coefficient.objects.get(name="all").rr_short == pytest.approx(2.0)

    def test_is_not_moved_forward_by_another_trade_of_the_cluster(self) -> None:
        record(allocated("a", 1.0, 9, cluster_id="c"), allocated("b", 3.0, 9, cluster_id="c", known=1))
        for day in (8, 1):
            update_coefficients(now=NOW - DAY * day)
            assert_as_recomputed(as_of=NOW - DAY * day)

        assert Coefficient.objects.get(name="all").n == 1

    def test_of_a_correction_replaces_the_earlier_one_at_once_and_is_its_own(self) -> None:
        """Between the correction and its knowledge neither result counts; afterwards the new one does, once."""
        record(allocated("other", 0.5, 9), allocated("t", 5.0, 8))
        update_coefficients(now=NOW - 7 * DAY)
        record(allocated("t", 2.0, 8, revision=2, known=4))

        seen = []
        for day in (6, 4, 3):
            update_coefficients(now=NOW - DAY * day)
            assert_as_recomputed(as_of=NOW - DAY * day)
            seen.append(Coefficient.objects.get(name="all").n)

        assert seen == [1, 2, 2]

    def test_is_left_out_of_a_recomputation_by_other_books(self) -> None:
        record(allocated("a", 1.0, 9), allocated("b", 3.0, 8, known=2), allocated("c", 2.0, 8, book="live", known=3))
        update_coefficients(now=NOW - 7 * DAY)
        publish(module="dm", parameters=make_parameters(module="dm", lessons={"books": ["paper", "live"]}))

        for day, n in ((6, 1), (3, 2), (2, 3)):
            update_coefficients(now=NOW - DAY * day)
            assert_as_recomputed(as_of=NOW - DAY * day, books=("paper", "live"))
            assert Coefficient.objects.get(name="all").n == n

    @pytest.mark.parametrize("seed", range(4))
    def test_is_complete_at_every_moment_whatever_came_when(self, seed: int) -> None:
        chance = Random(seed)
        revisions: dict[str, int] = {}
        for day in range(40, 0, -1):
            for _ in range(chance.randint(0, 3)):
                name = f"t{chance.randint(0, 30)}"
                revisions[name] = revisions.get(name, 0) + 1
                closed = day + chance.random()
                over: dict[str, Any] = (
                    {"known": max(0.0, closed - 12 * chance.random())} if chance.random() < 0.6 else {}
                )
                over |= {"cluster_id": "c"} if chance.random() < 0.2 else {}
                over |= {"revision": revisions[name]} if revisions[name] > 1 else {}
                over |= {"excluded_reason": "a test"} if chance.random() < 0.1 else {}
                scopes = [{"chain": chance.choice("ab")} for _ in range(chance.choice((1, 1, 2)))]
                record(allocated(name, chance.gauss(0.2, 1), closed, *scopes, **over))
            now = NOW - DAY * day
            if chance.random() < 0.7:
                update_coefficients(now=now)
                assert_as_recomputed(as_of=now)
        update_coefficients(now=NOW)

        assert FreshTrade.objects.count() == 0
        assert_as_recomputed()


@pytest.mark.django_db(transaction=True)
class TestConcurrentUpdates:
    def test_remember_every_trade_once(self) -> None:
        """Trades and corrections keep arriving while two workers update."""

        def record_some(start: int) -> None:
            for number in range(start, 60, 3):
                scope = {"chain": "base" if number % 2 else "sol"}
                record(allocated(f"t{number}", math.sin(number), 1 + number % 40, scope))
                if number % 5 == 0:
                    record(allocated(f"t{number}", 4.0, 2, {"chain": "eth"}, revision=2))

        def update_often() -> None:
            for _ in range(12):
                update_coefficients(now=NOW)

        results = run_concurrently(
            *[lambda start=start: record_some(start) for start in range(3)], update_often, update_often
        )
        update_coefficients(now=NOW)

        assert results == [None] * 5
        assert_as_recomputed()
        assert FreshTrade.objects.count() == 0

    def test_lose_nothing_of_one_that_dies_in_the_middle(self) -> None:
        record(allocated("t", 2.0, 1))
        update_coefficients(now=NOW)
        before = stored()
        record(allocated("u", 1.0, 1))

        def die() -> None:
            with transaction.atomic(), connection.cursor() as cursor:
                update_coefficients(now=NOW)
                cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")

        (died,) = run_concurrently(die)

        assert isinstance(died, Exception)
        assert (stored(), FreshTrade.objects.count()) == (before, 1)
        assert update_coefficients(now=NOW) == 1
        assert_as_recomputed()

    def test_leave_what_came_after_their_marks_to_the_next(self) -> None:
        """A trade recorded while an update waits is not counted twice."""
        record(allocated("t", 2.0, 1, cluster_id="x"))
        update_coefficients(now=NOW)
        record(allocated("u", 1.0, 1, cluster_id="x"))

        with transaction.atomic():
            update_coefficients(now=NOW)
            run_concurrently(lambda: record(allocated("v", 5.0, 1)))
        update_coefficients(now=NOW)

        assert_as_recomputed()

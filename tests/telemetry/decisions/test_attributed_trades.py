"""What trades earned that came late, were corrected or closed in parts, and by which of their decisions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from math import log
from typing import Any

import pytest
from django.db import connection

from telemetry.core.decision_fit import REASONS, Misfit
from telemetry.decisions.attribute_trades import attribute_trades
from telemetry.decisions.attributed_trades import LATER, LEG, NEUTRAL, SUPERSEDED
from telemetry.decisions.decision_log import DecisionRecord, record_decisions
from telemetry.foundation.core.canonical_json import utc_text
from telemetry.foundation.core.identifiers import uuid7
from telemetry.models import Attribution, AttributionShare, DecisionCredit, DecisionOutcome, DecisionRetirement
from telemetry.recording.record_trades import record_trades
from tests.builders import NOW, action_payload, decision_ids, make_correction, make_decision, make_trade

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)
UNKNOWN = REASONS[Misfit.UNKNOWN]
EXACT = 1e-12


def sized(m: float, **over: Any) -> DecisionRecord:
    """Return a decision by which an override named after its size moved size_mult to m."""
    parts = {f"{m:g}": log(m)}
    return make_decision({"size_mult": {"m0": 1.0, "m": m, "parts": parts, "lines": {}}}, **over)


def named(*decisions: DecisionRecord, **over: Any) -> dict[str, Any]:
    return action_payload(decision_ids=decision_ids(*decisions), **over)


def send(external_id: str, actions: Sequence[dict[str, Any]], rr: float | None = 2.0, **over: Any) -> None:
    build = make_correction if over.get("revision", 1) > 1 else make_trade
    (receipt,) = record_trades([build(external_id, rr=rr, actions=list(actions), **over)], now=NOW)
    assert receipt.refusals == ()


def attribute(after: timedelta = 2 * HOUR) -> None:
    while attribute_trades(now=NOW + after):
        pass


def shares() -> dict[str, Any]:
    """Return what each override earned in all."""
    rows = AttributionShare.objects.values_list("override_id", "share")
    return {name: pytest.approx(share, abs=EXACT) for name, share in rows}


def reasons() -> list[tuple[int, str]]:
    return list(DecisionOutcome.objects.order_by("action_index", "id").values_list("action_index", "unattributed"))


class TestDecisionThatComesLate:
    @pytest.mark.parametrize("after", [2 * HOUR, timedelta(days=40)])
    def test_earns_as_if_it_had_come_in_time(self, after: timedelta) -> None:
        late = sized(1.02)
        send("t1", [named(late)])
        attribute()
        assert (shares(), reasons()) == ({}, [(0, UNKNOWN)])

        record_decisions([late])
        attribute(after)

        assert (shares(), reasons()) == ({"1.02": 0.04}, [(0, "")])
        assert Attribution.objects.get().attributed_at == NOW + after

    def test_is_not_looked_for_between_two_beats(self) -> None:
        late = sized(1.02)
        send("t1", [named(late)])
        attribute()
        record_decisions([late])

        attribute_trades(now=NOW + 3 * HOUR, looks_back=False)

        assert reasons() == [(0, UNKNOWN)]

    def test_does_not_make_its_trade_wait_for_another_one_again(self) -> None:
        late, never = sized(1.02), sized(1.1)
        send("t1", [named(late), named(never)])
        attribute()
        record_decisions([late])

        assert attribute_trades(now=NOW + 2 * HOUR) == 1

        assert (shares(), reasons()) == ({"1.02": 0.04}, [(0, ""), (1, UNKNOWN)])

    def test_is_used_if_it_was_the_last_one_of_its_action(self) -> None:
        first, retried = sized(1.02), sized(1.1)
        record_decisions([first])
        send("t1", [named(first, retried)])
        attribute()
        assert shares() == {"1.02": 0.04}

        record_decisions([retried])
        attribute()

        assert (shares(), reasons()) == ({"1.1": 0.2}, [(0, LATER), (0, "")])

    def test_that_a_client_reported_too_late_is_said_to_be_late(self) -> None:
        """The client could not reach the server for hours: its word for the time of the answer does not count."""
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM simulated_time")
        acted = NOW - timedelta(days=2)
        report = make_decision(decision_id=uuid7(acted), request={"reported_at": utc_text(acted + 3 * HOUR)})
        send("t1", [named(report)])
        attribute()
        assert reasons() == [(0, UNKNOWN)]

        record_decisions([report])
        attribute()

        assert (shares(), reasons()) == ({}, [(0, REASONS[Misfit.LATE])])

    def test_counts_for_the_first_of_the_trades_that_named_it(self) -> None:
        late = sized(1.02)
        for name in ("first", "second"):
            send(name, [named(late)])
        attribute()

        record_decisions([late])
        attribute()

        assert AttributionShare.objects.get().attribution.trade.external_id == "first"

    def test_that_a_policy_has_retired_is_said_to_be_retired(self) -> None:
        old = make_decision(decision_id=uuid7(datetime(2019, 5, 10, tzinfo=UTC)))
        with connection.cursor() as cursor:  # the month, as the function that retires it would write it
            cursor.execute("ALTER TABLE telemetry_decisionretirement DISABLE TRIGGER ALL")
        DecisionRetirement.objects.create(
            month="2019_05", since=datetime(2019, 5, 1, tzinfo=UTC), until=datetime(2019, 6, 1, tzinfo=UTC),
            policies="dm 1, pm 2", rows=1, kept=0, retired_at=NOW,
        )  # fmt: skip
        send("t1", [named(old)])

        attribute()

        ((_, reason),) = reasons()
        assert reason == f"decision {old.decision_id} was retired by policy dm 1, pm 2 with all of 2019-05"


class TestCorrection:
    def test_replaces_what_its_revision_earned(self) -> None:
        before, after = sized(1.02), sized(1.1)
        record_decisions([before, after])
        send("t1", [named(before)])
        attribute()

        send("t1", [named(after)], rr=-1.0, revision=2)
        attribute()

        assert shares() == {"1.1": -0.1}
        assert Attribution.objects.get().total == pytest.approx(-0.1, abs=EXACT)
        assert list(DecisionCredit.objects.values_list("decision_id", flat=True)) == [after.decision_id]

    def test_without_an_outcome_lets_its_decision_count_for_another_trade(self) -> None:
        decision = sized(1.02)
        record_decisions([decision])
        send("first", [named(decision)])
        send("second", [named(decision)])
        attribute()

        send("first", [named(decision)], rr=None, revision=2, excluded_reason="no unit of risk")
        attribute()

        assert AttributionShare.objects.get().attribution.trade.external_id == "second"

    def test_of_a_trade_that_still_waited_lets_its_decision_go_too(self) -> None:
        decision = sized(1.02)
        record_decisions([decision])
        send("first", [named(decision), named(sized(1.1), action_category="add")])
        send("second", [named(decision)])
        attribute(timedelta())
        assert reasons() == [(0, REASONS[Misfit.TAKEN])]

        send("first", [named()], revision=2)
        attribute(timedelta())

        assert (shares(), reasons()) == ({"1.02": 0.04}, [(0, "")])

    def test_that_names_a_decision_again_comes_after_who_named_it_meanwhile(self) -> None:
        decision = sized(1.02)
        record_decisions([decision])
        send("first", [named(decision)])
        send("second", [named(decision)])
        send("first", [named()], revision=2)
        send("first", [named(decision)], revision=3)

        attribute()

        assert AttributionShare.objects.get().attribution.trade.external_id == "second"


class TestPartialClose:
    def test_earns_nothing_by_the_levers_of_what_was_sold(self) -> None:
        """The cap cut the size of two sales, which no outcome is proportional to."""
        entry = sized(1.02)
        cap = {"cap": {"m0": 1.0, "m": 0.9, "parts": {"cap": log(0.9)}, "lines": {}}}
        trim, leave = make_decision(cap, action_category="trim"), make_decision(cap, action_category="exit")
        record_decisions([entry, trim, leave])
        sales = [
            named(trim, action_category="trim", fraction=0.5, rr_after=0.3),
            named(leave, action_category="exit", rr_after=0.1),
        ]
        send("t1", [named(entry), *sales])

        attribute()

        assert (shares(), reasons()) == ({"1.02": 0.04}, [(0, ""), (1, NEUTRAL), (2, NEUTRAL)])
        assert Attribution.objects.get().total == pytest.approx(0.04, abs=EXACT)

    def test_sent_as_closed_is_corrected_once_the_rest_is_sold(self) -> None:
        """Half was sold at 1 R, and the whole came to 2 R: the share is that of the whole, once."""
        entry = sized(1.02)
        record_decisions([entry])
        trim = action_payload(action_category="trim", fraction=0.5)
        send("t1", [named(entry), trim], rr=1.0)
        attribute()
        assert shares() == {"1.02": 0.02}

        send("t1", [named(entry), trim, action_payload(action_category="exit")], rr=2.0, revision=2)
        attribute()

        assert (shares(), reasons()) == ({"1.02": 0.04}, [(0, "")])

    def test_gives_each_add_the_outcome_of_its_own_leg(self) -> None:
        first, second, unsaid = (sized(m, action_category="add") for m in (1.1, 1.2, 1.3))
        record_decisions([first, second, unsaid])
        legs = [
            named(first, action_category="add", fraction=0.5, leg_rr=3.0),
            named(second, action_category="add", fraction=0.25, leg_rr=-2.0),
            named(unsaid, action_category="add", fraction=0.25),
        ]
        send("t1", [named(), *legs])

        attribute()

        assert shares() == {"1.1": 0.15, "1.2": -0.1}
        assert reasons() == [(1, ""), (2, ""), (3, LEG)]
        assert Attribution.objects.get().total == pytest.approx(0.05, abs=EXACT)


class TestBooks:
    ENTRY: Mapping[str, Any] = {"entry_id": "BTC:long:10h"}

    @pytest.mark.parametrize("order", [("dry", "live"), ("live", "dry")])
    def test_that_tell_one_position_let_its_decision_count_in_the_better_one(self, order: tuple[str, ...]) -> None:
        decision = sized(1.02)
        record_decisions([decision])
        for book in order:
            send(book, [named(decision)], book=book, **self.ENTRY)
            attribute()

        assert AttributionShare.objects.get().attribution.trade.external_id == "live"
        assert DecisionOutcome.objects.get(trade__external_id="dry").unattributed == SUPERSEDED

        send("live", [named(decision)], book="live", revision=2, excluded_reason="a test", **self.ENTRY)
        attribute()
        assert "" in {each for _, each in reasons()}
        assert AttributionShare.objects.count() == 1

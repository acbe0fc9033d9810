"""Lines and values that no request met for 30 days, each for its reason, and what is not judged."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from overrides.models import KeyUse, LineUse, UseCounted
from overrides.monitoring.unmet.line_use import WINDOW, count_use
from overrides.monitoring.unmet.never_matched import Use, counted, counts_by_use, unsent_values, unused_lines
from overrides.serving.engine import load_engine
from overrides.serving.resolve import resolve_one
from overrides.serving.resolve_request import read_question
from telemetry.core.trades import parse_trade
from telemetry.decisions.attribute_trades import attribute_trades
from telemetry.decisions.decision_log import record_decisions
from telemetry.decisions.decision_rows import DOCUMENTS
from telemetry.foundation.core.canonical_json import utc_text
from telemetry.models import Decision
from telemetry.recording.record_trades import record_trades
from tests.builders import (
    DAY,
    KEY,
    NOW,
    SCOPE,
    action_payload,
    make_spec,
    publish,
    set_mode,
    trade_payload,
    without_triggers,
)

pytestmark = pytest.mark.django_db

LATER = NOW + 40 * DAY
DIP = {"macro_phase": "Dip"}
OTHER = "rsi.long.dip"
WEAK = {"edge_raw": 0.001, "updated_at": utc_text(NOW - 400 * DAY), "half_life_days": 1.0}


def ask(at: Any = LATER - DAY, **over: Any) -> str:
    """Ask a question of what is in force at a time, log the answer, and return its id."""
    payload = {"module": "pm", "pattern_key": KEY, "action_category": "entry", "scope": SCOPE}
    question = read_question(payload | over, now=at)
    record = resolve_one(question, load_engine(question.request.module), now=at).record
    record_decisions([record])
    return str(record.decision_id)


def listed(module: str = "pm") -> dict[str, Use]:
    return {each.line: each.use for each in unused_lines(module, LATER)}


class TestLines:
    def test_that_no_request_met_are_told_from_those_whose_pattern_was_not_asked_for(self) -> None:
        met, unmet, unasked = make_spec(), make_spec(scope=DIP), make_spec(pattern_key=OTHER)
        publish(met, unmet, unasked)
        set_mode("on")
        ask()

        assert count_use(now=LATER) == 1

        assert listed() == {unmet.line: Use.NEVER_MATCHED, unasked.line: Use.NOT_ASKED}
        assert counts_by_use("pm", LATER)[Use.NEVER_MATCHED] == 1
        by_line = {each.line: each for each in unused_lines("pm", LATER)}
        assert (by_line[unmet.line].asked, by_line[unasked.line].asked) == (1, 0)
        assert (by_line[unmet.line].last_matched, by_line[unmet.line].in_force_since) == (None, NOW)

    def test_that_were_met_before_state_when(self) -> None:
        publish(make_spec())
        set_mode("on")
        long_ago = NOW + DAY
        ask(long_ago)
        count_use(now=long_ago + DAY)
        ask(scope=DIP)
        count_use(now=LATER)

        (found,) = unused_lines("pm", LATER)

        assert (found.use, found.last_matched, found.last_acted) == (Use.NEVER_MATCHED, long_ago, long_ago)

    def test_below_the_floor_in_every_match_are_left_out(self) -> None:
        weak = make_spec(stats=WEAK)
        publish(weak)
        set_mode("on")
        ask()
        count_use(now=LATER)

        (found,) = unused_lines("pm", LATER)

        assert (found.use, found.last_matched, found.last_acted) == (Use.LEFT_OUT, LATER - DAY, None)

    def test_whose_levers_are_cut_every_time_are_listed(self) -> None:
        publish(make_spec({"size_mult": 1.3}))
        set_mode("on")
        ask()
        count_use(now=LATER)

        assert listed() == {}
        assert [each.use for each in unused_lines("pm", LATER, [Use.CUT])] == [Use.CUT]

    def test_that_moved_trades_of_one_side_only_are_listed_where_the_pattern_trades_both(self) -> None:
        line = make_spec({"size_mult": 1.01})
        publish(line)
        set_mode("on")
        decision = ask(LATER - 3 * DAY)
        times = {"opened_at": utc_text(LATER - 3 * DAY), "closed_at": utc_text(LATER - 2 * DAY)}
        for name, side, named in (("a", "long", [decision]), ("b", "short", [])):
            actions = [action_payload(at=times["opened_at"], decision_ids=named)]
            record_trades([parse_trade(trade_payload(name, side=side, actions=actions, **times), now=LATER)], now=LATER)
        attribute_trades(now=LATER)
        count_use(now=LATER)

        assert [each.line for each in unused_lines("pm", LATER, [Use.ONE_SIDED])] == [line.line]

    def test_in_force_for_less_than_30_days_are_not_judged(self) -> None:
        publish(make_spec(), at=NOW)
        publish(make_spec(scope=DIP), at=LATER - WINDOW + DAY)
        set_mode("on")
        ask(scope={"macro_phase": "Bad"})
        count_use(now=LATER)

        assert [each.scope for each in unused_lines("pm", LATER)] == [SCOPE]

    def test_keep_their_age_under_later_revisions(self) -> None:
        publish(make_spec(), at=NOW)
        publish(make_spec({"size_mult": 1.2}), at=LATER - DAY)
        set_mode("on")
        ask(scope=DIP)
        count_use(now=LATER)

        assert [each.in_force_since for each in unused_lines("pm", LATER)] == [NOW]

    def test_of_decisions_stored_as_documents_count_too(self) -> None:
        publish(make_spec(), make_spec(scope=DIP))
        set_mode("on")
        row = Decision.objects.get(pk=ask())
        documents = {name: getattr(row, name) for name in (*DOCUMENTS, "request")}
        with without_triggers():
            Decision.objects.update(trace=None, movers=None, **documents)

        count_use(now=LATER)

        assert list(listed().values()) == [Use.NEVER_MATCHED]


class TestCounting:
    def test_again_changes_nothing(self) -> None:
        publish(make_spec())
        set_mode("on")
        ask()
        count_use(now=LATER)
        before = list(LineUse.objects.values()), list(KeyUse.objects.values("day", "decisions"))

        count_use(now=LATER + timedelta(hours=3))

        assert (list(LineUse.objects.values()), list(KeyUse.objects.values("day", "decisions"))) == before
        assert UseCounted.objects.get().until == LATER + timedelta(hours=3)

    def test_reads_an_answer_that_reaches_the_log_a_day_late(self) -> None:
        publish(make_spec())
        set_mode("on")
        ask(LATER - DAY)
        count_use(now=LATER)
        ask(LATER - timedelta(hours=20))

        count_use(now=LATER + DAY)

        assert LineUse.objects.get().last_matched == LATER - timedelta(hours=20)

    def test_says_when_it_does_not_suffice(self) -> None:
        assert not counted("pm").is_enough

        count_use(now=LATER)

        assert (counted("pm").decisions, counted("pm").is_enough) == (0, False)


class TestValues:
    def test_that_no_request_carried_name_where_they_stand(self) -> None:
        publish(make_spec(), make_spec(scope=DIP))
        set_mode("on", allow={"bucket": ["micro", "small"]})
        ask()
        count_use(now=LATER)

        found = {(each.dimension, each.value): each for each in unsent_values("pm", LATER)}

        assert set(found) == {("macro_phase", "Dip"), ("bucket", "small")}
        assert (found["macro_phase", "Dip"].n_lines, found["macro_phase", "Dip"].is_allowed) == (1, False)
        assert (found["bucket", "small"].n_lines, found["bucket", "small"].is_allowed) == (0, True)
        assert found["bucket", "small"].dimension_sent == LATER - DAY

    def test_that_were_named_lately_are_not_judged(self) -> None:
        publish(make_spec())
        set_mode("on")
        count_use(now=LATER)
        set_mode("on", allow={"bucket": ["small"]}, at=LATER)

        count_use(now=LATER + DAY)

        assert [each.value for each in unsent_values("pm", LATER + DAY)] == ["micro", "Good"]

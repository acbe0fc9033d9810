from __future__ import annotations

import json
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telemetry.core.actions import KEYS as ACTION_KEYS
from telemetry.core.trades import CLOCK_SKEW, KEYS, Trade, parse_trade
from telemetry.core.vocabulary import ActionCategory, Module
from telemetry.foundation.core.refusal import Refusal, Refused
from tests.telemetry.core.builders import (
    DECISION,
    NAIVE,
    NOW,
    OTHER_DECISION,
    action_payload,
    full_payload,
    trade_payload,
)


def parse(payload: object) -> Trade:
    return parse_trade(payload, now=NOW)


def refusals(payload: object, field: str = "") -> dict[str, str]:
    with pytest.raises(Refused) as caught:
        parse_trade(payload, now=NOW, field=field)
    return {each.field: each.message for each in caught.value.refusals}


def only_refusal(payload: object) -> tuple[str, str]:
    ((field, message),) = refusals(payload).items()
    return field, message


class TestParseTrade:
    def test_fills_in_what_may_be_left_out(self) -> None:
        trade = parse(trade_payload())

        assert (trade.revision, trade.correction_reason, trade.book) == (1, None, "paper")
        assert (trade.source, trade.side, trade.timeframe, trade.cluster_id) == (None, None, None, None)
        assert trade.excluded_reason is None
        (action,) = trade.actions
        assert (action.fraction, action.leg_rr, action.rr_after, action.decision_ids) == (None, None, None, ())
        assert (action.controls, action.counterfactuals, action.buckets) == ({}, {}, {})

    def test_reads_every_field(self) -> None:
        trade = parse(full_payload())

        assert (trade.external_id, trade.revision, trade.correction_reason) == ("t1", 2, "the fee was wrong")
        assert (trade.book, trade.source, trade.symbol, trade.side) == ("live", "freqtrade", "BTC/USDT", "long")
        assert (trade.timeframe, trade.cluster_id) == ("1h", "2024-05-01 breakout")
        assert (trade.opened_at, trade.closed_at) == (
            datetime(2024, 5, 1, 10, tzinfo=UTC),
            datetime(2024, 5, 2, 10, tzinfo=UTC),
        )
        assert (trade.rr, trade.excluded_reason) == (1.5, "exchange outage")
        entry, leave = trade.actions
        assert (entry.module, entry.action_category) == (Module.PM, ActionCategory.ENTRY)
        assert (entry.pattern_key, entry.at) == ("donchian.long.breakout", trade.opened_at)
        assert (entry.scope, entry.decision_ids) == ({"bucket": "micro", "bucket_rank_position": "2"}, (DECISION,))
        assert (entry.fraction, entry.leg_rr, entry.rr_after, leave.rr_after) == (0.5, 1.0, None, -0.5)
        assert entry.controls == {"signals": {"TS": 0.6}, "flags": [True, None, "x"]}
        assert entry.counterfactuals == {"entry_delay_bars": {"1": 0.2, "2": -0.1}}
        assert entry.buckets == {"cf_entry_improvement_bucket": "small"}
        assert leave.buckets == {"cf_exit_improvement_bucket": "large"}

    def test_collects_every_refusal_at_once(self) -> None:
        payload = trade_payload(
            external_id="", book="Paper", opened_at="2024-05-01", closed_at=True, rr=float("nan"), colour="red",
            actions=[
                action_payload(module="xx", scope={"a": []}, at="soon"),
                action_payload(),
                action_payload(action_category="exit", rr_after="1", decision_ids=["x"], speed=1),
            ],
        )  # fmt: skip
        del payload["symbol"]

        assert sorted(refusals(payload)) == [
            "actions[0].at", "actions[0].module", "actions[0].scope.a", "actions[2].decision_ids[0]",
            "actions[2].rr_after", "actions[2].speed", "book", "closed_at", "colour", "external_id", "opened_at", "rr",
            "symbol",
        ]  # fmt: skip

    def test_places_refusals_below_the_given_field(self) -> None:
        assert list(refusals(trade_payload(rr=None), "trades[3]")) == ["trades[3].rr"]
        assert list(refusals(None, "trades[3]")) == ["trades[3]"]

    @pytest.mark.parametrize("key", ["external_id", "symbol", "opened_at", "closed_at", "rr", "actions"])
    def test_requires(self, key: str) -> None:
        payload = trade_payload()
        del payload[key]

        assert only_refusal(payload) == (key, "missing; this field is required")
        assert only_refusal(trade_payload(**{key: None})) == (key, "missing; this field is required")

    @pytest.mark.parametrize(
        ("key", "value", "advice"),
        [
            ("external_id", "", "send 1 to 200"),
            ("external_id", "x" * 201, "send 1 to 200"),
            ("external_id", "a\0", "remove it"),
            ("external_id", 7, "send a JSON string"),
            ("symbol", "\ud800", "send valid Unicode text"),
            ("symbol", "x" * 61, "send 1 to 60"),
            ("revision", 0, "send a whole number from 1 to"),
            ("revision", -1, "send a whole number from 1 to"),
            ("revision", 1.5, "send a whole number from 1 to"),
            ("revision", True, "send a JSON number"),
            ("book", "a b", "send 1 to 40 lower-case letters"),
            ("side", "buy", "send long or short"),
            ("side", ["long"], "send long or short"),
            ("excluded_reason", "", "send 1 to 2000"),
            ("rr", json.loads("1e999"), "send a finite number between -1e9 and 1e9"),
            ("rr", json.loads("NaN"), "send a finite number between -1e9 and 1e9"),
            ("rr", False, "send a JSON number"),
            ("actions", [], "send 1 to 500"),
            ("actions", [action_payload()] * 501, "send 1 to 500"),
            ("actions", {}, "send a JSON list"),
            ("risk", 1, "known are external_id, revision,"),
        ],
    )
    def test_refuses_naming_the_field_and_the_way_out(self, key: str, value: object, advice: str) -> None:
        field, message = only_refusal(trade_payload(**{key: value}))

        assert field == key
        assert advice in message

    def test_refuses_a_correction_without_a_reason(self) -> None:
        assert only_refusal(trade_payload(revision=2)) == (
            "correction_reason", "missing; say why revision 2 corrects the one before",
        )  # fmt: skip

    def test_refuses_a_reason_without_a_correction(self) -> None:
        field, message = only_refusal(trade_payload(correction_reason="typo"))

        assert field == "correction_reason"
        assert message.endswith("send revision 2 or above, or leave it out")

    def test_refuses_a_close_before_the_opening(self) -> None:
        payload = trade_payload(opened_at="2024-05-02T10:00:00.000001Z")

        assert only_refusal(payload) == (
            "closed_at", "lies before opened_at (2024-05-02T10:00:00.000001Z); correct one of them",
        )  # fmt: skip
        assert parse(trade_payload(opened_at="2024-05-02T10:00:00Z")).opened_at == parse(trade_payload()).closed_at

    def test_allows_five_minutes_of_clock_skew(self) -> None:
        skew = timedelta(minutes=5)

        assert parse(trade_payload(closed_at=NOW + skew)).closed_at == NOW + skew
        field, message = only_refusal(trade_payload(closed_at=NOW + skew + timedelta(microseconds=1)))
        assert (field, message.split(";")[0]) == ("closed_at", "lies in the future (latest 2024-06-01T00:05:00Z)")

    def test_refuses_a_decision_named_by_two_actions(self) -> None:
        first, second = action_payload(decision_ids=[DECISION]), action_payload(decision_ids=[OTHER_DECISION])

        assert len(parse(trade_payload(actions=[first, second])).actions) == 2
        field, message = only_refusal(trade_payload(actions=[first, action_payload(decision_ids=[DECISION.upper()])]))
        assert field == "actions[1].decision_ids"
        assert message.startswith(f"{DECISION} belongs to an earlier action")


ANYTHING = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5),
        st.sampled_from(["\ud800", "\0", "pm", "dm", "exit", "a.b.c", DECISION, "2024-05-01T10:00:00Z"]),
        st.sampled_from([10**400, float("nan"), NOW, NAIVE, b"x", {1: 2}]),
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5) | st.integers(), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip
ACTIONS = st.fixed_dictionaries({}, optional=dict.fromkeys(ACTION_KEYS, ANYTHING))
PAYLOADS = st.fixed_dictionaries(
    {"actions": st.lists(ACTIONS, max_size=3)}, optional={key: ANYTHING for key in KEYS if key != "actions"}
)


def found(payload: object) -> tuple[Refusal, ...]:
    """Return what is wrong with a payload; any exception but Refused fails the test."""
    try:
        parse(payload)
    except Refused as refused:
        return refused.refusals
    return ()


class TestFuzzing:
    @settings(max_examples=150)
    @given(st.one_of(ANYTHING, PAYLOADS))
    def test_parses_or_refuses_whatever_comes(self, payload: object) -> None:
        assert all(each.message and f"{each.field}{each.message}".encode() for each in found(payload))

    @settings(max_examples=150)
    @given(st.sampled_from(sorted(KEYS)), st.sampled_from(sorted(ACTION_KEYS)), ANYTHING, ANYTHING)
    def test_refuses_only_what_was_spoilt(self, key: str, action_key: str, value: object, other: object) -> None:
        payload = full_payload()
        payload["actions"][0][action_key] = other
        payload[key] = value

        related = {"revision": "correction_reason", "opened_at": "closed_at", "closed_at": "actions"}
        of_action = {"module": "action_category", "action_category": "rr_after"}
        also = of_action.get(action_key, action_key)
        allowed = (key, related.get(key, key), f"actions[0].{action_key}", f"actions[0].{also}")
        assert all(each.field.startswith(allowed) for each in found(payload))


def shuffled(value: Any) -> Any:
    """Return the same JSON value with the keys of every object in reverse order."""
    if isinstance(value, dict):
        return {key: shuffled(each) for key, each in reversed(value.items())}
    return [shuffled(each) for each in value] if isinstance(value, list) else value


CHANGES: list[dict[str, Any]] = [
    {"external_id": "t2"}, {"book": "paper"}, {"source": None}, {"symbol": "ETH/USDT"}, {"side": "short"},
    {"timeframe": "4h"}, {"cluster_id": None}, {"entry_id": "BTC:long:10h"}, {"opened_at": "2024-05-01T09:00:00Z"},
    {"closed_at": "2024-05-03T10:00:00Z"}, {"rr": 1.5000000000000002}, {"excluded_reason": None},
]  # fmt: skip
ACTION_CHANGES: list[dict[str, Any]] = [
    {"module": "dm", "action_category": "allocation"}, {"pattern_key": "a.b.c"}, {"action_category": "add"},
    {"at": "2024-05-01T11:00:00Z"}, {"scope": {}}, {"fraction": 0.4}, {"leg_rr": None}, {"decision_ids": []},
    {"applied": {"size_mult": 0.98}}, {"action_category": "trim", "rr_after": 1}, {"controls": {}},
    {"known_at": "2024-05-03T10:00:00Z"}, {"counterfactuals": {}}, {"cf_entry_improvement_bucket": "none"},
    {"cf_exit_improvement_bucket": "none"}, {"replays": {"d": {"0": 1.0}}, "taken_arms": {"d": "0"}},
]  # fmt: skip


class TestKnowledge:
    def test_cannot_lie_beyond_the_moment_of_sending(self) -> None:
        """Results that are in the trade are known; five minutes are left to clocks that disagree."""
        actions = [action_payload(), action_payload(action_category="exit", rr_after=1)]
        payload = trade_payload(actions=actions)
        actions[1]["known_at"] = (NOW + CLOCK_SKEW).isoformat()
        assert parse(payload).actions[1].known_at == NOW + CLOCK_SKEW

        actions[1]["known_at"] = (NOW + CLOCK_SKEW + timedelta(microseconds=1)).isoformat()
        with pytest.raises(Refused) as caught:
            parse(payload)

        (only,) = caught.value.refusals
        assert only.field == "actions[1].known_at"
        assert "lies in the future (latest 2024-06-01T00:05:00Z)" in only.message
        assert only.message.endswith("send the trade once they are known, or now without them and then as a correction")

    def test_does_not_enter_the_digest_where_nothing_is_said_of_it(self) -> None:
        parsed = parse(trade_payload(actions=[action_payload(known_at=None)]))

        assert parsed.digest == parse(trade_payload()).digest
        assert "known_at" not in parsed.actions[0].document()


class TestReplays:
    def test_enter_the_digest_only_where_they_are_sent(self) -> None:
        replayed = action_payload(replays={"entry_delay_bars": {"0": 1.0}}, taken_arms={"entry_delay_bars": "0"})
        without = parse(trade_payload(actions=[action_payload(replays=None, taken_arms=None)]))

        assert without.digest == parse(trade_payload()).digest
        assert "replays" not in without.actions[0].document()
        assert parse(trade_payload(actions=[replayed])).digest != without.digest


class TestDigest:
    def test_is_the_digest_of_earlier_releases(self) -> None:
        action = action_payload(
            pattern_key="a.b.c",
            action_category="entry",
            at="2024-05-01T10:00:00Z",
            scope={"macro_phase": "Übergang"},
            counterfactuals={"entry_delay_bars": {"1": 5e-324, "2": -0.0}},
        )
        trade = parse(
            {
                "external_id": "t1 é",
                "symbol": "𝄞",
                "opened_at": "2024-05-01T10:00:00Z",
                "closed_at": "2024-05-02T10:00:00+02:00",
                "rr": 1e-7,
                "actions": [action],
            }
        )

        assert trade.digest.hex() == "efdd6865e94a09e5582af0abcbd7f18f6a2c417d6938cca38eba56a5f39b2d80"

    def test_is_the_same_for_the_same_trade_written_differently(self) -> None:
        payload = shuffled(full_payload()) | {"opened_at": "2024-05-01T12:00:00+02:00", "rr": 1.50, "revision": 2.0}
        payload["actions"][0]["decision_ids"] = [DECISION.upper()]

        assert parse(payload).digest == parse(json.loads(json.dumps(full_payload()))).digest
        assert len(parse(payload).digest) == 32

    def test_ignores_revision_and_its_reason(self) -> None:
        trade = parse(full_payload())

        assert replace(trade, revision=3, correction_reason="another").digest == trade.digest

    @pytest.mark.parametrize("change", CHANGES, ids=lambda change: next(iter(change)))
    def test_sees_every_field_of_the_trade(self, change: dict[str, Any]) -> None:
        assert parse(full_payload() | change).digest != parse(full_payload()).digest

    @pytest.mark.parametrize("change", ACTION_CHANGES, ids=lambda change: next(iter(change)))
    def test_sees_every_field_of_an_action(self, change: dict[str, Any]) -> None:
        payload = full_payload()
        payload["actions"][0] |= change

        assert parse(payload).digest != parse(full_payload()).digest

    def test_sees_the_order_of_actions(self) -> None:
        payload = full_payload()
        payload["actions"].reverse()

        assert parse(payload).digest != parse(full_payload()).digest

    def test_is_tested_for_every_field(self) -> None:
        changed = {key for change in CHANGES for key in change}
        changed_of_action = {key for change in ACTION_CHANGES for key in change}

        assert changed == {each.name for each in fields(Trade)} - {"revision", "correction_reason", "actions"}
        assert changed_of_action == set(ACTION_KEYS)

    @given(st.dictionaries(st.from_regex(r"[a-z]{1,5}", fullmatch=True), st.floats(-1e9, 1e9), max_size=5))
    def test_survives_storage_as_json(self, controls: dict[str, float]) -> None:
        trade = parse(trade_payload(actions=[action_payload(controls=controls)]))
        stored = json.loads(json.dumps(trade.actions[0].controls))

        assert parse(trade_payload(actions=[action_payload(controls=stored)])).digest == trade.digest

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from telemetry.core.actions import Action, read_action
from telemetry.core.vocabulary import CATEGORIES, ActionCategory, Module
from telemetry.foundation.core.refusal import Refused
from tests.telemetry.core.builders import DECISION, action_payload

CLOSE = datetime(2024, 5, 2, tzinfo=UTC)


def read(**over: object) -> Action:
    return read_action(action_payload(**over), CLOSE)


def only_refusal(**over: object) -> tuple[str, str]:
    with pytest.raises(Refused) as caught:
        read(**over)
    (only,) = caught.value.refusals
    return only.field, only.message


class TestReadAction:
    @pytest.mark.parametrize("key", ["module", "pattern_key", "action_category", "at"])
    def test_requires(self, key: str) -> None:
        assert only_refusal(**{key: None}) == (key, "missing; this field is required")

    @pytest.mark.parametrize(
        ("key", "value", "field", "advice"),
        [
            ("module", "PM", "module", "send one of dm, pm"),
            ("action_category", "cut", "action_category", "send one of entry, add, trim, exit, allocation"),
            ("pattern_key", "a.b", "pattern_key", "send family.state.motif"),
            ("at", "2024-05-01T10:00:00", "at", "end it with Z or an offset"),
            ("scope", "Good", "scope", "send a JSON object"),
            ("known_at", "soon", "known_at", "send ISO 8601 text"),
            ("known_at", "2024-05-03T10:00:00", "known_at", "end it with Z or an offset"),
            ("known_at", "2024-05-01T09:59:59Z", "known_at", "before the action itself (2024-05-01T10:00:00Z)"),
            ("fraction", 0, "fraction", "send a number above 0 and at most 1"),
            ("fraction", 1.01, "fraction", "send a number above 0 and at most 1"),
            ("leg_rr", "1", "leg_rr", "send a JSON number"),
            ("leg_rr", 1e999, "leg_rr", "send a finite number"),
            ("decision_ids", DECISION, "decision_ids", "send a JSON list"),
            ("decision_ids", [DECISION] * 11, "decision_ids", "send 0 to 10"),
            ("decision_ids", [DECISION, DECISION.upper()], "decision_ids", "name each once"),
            ("decision_ids", [None], "decision_ids[0]", "is not a UUID"),
            ("applied", [], "applied", "send a JSON object"),
            ("applied", {"size_mult": 0}, "applied.size_mult", "0 is no multiplier; send what was used, above 0"),
            ("applied", {"size_mult": -1.5}, "applied.size_mult", "-1.5 is no multiplier"),
            ("applied", {"size_mult": 1e999}, "applied.size_mult", "send a finite number"),
            ("applied", {"size_mult": "1"}, "applied.size_mult", "send a JSON number"),
            ("applied", {"1x": 1}, "applied.1x", "send a lever"),
            ("controls", [], "controls", "send a JSON object"),
            ("controls", {"a": {"b": {"c": {"d": {}}}}}, "controls", "flatten it"),
            ("controls", {"a": "x" * 16_000}, "controls", "send at most 16000"),
            ("counterfactuals", {"1x": {}}, "counterfactuals.1x", "send a lever"),
            ("counterfactuals", {"trail_mult": 0.1}, "counterfactuals.trail_mult", "send a JSON object"),
            ("counterfactuals", {"d": {"1": True}}, "counterfactuals.d.1", "send a JSON number"),
            ("counterfactuals", {"d": {"": 1}}, "counterfactuals.d['']", "send 1 to 40"),
            ("cf_entry_improvement_bucket", "huge", "cf_entry_improvement_bucket", "one of none, small, medium, large"),
            ("cf_exit_improvement_bucket", 1, "cf_exit_improvement_bucket", "one of none, small, medium, large"),
            ("replays", {"d": 0.1}, "replays.d", "send a JSON object"),
            ("replays", {"d": {"0": 1.0}}, "taken_arms.d", "name the arm that was taken"),
            ("taken_arms", {"d": "0"}, "taken_arms.d", "has no replays"),
            ("taken_arms", {"d": 0}, "taken_arms.d", "send a JSON string"),
            ("rr", 1, "rr", "known are module, pattern_key"),
        ],
    )
    def test_refuses_naming_the_field_and_the_way_out(self, key: str, value: object, field: str, advice: str) -> None:
        named, message = only_refusal(**{key: value})

        assert named == field
        assert advice in message

    @pytest.mark.parametrize("module", Module)
    @pytest.mark.parametrize("category", ActionCategory)
    def test_keeps_categories_to_their_module(self, module: Module, category: ActionCategory) -> None:
        if category in CATEGORIES[module]:
            assert read(module=module, action_category=category).action_category is category
        else:
            field, message = only_refusal(module=module, action_category=category)
            assert field == "action_category"
            assert message.endswith(f"send one of {', '.join(CATEGORIES[module])}")

    @pytest.mark.parametrize("category", ["entry", "add"])
    def test_refuses_rr_after_where_nothing_was_sold(self, category: str) -> None:
        assert only_refusal(action_category=category, rr_after=0) == (
            "rr_after", f"only a trim or an exit is judged by what followed; leave it out of the {category}",
        )  # fmt: skip

    @pytest.mark.parametrize("category", ["trim", "exit"])
    def test_keeps_rr_after_of_a_sale(self, category: str) -> None:
        assert read(action_category=category, rr_after=0).rr_after == 0.0

    def test_keeps_replays_that_hold_the_arm_taken(self) -> None:
        action = read(replays={"entry_delay_bars": {"0": 1, "2": -0.5}}, taken_arms={"entry_delay_bars": "0"})

        assert action.replays == {"entry_delay_bars": {"0": 1.0, "2": -0.5}}
        assert action.taken_arms == {"entry_delay_bars": "0"}
        assert action.document()["replays"] == action.replays

    def test_refuses_replays_without_the_arm_taken(self) -> None:
        assert only_refusal(replays={"d": {"1": 0.5}}, taken_arms={"d": "0"}) == (
            "replays.d", "lacks the arm that was taken, 0; send its rr too",
        )  # fmt: skip
        assert only_refusal(replays={"d": {"0": 0.5}}, taken_arms={"d": "0", "e": "1"})[0] == "taken_arms.e"

    def test_does_not_blame_the_arm_taken_where_its_replays_are_refused(self) -> None:
        assert only_refusal(replays={"d": {"0": "x"}}, taken_arms={"d": "0"})[0] == "replays.d.0"
        assert only_refusal(replays={"d": {"0": 1}}, taken_arms={"d": 0})[0] == "taken_arms.d"

    def test_refuses_an_action_after_the_close(self) -> None:
        assert read(at=CLOSE).at == CLOSE
        assert only_refusal(at="2024-05-02T00:00:01Z") == (
            "at", "lies after the close of its trade; correct it or the trade's closed_at",
        )  # fmt: skip

    def test_may_be_known_with_the_action_or_any_time_after_it(self) -> None:
        assert read().known_at is None
        assert read(known_at="2024-05-01T12:00:00+02:00").known_at == read().at
        assert read(known_at="2024-05-09T10:00:00Z").known_at == datetime(2024, 5, 9, 10, tzinfo=UTC)

    def test_does_not_blame_what_was_known_when_the_time_is_unknown(self) -> None:
        assert only_refusal(at="noon", known_at="2020-01-01T00:00:00Z")[0] == "at"

    def test_does_not_blame_the_time_when_the_close_is_unknown(self) -> None:
        assert read_action(action_payload(at="2099-01-01T00:00:00Z"), None).at.year == 2099


class TestApplied:
    def test_keeps_values_used_also_of_levers_that_may_be_zero(self) -> None:
        applied = {"size_mult": 0.98, "entry_delay_bars": 0.0}

        assert read(applied=applied).applied == applied

    def test_is_in_the_document_only_if_it_was_sent(self) -> None:
        assert read(applied={"size_mult": 1.0}).document()["applied"] == {"size_mult": 1.0}
        assert "applied" not in read(applied=None).document()
        assert "applied" not in read(applied={}).document()

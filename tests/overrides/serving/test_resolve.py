"""Questions answered by an engine: levers by hand, reasons, and records that replay."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from math import log
from typing import Any

import pytest

from overrides.core.engine.combination import Request
from overrides.core.engine.definitions.serving_mode import Mode, ServingMode, rollout_position
from overrides.serving.engine import ENGINE_ROOM, Engine, load_engine
from overrides.serving.resolve import Resolved, resolve, resolve_one
from overrides.serving.resolve_request import Question
from telemetry.decisions.decision_log import record_decisions
from telemetry.foundation.core.canonical_json import fact_json
from telemetry.foundation.core.identifiers import uuid7_time
from telemetry.foundation.core.refusal import Refused
from telemetry.models import Decision
from tests.builders import DAY, KEY, NOW, SCOPE, make_parameters, make_question, make_spec, publish, set_mode, told
from tests.shared_world import Shared

ALLOCATION: dict[str, Any] = {
    "module": "dm",
    "pattern_key": "dm_pattern.allocation.allocation",
    "action_category": "allocation",
}
NEUTRAL = {
    "size_mult": 1.0, "entry_aggression_mult": 1.0, "phase1_frac_mult": 1.0, "entry_delay_bars": 0.0,
    "min_ts_for_add": 0.6,
    "min_dx_for_add": 0.6,
    "max_edx_for_add": 0.7,
}  # fmt: skip


def ask(engine: Engine | None = None, **over: Any) -> Resolved:
    """Return the answer of an engine, by default of the module's active one."""
    question = make_question(**over)
    return resolve_one(question, engine or load_engine(question.request.module), now=NOW)


def furnish() -> None:
    publish(make_spec())
    set_mode("on")


@pytest.fixture(scope="class")
def served(shared: Shared) -> Iterator[None]:
    """One override, size 1.1 from neutral, with the module on."""
    with shared(furnish):
        yield


@pytest.mark.usefixtures("served", "db")
class TestOn:
    def test_moves_a_lever_one_step_and_leaves_the_others_neutral(self) -> None:
        found = ask()

        assert found.answer.levers == NEUTRAL | {"size_mult": 1.02}
        assert (found.record.reason, found.record.flags) == ("SINGLE", ("STEP_LIMITED",))

    def test_steps_from_the_bot_s_current_value(self) -> None:
        """1.05 towards 1.1 by 2 %: 1.071; from 1.09 the target itself is in reach."""
        assert ask(current={"size_mult": 1.05}).answer.levers["size_mult"] == pytest.approx(1.071, abs=1e-9)
        assert ask(current={"size_mult": 1.09}).answer.levers["size_mult"] == pytest.approx(1.1, abs=1e-9)

    def test_blends_by_weight(self) -> None:
        """Weights (1/8)^1.5 and (2/8)^1.5: ln t = (ln 1.1 * w2 + ln 1.01 * w1) / (w1 + w2), stepped from 1.07."""
        publish(make_spec({"size_mult": 1.01}, scope={"bucket": "micro"}))

        found = ask(current={"size_mult": 1.07})

        one, two = (1 / 8) ** 1.5, (2 / 8) ** 1.5
        target = (log(1.01) * one + log(1.1) * two) / (one + two)
        detail = found.record.levers["size_mult"]
        assert log(detail["target"]) == pytest.approx(target, abs=1e-12)
        assert found.answer.levers["size_mult"] == round(detail["target"], 9)
        assert [each["w_total"] for each in found.record.contributions] == [
            pytest.approx(two, abs=1e-12),
            pytest.approx(one, abs=1e-12),
        ]
        assert found.record.reason == "COMBINED"

    def test_leaves_out_what_has_decayed_below_the_floor(self) -> None:
        """(2/8)^1.5 = .125 falls below .02 after 90 * ln 6.25 = 165 days."""
        assert ask(at=(NOW + 164 * DAY).isoformat()).record.reason == "SINGLE"

        late = ask(at=(NOW + 166 * DAY).isoformat())

        assert (late.answer.levers, late.record.reason) == (NEUTRAL, "ALL_EXCLUDED")
        assert [(each["reason"], each["w_total"]) for each in late.record.excluded] == [
            ("BELOW_FLOOR", pytest.approx(0.125 * 2.718281828459045 ** (-166 / 90), abs=1e-12))
        ]

    def test_is_neutral_where_nothing_matches(self) -> None:
        for over in ({"scope": {"bucket": "micro"}}, {"pattern_key": "a.b.c"}, {"action_category": "add"}):
            found = ask(**over)
            assert (set(found.answer.levers.values()), found.record.reason) == ({1.0, 0.0, 0.6, 0.7}, "NO_MATCH")

    def test_flags_a_dimension_nobody_knows(self) -> None:
        assert ask(scope={**SCOPE, "weather": "rain"}).record.flags == ("STEP_LIMITED", "UNKNOWN_DIMENSION")

    def test_knows_a_dimension_of_a_coefficient_whatever_the_parameters_name(self) -> None:
        publish(module="dm", parameters=make_parameters(module="dm", dimensions=["chain"]))
        set_mode(module="dm")
        scope = {"timeframe": "1h", "vol_bucket": "high", "chain": "base"}

        assert ask(scope=scope, **ALLOCATION).record.flags == ()
        assert ask(scope={**scope, "bucket": "micro"}, **ALLOCATION).record.flags == ("UNKNOWN_DIMENSION",)

    def test_keeps_protected_motifs_neutral(self) -> None:
        found = ask(pattern_key="donchian.long.stop")

        assert (found.answer.levers, found.record.reason) == (NEUTRAL, "PROTECTED")

    def test_says_what_attribution_needs(self) -> None:
        """From 1.05 half of the target is served; aggression does not scale the outcome and has no part."""
        spec = make_spec({"size_mult": 1.1, "entry_aggression_mult": 1.1})
        publish(spec)

        effect = ask(current={"size_mult": 1.05}).record.effect

        assert set(effect) == {"size_mult"}
        assert effect["size_mult"]["m0"] == 1.05
        assert effect["size_mult"]["m"] == pytest.approx(1.071, abs=1e-12)
        assert effect["size_mult"]["parts"] == {spec.id: pytest.approx(log(1.1) - log(1.05), abs=1e-12)}
        assert effect["size_mult"]["lines"] == {spec.id: spec.line}

    def test_never_raises(self) -> None:
        broken: Any = None
        found = ask(replace(load_engine("pm"), compiled=broken))

        assert (found.answer.levers, found.record.reason, found.record.effect) == (NEUTRAL, "ERROR", {})


@pytest.mark.usefixtures("served", "db")
class TestModes:
    def test_shadow_serves_neutral_and_logs_the_answer(self) -> None:
        set_mode("shadow")

        found = ask()

        assert (found.answer.levers, found.record.reason, found.record.effect) == (NEUTRAL, "SHADOW", {})
        assert (found.record.levers["size_mult"]["served"], found.record.levers["size_mult"]["value"]) == (1.0, 1.02)
        assert [each["id"] for each in found.record.contributions] == [make_spec().id]

    def test_off_computes_nothing(self) -> None:
        set_mode("off")

        found = ask()

        assert (found.answer.levers, found.record.reason) == (NEUTRAL, "MODULE_OFF")
        assert (found.record.contributions, found.record.effect) == ([], {})

    def test_roll_out_serves_a_share_of_the_keys(self) -> None:
        set_mode("on", rollout_percent=30)
        keys = [f"bot-{number}" for number in range(200)]
        engine = load_engine("pm")

        reasons = {key: ask(engine, rollout_key=key).record.reason for key in keys}

        assert {key for key, reason in reasons.items() if reason == "SINGLE"} == {
            key for key in keys if rollout_position(key, engine.mode.rollout_salt) < 30
        }
        assert 40 < list(reasons.values()).count("SINGLE") < 80
        assert ask(engine).record.reason == "NOT_IN_ROLLOUT"
        assert ask(engine).answer.levers == NEUTRAL

    def test_allow_lists_name_the_scopes_served(self) -> None:
        set_mode("on", allow={"bucket": ["nano", "micro"], "macro_phase": ["Good"]})
        engine = load_engine("pm")

        assert ask(engine).record.reason == "SINGLE"
        for scope in ({"bucket": "mid", "macro_phase": "Good"}, {"bucket": "micro"}):
            assert ask(engine, scope=scope).record.reason == "SCOPE_NOT_ALLOWED"

    def test_a_challenger_is_logged_beside_the_served_answer(self) -> None:
        publish(make_spec({"size_mult": 0.9}))
        set_mode("on", challenger=1)

        found = ask()

        assert found.answer.levers["size_mult"] == pytest.approx(1 / 1.02, abs=1e-9)
        assert (found.record.version, found.record.challenger_version) == (2, 1)
        assert found.record.challenger is not None
        assert found.record.challenger["levers"]["size_mult"]["served"] == 1.02


class TestAllocation:
    def test_multiplies_the_base_by_the_lever(self, db: None) -> None:
        publish(
            make_spec({"alloc_mult": 0.9}, type="dm_alloc", scope={"chain": "sol", "curator": "x"}, **ALLOCATION),
            module="dm",
        )
        set_mode("on", module="dm")

        found = ask(**ALLOCATION, scope={"chain": "sol", "curator": "x"}, base_allocation=500)

        assert found.answer.levers == {"alloc_mult": pytest.approx(1 / 1.02, abs=1e-9)}
        assert found.allocation == pytest.approx(500 / 1.02, abs=1e-6)
        assert set(found.record.effect) == {"alloc_mult"}

    def test_leaves_the_base_alone_where_neutral_is_served(self, db: None) -> None:
        assert ask(**ALLOCATION, base_allocation=500).allocation == 500.0
        assert ask(**ALLOCATION).allocation is None


@pytest.mark.usefixtures("served", "db")
class TestRecord:
    def replay(self, row: Decision) -> Resolved:
        """Answer the stored request with the engine of the stored version in the stored mode."""
        request = Request(row.module, row.pattern_key, row.action_category, row.scope, row.at, row.request["current"])
        question = Question(request, row.request["rollout_key"], row.request["base_allocation"])
        engine = replace(load_engine(row.module, number=row.version), mode=ServingMode(Mode(row.mode)))
        return resolve_one(question, engine, now=NOW + 100 * DAY)

    @pytest.mark.parametrize("mode", ["off", "shadow", "on"])
    def test_replays_whatever_was_published_since(self, mode: str) -> None:
        publish(make_spec({"size_mult": 0.8}, scope={"bucket": "micro"}), make_spec({"size_mult": 1.3}, scope={}))
        set_mode(mode)
        questions: list[dict[str, Any]] = [
            {},
            {"current": {"size_mult": 1.234}},
            {"scope": {}},
            {"at": (NOW + 150 * DAY).isoformat()},
        ]
        record_decisions([ask(**over).record for over in questions])
        publish(make_spec({"size_mult": 1.25}), withdraw=[make_spec(scope={"bucket": "micro"}).line])
        set_mode("on", rollout_percent=0)

        for row in Decision.objects.all():
            again = json.loads(fact_json(stored(self.replay(row))))
            assert again == {name: getattr(row, name) for name in again}

    def test_replays_a_ramp(self) -> None:
        evidence = make_parameters({"policy": "evidence", "combiner": "evidence"})
        line = make_spec().line
        publish(make_spec({"size_mult": 1.2}, policy="evidence"), withdraw=[line], parameters=evidence)
        found = ask(at=(NOW + timedelta(hours=36)).isoformat())
        record_decisions([found.record])
        publish(make_spec({"size_mult": 0.8}, policy="evidence"), at=NOW + 2 * DAY)

        assert found.answer.levers["size_mult"] == pytest.approx(1.02**1.5, abs=1e-9)
        assert found.record.flags == ("RAMPING",)
        row = Decision.objects.get()
        assert json.loads(fact_json(stored(self.replay(row))))["levers"] == row.levers

    def test_names_version_combiner_and_build(self, now: datetime) -> None:
        record = ask(at=(NOW - DAY).isoformat()).record

        assert (record.version, record.combiner, record.mode) == (1, "pm_strength=plan,pm_tuning=plan", "on")
        assert record.at == now - DAY
        assert uuid7_time(record.decision_id) == now
        assert "numpy-" in record.numeric_build

    def test_explains_to_the_bot_as_much_as_it_requests(self) -> None:
        found = ask()

        brief, summary, full = (told(found, explain) for explain in ("none", "summary", "full"))
        assert brief["levers"]["size_mult"] == 1.02
        assert brief["decision_id"] == str(found.record.decision_id)
        assert set(summary) - set(brief) == {"contributions", "excluded"}
        assert set(summary["contributions"][0]) == {"id", "line", "w_total", "parts"}
        assert full["contributions"][0]["w_spec"] == pytest.approx(0.125, abs=1e-12)
        assert full["lever_detail"]["size_mult"]["target"] == pytest.approx(1.1, abs=1e-12)


def stored(found: Resolved) -> dict[str, Any]:
    """Return what a replay must reproduce: everything but identity, time of asking and latency."""
    record = found.record
    names = ("reason", "flags", "levers", "contributions", "excluded", "effect", "request", "version", "combiner")
    return {name: getattr(record, name) for name in names}


@pytest.mark.usefixtures("served", "db")
class TestResolve:
    def test_answers_a_list_in_order_from_memory(self, django_assert_num_queries: Any) -> None:
        ENGINE_ROOM.refresh()
        resolve([make_question()], now=NOW)  # starts the polling thread
        questions = [make_question(), make_question(**ALLOCATION), make_question(pattern_key="a.b.c")]

        with django_assert_num_queries(0):
            found = resolve(questions, now=NOW)

        assert [each.record.reason for each in found] == ["SINGLE", "MODULE_OFF", "NO_MATCH"]
        ids = [each.record.decision_id for each in found]
        assert ids == sorted(ids)

    def test_is_neutral_without_an_engine(self) -> None:
        found = resolve_one(make_question(), None, now=NOW)

        assert (found.answer.levers, found.record.reason, found.record.mode) == (NEUTRAL, "STALE", "off")


class TestReadQuestion:
    @pytest.mark.parametrize(
        ("over", "field"),
        [
            ({"module": "xm"}, "module"),
            ({"action_category": "allocation"}, "action_category"),
            ({"pattern_key": "a.b"}, "pattern_key"),
            ({"current": {"size": 1}}, "current.size"),
            ({"current": {"size_mult": 1.31}}, "current.size_mult"),
            ({"current": {"size_mult": float("nan")}}, "current.size_mult"),
            ({"base_allocation": -1}, "base_allocation"),
            ({"book": "Live"}, "book"),
            ({"book": ""}, "book"),
            ({"at": "2026-03-02T12:00:00"}, "at"),
            ({"scope": {"a": {}}}, "scope.a"),
            ({"colour": "red"}, "colour"),
        ],
    )
    def test_refuses_by_name(self, over: dict[str, Any], field: str) -> None:
        with pytest.raises(Refused) as refused:
            make_question(**over)

        assert [refusal.field for refusal in refused.value.refusals] == [field]

    def test_is_as_of_now_by_default(self, now: datetime) -> None:
        assert make_question().request == Request("pm", KEY, "entry", SCOPE, now)

    def test_shows_every_digit_of_a_number_that_is_just_outside(self) -> None:
        with pytest.raises(Refused, match=r"1\.3000001 is outside 0\.7 to 1\.3; send a value inside"):
            make_question(current={"size_mult": 1.3000001})
        with pytest.raises(Refused, match=r"2 is outside 0\.7 to 1\.3; send a value inside"):
            make_question(current={"size_mult": 2.0})
        with pytest.raises(Refused, match=r"2\.0000001 is outside 0\.5 to 2; send what dm answered"):
            make_question(coefficient_product=2.0000001)


@pytest.mark.usefixtures("served", "db")
class TestBook:
    def test_is_recorded_if_it_was_named_and_moves_no_lever(self) -> None:
        without, named = ask(), ask(book="live")

        assert named.answer == without.answer
        assert named.record.request == {**without.record.request, "book": "live"}
        assert "book" not in without.record.request

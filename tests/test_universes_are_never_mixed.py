"""Outcomes and requests of another universe than the module's: left out of learning, refused in serving, counted."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pytest

from learning.coefficients.coefficient_memory import update_coefficients
from learning.coefficients.recent_units import recent_units
from learning.lessons.aggregate import aggregate_dirty
from learning.lessons.build import build_lessons
from learning.models import Cell, Coefficient
from learning.readers.category_columns import load_category
from learning.readers.group_columns import since_epoch
from learning.readers.observations import load_observations
from learning.readers.one_universe import count_left_out
from learning.readers.walk_trades import facts_until, load_trades
from overrides.core.engine.definitions.formats import format_of
from overrides.core.engine.definitions.levers import LEVERS
from overrides.core.engine.definitions.module_parameters import ModuleParameters
from overrides.core.engine.definitions.vocabulary import Flag, Reason
from overrides.monitoring.replaying.replay import Choice, replay
from overrides.serving.engine import load_engine
from overrides.serving.resolve import resolve_one
from telemetry.decisions.decision_log import record_decisions
from telemetry.recording.record_trades import record_trades
from tests.builders import (
    NOW,
    SCOPE,
    action_payload,
    make_parameters,
    make_question,
    make_spec,
    make_trade,
    make_trades,
    publish,
    set_mode,
)

pytestmark = pytest.mark.django_db

MAJORS = make_parameters(universe={"name": "majors", "pairs": ["BTC/USDT", "ETH/USDT"]})
OWN, OTHER = "majors@e0d6ffe44789", "majors@000000000000"
DM = {"module": "dm", "pattern_key": "dm_pattern.allocation.allocation", "action_category": "allocation"}


def record() -> None:
    for prefix, label in (("none", {}), ("own", {"universe": OWN}), ("other", {"universe": OTHER})):
        record_trades(make_trades([1.0] * 12, scope=SCOPE | label, prefix=prefix), now=NOW)


@pytest.mark.parametrize(("parameters", "n", "left_out"), [(ModuleParameters.default("pm"), 12, 24), (MAJORS, 24, 12)])
class TestLearning:
    def test_reads_own_outcomes_and_those_without_a_label(
        self, parameters: ModuleParameters, n: int, left_out: int
    ) -> None:
        record()
        learned = parameters.learned_from

        assert len(load_observations("pm", learned, NOW).observations) == n
        assert len(load_trades(parameters, NOW)) == facts_until(parameters, NOW)[0] == n
        assert len(load_category("pm", "entry", learned, NOW)) == n
        assert count_left_out("pm", learned, NOW) == left_out

    def test_makes_cells_of_them_and_its_run_counts_the_others(
        self, parameters: ModuleParameters, n: int, left_out: int
    ) -> None:
        publish(parameters=parameters)
        record()

        aggregate_dirty(now=NOW)
        run = build_lessons(module="pm", now=NOW)

        assert {cell.n for cell in Cell.objects.all()} == {n}
        assert not any("universe" in cell.scope for cell in Cell.objects.all())
        assert run.n_other_universe == left_out


def test_another_universe_rebuilds_the_cells() -> None:
    record()
    aggregate_dirty(now=NOW)

    publish(parameters=MAJORS)
    rebuilt = aggregate_dirty(now=NOW)

    assert (rebuilt, {cell.n for cell in Cell.objects.all()}) == (1, {24})


def test_other_cuts_read_older_facts_again() -> None:
    volume = {"name": "volume_z", "kind": "ordered cuts", "cuts": [1], "meaning": "Volume.", "learned": True}
    publish(parameters=make_parameters(own_dimensions=[volume]))
    for prefix, value in (("a", "0.5"), ("b", "1.5"), ("c", "high")):
        record_trades(make_trades([1.0] * 12, scope={"volume_z": value}, prefix=prefix), now=NOW)
    aggregate_dirty(now=NOW)
    before = {cell.scope.get("volume_z"): cell.n for cell in Cell.objects.all()}

    publish(parameters=make_parameters(own_dimensions=[volume | {"cuts": [0, 2]}]))
    aggregate_dirty(now=NOW)

    assert before == {None: 36, "<1": 12, "1+": 12}
    assert {cell.scope.get("volume_z"): cell.n for cell in Cell.objects.all()} == {None: 36, "0 to 2": 24}
    values = load_observations("pm", make_parameters(own_dimensions=[volume]).learned_from, NOW).values
    assert values[-1] == ("1+", "<1")


def test_coefficients_are_of_one_universe(now: datetime) -> None:
    for number, label in enumerate(({}, {"universe": OWN}, {"universe": OTHER})):
        actions = [action_payload(**DM, scope={"chain": "base"} | label)]
        record_trades([make_trade(f"t{number}", actions=actions)], now=NOW)
    update_coefficients(now=NOW)
    before = Coefficient.objects.get(name="chain").n
    parameters = make_parameters(module="dm", universe={"name": "majors", "pairs": ["BTC/USDT", "ETH/USDT"]})
    publish(module="dm", parameters=parameters)

    update_coefficients(now=NOW)

    units = recent_units("chain", parameters.learned_from, since_epoch(NOW) / 86_400_000_000)
    assert (before, Coefficient.objects.get(name="chain").n, len(units[1])) == (1, 2, 2)


class TestServing:
    def test_answers_its_own_universe_without_a_flag_and_others_by_neutral(self) -> None:
        publish(make_spec({"size_mult": 1.2}), parameters=MAJORS)
        set_mode("on")
        engine = load_engine("pm")

        own, other, none = (
            resolve_one(make_question(scope=SCOPE | label), engine, now=NOW).answer
            for label in ({"universe": OWN}, {"universe": OTHER}, {})
        )

        assert (own.reason, none.reason, own.flags) == (Reason.SINGLE, Reason.SINGLE, none.flags)
        assert Flag.UNKNOWN_DIMENSION not in own.flags
        assert other.reason == Reason.SCOPE_NOT_ALLOWED
        assert other.levers == {name: LEVERS[name].neutral for name in other.levers}

    def test_refuses_a_label_where_the_module_has_no_universe(self) -> None:
        publish(make_spec())
        set_mode("on")

        found = resolve_one(make_question(scope=SCOPE | {"universe": OWN}), load_engine("pm"), now=NOW)

        assert found.answer.reason == Reason.SCOPE_NOT_ALLOWED

    def test_replays_what_a_format_before_answered(self) -> None:
        """Format 2 did not compare labels: it answered, and flagged an unknown dimension."""
        publish(make_spec())
        set_mode("on")
        engine = load_engine("pm")
        answered = resolve_one(make_question(scope=SCOPE | {"colour": "red"}), engine, now=NOW).record
        refused = resolve_one(make_question(scope=SCOPE | {"universe": OWN}), engine, now=NOW).record
        levers = {name: value for name, value in answered.levers.items() if name in format_of(2).levers}
        record_decisions([replace(answered, format=2, scope=SCOPE | {"universe": OWN}, levers=levers), refused])
        found: list[object] = []

        report = replay(Choice(), now=NOW, on_difference=found.append)

        assert (report.replayed, list(map(str, found))) == (2, [])

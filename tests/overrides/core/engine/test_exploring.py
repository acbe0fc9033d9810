"""Alternatives in an answer: only where it was served, and nothing else of it changes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from overrides.core.engine.combination import Request
from overrides.core.engine.compile_module import compile_module
from overrides.core.engine.definitions.arms import Arm, ArmDraw
from overrides.core.engine.definitions.module_parameters import ModuleParameters
from overrides.core.engine.definitions.serving_mode import Mode, ServingMode
from overrides.core.engine.exploring import allows, explored, may_explore
from overrides.core.engine.serve import Answer, answer
from tests.builders import KEY, NOW

ARM = Arm(2.0, 0.3, 100.0, 5.0, 0.5)
PM = ModuleParameters.default("pm")
ON = ServingMode(Mode.ON, arms={"entry_delay_bars": ARM})


def ask(mode: ServingMode = ON, key: str = KEY, draw: float | None = None) -> Answer:
    return answer(compile_module(PM, ()), mode, Request("pm", key, "entry", {}, NOW, {}), draw=draw)


def drawn(draw: float, *, admitted: bool = True) -> dict[str, ArmDraw]:
    return {"entry_delay_bars": ArmDraw(ARM, 0.0, draw, admitted, 0.0), "trail_mult": ArmDraw(ARM, 0.0, 0.0, True, 0.0)}


class TestExplored:
    def test_serves_the_alternative_and_leaves_everything_else(self) -> None:
        found, known = explored(ask(), drawn(0.1))

        assert found.levers == {**ask().levers, "entry_delay_bars": 2.0}
        assert found._replace(levers={}) == ask()._replace(levers={})
        assert known == {"entry_delay_bars": drawn(0.1)["entry_delay_bars"].beside(0.0)}

    @pytest.mark.parametrize("draws", [drawn(0.3), drawn(0.0, admitted=False)])
    def test_leaves_the_answer_where_the_served_value_was_drawn(self, draws: dict[str, ArmDraw]) -> None:
        found, known = explored(ask(), draws)

        assert found.levers == ask().levers
        assert known["entry_delay_bars"].value == 0.0


class TestMayExplore:
    def test_is_so_of_answers_that_are_served(self) -> None:
        assert may_explore(ON, ask())

    @pytest.mark.parametrize(
        "mode",
        [
            replace(ON, mode=Mode.OFF), replace(ON, mode=Mode.SHADOW), replace(ON, rollout_percent=0.0),
            replace(ON, allow={"bucket": ("big",)}), replace(ON, holdback_percent=20.0),
        ],
    )  # fmt: skip
    def test_is_not_so_of_any_other(self, mode: ServingMode) -> None:
        assert not may_explore(mode, ask(mode, draw=1.0))

    def test_is_not_so_of_protected_motifs(self) -> None:
        assert not may_explore(ON, ask(key="donchian.long.stop"))


def test_the_bounds_in_force_limit_alternatives() -> None:
    channels = dict(PM.channels)
    tight = replace(channels[next(iter(channels))].weights, bounds={"trail_mult": (0.9, 1.1)})
    parameters = replace(PM, channels={name: replace(each, weights=tight) for name, each in channels.items()})

    assert allows(PM, "trail_mult", 2.0)
    assert not allows(parameters, "trail_mult", 2.0)
    assert not allows(PM, "alloc_mult", 1.0)

"""Any order of questions, weeks, losses, modes and restarts: no budget is exceeded, and no draw ever changes.

`STATEFUL_EXAMPLES=100 ./dev test tests/stateful/test_exploring.py` takes so many new examples.
"""

from __future__ import annotations

import os
from datetime import date, timedelta
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from overrides.core.engine.definitions.arms import arm_draws
from overrides.models import ArmOutcome, ArmPosition
from overrides.serving.arms import POSITIONS
from overrides.serving.engine import load_engine
from overrides.serving.holdback import holdback_secret
from overrides.serving.mode import lower_mode
from overrides.serving.resolve import resolve_one
from telemetry.foundation.core.canonical_json import utc_text
from tests.builders import NOW, make_question, make_spec, publish, set_mode, without_triggers

EXAMPLES = int(os.environ.get("STATEFUL_EXAMPLES", "0"))  # 0: the few of every run, always the same
LEVER, ALTERNATIVE, RESERVED, PROBABILITY = "entry_delay_bars", 2.0, 0.5, 0.5

pytestmark = pytest.mark.django_db


class ExploringMachine(RuleBasedStateMachine):
    """One lever of a served module; the model is a dictionary of draws and one of weeks."""

    def __init__(self) -> None:
        super().__init__()
        with without_triggers():
            ArmOutcome.objects.all().delete()
            ArmPosition.objects.all().delete()
        self.now = NOW
        self.mode, self.budget = "off", 0.0  # no budget: nothing is explored
        self.positions: dict[str, tuple[bool, bool, date]] = {}  # key -> admitted, gets the alternative, its Monday
        self.lost: dict[str, float] = {}  # key -> loss of its closed trade

    @initialize(budget=st.sampled_from([0.5, 1.0, 2.0]))
    def explore(self, budget: float) -> None:
        self.decide("on", budget, 0)

    @rule(
        mode=st.sampled_from(["on", "on", "shadow", "off"]),
        budget=st.sampled_from([0.0, 0.5, 1.0, 2.0]),
        holdback=st.sampled_from([0, 0, 20]),
    )
    def decide(self, mode: str, budget: float, holdback: int) -> None:
        """A request for a mode and what it explores is drafted, approved and applied."""
        arm = {"alternative": ALTERNATIVE, "probability": PROBABILITY, "share_percent": 100, "rr_per_week": budget}
        arms: dict[str, Any] = {LEVER: arm | {"rr_per_position": RESERVED}} if budget else {}
        set_mode(mode, arms=arms, holdback_percent=holdback)
        self.mode, self.budget = mode, budget

    @precondition(lambda self: self.budget)
    @rule()
    def end_the_arm(self) -> None:
        lower_mode(module="pm", by="ada", reason="enough", at=NOW, end_arm=LEVER)
        self.budget = 0.0

    @rule(hours=st.sampled_from([1, 30, 100]))
    def time_passes(self, hours: int) -> None:
        self.now += timedelta(hours=hours)

    @rule(number=st.integers(0, 20), loss=st.sampled_from([0.0, 0.25, 1.25]))
    def a_position_closes(self, number: int, loss: float) -> None:
        open_ones = sorted(
            key for key, (is_admitted, *_) in self.positions.items() if is_admitted and key not in self.lost
        )
        if open_ones:
            key = open_ones[number % len(open_ones)]
            row = ArmPosition.objects.get(position_key=key)
            ArmOutcome.objects.create(position=row, book="p", day=NOW.date(), rr=0.0, lost=loss, computed_at=NOW)
            self.lost[key] = loss
            POSITIONS.forget()  # as every process does a while later

    @rule()
    def a_process_restarts(self) -> None:
        POSITIONS.forget()

    @rule(numbers=st.lists(st.integers(0, 20), min_size=1, max_size=8))
    def ask(self, numbers: list[int]) -> None:
        for key in (f"BTC/USDT {number}" for number in numbers):
            question = make_question(position_key=key, at=utc_text(self.now))
            found = resolve_one(question, load_engine("pm"), now=self.now, may_draw=True)
            is_explored = self.mode == "on" and self.budget > 0 and found.answer.reason != "HOLDBACK"
            gets = is_explored and key not in self.lost and self.drawn(key)
            assert found.answer.levers[LEVER] == (ALTERNATIVE if gets else 0.0), (key, self.now)

    def drawn(self, key: str) -> bool:
        """Return whether a position gets the alternative, drawing it now if it was not yet."""
        if key not in self.positions:
            monday = self.now.date() - timedelta(days=self.now.weekday())
            is_admitted = self.spent(monday) + RESERVED <= self.budget
            is_alternative = is_admitted and arm_draws(holdback_secret(), LEVER, key)[1] < PROBABILITY
            self.positions[key] = (is_admitted, is_alternative, monday)
        return self.positions[key][1]

    def spent(self, monday: date) -> float:
        own = (key for key, (_, is_alternative, week) in self.positions.items() if is_alternative and week == monday)
        return sum(max(RESERVED, self.lost.get(key, 0.0)) for key in own)

    @invariant()
    def what_was_drawn_stands(self) -> None:
        rows = ArmPosition.objects.values_list("position_key", "is_admitted", "is_alternative", "week")
        assert {key: tuple(rest) for key, *rest in rows} == self.positions

    @invariant()
    def what_is_reserved_fits_its_budget(self) -> None:
        for row in ArmPosition.objects.filter(is_admitted=True):
            assert row.spent + row.reserved <= row.rr_per_week


def test_no_budget_is_exceeded_and_no_draw_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(POSITIONS, "patience_seconds", 30.0)  # a busy machine draws what an idle one does
    publish(make_spec())
    few = settings(
        max_examples=EXAMPLES or 5,
        stateful_step_count=50 if EXAMPLES else 25,
        phases=[Phase.generate, *([Phase.shrink] if EXAMPLES else [])],
        deadline=None,
        database=None,
        derandomize=not EXAMPLES,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(ExploringMachine, settings=few)

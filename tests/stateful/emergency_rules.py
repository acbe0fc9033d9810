"""What takes effect at once, because it only serves less, and what takes it back."""

from __future__ import annotations

from datetime import timedelta

import hypothesis.strategies as st
from hypothesis.stateful import precondition, rule

from overrides.models import LineHold
from overrides.requests import emergency
from tests.stateful import product
from tests.stateful.model import ORDER
from tests.stateful.product import LINE_OF
from tests.stateful.steps import Steps
from tests.stateful.strategies import lines, people, recent


class EmergencyRules(Steps):
    """Retiring, vetoes and pins, the quarantine of the builder, and lower modes."""

    @rule(name=people, line=lines)
    def retire(self, name: str, line: str) -> None:
        expected = self.right(name, "lower") or ({"not_in_force"} if line not in self.model.in_force else set())

        def act() -> None:
            emergency.retire_lines(module="pm", lines=[LINE_OF[line]], by=product.user(name), reason="x", at=self.now)

        if self.step(act, expected):
            self.model.applied_without_votes("at_once", "lines", {line: None})

    @rule(name=people, line=lines, kind=st.sampled_from(["veto", "pin"]), hours=st.none() | st.sampled_from([2, 48]))
    def hold(self, name: str, line: str, kind: str, hours: int | None) -> None:
        verb, right = {"veto": (emergency.veto_line, "lower"), "pin": (emergency.pin_line, "review")}[kind]
        until = None if hours is None else self.now + timedelta(hours=hours)
        expected = self.right(name, right) or ({"held"} if self.model.is_held(kind, line) else set())

        def act() -> None:
            verb(line_id=LINE_OF[line], by=product.user(name), reason="x", at=self.now, expires_at=until)

        if self.step(act, expected):
            self.model.holds[kind, line] = until
            if kind == "veto" and line in self.model.in_force:
                self.model.applied_without_votes("at_once", "lines", {line: None})

    @precondition(lambda self: self.model.holds)
    @rule(name=people, which=recent)
    def lift(self, name: str, which: int) -> None:
        kind, line = sorted(self.model.holds)[which % len(self.model.holds)]
        hold = LineHold.objects.get(kind=kind, line=LINE_OF[line], lifted_at=None)

        def act() -> None:
            emergency.lift_hold(hold_id=hold.pk, by=product.user(name), reason="x", at=self.now)

        if self.step(act, self.right(name, "review")):
            del self.model.holds[kind, line]

    @rule(name=people)
    def quarantine_or_lift_it(self, name: str) -> None:
        is_in = self.model.is_quarantined
        verb = emergency.lift_quarantine if is_in else emergency.quarantine_builder
        expected = self.right(name, "review" if is_in else "lower")
        if self.step(lambda: verb(module="pm", by=product.user(name), reason="x", at=self.now), expected):
            self.model.is_quarantined = not is_in

    @rule(name=people, to=st.sampled_from(ORDER))
    def lower_mode(self, name: str, to: str) -> None:
        is_raise = ORDER.index(to) > ORDER.index(self.model.mode)
        expected = self.right(name, "lower") or ({"raises"} if is_raise else set())

        def act() -> None:
            emergency.lower_mode_with_request(module="pm", by=product.user(name), reason="x", at=self.now, to=to)

        if self.step(act, expected) and to != self.model.mode:
            self.model.applied_without_votes("at_once", "mode", {}, (to, self.model.rollout))

"""Requests as their gates see them, and what the gates say of them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from overrides.core.engine.definitions.module_parameters import ModuleParameters
from overrides.core.engine.definitions.override_spec import OverrideSpec
from overrides.core.governance.gates import Gate, gates, target_levers
from overrides.core.governance.governance_policy import GovernancePolicy
from overrides.core.governance.permissions import APPLY, REVIEW
from overrides.core.governance.request_states import Step
from overrides.core.governance.situation import Attempt, Person, Situation, TouchedLine
from tests.builders import NOW, make_spec

REVIEWER = Person(frozenset({REVIEW, APPLY}))
DAY = timedelta(days=1)


def touched(before: OverrideSpec | None = None, after: OverrideSpec | None = None, **over: Any) -> TouchedLine:
    fields: dict[str, Any] = {
        "line": "l", "label": "a line", "action_category": "entry", "before": before, "after": after,
        "in_force": target_levers(before),
    }  # fmt: skip
    return TouchedLine(**fields | over)


def situation(*lines: TouchedLine, **over: Any) -> Situation:
    fields: dict[str, Any] = {
        "state": "in_review", "expires_at": NOW + DAY, "is_machine": False, "signed_hash": "h",
        "content_hash": "h", "approvals": 0, "needed": 1, "lines": lines, "policy": GovernancePolicy(),
        "parameters": ModuleParameters.default("pm"),
    }  # fmt: skip
    return Situation(**fields | over)


def found(step: Step, of: Situation, person: Person | None = REVIEWER) -> list[str]:
    return [gate.name for gate in gates(of, Attempt(step, person, NOW))]


def only(step: Step, of: Situation, person: Person | None = REVIEWER) -> Gate:
    (gate,) = gates(of, Attempt(step, person, NOW))
    return gate


NEW = touched(after=make_spec())
APPROVED = {"state": "approved", "approvals": 1}

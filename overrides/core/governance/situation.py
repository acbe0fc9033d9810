"""What the gates of a change request examine: its lines and its module as they stand, and who takes which step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from overrides.core.engine.definitions.module_parameters import ModuleParameters
from overrides.core.engine.definitions.override_spec import OverrideSpec
from overrides.core.governance.governance_policy import GovernancePolicy
from overrides.core.governance.mandates import Terms
from overrides.core.governance.request_states import Step


@dataclass(frozen=True)
class TouchedLine:
    """One line of a request: the override it was drafted against, the one it adds, and the targets now in force."""

    line: str
    label: str
    action_category: str
    before: OverrideSpec | None
    after: OverrideSpec | None
    in_force: Mapping[str, float]  # lever -> target; empty where nothing is in force
    is_vetoed: bool = False
    is_pinned: bool = False
    cap: Mapping[str, float] | None = None
    contradicts: str = ""  # what was measured, if the line's judgement has the other sign
    mandate: Terms | None = None
    rivals: tuple[int, ...] = ()


@dataclass(frozen=True)
class Unready:
    """Why a learning method is not ready to be served, and what would make it so."""

    message: str
    way_past: str


@dataclass(frozen=True)
class Person:
    """The person who wants to take the step. `counts` says whether the module's policy counts this person's vote."""

    permissions: frozenset[str]
    is_author: bool = False
    counts: bool = True


@dataclass(frozen=True)
class Situation:
    """A request with everything that its gates examine. `parameters` are those its lines will be served under.

    `movement` and `moved_before` (within the policy's window) are in steps summed over lines. `voters` names the groups
    whose members' votes count (empty: everybody's), `lapsed` the approvals that counted once and do not now.
    `is_served`: the request can change what bots receive. `unready` says of each learning method that a channel would
    change to, and that is not ready to be served, why. `stranded` names what is in force and uses a dimension, or a
    bucket of one, that the parameters would not know.
    """

    state: str
    expires_at: datetime
    is_machine: bool
    signed_hash: str
    content_hash: str
    approvals: int
    needed: int
    lines: tuple[TouchedLine, ...]
    policy: GovernancePolicy
    parameters: ModuleParameters
    base_changed: str = ""
    movement: float = 0.0
    moved_before: float = 0.0
    voters: tuple[str, ...] = ()
    is_served: bool = True
    is_quarantined: bool = False
    scheduled_for: datetime | None = None
    lapsed: tuple[str, ...] = ()
    unready: tuple[Unready, ...] = ()
    stranded: tuple[str, ...] = ()


@dataclass(frozen=True)
class Attempt:
    """A step that is about to be taken; `person` is None for the machine."""

    step: Step
    person: Person | None
    at: datetime

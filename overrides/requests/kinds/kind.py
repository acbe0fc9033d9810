"""The interface of a kind of change request: the functions and facts that the module of each kind provides.

Code that handles requests calls `KINDS[request.kind]` and does not compare kinds.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from overrides.core.engine.definitions.module_parameters import ModuleParameters
from overrides.core.engine.definitions.override_spec import OverrideSpec
from overrides.core.engine.definitions.serving_mode import ServingMode
from overrides.core.governance.governance_policy import GovernancePolicy
from overrides.core.governance.policy_strength import WITHOUT_A_VOTE
from overrides.models import ChangeLine, ChangeRequest, RequestKind, Version
from overrides.versions.load_version import InForce, read_in_force


@dataclass(frozen=True)
class DraftLine:
    """A line that a draft changes: its new override (None withdraws the line) and why the change is material."""

    line_id: str
    after: str | None
    differences: Sequence[str] = ()


@dataclass(frozen=True)
class Basis:
    """What a request rests on, read once: what is in force, and the parameters its lines will be served under.

    `changed` names what was in force when the request was drafted and has been replaced since; it is empty if nothing
    was.
    """

    in_force: InForce
    parameters: ModuleParameters
    changed: str = ""


@dataclass(frozen=True)
class Proposed:
    """A change of a module: overrides to bring, lines to withdraw, and what else to set (None keeps what is in force).

    `coefficients` are all weights of the changed version, not only those that differ. `modes` are the serving modes
    before and after, of a change of mode, which changes nothing else. `is_whole`: every override of the changed version
    is among those to bring.
    """

    module: str
    bring: Sequence[OverrideSpec] = ()
    withdraw: Collection[str] = ()
    parameters: ModuleParameters | None = None
    coefficients: Mapping[str, float] | None = None
    modes: tuple[ServingMode, ServingMode] | None = None
    is_whole: bool = False


@dataclass(frozen=True)
class BeforeAfter:
    """The documents before and after a request, without its lines. `before` is None if it was not kept.

    `coefficients` are the weights before and after. `is_stale`: the request was drafted against another document than
    `before`. `reweighs` holds the parameters before and after if they change the weight of overrides in force.
    `brings_back` is the version that a rollback publishes again.
    """

    before: Mapping[str, Any] | None
    after: Mapping[str, Any]
    coefficients: tuple[Mapping[str, float], Mapping[str, float]] = field(default=({}, {}))
    is_stale: bool = False
    reweighs: tuple[ModuleParameters, ModuleParameters] | None = None
    brings_back: Version | None = None


def basis_in_force(request: ChangeRequest) -> Basis:
    """Return the basis of a request that can be applied whatever has changed since it was drafted."""
    in_force = read_in_force(request.module)
    return Basis(in_force, in_force.parameters)


def no_movement(request: ChangeRequest, changes: Sequence[ChangeLine], in_force: InForce) -> float:
    """Return 0 steps: the request changes no lever that is served."""
    return 0.0


def no_documents(request: ChangeRequest, in_force: InForce, is_open: bool) -> BeforeAfter | None:
    """Return None: the request sets nothing besides its lines."""
    return None


@dataclass(frozen=True)
class Strength:
    """What a policy that a request asks for lets pass, in words.

    `one_vote` has examples of requests that pass with one vote, `weaker` each way in which it is weaker than `against`,
    which is empty where there is nothing to compare with. `fault` is what is wrong with content that is no policy.
    """

    one_vote: tuple[str, ...] = ()
    weaker: tuple[str, ...] = ()
    against: str = ""
    fault: str = ""
    without_a_vote: str = WITHOUT_A_VOTE


def no_strength(request: ChangeRequest, in_force: GovernancePolicy) -> Strength | None:
    """Return None: the request asks for no policy."""
    return None


@dataclass(frozen=True)
class Kind:
    """One kind of request: functions with the same signature for every kind, and the facts that differ.

    - `checked_content(module, content, in_force)` returns the content of a draft as it is stored. It raises FieldError
      if the content is not valid.
    - `take_effect(request, changes, basis, by, at)` puts the request into force inside the caller's transaction.
    - `basis(request)` reads what the request rests on. Gates and effect share it, read under the module's lock.
    - `movement(request, changes, in_force)` counts the largest steps by which it moves served levers.
    - `before_after(request, in_force, is_open)` returns the documents that its page compares. A closed request is
      compared with the version it was drafted against.
    - `strength(request, in_force)` returns what the policy that it asks for lets pass, beside the one in force.
    - `proposed(request, number)` returns what it would change in version `number`. None: it changes no answer.
    - `lines_of(module, content, in_force)` returns its lines if they follow from its content. None: the author names
      them.
    - `read_content(value)` reads the content that a machine sends. None: a machine may not draft this kind.

    `permission` is needed to draft it, besides the permission to draft. `is_of_lines`: the lines are all it changes,
    and they can be decided one by one. `is_typed`: its author edits the content as a document. `is_published`: it
    puts a version into force, and applying it signs mandates. `is_served`: it can change what bots receive.
    `settles_serving`: the page of a module lists it among the requests that would change how the module is served.
    """

    name: RequestKind
    checked_content: Callable[[str, Mapping[str, Any], InForce], dict[str, Any]]
    take_effect: Callable[[ChangeRequest, Sequence[ChangeLine], Basis, str, datetime], None]
    basis: Callable[[ChangeRequest], Basis] = basis_in_force
    movement: Callable[[ChangeRequest, Sequence[ChangeLine], InForce], float] = no_movement
    before_after: Callable[[ChangeRequest, InForce, bool], BeforeAfter | None] = no_documents
    strength: Callable[[ChangeRequest, GovernancePolicy], Strength | None] = no_strength
    proposed: Callable[[ChangeRequest, int | None], Proposed] | None = None
    lines_of: Callable[[str, Mapping[str, Any], InForce], list[DraftLine]] | None = None
    read_content: Callable[[object], Mapping[str, Any]] | None = None
    permission: str = ""
    is_of_lines: bool = False
    is_typed: bool = False
    is_published: bool = False
    is_served: bool = True
    settles_serving: bool = False

    @property
    def is_measured(self) -> bool:
        """Whether it changes answers, so that its effect is computed."""
        return self.proposed is not None

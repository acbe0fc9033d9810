"""The gates of one request: rows in, the situation built, `core.gates` asked. One list for every door."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import User
from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Exists, OuterRef, Subquery, Sum

from overrides.core.engine.definitions.content_hash import content_hash
from overrides.core.engine.definitions.module_parameters import ModuleParameters
from overrides.core.engine.definitions.override_spec import OverrideSpec
from overrides.core.engine.definitions.parameters import WeightParameters
from overrides.core.governance.errors import GateError
from overrides.core.governance.exposure import steps_moved
from overrides.core.governance.gates import Attempt, Gate, Person, Situation, TouchedLine, blockers, gates
from overrides.core.governance.governance_policy import GovernancePolicy, may_count
from overrides.core.governance.request_states import Step
from overrides.models import (
    ChangeLine,
    ChangeRequest,
    HoldKind,
    LineHold,
    Membership,
    Override,
    RequestKind,
    Version,
    Vote,
)
from overrides.requests.governance_store import is_live, is_quarantined, live_mandates, policy_of
from overrides.versions.load_version import parameters_id_in, parameters_in, version_beside

DAY = timedelta(days=1)
FOLLOWS_PARAMETERS = (RequestKind.LINES, RequestKind.PARAMETERS, RequestKind.TRIAL)
COEFFICIENTS = "coefficients"  # of the content of kind lines: all that the next version weighs


def gates_of(request: ChangeRequest, step: Step, person: User | None, at: datetime) -> tuple[Gate, ...]:
    """Every gate before the step, for this person; `person` None is the machine itself."""
    situation = situation_of(request, at)
    return gates(situation, Attempt(step, gate_person(person, request, situation), at))


def refuse_blocked(request: ChangeRequest, step: Step, person: User | None, at: datetime) -> None:
    """Raise all blockers at once; nothing where the way is free."""
    refuse(gates_of(request, step, person, at))


def refuse(found: Iterable[Gate]) -> None:
    blocking = blockers(found)
    if blocking:
        raise GateError("", "; ".join(f"{gate.message}; {gate.way_past}" for gate in blocking), blocking)


def situation_of(request: ChangeRequest, at: datetime) -> Situation:
    """All that the gates of a request look at, read once."""
    return situation_with(request, changes_of(request, at), version_beside(request), at)


def changes_of(request: ChangeRequest, at: datetime) -> list[ChangeLine]:
    """The request's lines, each with the holds and rivals it has and the override that stands on it now.

    A trial changes nothing that is served, so it is nobody's rival.
    """
    holds = LineHold.objects.filter(is_live(at), line=OuterRef("line"))
    rivals = ChangeLine.objects.filter(line=OuterRef("line"), request__state__in=ChangeRequest.OPEN)
    rivals = rivals.exclude(request__kind=RequestKind.TRIAL)
    standing = Membership.objects.filter(line=OuterRef("line"), to_version=None)
    changes = request.lines.select_related("line", "before__line", "after__line").annotate(
        is_vetoed=Exists(holds.filter(kind=HoldKind.VETO)),
        is_pinned=Exists(holds.filter(kind=HoldKind.PIN)),
        rivals=ArraySubquery(rivals.exclude(request=request.pk).order_by("request").values("request")),
        standing_id=Subquery(standing.values("override")[:1]),
    )
    return list(changes.order_by("line_id"))


def situation_with(
    request: ChangeRequest, changes: Sequence[ChangeLine], version: Version | None, at: datetime
) -> Situation:
    """The situation of a request whose `changes_of` and the version in force are read already."""
    policy = policy_of(request.module)
    moved = _moved_before(request, policy, at)
    is_delegated = request.route == ChangeRequest.Route.MANDATE
    return Situation(
        kind=request.kind,
        state=request.state,
        expires_at=request.expires_at,
        is_machine=request.author_id is None,
        signed_hash=request.content_hash,
        content_hash=hash_of(request, changes),
        approvals=count_approvals(request, policy.groups_for(request.kind, request.movement, moved)),
        needed=policy.needed(request.movement, moved),
        lines=_touched(changes, is_delegated),
        policy=policy,
        parameters=parameters_wanted(request, version),
        base_changed=_base_changed(request, version),
        movement=request.movement,
        moved_before=moved,
        is_quarantined=is_delegated and is_quarantined(request.module),
        scheduled_for=request.scheduled_for,
    )


def is_agreed(request: ChangeRequest, at: datetime) -> bool:
    """Whether enough people have signed the content as it stands."""
    policy = policy_of(request.module)
    moved = _moved_before(request, policy, at)
    groups = policy.groups_for(request.kind, request.movement, moved)
    return count_approvals(request, groups) >= policy.needed(request.movement, moved)


def window_of(request: ChangeRequest, policy: GovernancePolicy) -> timedelta:
    """Over how long movement adds up: the builder's cap is one of 24 hours, whatever the policy's window."""
    return DAY if request.route == ChangeRequest.Route.MANDATE else timedelta(days=policy.window_days)


def hash_of(request: ChangeRequest, changes: Sequence[ChangeLine]) -> str:
    """What a vote signs: module, kind, content, parameters, and of every line its levers before and its override after.

    Before, only levers count: fresh statistics of a line under its mandate void no vote.
    """
    sides = sorted([each.line_id, dict(each.before.levers) if each.before else {}, each.after_id] for each in changes)
    signed = [request.module, request.kind, request.content, request.base_parameters, request.edition]
    return content_hash([*signed, sides])


def count_approvals(request: ChangeRequest, groups: Sequence[str]) -> int:
    """Members of these groups whose latest word on this content is to approve, the author never among them."""
    votes = sorted(request.votes.all(), key=lambda vote: vote.pk)  # a page has read them with their voters already
    latest = {vote.voter_id: vote for vote in votes if vote.content_hash == request.content_hash}
    return sum(
        may_count(list(vote.voter.groups.values_list("name", flat=True)), groups) if groups else True
        for voter, vote in latest.items()
        if vote.decision == Vote.Decision.APPROVE and voter != request.author_id
    )


def moved_before(module: str, at: datetime, window: timedelta, route: str) -> float:
    """Steps that requests applied by this route moved a module within the window."""
    applied = ChangeRequest.objects.filter(
        module=module, route=route, state=ChangeRequest.State.APPLIED, closed_at__gt=at - window, closed_at__lte=at
    )
    total: float | None = applied.aggregate(total=Sum("movement"))["total"]
    return total or 0.0


def _moved_before(request: ChangeRequest, policy: GovernancePolicy, at: datetime) -> float:
    """What was moved before, where anything depends on it."""
    if request.route != ChangeRequest.Route.MANDATE and policy.large_movement is None:
        return 0.0
    return moved_before(request.module, at, window_of(request, policy), request.route)


def _touched(changes: Sequence[Any], is_delegated: bool) -> tuple[TouchedLine, ...]:
    """The lines as the gates see them. Mandates bind the machine alone, and are read for it alone."""
    moved_on = [each.standing_id for each in changes if each.standing_id not in (None, each.before_id)]
    others = Override.objects.select_related("line").in_bulk(moved_on) if moved_on else {}
    mandates = live_mandates([change.line_id for change in changes]) if is_delegated else {}
    touched = []
    for change in changes:
        before = None if change.before is None else change.before.spec
        is_as_drafted = change.standing_id in (None, change.before_id)
        touched.append(
            TouchedLine(
                line=change.line_id,
                label=str(change.line),
                before=before,
                after=None if change.after is None else change.after.spec,
                standing=(change.standing_id and before) if is_as_drafted else others[change.standing_id].spec,
                is_vetoed=change.is_vetoed,
                is_pinned=change.is_pinned,
                mandate=mandates[change.line_id].terms if change.line_id in mandates else None,
                rivals=tuple(change.rivals),
            )
        )
    return tuple(touched)


def standing_specs(lines: Sequence[str]) -> dict[str, OverrideSpec]:
    """What is in force on each of these lines."""
    rows = Membership.objects.filter(line_id__in=lines, to_version=None).select_related("override__line")
    return {row.line_id: row.override.spec for row in rows}


def movement_of(changes: Iterable[ChangeLine], parameters: ModuleParameters) -> float:
    """Largest steps moved, summed over the lines."""
    total = 0.0
    for change in changes:
        side = change.after or change.before
        if side is None:
            continue
        channel = side.spec.channel
        known = channel is not None and channel in parameters.channels  # a stranger is the gates' matter
        weights = parameters.channels[channel].weights if known and channel else WeightParameters()
        before = change.before.levers if change.before else {}
        total += steps_moved(before, change.after.levers if change.after else {}, weights)
    return total


def parameters_wanted(request: ChangeRequest, version: Version | None) -> ModuleParameters:
    """The parameters that the request's lines will be served under; `version` is the one in force."""
    if request.kind in (RequestKind.PARAMETERS, RequestKind.TRIAL):
        return ModuleParameters.from_document(request.module, request.content)
    if request.kind == RequestKind.ROLLBACK:
        return parameters_in(request.module, request.rolls_back_to)
    return parameters_in(request.module, version)


def _base_changed(request: ChangeRequest, version: Version | None) -> str:
    """What the request as a whole rested on and is no more; its lines are looked at one by one."""
    if request.kind in FOLLOWS_PARAMETERS and request.base_parameters != parameters_id_in(request.module, version):
        return "the parameters"
    if request.kind == RequestKind.LINES and COEFFICIENTS in request.content and _weights_changed(request, version):
        return "the coefficients"
    if request.kind == RequestKind.ROLLBACK and request.base_version != (version.number if version else None):
        return "the version in force"
    return ""


def _weights_changed(request: ChangeRequest, version: Version | None) -> bool:
    """Whether others are in force than those the request was drafted against: it says what all of them become."""
    if request.base_version == (version.number if version else None):
        return False
    drafted = Version.objects.filter(module=request.module, number=request.base_version or 0)
    return (drafted.values_list("coefficients", flat=True).first() or {}) != (version.coefficients if version else {})


def gate_person(person: User | None, request: ChangeRequest, situation: Situation) -> Person | None:
    """Whoever takes a step, as the gates see them."""
    if person is None:
        return None
    named = situation.policy.groups_for(situation.kind, situation.movement, situation.moved_before)
    groups = list(person.groups.values_list("name", flat=True)) if named else []
    return Person(
        permissions=frozenset(person.get_all_permissions()),
        is_author=request.author_id == person.pk,
        counts=may_count(groups, named),
    )

"""The gates of one request: read its rows once, build its situation, evaluate `core.governance.gates`.

Admin, API and jobs use the same list of gates. A verb takes its locks first, then reads the situation and passes it on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.contrib.auth.models import User
from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Exists, OuterRef, Subquery, Sum

from overrides.core.engine.definitions.content_hash import content_hash
from overrides.core.engine.definitions.module_parameters import ModuleParameters
from overrides.core.engine.definitions.override_spec import OverrideSpec
from overrides.core.governance.errors import GateError
from overrides.core.governance.gates import Gate, blocking, gates
from overrides.core.governance.governance_policy import GovernancePolicy, may_count
from overrides.core.governance.permissions import REVIEW
from overrides.core.governance.request_states import Step
from overrides.core.governance.situation import Attempt, Person, Situation, TouchedLine, Unready
from overrides.core.governance.votes import Signatures
from overrides.models import ChangeLine, ChangeRequest, HoldKind, Line, LineHold, Membership, Vote
from overrides.requests.evidence import unready_methods
from overrides.requests.governance_store import is_quarantined, live_mandates, policy_of
from overrides.requests.kinds import KINDS
from overrides.requests.kinds.kind import Basis
from overrides.requests.learned import CONTRADICTS, contradicted, marks
from overrides.requests.stranded import stranded
from overrides.requests.votes import signatures_on

DAY = timedelta(days=1)
SERVED = tuple(kind.name for kind in KINDS.values() if kind.is_served)


@dataclass(frozen=True)
class RequestSituation:
    """A request with everything that a step on it needs, read once.

    `changes` are its lines with their overrides, `basis` is the version and the parameters it rests on, `situation` is
    what the gates judge. `votes` are all in their order, `signatures` says which of them count now.
    """

    request: ChangeRequest
    changes: Sequence[ChangeLine]
    basis: Basis
    situation: Situation
    votes: Sequence[Vote]
    signatures: Signatures


def refuse_blocked(request: ChangeRequest, step: Step, person: User | None, at: datetime) -> RequestSituation:
    """Return the situation of a request, or raise GateError with all blocking gates; `person` None is the machine."""
    read = read_situation(request, at)
    found = blocking(read.situation, Attempt(step, gate_person(person, request, read.situation), at))
    if found:
        raise GateError("", "; ".join(f"{gate.message}; {gate.way_past}" for gate in found), found)
    return read


def read_situation(
    request: ChangeRequest, at: datetime, changes: Sequence[ChangeLine] | None = None
) -> RequestSituation:
    """Read the situation of a request; `changes` are its `changes_of`, if they have been read already."""
    kind, policy = KINDS[request.kind], policy_of(request.module)
    changes = changes_of(request, at) if changes is None else changes
    basis = kind.basis(request)
    moved = _moved_before(request, policy, at)
    agreement = policy.agreement(request.kind, request.movement, moved)
    votes, signed = signatures_on(request, agreement.groups)
    is_delegated = _is_delegated(request)
    situation = Situation(
        state=request.state,
        expires_at=request.expires_at,
        is_machine=request.author_id is None,
        signed_hash=request.content_hash,
        content_hash=hash_of(request, changes),
        approvals=len(signed.approvers),
        needed=agreement.needed,
        lapsed=signed.lapsed,
        lines=_touched(changes, is_delegated),
        policy=policy,
        parameters=basis.parameters,
        base_changed=basis.changed,
        movement=request.movement,
        moved_before=moved,
        voters=agreement.groups,
        is_served=kind.is_served,
        is_quarantined=is_delegated and is_quarantined(request.module),
        scheduled_for=request.scheduled_for,
        unready=_unready(request, basis, at) if kind.is_served else (),
        stranded=_stranded(request, changes, basis) if kind.is_served else (),
    )
    return RequestSituation(request, changes, basis, situation, votes, signed)


def _unready(request: ChangeRequest, basis: Basis, at: datetime) -> tuple[Unready, ...]:
    """Return why each learning method that a channel would change to, and that is not ready, is not."""
    now, channels = basis.in_force.parameters.channels, basis.parameters.channels
    new = {each.policy for channel, each in channels.items() if now[channel].policy is not each.policy}
    return unready_methods(request.module, new, at) if new else ()


def _stranded(request: ChangeRequest, changes: Sequence[ChangeLine], basis: Basis) -> tuple[str, ...]:
    """Return what an open request would leave in force with a dimension that its parameters do not have."""
    if request.state not in ChangeRequest.OPEN or basis.parameters is basis.in_force.parameters:
        return ()
    return stranded(basis.in_force.parameters, basis.parameters, [change.line_id for change in changes])


def foreseen(spec: OverrideSpec, parameters: ModuleParameters, at: datetime) -> tuple[Gate, ...]:
    """Return the gates that would be in the way of approving a person's request with this override alone.

    `parameters` are those in force.
    """
    holds = LineHold.objects.filter(LineHold.is_live(at), line=OuterRef("pk"), kind=HoldKind.VETO)
    line = Line.objects.filter(pk=spec.line).annotate(is_vetoed=Exists(holds), rivals=_rivals("pk")).first()
    found: Any = line
    touched = TouchedLine(
        line=spec.line,
        label=f"{spec.pattern_key} {spec.action_category}",
        action_category=spec.action_category,
        before=None,
        after=spec,
        in_force={},
        is_vetoed=line is not None and found.is_vetoed,
        contradicts="".join(marks(spec, contradicted([spec]))),
        rivals=() if line is None else tuple(found.rivals),
    )
    situation = Situation(
        state=ChangeRequest.State.IN_REVIEW,
        expires_at=at + DAY,
        is_machine=False,
        signed_hash="",
        content_hash="",
        approvals=0,
        needed=1,
        lines=(touched,),
        policy=policy_of(spec.module),
        parameters=parameters,
    )
    return gates(situation, Attempt(Step.SIGN, Person(frozenset({REVIEW})), at))


def _rivals(line: str, *besides: int) -> ArraySubquery:
    """Return a subquery for the open requests on the line of that outer column that can change what is served."""
    rivals = ChangeLine.objects.filter(line=OuterRef(line), request__state__in=ChangeRequest.OPEN)
    rivals = rivals.filter(request__kind__in=SERVED).exclude(request__in=besides)
    return ArraySubquery(rivals.order_by("request").values("request"))


def changes_of(request: ChangeRequest, at: datetime) -> list[ChangeLine]:
    """Return the lines of a request with their holds, their rivals, and the targets now in force on each.

    Requests that change nothing that is served are no rivals.
    """
    holds = LineHold.objects.filter(LineHold.is_live(at), line=OuterRef("line"))
    pins = holds.filter(kind=HoldKind.PIN)
    in_force = Membership.objects.filter(line=OuterRef("line"), to_version=None)
    rows = request.lines.select_related("line", "before", "after").annotate(
        is_vetoed=Exists(holds.filter(kind=HoldKind.VETO)),
        is_pinned=Exists(pins.filter(rejected__isnull=True)),
        is_rejected=Exists(pins.filter(rejected__isnull=False)),
        cap=Subquery(holds.filter(kind=HoldKind.CAP).values("cap")[:1]),
        rivals=_rivals("line", request.pk),
        in_force=Subquery(in_force.values("override__levers")[:1]),
    )
    changes: list[ChangeLine] = list(rows.order_by("line_id"))
    for change in changes:
        for side in (change.before, change.after):
            if side is not None:
                side.line = change.line  # as its foreign key says; read once
    return changes


def window_of(request: ChangeRequest, policy: GovernancePolicy) -> timedelta:
    """Return the time within which movement adds up: 24 hours under mandates, otherwise the policy's window."""
    return DAY if request.route == ChangeRequest.Route.MANDATE else timedelta(days=policy.window_days)


def hash_of(request: ChangeRequest, changes: Sequence[ChangeLine]) -> str:
    """Return the hash that a vote signs: all that people read of a request, by the format of its hash.

    Format 1 covers module, kind, content, parameters, edition, and both sides of every line; format 2 covers title,
    reason and expiry too. Of the override before, only the levers are signed, so that fresh statistics under a mandate
    do not void votes.
    """
    sides = sorted([each.line_id, dict(each.before.levers) if each.before else {}, each.after_id] for each in changes)
    content = [request.content, request.base_parameters, request.edition, sides]
    if request.hash_format == 1:
        return content_hash([request.module, request.kind, *content])
    expires = request.expires_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return content_hash([2, request.module, request.kind, request.title, request.reason, expires, *content])


def _counts(voter: User, groups: Sequence[str]) -> bool:
    """Return whether a person's vote counts if the policy names these groups; without groups everybody's does."""
    return not groups or may_count(list(voter.groups.values_list("name", flat=True)), groups)


def moved_before(module: str, at: datetime, window: timedelta, route: str) -> float:
    """Return the steps by which requests applied by this route moved a module within the window."""
    applied = ChangeRequest.objects.filter(
        module=module, route=route, state=ChangeRequest.State.APPLIED, closed_at__gt=at - window, closed_at__lte=at
    )
    total: float | None = applied.aggregate(total=Sum("movement"))["total"]
    return total or 0.0


def _moved_before(request: ChangeRequest, policy: GovernancePolicy, at: datetime) -> float:
    """Return the steps moved before this request; 0 without a query if nothing depends on them."""
    by_people = request.route != ChangeRequest.Route.MANDATE and policy.large_movement is not None
    if not by_people and not _is_delegated(request):
        return 0.0
    return moved_before(request.module, at, window_of(request, policy), request.route)


def _is_delegated(request: ChangeRequest) -> bool:
    """Return whether mandates decide about a request: nothing decides about a closed one any more."""
    return request.route == ChangeRequest.Route.MANDATE and request.state in ChangeRequest.OPEN


def _touched(changes: Sequence[Any], is_delegated: bool) -> tuple[TouchedLine, ...]:
    """Return the lines as the gates need them. Mandates bind only the machine and are read only for it."""
    mandates = live_mandates([change.line_id for change in changes]) if is_delegated else {}
    touched = []
    for change in changes:
        touched.append(
            TouchedLine(
                line=change.line_id,
                label=str(change.line),
                action_category=change.line.action_category,
                before=None if change.before is None else change.before.spec,
                after=None if change.after is None else change.after.spec,
                in_force=change.in_force or {},
                is_vetoed=change.is_vetoed,
                is_pinned=change.is_pinned or (change.is_rejected and change.after_id is not None),
                cap=change.cap,
                contradicts=next((each for each in change.differences if each.startswith(CONTRADICTS)), ""),
                mandate=mandates[change.line_id].terms if change.line_id in mandates else None,
                rivals=tuple(change.rivals),
            )
        )
    return tuple(touched)


def specs_in_force(lines: Sequence[str]) -> dict[str, OverrideSpec]:
    """Return the override in force on each of these lines."""
    rows = Membership.objects.filter(line_id__in=lines, to_version=None).select_related("override__line")
    return {row.line_id: row.override.spec for row in rows}


def gate_person(person: User | None, request: ChangeRequest, situation: Situation) -> Person | None:
    """Return the person who takes a step as the gates need them; None for the machine."""
    if person is None:
        return None
    return Person(
        permissions=frozenset(person.get_all_permissions()),
        is_author=request.author_id == person.pk,
        counts=_counts(person, situation.voters),
    )

"""Lessons to a change request: the override materializer (docs/design.md 7).

It proposes material differences only, at most one request for each module and day, and none while one waits for review.
The successor of a request that a reviewer returned is drafted at once, besides that. A run without lessons proposes to
withdraw everything proposed before. A rejected line is proposed again after 30 days, or once its evidence has changed.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db import connection, transaction
from django.db.models import Q, QuerySet

from learning.coefficients.proposed_weights import proposed_weights, request_title
from learning.core.lesson_levers import LEVER_NAMES
from learning.lessons.lifetime_ledger import proven_signs
from learning.lessons.methods import METHODS
from learning.models import Lesson
from learning.proposals.evidence_document import measured_as, method_of
from learning.proposals.withdrawal_reasons import withdrawal_reasons
from overrides.core.engine.definitions.levers import LEVERS
from overrides.core.engine.definitions.module_parameters import ModuleParameters
from overrides.core.engine.definitions.override_spec import OverrideSpec, grouped
from overrides.core.engine.definitions.override_stats import Stats
from overrides.core.engine.definitions.parameters import WeightParameters
from overrides.core.engine.definitions.validation import contradicts
from overrides.core.engine.definitions.vocabulary import Blend, Channel, LearningMethod
from overrides.core.governance.evidence_bar import clears_evidence_bar
from overrides.core.governance.line_caps import beyond_cap, within_cap
from overrides.core.governance.rejections import ProposedEvidence, evidence_moved
from overrides.models import ChangeLine, ChangeRequest, LineHold, Membership, RequestKind
from overrides.requests.authoring import draft_request, lock_author
from overrides.requests.auto_publish import lines_in_reach, publish_within_mandates
from overrides.requests.evidence import DraftedLine, Measured
from overrides.requests.gates import DAY
from overrides.requests.holds import end_hold
from overrides.requests.kinds.kind import DraftLine
from overrides.versions.load_version import current_parameters
from overrides.versions.publish import store_override
from telemetry.foundation.core.words import count_of

SOURCE = "lesson"
AUTHOR = "materializer"


@dataclass(frozen=True)
class _Held:
    """What people keep the materializer from: lines it may not touch, caps by line, and rejections by line."""

    lines: frozenset[str]
    caps: Mapping[str, Mapping[str, float]]
    rejections: Mapping[str, LineHold]


@dataclass(frozen=True)
class _Changes:
    """What the materializer would change now, and why the rejections of some lines end with it."""

    lines: list[DraftLine]
    n_wanted: int
    returned: Mapping[int, str]  # hold of a rejection -> what changed since
    drafted: Sequence[DraftedLine]  # the overrides before and after of each line


@transaction.atomic
def materialize(*, module: str, now: datetime) -> ChangeRequest | None:
    """Draft the changes of the lessons to the active version; None if nothing is material or a request is open."""
    lock_drafts(module)
    if _is_already_requested(module, now):
        return None
    changes = _changes(module, now)
    weights = proposed_weights(module=module, at=now)
    if not changes.lines and not weights:
        return None
    lessons = count_of(changes.n_wanted, "active lesson")
    reason = f"Daily proposal: {count_of(len(changes.lines), 'change')} from {lessons} of {module}"
    reason += "; and the weights of coefficients that have moved" if weights else ""
    return _draft(module, changes, weights, reason, now)


@transaction.atomic
def draft_successor(returned: ChangeRequest, reason: str, at: datetime) -> ChangeRequest | None:
    """Draft the next request after one that a reviewer returned with wishes, which are holds by now.

    It is drafted from the lessons of this moment, besides the daily one, and leaves out what another open request of
    the materializer proposes. Returns None if nothing is left to propose.
    """
    module = returned.module
    lock_drafts(module)
    others = _mine(module).filter(state__in=ChangeRequest.OPEN)
    changes = _changes(module, at, set(ChangeLine.objects.filter(request__in=others).values_list("line_id", flat=True)))
    is_weighed = any("coefficients" in content for content in others.values_list("content", flat=True))
    weights = {} if is_weighed else proposed_weights(module=module, at=at)
    if not changes.lines and not weights:
        return None
    return _draft(module, changes, weights, reason, at, succeeds=returned)


def lock_drafts(module: str) -> None:
    """Wait for other drafts of the materializer, and keep them out until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"materialize {module}"])
    lock_author(AUTHOR)


def _changes(module: str, now: datetime, others: Collection[str] = ()) -> _Changes:
    """Return the material differences between the lessons and what is in force, less what people hold."""
    parameters, held = current_parameters(module), _held(module, now)
    closed = held.lines | _lines_of_people(module) | set(others)
    standing = {line: spec for line, spec in _in_force(module).items() if line not in closed}
    wanted = {line: spec for line, spec in _requested(module, parameters).items() if line not in closed}
    lines, returned, drafted = [], {}, []
    for line in sorted(standing.keys() | wanted.keys()):
        after, rejection = wanted.get(line), held.rejections.get(line)
        moved = _moved(rejection, after, parameters)
        if rejection is not None and after is not None and not moved:
            continue
        after = None if after is None else capped(after, held.caps.get(line))
        differences = material_differences(standing.get(line), after, parameters)
        if differences:
            stored = None if after is None else store_override(after, source=SOURCE, at=now).id
            lines.append(DraftLine(line, stored, differences))
            drafted.append(DraftedLine(line, standing.get(line), after))
            if rejection is not None and moved:
                returned[rejection.pk] = "; ".join(moved)
    return _Changes(lines, len(wanted), returned, drafted)


def _moved(rejection: LineHold | None, after: OverrideSpec | None, parameters: ModuleParameters) -> list[str]:
    """Return what changed since a line was rejected; empty if nothing did, or if it was not rejected."""
    if rejection is None or rejection.rejected is None or after is None:
        return []
    then = ProposedEvidence.from_document(rejection.rejected)
    return evidence_moved(then, ProposedEvidence.of(after, parameters.evidence))


def _draft(
    module: str,
    changes: _Changes,
    weights: Mapping[str, Any],
    reason: str,
    at: datetime,
    succeeds: ChangeRequest | None = None,
) -> ChangeRequest:
    """Draft the request, and end the rejections of the lines that it proposes again."""
    request = draft_request(
        module=module,
        kind=RequestKind.LINES,
        title=request_title(_title(changes.lines), weights),
        reason=reason,
        author=None,
        author_name=AUTHOR,
        at=at,
        lines=changes.lines,
        content=weights,
        measured=_measured(module, changes.drafted, weights, at),
        succeeds=succeeds,
    )
    for hold in LineHold.objects.select_for_update().filter(pk__in=changes.returned, lifted_at=None).order_by("pk"):
        end_hold(hold, actor=AUTHOR, reason=f"proposed again: {changes.returned[hold.pk]}", at=at)
    return request


def _measured(module: str, drafted: Sequence[DraftedLine], weights: Mapping[str, Any], at: datetime) -> Measured:
    """Return what is known of a draft, with the reason of each withdrawal."""
    withdrawn = {each.line_id: each.before for each in drafted if each.after is None and each.before is not None}
    moved = weights["evidence"]["values"] if weights else ()
    parameters = current_parameters(module)
    reasons = withdrawal_reasons(module, parameters, withdrawn)
    return measured_as(module, method_of(parameters, drafted), drafted, moved, at, reasons, parameters)


def publish_what_mandates_cover(*, module: str, now: datetime) -> ChangeRequest | None:
    """Publish fresh targets of lines in force where mandates allow it; the rest is materialized.

    Only lines that may be published without a person are read.
    """
    reach = lines_in_reach(module)
    if reach is not None and not reach:
        return None
    parameters = current_parameters(module)
    standing, caps = _in_force(module, reach), _held(module, now).caps
    wanted = {line: capped(spec, caps.get(line)) for line, spec in _requested(module, parameters, reach).items()}
    lines = (standing.keys() | wanted.keys()) - _lines_of_people(module)
    young = _recently_renewed(module, now)
    news = {
        line: wanted.get(line)
        for line in lines
        if line not in young or material_differences(standing.get(line), wanted.get(line), parameters)
    }
    return publish_within_mandates(module=module, proposed=news, source=SOURCE, at=now, proven=_proven(module, news))


def _proven(module: str, proposed: Mapping[str, OverrideSpec | None]) -> set[str]:
    """Return the lines whose proposed edge has the sign that is proven for the life of the learner."""
    signs = proven_signs(module)
    return {line for line, spec in proposed.items() if spec and signs.get(line, 0.0) * spec.stats.edge_raw > 0}


def _recently_renewed(module: str, now: datetime) -> set[str]:
    """Return the lines renewed within the last day whose method refits all lessons together.

    Every trade changes each of these lines a little; changes that are not material can wait.
    """
    refitting = [method.name for method in METHODS.values() if method.refits]
    rows = Membership.objects.filter(module=module, to_version=None, line__policy__in=refitting)
    return set(rows.filter(override__created_at__gt=now - DAY).values_list("line_id", flat=True))


def requested_specs(
    module: str,
    parameters: ModuleParameters,
    policies: Mapping[Channel, LearningMethod],
    lines: Collection[str] | None = None,
) -> dict[str, OverrideSpec]:
    """Return line -> override requested by the active lessons of these methods on the named channels.

    Other lessons than those of these `lines` are left out, if any are named.

    Targets are clipped to the bounds of `parameters`, which may be tighter than those the lessons were built with. A
    plan target moves day by day, so after its edge has changed sign it may still lie on the other side of neutral;
    until it has followed, such a lesson requests nothing.
    """
    named = Q(pk__in=())
    for channel, policy in policies.items():
        named |= Q(type=channel, policy=policy)
    lessons = Lesson.objects.filter(named, module=module, status=Lesson.Status.ACTIVE)
    lessons = lessons if lines is None else lessons.filter(line_id__in=lines)
    specs = (_spec(lesson, parameters.channels[Channel(lesson.type)].weights) for lesson in lessons)
    return {spec.line: spec for spec in specs if any(_moves(spec.levers)) and not contradicts(spec)}


def _requested(
    module: str, parameters: ModuleParameters, lines: Collection[str] | None = None
) -> dict[str, OverrideSpec]:
    """Return the overrides requested on each channel by the method in force there."""
    policies = {channel: each.policy for channel, each in parameters.channels.items()}
    return requested_specs(module, parameters, policies, lines)


def material_differences(
    before: OverrideSpec | None, after: OverrideSpec | None, parameters: ModuleParameters
) -> list[str]:
    """Return why a change from `before` to `after` is material; empty if it is not.

    Material are a new or withdrawn line, a sign change, a target that moved by more than half a step and, for the
    evidence method, a change of verification.
    """
    if before is None or after is None:
        return ["new line"] if after else ["withdrawn"] if before else []
    weights = parameters.channels[after.channel or Channel.PM_STRENGTH].weights
    differences = _change_of_status(before, after, parameters)
    differences += [f"{name} added" for name in after.levers if name not in before.levers]
    differences += [f"{name} dropped" for name in before.levers if name not in after.levers]
    for name in before.levers.keys() & after.levers.keys():
        lever = LEVERS[name]
        was, becomes = lever.unit(before.levers[name]), lever.unit(after.levers[name])
        step = weights.step_of(name)
        step = math.log1p(step) if lever.blend is Blend.LOG else step
        if was * becomes < 0:
            differences.append(f"{name} changes sign")
        elif abs(becomes - was) > step / 2:
            differences.append(f"{name} moves by more than half a step")
    return sorted(differences)


def _change_of_status(before: OverrideSpec, after: OverrideSpec, parameters: ModuleParameters) -> list[str]:
    """Return the change of verification, for a method that verifies."""
    if after.policy is None or not METHODS[after.policy].verifies:
        return []
    was, becomes = clears_evidence_bar(before, parameters.evidence), clears_evidence_bar(after, parameters.evidence)
    return [] if was is becomes else ["now verified" if becomes else "verified no more"]


def _is_already_requested(module: str, now: datetime) -> bool:
    """Return whether a request of the materializer is open or was drafted today."""
    midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return _mine(module).filter(Q(state__in=ChangeRequest.OPEN) | Q(created_at__gte=midnight)).exists()


def _mine(module: str) -> QuerySet[ChangeRequest]:
    """Return the requests of the materializer."""
    return ChangeRequest.objects.filter(module=module, kind=RequestKind.LINES, author=None, author_name=AUTHOR)


def _held(module: str, now: datetime) -> _Held:
    """Return the holds in effect on lines of a module, by what they keep the materializer from."""
    lines: set[str] = set()
    caps: dict[str, Mapping[str, float]] = {}
    rejections: dict[str, LineHold] = {}
    for hold in LineHold.objects.filter(LineHold.is_live(now), line__module=module):
        if hold.cap is not None:
            caps[hold.line_id] = hold.cap
        elif hold.rejected is not None:
            rejections[hold.line_id] = hold
        else:
            lines.add(hold.line_id)
    return _Held(frozenset(lines), caps, rejections)


def capped(spec: OverrideSpec, cap: Mapping[str, float] | None) -> OverrideSpec:
    """Return the override with its targets at most as far from neutral as a cap allows."""
    if not cap or not beyond_cap(spec.levers, cap):
        return spec
    return spec.with_levers(within_cap(spec.levers, cap))


def _lines_of_people(module: str) -> set[str]:
    """Return the lines whose override in force was not proposed by a lesson; lessons do not replace it."""
    others = Membership.objects.filter(module=module, to_version=None).exclude(override__source=SOURCE)
    return set(others.values_list("line_id", flat=True))


def _in_force(module: str, lines: Collection[str] | None = None) -> dict[str, OverrideSpec]:
    """Return the overrides in force that lessons proposed, of these `lines` if any are named."""
    rows = Membership.objects.filter(module=module, to_version=None, override__source=SOURCE)
    rows = rows if lines is None else rows.filter(line_id__in=lines)
    return {row.line_id: row.override.spec for row in rows.select_related("override__line")}


def _moves(levers: Mapping[str, float]) -> Iterable[bool]:
    """Yield whether each lever differs from neutral."""
    return (value != LEVERS[name].neutral for name, value in levers.items())


def _spec(lesson: Lesson, weights: WeightParameters) -> OverrideSpec:
    """Return the override that a lesson requests."""
    stats = lesson.stats
    levers = {LEVER_NAMES.get(name, name): target for name, target in lesson.targets.items()}
    return OverrideSpec.from_document(
        {
            "type": lesson.type,
            "policy": LearningMethod(lesson.policy),
            "module": lesson.module,
            "pattern_key": lesson.pattern_key,
            "action_category": lesson.action_category,
            "scope": lesson.scope,
            "stats": {name: stats[name] for name in Stats.__slots__},
            "levers": grouped({name: _within(weights.bounds_of(name), each) for name, each in levers.items()}),
            "promise": {
                "predicted": lesson.edge_raw,
                "sd": stats["sd"] if "sd" in stats else math.sqrt(stats["variance"] / stats["n"]),
                "mu0": stats["baseline"],
                "s_p": math.sqrt(stats["variance"]),
            },
        }
    )


def _within(bounds: tuple[float, float], target: float) -> float:
    """Clip a target to bounds."""
    return min(max(target, bounds[0]), bounds[1])


def _title(lines: list[DraftLine]) -> str:
    """Return the title of a request."""
    withdrawn = sum(line.after is None for line in lines)
    new = sum(list(line.differences) == ["new line"] for line in lines)
    counts = {"new": new, "changed": len(lines) - new - withdrawn, "withdrawn": withdrawn}
    return "Lessons: " + ", ".join(f"{count} {name}" for name, count in counts.items() if count)

"""Publish what mandates cover without a person, through the same gates; everything else waits for a person.

Within a mandate are new statistics, moves towards neutral, and withdrawal. A daily cap on automatic movement applies in
addition to all mandates. The result is a request like any other, with route `mandate` (docs/design.md 11).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from django.db import transaction

from overrides.core.engine.definitions.module_parameters import ModuleParameters
from overrides.core.engine.definitions.override_spec import OverrideSpec
from overrides.core.engine.definitions.vocabulary import LearningMethod
from overrides.core.governance.exposure import steps_moved
from overrides.core.governance.gates import is_below_bar, lowers, target_levers
from overrides.core.governance.line_caps import beyond_cap
from overrides.core.governance.mandates import exceeded, moves_farther
from overrides.core.governance.request_states import Step
from overrides.models import ChangeLine, ChangeRequest, LineHold, Mandate, RequestKind
from overrides.requests.apply import apply_now
from overrides.requests.authoring import draft_request
from overrides.requests.gates import DAY, moved_before, refuse_blocked, specs_in_force
from overrides.requests.governance_store import (
    gone_at_once,
    is_quarantined,
    live_mandates,
    mandated_lines,
    policy_of,
    trades_of,
)
from overrides.requests.kinds.kind import DraftLine
from overrides.versions.load_version import current_parameters
from overrides.versions.publish import lock_module, store_override

NAMED = 3
ProposedOverrides = Mapping[str, OverrideSpec | None]


@transaction.atomic
def publish_within_mandates(
    *, module: str, proposed: ProposedOverrides, source: str, at: datetime, proven: Collection[str] = ()
) -> ChangeRequest | None:
    """Publish the `proposed` changes that mandates cover: line -> new override, or None to withdraw it.

    A change that lowers exposure needs no mandate if the module's policy lets such changes apply by themselves. Lines
    are taken in id order until the daily cap is reached; a line that an open request would move is left alone, so that
    its votes stay valid, and one that went at once stays out of force. `proven` names the lines whose edge is proven
    for the life of the learner, which the parameter `publish_proven_only` asks for where a line of the evidence method
    moves farther from neutral. Returns None if nothing is covered, or if the builder is in quarantine.
    """
    lock_module(module)
    if is_quarantined(module):
        return None
    mandates = live_mandates(list(proposed))
    covered = _covered(module, proposed, mandates, proven, at)
    if not covered:
        return None
    lines = [
        DraftLine(line, None if spec is None else store_override(spec, source=source, at=at).id, ["under its mandate"])
        for line, spec in covered.items()
    ]
    actor = _actor([mandates[line] for line in covered if line in mandates])
    request = draft_request(
        module=module,
        kind=RequestKind.LINES,
        title=f"Published within mandates: {len(lines)} line{'' if len(lines) == 1 else 's'}",
        reason="fresh statistics, moves towards neutral and withdrawals that the approvals of these lines allow",
        author=None,
        author_name=actor,
        at=at,
        lines=lines,
        route=ChangeRequest.Route.MANDATE,
    )
    read = refuse_blocked(request, Step.DELEGATE, None, at)
    apply_now(request, Step.DELEGATE, read.changes, read.basis, actor, at)
    return request


def lines_in_reach(module: str) -> set[str] | None:
    """Return the lines that may be published without a person: those with a mandate.

    None stands for any line, where the policy lets changes that lower exposure apply by themselves.
    """
    return None if policy_of(module).lowering_applies else mandated_lines(module)


def _covered(
    module: str,
    proposed: ProposedOverrides,
    mandates: Mapping[str, Mandate],
    proven: Collection[str],
    at: datetime,
) -> dict[str, OverrideSpec | None]:
    """Return the changes that may be published now, in id order."""
    lines = sorted(proposed)
    in_force = specs_in_force(lines)
    holds = list(LineHold.objects.filter(LineHold.is_live(at), line_id__in=lines))
    requested = set(
        ChangeLine.objects.filter(line_id__in=lines, request__state__in=ChangeRequest.OPEN).values_list(
            "line_id", flat=True
        )
    )
    parameters, policy, most_trades = current_parameters(module), policy_of(module), trades_of(module)
    remaining = policy.daily_cap - moved_before(module, at, DAY, ChangeRequest.Route.MANDATE)
    holds_of: dict[str, list[LineHold]] = {}
    for hold in holds:
        holds_of.setdefault(hold.line_id, []).append(hold)
    gone = gone_at_once([line for line in lines if line not in in_force])
    covered: dict[str, OverrideSpec | None] = {}
    for line in lines:
        before, after = in_force.get(line), proposed[line]
        terms = mandates[line].terms if line in mandates else None
        is_free = policy.lowering_applies and lowers(before, after)
        is_invented = after is not None and after.stats.n > most_trades
        needs_a_person = is_invented or bool(exceeded(terms, after, at))
        if _is_held(holds_of.get(line, ()), after) or _same(before, after) or (needs_a_person and not is_free):
            continue
        moved = _moved(before, after, parameters)
        is_weak = after is not None and is_below_bar(after, policy, parameters)
        if before is None and line in gone:  # only a reviewed request brings it back
            continue
        if line not in proven and _needs_proof(before, after, parameters):
            continue
        if (moved > 0 and line in requested) or moved > remaining or is_weak:
            continue
        remaining -= moved
        covered[line] = after
    return covered


def _needs_proof(before: OverrideSpec | None, after: OverrideSpec | None, parameters: ModuleParameters) -> bool:
    is_learned = after is not None and after.policy is LearningMethod.EVIDENCE
    return parameters.evidence.publish_proven_only and is_learned and moves_farther(before, after)


def _is_held(holds: Sequence[LineHold], after: OverrideSpec | None) -> bool:
    """Return whether holds keep the builder from this change.

    A cap keeps it from moving farther; a pin of a rejection does not keep it from withdrawing the line.
    """
    for hold in holds:
        if hold.cap is not None:
            if after is not None and beyond_cap(after.levers, hold.cap):
                return True
        elif after is not None or hold.rejected is None:
            return True
    return False


def _same(before: OverrideSpec | None, after: OverrideSpec | None) -> bool:
    """Return whether both are the same override, or both are none."""
    return before is after is None or (before is not None and after is not None and after.content_id == before.id)


def _moved(before: OverrideSpec | None, after: OverrideSpec | None, parameters: ModuleParameters) -> float:
    """Return the steps by which a change moves a line; one of the overrides has to be given."""
    spec = after or before
    weights = next(each.weights for name, each in parameters.channels.items() if spec and name is spec.channel)
    return steps_moved(target_levers(before), target_levers(after), weights)


def _actor(mandates: Sequence[Mandate]) -> str:
    """Return the name of the actor: the builder, with the mandates it acts under."""
    if not mandates:
        return "builder, lowering exposure"
    numbers = sorted(mandate.pk for mandate in mandates)
    named = ", ".join(map(str, numbers[:NAMED])) + (f" and {len(numbers) - NAMED} more" if len(numbers) > NAMED else "")
    return f"builder under mandate{'s' if len(numbers) > 1 else ''} {named}"

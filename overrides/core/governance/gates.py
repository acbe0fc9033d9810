"""Preconditions of every step on a change request: each unmet one is reported with its remedy.

A gate reports its message, its severity, the remedy and the permission that can clear it. Admin, API and verbs use the
same list (docs/design.md 10). Each gate is a function of the situation; the table at the end says which steps it
guards.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from overrides.core.engine.definitions.field_error import FieldError
from overrides.core.engine.definitions.module_parameters import ModuleParameters
from overrides.core.engine.definitions.override_spec import OverrideSpec
from overrides.core.engine.definitions.validation import contradicts, faults_under
from overrides.core.governance.evidence_bar import exceeding_held_target, exceeds_held_target, false_sign_rate
from overrides.core.governance.exposure import lowers_exposure
from overrides.core.governance.governance_policy import GovernancePolicy
from overrides.core.governance.line_caps import beyond_cap
from overrides.core.governance.mandates import exceeded
from overrides.core.governance.permissions import APPLY, REVIEW
from overrides.core.governance.request_states import State, Step, WrongState, after
from overrides.core.governance.situation import Attempt, Situation, TouchedLine

ALREADY_AGREED = "already_agreed"
NAMED = 3  # lines named in one message; further ones are only counted
HEALTH = {
    "stale": frozenset({"edited", "stale_base", "stale_line"}),
    "evidence_lapsed": frozenset({"evidence_below_bar"}),
    "conflict": frozenset({"conflict"}),
}


class Severity(StrEnum):
    """Whether a gate prevents the step or only warns."""

    BLOCKS = "blocks"
    WARNS = "warns"


@dataclass(frozen=True)
class Gate:
    """One obstacle. `permission` is the one needed to clear it; empty if nobody can clear it on this request."""

    name: str
    message: str
    way_past: str
    severity: Severity = Severity.BLOCKS
    permission: str = ""


def gates(situation: Situation, attempt: Attempt) -> tuple[Gate, ...]:
    """Return every gate that is in the way of the step, blockers first."""
    found = [gate for steps, rule in RULES if attempt.step in steps for gate in rule(situation, attempt)]
    return tuple(sorted(found, key=lambda gate: gate.severity is not Severity.BLOCKS))


def health(found: Iterable[Gate]) -> str:
    """Return whether a request still fits what is in force, by its gravest fault; independent of its state.

    >>> health([Gate("conflict", "", ""), Gate("stale_line", "", "")]), health([])
    ('stale', 'valid')
    """
    names = {gate.name for gate in found}
    return next((word for word, faults in HEALTH.items() if names & faults), "valid")


def blocking(situation: Situation, attempt: Attempt) -> list[Gate]:
    """Return every gate that blocks the step."""
    return blockers(gates(situation, attempt))


def blockers(found: Iterable[Gate]) -> list[Gate]:
    """Return the gates that prevent the step."""
    return [gate for gate in found if gate.severity is Severity.BLOCKS]


def _wrong_state(situation: Situation, attempt: Attempt) -> Iterator[Gate]:
    try:
        after(attempt.step, situation.state)
    except WrongState as error:
        yield Gate("wrong_state", f"it {error}", "open a request that is in such a state")


def _expired(situation: Situation, attempt: Attempt) -> Iterator[Gate]:
    if attempt.at >= situation.expires_at:
        when = f"{situation.expires_at:%Y-%m-%d %H:%M} UTC"
        yield Gate("expired", f"it expired on {when}", "draft it again from what is in force")


def _no_permission(situation: Situation, attempt: Attempt) -> Iterator[Gate]:
    needed, what = (APPLY, "apply requests") if attempt.step in _APPLYING else (REVIEW, "decide about requests")
    if attempt.person is not None and needed not in attempt.person.permissions:
        yield Gate("no_permission", f"you may not {what}", "ask a reviewer", permission=needed)


def _own_request(situation: Situation, attempt: Attempt) -> Iterator[Gate]:
    if attempt.person is not None and attempt.person.is_author:
        yield Gate("own_request", "you drafted this request", "somebody else has to decide", permission=REVIEW)


def _other_group(situation: Situation, attempt: Attempt) -> Iterator[Gate]:
    if attempt.person is not None and not attempt.person.counts:
        groups = ", ".join(situation.voters)
        yield Gate("other_group", f"votes of {groups} alone count here", f"ask a member of {groups}", permission=REVIEW)


def _no_author(situation: Situation, attempt: Attempt) -> Iterator[Gate]:
    if situation.is_machine:
        way_past = "say line by line what its next draft should leave out, hold or make smaller, or reject the request"
        yield Gate("no_author", "a machine drafted this request, and it reads no comments", way_past)


def _has_author(situation: Situation, attempt: Attempt) -> Iterator[Gate]:
    if not situation.is_machine:
        yield Gate("has_author", "a person drafted this request", "request changes; its author reads your comments")


def _already_agreed(situation: Situation, attempt: Attempt) -> Iterator[Gate]:
    if situation.state in (State.APPROVED, State.SCHEDULED) and situation.approvals >= situation.needed:
        message = f"it is {situation.state}, with all the approvals that it needs"
        yield Gate(ALREADY_AGREED, message, "apply it, or comment on it")


def _missing_approvals(situation: Situation, attempt: Attempt) -> Iterator[Gate]:
    if situation.approvals >= situation.needed:
        return
    why = ""
    if situation.needed > situation.policy.approvals:
        moved = f"{situation.movement:.1f} steps, {situation.moved_before:.1f} before it"
        why = f", because it moves much ({moved})"
    gone = f" ({'; '.join(situation.lapsed)})" if situation.lapsed else ""
    counted = f"{situation.approvals} of {situation.needed} approvals of this content{gone}{why}"
    way_past = "a reviewer other than its author has to sign it"
    yield Gate("missing_approvals", f"it has {counted}", way_past, permission=REVIEW)


def _edited(situation: Situation, attempt: Attempt) -> Iterator[Gate]:
    if situation.signed_hash != situation.content_hash:
        yield Gate("edited", "its content is not the one that was hashed and signed", "draft it again")


def _stale(situation: Situation, attempt: Attempt) -> Iterator[Gate]:
    if situation.base_changed:
        yield Gate("stale_base", f"stale: {situation.base_changed} changed since this was drafted", "draft it again")
    moved = [each for each in situation.lines if each.in_force != target_levers(each.before)]
    if moved:
        message = f"stale: {_named(moved)} changed since this was drafted"
        yield Gate("stale_line", message, "draft it again from what is in force")


def _conflict(situation: Situation, attempt: Attempt) -> Iterator[Gate]:
    rivals = sorted({number for each in situation.lines for number in each.rivals})
    if rivals and situation.is_served:
        numbers = ", ".join(f"request {number}" for number in rivals[:NAMED])
        message = f"{numbers} would change some of the same lines"
        yield Gate("conflict", message, "the one applied first makes the other stale", Severity.WARNS)


def _little_evidence(situation: Situation, attempt: Attempt) -> Iterator[Gate]:
    least, bar = situation.policy.least_n, situation.parameters.evidence
    added = [(each, each.after) for each in situation.lines if each.after is not None]
    few = [each for each, spec in added if spec.stats.n < least]
    exceeding = exceeding_held_target([spec for _, spec in added], bar)
    unsure = [each for each, spec in added if spec.id in exceeding]
    if few:
        message = f"{_named(few, _trades)} rest on fewer than {least:g} trades"
        way_past = "leave them out until there are more, or lower least_n by a policy request"
        yield Gate("evidence_below_bar", message, way_past)
    if unsure:
        message = (
            f"{_named(unsure, _sureness)} move more than {bar.unverified_cap:.0%} and are not verified (wrong sign "
            f"with probability {bar.verified_lfsr:g} at most, on {bar.n_min} trades)"
        )
        yield Gate("evidence_below_bar", message, f"keep them within {bar.unverified_cap:.0%} until they are")


def is_below_bar(spec: OverrideSpec, policy: GovernancePolicy, parameters: ModuleParameters) -> bool:
    """Return whether an override has too little evidence for how far it moves."""
    return spec.stats.n < policy.least_n or exceeds_held_target(spec, parameters.evidence)


def _method_not_ready(situation: Situation, attempt: Attempt) -> Iterator[Gate]:
    for each in situation.unready:
        yield Gate("method_not_ready", each.message, each.way_past)


def _contradiction(situation: Situation, attempt: Attempt) -> Iterator[Gate]:
    contrary = [each for each in situation.lines if each.after is not None and contradicts(each.after)]
    if contrary:
        message = f"{_named(contrary)} move against the sign of their own edge"
        yield Gate("sign_contradiction", message, "correct the edge or the targets")


def _against_measurement(situation: Situation, attempt: Attempt) -> Iterator[Gate]:
    for each in situation.lines:
        if each.contradicts:
            message = f"{each.label}: its judgement {each.contradicts}"
            way_past = "weigh the stated reason against the measurement, or reject it"
            yield Gate("against_measurement", message, way_past, Severity.WARNS)


def _misfit(situation: Situation, attempt: Attempt) -> Iterator[Gate]:
    faults = [(each, _faults(each.after, situation.parameters)) for each in situation.lines]
    wrong = [(each, found) for each, found in faults if found]
    if wrong:
        named = _named([each for each, _ in wrong])
        yield Gate("outside_bounds_or_category", f"{named}: {wrong[0][1][0]}", "draft them as the registry allows")


def _dimension_in_use(situation: Situation, attempt: Attempt) -> Iterator[Gate]:
    if situation.stranded:
        more = len(situation.stranded) - NAMED
        named = ", ".join(situation.stranded[:NAMED]) + (f" and {more} more" if more > 0 else "")
        message = f"{named} name a dimension, or a bucket of one, that these parameters do not have"
        yield Gate("dimension_in_use", message, "retire them first, or keep the dimension and its cuts")


def _vetoed(situation: Situation, attempt: Attempt) -> Iterator[Gate]:
    vetoed = [each for each in situation.lines if each.is_vetoed and each.after is not None]
    if vetoed:
        message = f"{_named(vetoed)} must not be served: a veto stands"
        yield Gate("vetoed", message, "lift the veto, or leave the line out", permission=REVIEW)


def _pinned(situation: Situation, attempt: Attempt) -> Iterator[Gate]:
    pinned = [each for each in situation.lines if each.is_pinned and situation.is_machine]
    if pinned:
        message = f"{_named(pinned)} are pinned: no machine may change them"
        yield Gate("pinned", message, "lift the pin, or leave the line out", permission=REVIEW)


def _capped(situation: Situation, attempt: Attempt) -> Iterator[Gate]:
    if not situation.is_machine:
        return
    capped = [each for each in situation.lines if each.cap and beyond_cap(target_levers(each.after), each.cap)]
    if capped:
        message = f"{_named(capped)} would move farther than a cap lets machines move them"
        yield Gate("capped", message, "lift the cap, or leave the line out", permission=REVIEW)


def _beyond_mandate(situation: Situation, attempt: Attempt) -> Iterator[Gate]:
    for each in situation.lines:
        reasons = exceeded(each.mandate, each.after, attempt.at)
        is_lower = lowers_exposure(each.action_category, each.in_force, target_levers(each.after))
        if reasons and not (situation.policy.lowering_applies and is_lower):
            message = f"{each.label}: {'; '.join(reasons)}"
            yield Gate("mandate_exceeded", message, "the daily request asks a person", permission=REVIEW)


def _cap_reached(situation: Situation, attempt: Attempt) -> Iterator[Gate]:
    cap = situation.policy.daily_cap
    if situation.movement + situation.moved_before > cap:
        moved = f"{situation.moved_before:.1f} of {cap:g} steps in 24 hours, and this moves {situation.movement:.1f}"
        yield Gate("cap_reached", f"the builder has moved {moved}", "wait, or let a person decide", permission=REVIEW)


def _quarantined(situation: Situation, attempt: Attempt) -> Iterator[Gate]:
    if situation.is_quarantined:
        yield Gate("quarantined", "the builder is in quarantine", "lift it, or let a person decide", permission=REVIEW)


def _not_due(situation: Situation, attempt: Attempt) -> Iterator[Gate]:
    due = situation.scheduled_for
    if attempt.person is None and (due is None or attempt.at < due):
        when = "not scheduled" if due is None else f"scheduled for {due:%Y-%m-%d %H:%M} UTC"
        yield Gate("not_due", f"it is {when}", "wait, or let a person apply it", permission=APPLY)


def lowers(in_force: OverrideSpec | None, after: OverrideSpec | None) -> bool:
    """Return whether the change from the override in force to `after` lowers exposure; None stands for neutral."""
    spec = after or in_force
    return spec is not None and lowers_exposure(spec.action_category, target_levers(in_force), target_levers(after))


def target_levers(spec: OverrideSpec | None) -> Mapping[str, float]:
    """Return the targets of an override; empty for None."""
    return {} if spec is None else spec.levers


def _faults(spec: OverrideSpec | None, parameters: ModuleParameters) -> list[FieldError]:
    if spec is None:
        return []
    faults = faults_under(spec, parameters)
    channel = None if spec.channel is None else parameters.channels.get(spec.channel)
    if channel is None or channel.policy is not spec.policy:
        faults.append(FieldError("policy", f"its channel does not use {spec.policy}"))
    return faults


def _trades(spec: OverrideSpec) -> str:
    return f"{spec.stats.n:g}"


def _sureness(spec: OverrideSpec) -> str:
    return f"{false_sign_rate(spec):.2g} on {spec.stats.n:g}"


def _named(lines: list[TouchedLine], figure: Callable[[OverrideSpec], str] | None = None) -> str:
    """Return the labels of the first lines, each with its figure if one is given, and how many more there are."""
    shown = [(each.label, each.after) for each in lines[:NAMED]]
    names = ", ".join(label + (f" ({figure(spec)})" if figure and spec else "") for label, spec in shown)
    more = len(lines) - NAMED
    return names + (f" and {more} more" if more > 0 else "")


_APPLYING = frozenset({Step.APPLY, Step.SCHEDULE, Step.UNSCHEDULE})
_VOTING = frozenset({Step.SIGN, Step.APPROVE, Step.REQUEST_CHANGES, Step.REDRAFT, Step.REJECT})
_AGREEING = frozenset({Step.SIGN, Step.APPROVE})
_EFFECT = frozenset({Step.APPLY, Step.DELEGATE})
_EVERY = frozenset(Step)

RULES: tuple[tuple[frozenset[Step], Callable[[Situation, Attempt], Iterator[Gate]]], ...] = (
    (_EVERY, _wrong_state),
    (_EVERY - {Step.EXPIRE, Step.DELEGATE, Step.ACT_AT_ONCE, Step.CANCEL}, _expired),
    (_VOTING | _APPLYING, _no_permission),
    (_VOTING, _own_request),
    (frozenset({Step.REQUEST_CHANGES}), _no_author),
    (frozenset({Step.REDRAFT}), _has_author),
    (_AGREEING, _other_group),
    (_AGREEING, _already_agreed),
    (_APPLYING - {Step.UNSCHEDULE}, _missing_approvals),
    (_AGREEING | _APPLYING - {Step.UNSCHEDULE}, _edited),
    (_AGREEING | _EFFECT, _stale),
    (_AGREEING | _EFFECT, _conflict),
    (_AGREEING | _EFFECT, _little_evidence),
    (_AGREEING | _EFFECT, _method_not_ready),
    (_AGREEING | _EFFECT, _contradiction),
    (_AGREEING | _EFFECT, _against_measurement),
    (_AGREEING | _EFFECT, _misfit),
    (_AGREEING | _EFFECT, _dimension_in_use),
    (_AGREEING | _EFFECT, _vetoed),
    (_AGREEING | _EFFECT, _pinned),
    (_AGREEING | _EFFECT, _capped),
    (frozenset({Step.DELEGATE}), _beyond_mandate),
    (frozenset({Step.DELEGATE}), _cap_reached),
    (frozenset({Step.DELEGATE}), _quarantined),
    (frozenset({Step.APPLY}), _not_due),
)

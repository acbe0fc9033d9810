"""A machine's proposal becomes a change request in review: its overrides stored and checked, for people to decide."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction

from overrides.core.check import check
from overrides.core.module import ModuleParameters
from overrides.core.specs import OverrideSpec
from overrides.draft import DraftLine, draft_request, edit_request
from overrides.gates import Refusal as NotDrafted
from overrides.load import current_parameters, spec_of
from overrides.models import ChangeLine, ChangeRequest
from overrides.proposals import Kind, Proposal, raise_any, refusal
from overrides.publish import store_override
from telemetry.foundation.core.refusal import Refusal, Refused

SOURCE = "api"
BY_HAND = "person"


@transaction.atomic
def propose(proposal: Proposal, *, by: str, at: datetime) -> ChangeRequest:
    """Draft it as a machine named `by`. Raises Refused where it does not fit what is in force."""
    raise_any(_misfits(proposal, current_parameters(proposal.module)))
    specs = {each.line: each for each in proposal.lines if isinstance(each, OverrideSpec)}
    # In line order: two proposals at once meet on the first line they share, not crosswise.
    stored = {line: store_override(specs[line], source=SOURCE, at=at).id for line in sorted(specs)}
    try:
        return draft_request(
            module=proposal.module.value,
            kind=proposal.kind.value,
            title=proposal.title,
            reason=proposal.reason,
            author=None,
            author_name=by,
            at=at,
            lines=[_draft_line(each, stored) for each in proposal.lines],
            content=proposal.content,
        )
    except NotDrafted as told:
        raise Refused(refusal(str(told), "" if proposal.kind is Kind.LINES else "content")) from told


@transaction.atomic
def draft_by_hand(spec: OverrideSpec, *, by: User, reason: str, at: datetime) -> ChangeRequest:
    """A person's judgement as a request of one line."""
    stored = store_override(spec, source=BY_HAND, at=at)
    return draft_request(
        module=spec.module,
        kind=Kind.LINES.value,
        title=f"By hand: {stored.line}"[:200],
        reason=reason,
        author=by,
        author_name=by.get_username(),
        at=at,
        lines=[DraftLine(stored.line_id, stored.id, ["by hand"])],
    )


@transaction.atomic
def edit(
    *,
    request_id: int,
    by: User,
    title: str,
    reason: str,
    at: datetime,
    keep: Collection[int] = (),
    levers: Mapping[int, Mapping[str, float]] | None = None,
    content: Mapping[str, Any] | None = None,
) -> ChangeRequest:
    """Give a request of one's own other words and content: the lines to `keep` (by number of the change), other
    targets for lines written by hand. Raises Refusal or CannotPublish where that may not be.
    """
    kept = ChangeLine.objects.filter(request_id=request_id, pk__in=keep).select_related("line", "after__line")
    lines = [_edited(change, (levers or {}).get(change.pk), at) for change in kept.order_by("line_id")]
    return edit_request(request_id=request_id, by=by, at=at, lines=lines, content=content, title=title, reason=reason)


def _edited(change: ChangeLine, levers: Mapping[str, float] | None, at: datetime) -> DraftLine:
    if levers is None or change.after is None or dict(levers) == change.after.levers:
        return DraftLine(change.line_id, change.after_id, change.differences)
    stored = store_override(spec_of(change.after).with_levers(levers), source=BY_HAND, at=at)
    return DraftLine(change.line_id, stored.id, ["by hand"])


def _draft_line(line: OverrideSpec | str, stored: Mapping[str, str]) -> DraftLine:
    if isinstance(line, str):
        return DraftLine(line, None, ["withdrawn"])
    return DraftLine(line.line, stored[line.line], ["proposed"])


def _misfits(proposal: Proposal, parameters: ModuleParameters) -> Iterator[Refusal]:
    """What only the parameters in force can tell: whether anything would be made of an override."""
    for index, spec in enumerate(proposal.lines):
        if isinstance(spec, str):
            continue
        place = f"lines[{index}].override"
        if spec.module != proposal.module:
            yield Refusal(f"{place}.module", f"is {spec.module} in a request of {proposal.module}; send two requests")
            continue
        yield from (refusal(fault, place) for fault in check(spec, parameters.dimensions))
        policy = next(each.policy for channel, each in parameters.channels.items() if channel is spec.channel)
        if policy is not spec.policy:
            yield Refusal(f"{place}.policy", f"{spec.channel} is of policy {policy} now; send an override of that one")

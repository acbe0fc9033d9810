"""What a step on a request does, in sentences with its counts and dates, for the page that asks before it is taken."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from overrides.admin.immediate_actions import mandates_on
from overrides.core.governance.rejections import REJECTED_FOR
from overrides.models import ChangeLine, ChangeRequest, Membership
from overrides.requests.kinds.lines import COEFFICIENTS
from overrides.requests.review import lines_pinned_by_rejection
from telemetry.foundation.core.words import count_of, moment_of

NEXT = "the next daily draft"


def consequences(step: str, request: ChangeRequest, at: datetime) -> list[str]:
    """Return what the step does to this request and its lines; empty for steps whose page says all of it."""
    describe = DESCRIBED.get(step)
    return [] if describe is None else describe(request, at)


def _reject(request: ChangeRequest, at: datetime) -> list[str]:
    said = ["The request is closed for good, and nothing of it takes effect."]
    if request.author_id is not None:
        return [*said, f"{request.author_name} reads your reason. No line is pinned: it may be drafted again."]
    changes = list(request.lines.all())
    pinned = lines_pinned_by_rejection(request, changes, at)
    proposed = [change.line_id for change in changes if change.after_id is not None]
    n_withdrawn = len(changes) - len(proposed)
    if pinned:
        n_mandates = mandates_on(pinned, at).count()
        mandates = f", {count_of(n_mandates, 'mandate')} on them included" if n_mandates else ""
        said.append(
            f"{count_of(len(pinned), 'proposed line')} will be pinned until {moment_of(at + REJECTED_FOR)}: no machine "
            f"proposes or changes them{mandates}."
        )
        said.append(
            "The next daily draft brings a line back earlier if its edge or a target changes sign, if it becomes "
            "verified or is not any more, if its trades grow by half, or if its edge moves by one standard error of "
            "today."
        )
    if len(pinned) < len(proposed):
        said.append(f"{count_of(len(proposed) - len(pinned), 'line')} pinned already will stay pinned as they are.")
    if n_withdrawn:
        said.append(f"{count_of(n_withdrawn, 'withdrawal')} will not be pinned: {NEXT} may propose them again.")
    if COEFFICIENTS in request.content:
        said.append(f"Coefficients are not pinned: {NEXT} may propose them again.")
    return said


def _request_changes(request: ChangeRequest, at: datetime) -> list[str]:
    return [
        f"The request goes back to {request.author_name}, who finds it on the start page with your reason and may edit "
        "it, submit it again, or cancel it.",
        f"An edit voids all votes given so far. Without one the request expires at {moment_of(request.expires_at)}.",
    ]


def _cancel(request: ChangeRequest, at: datetime) -> list[str]:
    said = ["The request is closed for good, and nothing of it takes effect. No line is pinned or vetoed."]
    if request.author_id is None:
        said.append(f"{NEXT.capitalize()} may propose the same lines again; rejecting pins them for 30 days.")
    return said


def redraft_consequences(
    request: ChangeRequest, changes: Sequence[ChangeLine], at: datetime, *, may_veto: bool
) -> list[str]:
    """Return what returning a machine's request does, and what each choice for a line means."""
    lines = [change.line_id for change in changes]
    n_mandates, n_in_force = (
        mandates_on(lines, at).count(),
        Membership.objects.filter(line_id__in=lines, to_version=None).count(),
    )
    said = [
        f"Request {request.pk} is cancelled, and the machine that drafted it ({request.author_name}) drafts its next "
        "request at once, from the evidence of that moment and besides the daily draft."
    ]
    if may_veto:
        said.append(
            "Leave out: nobody can put the line into force until the date below. What is in force on it now "
            f"({n_in_force} of these {count_of(len(lines), 'line')}) is retired at once, and its mandate ends."
        )
    said.append(
        f"Hold: the line stays as it is in force; no machine changes it ({n_mandates} of these lines have a mandate)."
    )
    said.append("Smaller: machines, mandates included, move the line no farther from neutral than the value shown.")
    said.append("Lines without a choice are proposed again as the evidence then has them. Each choice can be lifted.")
    if COEFFICIENTS in request.content:
        said.append("Its coefficients are proposed again; to refuse them, reject the request instead.")
    return said


DESCRIBED: Mapping[str, Callable[[ChangeRequest, datetime], list[str]]] = {
    "reject": _reject,
    "request_changes": _request_changes,
    "cancel": _cancel,
}

"""Compare the evidence of what the builder published without a person with what its runs found.

The database bounds what such an override may claim (its sign, its trades, its age). Whether the builder ever found it
is known here alone.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import Exists, OuterRef

from learning.models import LessonHistory
from overrides.models import ChangeLine, ChangeRequest
from telemetry.audit.alarms import CheckFailed
from telemetry.core.audit_facts import Finding

WINDOW = timedelta(days=2)  # each night looks back beyond the night before, so that a missed run leaves no gap
FIRST_FORMAT = 2  # requests of hash format 1 are older than the rule that history keeps what was published


class EvidenceNotFound(CheckFailed):
    """An override was published under a mandate with evidence that no run of the builder found."""


def check_published_evidence(*, now: datetime) -> int:
    """Return how many overrides the builder published in the last two days under mandates; all of them were found.

    An override agrees with a run if the history of its line's lesson has a state with the same n and edge. Raises
    EvidenceNotFound with one finding for each override that has none.
    """
    published = ChangeLine.objects.filter(
        request__route=ChangeRequest.Route.MANDATE,
        request__state=ChangeRequest.State.APPLIED,
        request__hash_format__gte=FIRST_FORMAT,
        request__closed_at__range=(now - WINDOW, now),
        after__isnull=False,
    )
    found = LessonHistory.objects.filter(
        lesson__line_id=OuterRef("line_id"), n=OuterRef("after__n"), edge_raw=OuterRef("after__edge_raw")
    )
    unfounded = published.exclude(Exists(found)).order_by("request_id", "line_id")
    findings = [_finding(*row) for row in unfounded.values_list("request_id", "line_id", "after__n", "after__edge_raw")]
    checked = published.count()
    if findings:
        raise EvidenceNotFound(findings, checked=checked)
    return checked


def _finding(request: int, line: str, n: float, edge: float) -> Finding:
    claim = f"line {line} claims an edge of {edge:+.3f} R from {n:g} trades"
    return Finding(f"request {request}", f"{claim}, which no run of the builder found")

"""The evidence of a change request: its lines charted with their estimates.

It combines `overrides` (the content of an override) with `learning` (what its lesson has measured since, week by week).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser, User
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponseBase, StreamingHttpResponse
from django.urls import reverse

from config.desk.measured_since import edge_by_week, estimate_of_lesson, lessons_by_line, newest_run, verifies
from config.learner import LEARNS, NO_WALK_FORWARD
from learning.charts.confidence_sequence import EdgeSequence
from learning.charts.forest import Estimate, Forest, ForestMark, forest
from learning.charts.funnel import Funnel, Spot, funnel
from learning.core.significance.funnel import BY_CHANCE, n_stored
from overrides.admin.requests.line_groups import CHANNEL_WORDS
from overrides.core.engine.definitions.override_spec import OverrideSpec
from overrides.core.engine.definitions.vocabulary import LearningMethod
from overrides.core.governance.evidence_bar import clears_evidence_bar, false_sign_rate
from overrides.core.governance.permissions import VIEW_REQUESTS
from overrides.core.governance.situation import Situation
from overrides.models import ChangeLine, ChangeRequest
from overrides.requests.evidence import BY_HAND
from overrides.versions.load_version import current_parameters
from telemetry.foundation.core.csv_cells import csv_lines

if TYPE_CHECKING:
    from learning.admin.lesson_estimates import LearnedLine, RunWithLessons
    from learning.models import BuilderRun, Lesson
    from learning.validation.run_evidence import RunEvidence

MOST = 20
PERMISSIONS = (VIEW_REQUESTS, "learning.view_lesson") if LEARNS else (VIEW_REQUESTS,)
COLUMNS = (
    "line", "action", "pattern_key", "action_category", "scope", "n", "raw", "raw_low", "raw_high", "shrunk", "low",
    "high", "lfsr", "verified", "proven", "exaggeration", "lesson",
)  # fmt: skip


@dataclass(frozen=True)
class LineEvidence:
    """One line of the request: its estimate and chart row, and, if known, its lesson and the growth of its edge."""

    change: ChangeLine
    spec: OverrideSpec
    estimate: Estimate
    row: ForestMark
    lesson: Lesson | None
    edge_sequence: EdgeSequence | None
    lfsr: float | None

    @property
    def channel(self) -> str:
        """The channel in a plain word."""
        return CHANNEL_WORDS[self.change.line.channel]

    @property
    def is_by_hand(self) -> bool:
        """Whether a person wrote the override."""
        side = self.change.after or self.change.before
        return side is not None and side.source == BY_HAND


@dataclass(frozen=True)
class RequestSignificance:
    """The lines that a request adds under the evidence method, the verified ones, and the false ones expected."""

    added: int
    verified: int
    expected_false: float

    @property
    def at_most_false(self) -> int:
        """The expected number of false ones, rounded up."""
        return math.ceil(self.expected_false - 1e-9)


@dataclass(frozen=True)
class RequestEvidence:
    """The content of the panel; `n_lines` counts all lines of the request, `rows` holds the largest ones."""

    rows: tuple[LineEvidence, ...]
    n_lines: int
    scale: Forest | None
    funnel: Funnel | None
    run: BuilderRun | None
    policy: LearningMethod
    significance: RequestSignificance | None
    known: RunEvidence | None

    @property
    def verifies(self) -> bool:
        """Whether lessons of the method are verified or not."""
        return verifies(self.policy)

    @property
    def is_switched_off(self) -> str:
        """What the panel states where learning is switched off; empty where it is on."""
        return "" if LEARNS else NO_WALK_FORWARD

    @property
    def is_green(self) -> bool:
        """Whether lines may be shown as good: the verdict on the run is an edge."""
        return self.known is not None and self.known.allows_green

    @property
    def is_grey(self) -> bool:
        """Whether the dots of the funnel are grey."""
        return not self.is_green

    @property
    def by_chance(self) -> float:
        """The number of tested cells expected outside the cone if no cell had an edge."""
        tested = None if self.run is None else self.run.tested
        return BY_CHANCE * tested["total"] if tested else 0.0

    @property
    def n_drawn(self) -> int:
        """The number of cells in the funnel."""
        tested = None if self.run is None else self.run.tested
        return n_stored(tested) if tested else 0


def may_look(person: AbstractBaseUser | AnonymousUser) -> bool:
    """Return whether a person may see the evidence."""
    return isinstance(person, User) and person.has_perms(PERMISSIONS)


def evidence_of(changes: Sequence[ChangeLine], situation: Situation) -> RequestEvidence | None:
    """Return the evidence of a request, given its lines, the largest changes first; None if it has none."""
    parameters = situation.parameters
    shown = [(change, side.spec) for change in changes[:MOST] if (side := change.after or change.before)]
    if not shown:
        return None
    policy = _policy(situation, shown[0][1])
    learned_run = newest_run(parameters, policy, [change.line_id for change, _ in shown])
    rows, scale = _rows(shown, learned_run)
    run = None if learned_run is None else learned_run.run
    return RequestEvidence(
        rows=rows,
        n_lines=len(situation.lines),
        scale=scale,
        funnel=funnel(None if run is None else run.tested, map(_spot, rows), mini=True),
        run=run,
        policy=policy,
        significance=_significance(situation) if verifies(policy) else None,
        known=None if learned_run is None else learned_run.evidence,
    )


def _policy(situation: Situation, first: OverrideSpec) -> LearningMethod:
    """Return the method of most lines that the request adds; withdrawn lines may be of another method."""
    added = Counter(each.after.policy or LearningMethod.PLAN for each in situation.lines if each.after is not None)
    return added.most_common(1)[0][0] if added else first.policy or LearningMethod.PLAN


def _rows(
    shown: Sequence[tuple[ChangeLine, OverrideSpec]], learned_run: RunWithLessons | None
) -> tuple[tuple[LineEvidence, ...], Forest | None]:
    learned = {} if learned_run is None else learned_run.learned
    estimates = [_estimate(spec, learned.get(change.line_id)) for change, spec in shown]
    picture = forest(estimates)
    rows = []
    for (change, spec), estimate, row in zip(shown, estimates, () if picture is None else picture.rows, strict=True):
        known = learned.get(change.line_id)
        lesson, sequence = None, None
        if known and learned_run:
            lesson, sequence = known.lesson, edge_by_week(known, learned_run)
        rows.append(LineEvidence(change, spec, estimate, row, lesson, sequence, lfsr_of(spec)))
    return tuple(rows), picture


def _estimate(spec: OverrideSpec, known: LearnedLine | None) -> Estimate:
    """Return the estimate of a line, from its lesson if known."""
    return estimate_of_spec(spec) if known is None else estimate_of_lesson(known.lesson, known.parent)


def estimate_of_spec(spec: OverrideSpec) -> Estimate:
    """Return the estimate in an override itself; a manual judgement counts like a mean of its n trades."""
    stats, promise = spec.stats, spec.promise or {}
    error = math.sqrt(stats.variance / stats.n) if stats.n else 0.0
    if _verifies(spec) and promise:
        return Estimate(stats.edge_raw, error, promise["predicted"], promise["sd"])
    return Estimate(stats.edge_raw, error)


def lfsr_of(spec: OverrideSpec) -> float | None:
    """Return the probability that the edge has the wrong sign; None for the plan method, which has none."""
    return false_sign_rate(spec) if _verifies(spec) else None


def _verifies(spec: OverrideSpec) -> bool:
    """Return whether the method that the override was learned by verifies its lessons."""
    return spec.policy is not None and verifies(spec.policy)


def _spot(row: LineEvidence) -> Spot:
    """Return the line as a spot of the funnel."""
    estimate = row.estimate
    shrunk = estimate.raw if estimate.shrunk is None else estimate.shrunk
    page = ("learning_lesson", row.lesson.pk) if row.lesson else ("overrides_override", row.spec.id)
    where = reverse(f"admin:{page[0]}_change", args=[page[1]])
    return Spot(str(row.change.line), where, estimate.raw, estimate.raw_se, shrunk)


def _significance(situation: Situation) -> RequestSignificance:
    """Count the lines that the request adds under the evidence method."""
    added = [each.after for each in situation.lines if each.after is not None]
    verified = [spec for spec in added if clears_evidence_bar(spec, situation.parameters.evidence)]
    return RequestSignificance(len(added), len(verified), sum(map(false_sign_rate, verified)))


def request_evidence_csv(request: HttpRequest, request_id: int) -> HttpResponseBase:
    """Return every line of a request with its evidence as CSV, not only the largest."""
    if not may_look(request.user):
        raise PermissionDenied
    change_request = ChangeRequest.objects.filter(pk=request_id).first()
    if change_request is None:
        raise Http404(f"there is no request {request_id}")
    response = StreamingHttpResponse(csv_lines(COLUMNS, _table(change_request)), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="evidence-of-request-{request_id}.csv"'
    return response


def _table(change_request: ChangeRequest) -> Iterator[dict[str, Any]]:
    """Yield the lines of a request with their evidence."""
    evidence = current_parameters(change_request.module).evidence
    changes = list(change_request.lines.select_related("line", "before__line", "after__line").order_by("line_id"))
    lessons = lessons_by_line([each.line_id for each in changes])
    for change in changes:
        side = change.after or change.before
        if side is None:
            continue
        spec, lesson = side.spec, lessons.get(change.line_id)
        estimate = estimate_of_spec(spec) if lesson is None else estimate_of_lesson(lesson)
        low, high = estimate.interval or (None, None)
        yield {
            "line": change.line_id,
            "action": change.action,
            "pattern_key": spec.pattern_key,
            "action_category": spec.action_category,
            "scope": dict(spec.scope),
            "n": spec.stats.n,
            "raw": estimate.raw,
            "raw_low": estimate.raw_interval[0],
            "raw_high": estimate.raw_interval[1],
            "shrunk": estimate.shrunk,
            "low": low,
            "high": high,
            "lfsr": lfsr_of(spec),
            "verified": clears_evidence_bar(spec, evidence) if _verifies(spec) else None,
            "proven": None if lesson is None or not _verifies(spec) else bool(lesson.stats.get("proven")),
            "exaggeration": estimate.exaggeration,
            "lesson": None if lesson is None else lesson.pk,
        }

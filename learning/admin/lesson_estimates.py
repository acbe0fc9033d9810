"""Queries for lesson pages: raw and shrunk estimates with their uncertainty, and the status of lessons' lines."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Count, F, OuterRef, Q, QuerySet, Sum
from django.db.models.functions import JSONObject

from learning.charts.confidence_sequence import EdgeSequence, Frame, Weeks, edge_sequence
from learning.charts.forest import Estimate
from learning.lessons.methods import METHODS
from learning.lessons.methods.method import Order
from learning.models import BuilderRun, EdgeHistory, Lesson
from learning.validation.run_evidence import RunEvidence, evidence_of_run, runs_with_evidence
from overrides.core.engine.definitions.module_parameters import ModuleParameters
from overrides.core.engine.definitions.vocabulary import LearningMethod
from overrides.models import ChangeLine, ChangeRequest, Membership

Status = Lesson.Status
LESSON_FIELDS = ("id", "line_id", "policy", "stats", "edge_raw")
WEEK_FIELDS = {"week": "week", "n": "n", "edge_raw": "edge_raw"}


@dataclass(frozen=True)
class SignificanceCounts:
    """The acting lessons of a method, the verified ones, and how many of those are expected to be false."""

    acting: int
    verified: int
    expected_false: float

    @property
    def at_most_false(self) -> int:
        """The expected number of false ones, rounded up."""
        return math.ceil(self.expected_false - 1e-9)


@dataclass(frozen=True)
class LearnedLine:
    """A lesson with the edge of its nearest parent, and its weeks."""

    lesson: Lesson
    parent: float | None
    weeks: Weeks


@dataclass(frozen=True)
class RunWithLessons:
    """A builder run with the verdict on it, and some of its lessons by line."""

    run: BuilderRun
    learned: Mapping[str, LearnedLine]
    evidence: RunEvidence


@dataclass(frozen=True)
class LineStatus:
    """The override of a line in force, and the open requests about the line."""

    override: str | None
    requests: tuple[int, ...]


def orders_of(policy: LearningMethod) -> dict[str, Order]:
    """Return the sort orders of a method's lessons by name, the default first."""
    return {each.name: each for each in METHODS[policy].orders}


def latest_run(module: str, policy: LearningMethod) -> BuilderRun | None:
    """Return the newest run of a method, without its parameters and baseline."""
    return BuilderRun.objects.filter(module=module, policy=policy).defer("parameters", "baseline").first()


def count_significance(module: str, policy: LearningMethod) -> SignificanceCounts:
    """Count a method's acting and verified lessons; an evidence lesson's weight is 1 - lfsr."""
    verified = Q(stats__verified=True)
    found = Lesson.objects.filter(module=module, policy=policy, status=Status.ACTIVE).aggregate(
        acting=Count("id"),
        verified=Count("id", filter=verified),
        expected_false=Sum(1.0 - F("weight"), filter=verified),
    )
    return SignificanceCounts(found["acting"], found["verified"], found["expected_false"] or 0.0)


def lessons_of(module: str, policy: LearningMethod, order: Order, *, only_acting: bool = True) -> QuerySet[Any]:
    """Return the lessons that are not withdrawn, in this order; those of the evidence method with `parents`."""
    rows = Lesson.objects.filter(module=module, policy=policy)
    rows = rows.filter(status=Status.ACTIVE) if only_acting else rows.exclude(status=Status.WITHDRAWN)
    if METHODS[policy].verifies:
        rows = rows.annotate(parents=_parents())
    return rows.order_by(*order.by, "id")


def _parents() -> ArraySubquery:
    """Return a subquery for the edges of the stored lessons with one dimension less than the outer lesson."""
    kept = Lesson.objects.exclude(status=Status.WITHDRAWN).filter(
        module=OuterRef("module"),
        policy=OuterRef("policy"),
        pattern_key=OuterRef("pattern_key"),
        action_category=OuterRef("action_category"),
        n_dims=OuterRef("n_dims") - 1,
        scope__contained_by=OuterRef("scope"),
    )
    return ArraySubquery(kept.values("edge_raw"))


def run_with_lessons(
    parameters: ModuleParameters, policy: LearningMethod, lines: Iterable[str]
) -> RunWithLessons | None:
    """Return a method's newest run, its twins and walk-forward run, and the lessons of some lines, in one query."""
    weeks = EdgeHistory.objects.filter(lesson=OuterRef("pk")).order_by("week")
    fields = {name: name for name in LESSON_FIELDS} | {
        "weeks": ArraySubquery(weeks.values(document=JSONObject(**WEEK_FIELDS)))
    }
    lessons = Lesson.objects.filter(line_id__in=list(lines)).values(document=JSONObject(**fields, parents=_parents()))
    run = (
        runs_with_evidence(parameters, policy)
        .defer(None)
        .defer("parameters", "baseline")
        .annotate(lesson_documents=ArraySubquery(lessons))
        .first()
    )
    if run is None:
        return None
    learned = {each["line_id"]: _learned(each) for each in run.lesson_documents}
    return RunWithLessons(run, learned, evidence_of_run(run, policy))


def _learned(document: dict[str, Any]) -> LearnedLine:
    weeks = [(date.fromisoformat(each["week"]), each["n"], each["edge_raw"]) for each in document["weeks"]]
    lesson = Lesson(**{name: document[name] for name in LESSON_FIELDS})
    return LearnedLine(lesson, nearest_parent(lesson, document["parents"]), weeks)


def estimate_of(lesson: Lesson, parent: float | None = None) -> Estimate:
    """Return the estimate of a lesson; the plan method does not shrink, so its estimates are raw."""
    stats = lesson.stats
    if "raw" in stats:
        return Estimate(stats["raw"], stats["raw_se"], stats["edge_raw"], stats["sd"], parent)
    error = math.sqrt(stats["variance"] / stats["n"]) if stats["n"] else 0.0
    if parent is None and "incremental_edge" in stats:
        parent = stats["edge_raw"] - math.copysign(stats["incremental_edge"], stats["edge_raw"])
    return Estimate(stats["edge_raw"], error, parent=parent)


def nearest_parent(lesson: Lesson, edges: Iterable[float]) -> float | None:
    """Return the parent edge that leaves the smallest gain in the direction of the lesson's own edge."""
    return max(edges, key=lambda edge: math.copysign(1, lesson.edge_raw) * edge, default=None)


def lfsr_of(lesson: Lesson) -> float | None:
    """Return the probability that a lesson's edge has the wrong sign; None for the plan method, which has none."""
    lfsr: float | None = lesson.stats.get("lfsr")
    return lfsr


def line_statuses(lines: Iterable[str]) -> dict[str, LineStatus]:
    """Return the status of each of these lines."""
    line_ids = list(lines)
    in_force = Membership.objects.filter(line_id__in=line_ids, to_version=None).values_list("line_id", "override_id")
    overrides = {str(line): str(override) for line, override in in_force}
    requests: dict[str, list[int]] = {}
    open_lines = ChangeLine.objects.filter(line_id__in=line_ids, request__state__in=ChangeRequest.OPEN)
    for line, request in open_lines.order_by("request_id").values_list("line_id", "request_id"):
        requests.setdefault(str(line), []).append(request)
    return {line: LineStatus(overrides.get(line), tuple(requests.get(line, ()))) for line in line_ids}


def variance_per_trade(stats: Mapping[str, Any]) -> float:
    """Return the variance in R squared that a trade adds to a mean, for intervals; at least that of an outcome.

    The evidence method knows the standard error of the mean of a lesson's own trades, in which trades of one day and of
    days near it move together; n times its square is the variance per trade that gives this error. For the plan method
    trades count as independent.

    >>> variance_per_trade({"variance": 2.0, "n": 100, "raw_se": 0.3}), variance_per_trade({"variance": 2.0, "n": 100})
    (9.0, 2.0)
    """
    of_outcome: float = stats["variance"]
    of_mean: float = stats["n"] * stats.get("raw_se", 0.0) ** 2
    return max(of_outcome, of_mean)


def sequence_of(lesson: Lesson, weeks: Weeks, until: datetime, frame: Frame) -> EdgeSequence | None:
    """Return the chart of a lesson's weekly edges; the shrunk edge is drawn for methods that shrink."""
    stats = lesson.stats
    shrunk_edge = (stats["edge_raw"] - stats["recent"], stats["edge_raw"]) if "recent" in stats else None
    return edge_sequence(weeks, variance_per_trade(stats), until.date(), shrunk_edge, frame)

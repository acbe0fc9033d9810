"""Lessons as estimates: what was measured, what is believed, how sure that is, and where their lines stand."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Count, F, OuterRef, Q, QuerySet, Sum
from django.db.models.functions import JSONObject

from learning.admin.charts.confidence_sequence import EdgeSequence, Frame, Weeks, edge_sequence
from learning.admin.charts.forest import Estimate
from learning.lessons.methods import METHODS
from learning.lessons.methods.method import Order
from learning.models import BuilderRun, EdgeHistory, Lesson, NoiseTwin, WalkForward
from overrides.core.engine.definitions.module_parameters import ModuleParameters
from overrides.core.engine.definitions.vocabulary import LearningMethod
from overrides.models import ChangeLine, ChangeRequest, Membership

Status = Lesson.Status
TOLD = ("id", "line_id", "policy", "stats", "edge_raw")
TWIN = {"found": "found", "count": "count"}
WEEK = {"week": "week", "n": "n", "edge_raw": "edge_raw"}
WALK = {"policy": "policy", "combiner": "combiner", "as_of": "as_of", "figures": "figures"}


@dataclass(frozen=True)
class SignificanceCounts:
    """Lessons of a policy that act, those of them that are verified, and how many of those are expected to be wrong."""

    acting: int
    verified: int
    expected_false: float

    @property
    def at_most_false(self) -> int:
        return math.ceil(self.expected_false - 1e-9)


@dataclass(frozen=True)
class LearnedLine:
    """A lesson with what is believed of its nearest parent, and its weeks."""

    lesson: Lesson
    parent: float | None
    weeks: Weeks


@dataclass(frozen=True)
class Twin:
    """Lessons found in the outcomes as they were, and in a twin of them."""

    found: int
    count: int


@dataclass(frozen=True)
class RunWithLessons:
    """A run, lessons by line, the twins that were counted last, and the newest walk, of its policy all."""

    run: BuilderRun
    learned: Mapping[str, LearnedLine]
    twins: tuple[Twin, ...]
    walk: WalkForward | None


@dataclass(frozen=True)
class LineStatus:
    """Where a line stands: its override in force, and the open requests about it."""

    override: str | None
    requests: tuple[int, ...]


def orders_of(policy: LearningMethod) -> dict[str, Order]:
    """The orders of a policy's lessons by name, the usual one first."""
    return {each.name: each for each in METHODS[policy].orders}


def latest_run(module: str, policy: LearningMethod) -> BuilderRun | None:
    return BuilderRun.objects.filter(module=module, policy=policy).defer("parameters", "baseline").first()


def tally(module: str, policy: LearningMethod) -> SignificanceCounts:
    """Under policy evidence a lesson's weight is one less its lfsr."""
    verified = Q(stats__verified=True)
    found = Lesson.objects.filter(module=module, policy=policy, status=Status.ACTIVE).aggregate(
        acting=Count("id"),
        verified=Count("id", filter=verified),
        expected_false=Sum(1.0 - F("weight"), filter=verified),
    )
    return SignificanceCounts(found["acting"], found["verified"], found["expected_false"] or 0.0)


def lessons_of(module: str, policy: LearningMethod, order: Order, *, only_acting: bool = True) -> QuerySet[Any]:
    """What stands, in the order; of policy evidence each with its `parents`."""
    rows = Lesson.objects.filter(module=module, policy=policy)
    rows = rows.filter(status=Status.ACTIVE) if only_acting else rows.exclude(status=Status.WITHDRAWN)
    if METHODS[policy].verifies:
        rows = rows.annotate(parents=_parents())
    return rows.order_by(*order.by, "id")


def _parents() -> ArraySubquery:
    """Of a lesson, the edges of those kept without one of its dimensions."""
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
    """The newest run of a policy, its twins and walk, and the lessons of some lines with their weeks, in one query."""
    module = parameters.module
    weeks = EdgeHistory.objects.filter(lesson=OuterRef("pk")).order_by("week")
    fields = {name: name for name in TOLD} | {"weeks": ArraySubquery(weeks.values(told=JSONObject(**WEEK)))}
    lessons = Lesson.objects.filter(line_id__in=list(lines)).values(told=JSONObject(**fields, parents=_parents()))
    twins = newest_twins(module, policy).exclude(count=None)
    runs = BuilderRun.objects.filter(module=module, policy=policy).defer("parameters", "baseline")
    run = runs.annotate(
        lessons_told=ArraySubquery(lessons),
        twins_told=ArraySubquery(twins.values(told=JSONObject(**TWIN))),
        walks_told=ArraySubquery(finished_walks(parameters, policy).values(told=JSONObject(**WALK))[:1]),
    ).first()
    if run is None:
        return None
    learned = {each["line_id"]: _learned(each) for each in run.lessons_told}
    twins_told = tuple(Twin(each["found"], each["count"]) for each in run.twins_told)
    return RunWithLessons(run, learned, twins_told, next(map(_walk, run.walks_told), None))


def _walk(told: dict[str, Any]) -> WalkForward:
    return WalkForward(**told | {"as_of": datetime.fromisoformat(told["as_of"])})


def finished_walks(parameters: ModuleParameters, policy: LearningMethod) -> QuerySet[WalkForward]:
    """The finished walks of a policy, newest first; those of policy plan with the module's own combiner."""
    rows = WalkForward.objects.filter(module=parameters.module, policy=policy, status=WalkForward.Status.DONE)
    combiner = METHODS[policy].walk_combiner(parameters)
    return rows if combiner is None else rows.filter(combiner=combiner)


def _learned(told: dict[str, Any]) -> LearnedLine:
    weeks = [(date.fromisoformat(each["week"]), each["n"], each["edge_raw"]) for each in told["weeks"]]
    lesson = Lesson(**{name: told[name] for name in TOLD})
    return LearnedLine(lesson, nearest_parent(lesson, told["parents"]), weeks)


def estimate_of(lesson: Lesson, parent: float | None = None) -> Estimate:
    """The plan method believes an edge as it measures it: nothing of it is shrunk."""
    stats = lesson.stats
    if "raw" in stats:
        return Estimate(stats["raw"], stats["raw_se"], stats["edge_raw"], stats["sd"], parent)
    error = math.sqrt(stats["variance"] / stats["n"]) if stats["n"] else 0.0
    if parent is None and "incremental_edge" in stats:
        parent = stats["edge_raw"] - math.copysign(stats["incremental_edge"], stats["edge_raw"])
    return Estimate(stats["edge_raw"], error, parent=parent)


def nearest_parent(lesson: Lesson, edges: Iterable[float]) -> float | None:
    """Of what is believed of its parents, the edge that leaves least to add in the direction of the lesson's own."""
    return max(edges, key=lambda edge: math.copysign(1, lesson.edge_raw) * edge, default=None)


def lfsr_of(lesson: Lesson) -> float | None:
    """How likely its edge has the wrong sign; None under policy plan, which does not ask."""
    told: float | None = lesson.stats.get("lfsr")
    return told


def standings(lines: Iterable[str]) -> dict[str, LineStatus]:
    """Where each of these lines stands."""
    wanted = list(lines)
    in_force = Membership.objects.filter(line_id__in=wanted, to_version=None).values_list("line_id", "override_id")
    overrides = {str(line): str(override) for line, override in in_force}
    asked: dict[str, list[int]] = {}
    open_lines = ChangeLine.objects.filter(line_id__in=wanted, request__state__in=ChangeRequest.OPEN)
    for line, request in open_lines.order_by("request_id").values_list("line_id", "request_id"):
        asked.setdefault(str(line), []).append(request)
    return {line: LineStatus(overrides.get(line), tuple(asked.get(line, ()))) for line in wanted}


def sequence_of(lesson: Lesson, weeks: Weeks, until: datetime, frame: Frame) -> EdgeSequence | None:
    """One lesson's edge week by week; what is believed is drawn where the policy shrinks."""
    stats = lesson.stats
    believed = (stats["edge_raw"] - stats["recent"], stats["edge_raw"]) if "recent" in stats else None
    return edge_sequence(weeks, stats["variance"], until.date(), believed, frame)


def newest_twins(module: str, policy: LearningMethod) -> QuerySet[NoiseTwin]:
    """The twins of the facts that were asked about last, by seed."""
    newest = NoiseTwin.objects.filter(module=module, policy=policy).order_by("-asked_at").values("content")[:1]
    return NoiseTwin.objects.filter(content__in=newest).order_by("seed")

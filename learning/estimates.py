"""Lessons as estimates: what was measured, what is believed, how sure that is, and where their lines stand."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db.models import Count, F, FloatField, Q, QuerySet, Sum
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Abs, Cast, NullIf

from learning.models import BuilderRun, EdgeHistory, Lesson
from learning.pictures.posterior import Estimate
from learning.pictures.sequence import EdgeSequence, Frame, edge_sequence
from overrides.core.vocabulary import Policy
from overrides.models import ChangeLine, ChangeRequest, Membership

Status = Lesson.Status
Weeks = list[tuple[date, int, float]]


@dataclass(frozen=True)
class Order:
    """One way to sort lessons: its name in an address, what it is called, the policies it means something under."""

    name: str
    label: str
    by: tuple[Any, ...]
    policies: frozenset[Policy] = frozenset(Policy)


def _told(name: str) -> Cast:
    return Cast(KeyTextTransform(name, "stats"), FloatField())


EVIDENCE = frozenset({Policy.EVIDENCE})
ORDERS = (
    Order("rank", "rank", (_told("rank").asc(nulls_last=True),), EVIDENCE),
    Order("weight", "weight", ("-weight",), frozenset({Policy.PLAN})),
    Order("lfsr", "sureness", ("-weight",), EVIDENCE),
    Order("n", "trades", (_told("n").desc(),)),
    Order("edge", "edge", (Abs("edge_raw").desc(),)),
    Order(
        "exaggeration",
        "exaggeration",
        (Abs(_told("raw") / NullIf(F("edge_raw"), 0.0)).desc(nulls_last=True),),
        EVIDENCE,
    ),
)


@dataclass(frozen=True)
class Tally:
    """Lessons of a policy that act, those of them that are verified, and how many of those are expected to be wrong."""

    acting: int
    verified: int
    expected_false: float

    @property
    def at_most_false(self) -> int:
        return math.ceil(self.expected_false - 1e-9)


@dataclass(frozen=True)
class Standing:
    """Where a line stands: its override in force, and the open requests about it."""

    override: str | None
    requests: tuple[int, ...]


def orders_of(policy: Policy) -> dict[str, Order]:
    """The orders of a policy's lessons by name, the usual one first."""
    return {each.name: each for each in ORDERS if policy in each.policies}


def latest_run(module: str, policy: Policy) -> BuilderRun | None:
    return BuilderRun.objects.filter(module=module, policy=policy).defer("parameters", "baseline").first()


def tally(module: str, policy: Policy) -> Tally:
    """Under policy evidence a lesson's weight is one less its lfsr."""
    verified = Q(stats__verified=True)
    found = Lesson.objects.filter(module=module, policy=policy, status=Status.ACTIVE).aggregate(
        acting=Count("id"),
        verified=Count("id", filter=verified),
        expected_false=Sum(1.0 - F("weight"), filter=verified),
    )
    return Tally(found["acting"], found["verified"], found["expected_false"] or 0.0)


def lessons_of(module: str, policy: Policy, order: Order, *, only_acting: bool = True) -> QuerySet[Lesson]:
    """What stands, in the order."""
    rows = Lesson.objects.filter(module=module, policy=policy)
    rows = rows.filter(status=Status.ACTIVE) if only_acting else rows.exclude(status=Status.WITHDRAWN)
    return rows.order_by(*order.by, "id")


def estimates_of(lessons: Sequence[Lesson]) -> list[Estimate]:
    """An estimate of each lesson, with what is believed of its nearest parent."""
    parents = _parents(lessons)
    return [estimate_of(lesson, parents.get(lesson.pk)) for lesson in lessons]


def estimate_of(lesson: Lesson, parent: float | None = None) -> Estimate:
    """Policy plan believes an edge as it measures it: nothing of it is shrunk."""
    stats = lesson.stats
    if "raw" in stats:
        return Estimate(stats["raw"], stats["raw_se"], stats["edge_raw"], stats["sd"], parent)
    error = math.sqrt(stats["variance"] / stats["n"]) if stats["n"] else 0.0
    if parent is None and "incremental_edge" in stats:
        parent = stats["edge_raw"] - math.copysign(stats["incremental_edge"], stats["edge_raw"])
    return Estimate(stats["edge_raw"], error, parent=parent)


def lfsr_of(lesson: Lesson) -> float | None:
    """How likely its edge has the wrong sign; None under policy plan, which does not ask."""
    told: float | None = lesson.stats.get("lfsr")
    return told


def _parents(lessons: Sequence[Lesson]) -> dict[int, float]:
    """Of lessons of policy evidence, the edge of the kept parent that leaves least to add in the direction of theirs."""
    children = [each for each in lessons if each.policy == Policy.EVIDENCE and each.n_dims]
    if not children:
        return {}
    kept = Lesson.objects.exclude(status=Status.WITHDRAWN).filter(
        policy=Policy.EVIDENCE,
        module__in={each.module for each in children},
        pattern_key__in={each.pattern_key for each in children},
        n_dims__in={each.n_dims - 1 for each in children},
    )
    edges: dict[tuple[Any, ...], float] = {
        _place(module, key, category, scope): edge
        for module, key, category, scope, edge in kept.values_list(
            "module", "pattern_key", "action_category", "scope", "edge_raw"
        )
    }
    found = {}
    for child in children:
        known = [edges[place] for place in _above(child) if place in edges]
        if known:
            found[child.pk] = max(known, key=lambda edge: math.copysign(1, child.edge_raw) * edge)
    return found


def _above(child: Lesson) -> Iterable[tuple[Any, ...]]:
    for left_out in child.scope:
        scope = {name: value for name, value in child.scope.items() if name != left_out}
        yield _place(child.module, child.pattern_key, child.action_category, scope)


def _place(module: str, pattern_key: str, category: str, scope: Mapping[str, str]) -> tuple[Any, ...]:
    return module, pattern_key, category, tuple(sorted(scope.items()))


def standings(lines: Iterable[str]) -> dict[str, Standing]:
    """Where each of these lines stands."""
    wanted = list(lines)
    in_force = Membership.objects.filter(line_id__in=wanted, to_version=None).values_list("line_id", "override_id")
    overrides = {str(line): str(override) for line, override in in_force}
    asked: dict[str, list[int]] = {}
    open_lines = ChangeLine.objects.filter(line_id__in=wanted, request__state__in=ChangeRequest.OPEN)
    for line, request in open_lines.order_by("request_id").values_list("line_id", "request_id"):
        asked.setdefault(str(line), []).append(request)
    return {line: Standing(overrides.get(line), tuple(asked.get(line, ()))) for line in wanted}


def sequences_of(lessons: Sequence[Lesson], until: datetime, frame: Frame) -> dict[int, EdgeSequence]:
    """By lesson, its edge week by week as a picture; of those alone whose weeks are kept."""
    weeks: dict[int, Weeks] = {}
    rows = EdgeHistory.objects.filter(lesson__in=lessons).order_by("lesson_id", "week")
    for lesson, week, n, edge in rows.values_list("lesson_id", "week", "n", "edge_raw"):
        weeks.setdefault(lesson, []).append((week, n, edge))
    found = {each.pk: sequence_of(each, weeks.get(each.pk, []), until, frame) for each in lessons}
    return {key: picture for key, picture in found.items() if picture is not None}


def sequence_of(lesson: Lesson, weeks: Weeks, until: datetime, frame: Frame) -> EdgeSequence | None:
    """One lesson's edge week by week; what is believed is drawn where the policy shrinks."""
    stats = lesson.stats
    believed = (stats["edge_raw"] - stats["recent"], stats["edge_raw"]) if "recent" in stats else None
    return edge_sequence(weeks, stats["variance"], until.date(), believed, frame)

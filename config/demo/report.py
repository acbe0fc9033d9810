"""The report of a finished demo: what was learned, what is in force, one worked answer, and what it earned."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import expm1, log1p
from statistics import median
from typing import Any

from django.db.models import Count, F, Func, Max, Min, QuerySet, Sum

from learning.models import Cell, Lesson
from overrides.admin.decisions.decision_rows import LEVERS_OF
from overrides.core.engine.definitions.levers import LEVERS
from overrides.core.engine.definitions.parameters import LessonParameters
from overrides.core.engine.definitions.vocabulary import Blend, LearningMethod
from overrides.core.engine.weights import FACTORS
from overrides.models import ChangeRequest, Line, ModuleMode, Override, Version
from overrides.monitoring.replaying.challenger import latest
from overrides.versions.load_version import load_specs
from telemetry.decisions.earnings import earned_by
from telemetry.foundation.models import JobRun
from telemetry.models import Attribution, AttributionShare, Decision, Outcome, Trade

MODULES = ("dm", "pm")


@dataclass(frozen=True)
class Worked:
    """One decision that moved a lever before its trade closed, and its share of the trade's result."""

    decision: Decision
    trade: Trade
    lever: str
    share: float


def facts() -> dict[str, Any]:
    """Return the demo's results as JSON values: counts, the version in force and one worked answer."""
    worked, acting = worked_answer(), Lesson.objects.filter(status=Lesson.Status.ACTIVE)
    return {
        "trades": Trade.objects.filter(is_current=True).count(),
        "outcomes": Outcome.objects.count(),
        "cells": Cell.objects.count(),
        "lessons": acting.filter(policy=LearningMethod.PLAN).count(),
        "evidence_lessons": acting.filter(policy=LearningMethod.EVIDENCE).count(),
        "verified_lessons": acting.filter(stats__verified=True).count(),
        "overrides": sum(version.n_overrides for version in _active()),
        "version": next((version.number for version in _active() if version.module == "pm"), None),
        "answer": None if worked is None else answer_document(worked),
        "decisions": Decision.objects.count(),
        "attributed": Attribution.objects.count(),
        "noise_lessons": noise_lessons(),
    }


def worked_answer() -> Worked | None:
    """Return the attributed decision with the most contributions, then with the largest share."""
    moved = AttributionShare.objects.exclude(line_id="").values("decision_id", "lever", "attribution_id")
    ranked = moved.annotate(n=Count("override_id", distinct=True), share=Sum("share"))
    best = ranked.order_by("-n", Func(F("share"), function="abs").desc(), "decision_id").first()
    if best is None:
        return None
    decision = Decision.objects.get(pk=best["decision_id"])
    return Worked(decision, Trade.objects.get(pk=best["attribution_id"]), best["lever"], best["share"])


def answer_document(worked: Worked) -> dict[str, Any]:
    """Return the worked answer as JSON values."""
    decision, trade = worked.decision, worked.trade
    return {
        "decision_id": str(decision.decision_id),
        "module": decision.module,
        "pattern_key": decision.pattern_key,
        "action_category": decision.action_category,
        "scope": decision.scope,
        "at": decision.at.isoformat(),
        "version": decision.version,
        "combiner": decision.combiner,
        "mode": decision.mode,
        "reason": decision.reason,
        "flags": decision.flags,
        "levers": {name: lever["served"] for name, lever in decision.levers.items()},
        "contributions": decision.contributions,
        "trade": {"external_id": trade.external_id, "closed_at": trade.closed_at.isoformat(), "rr": trade.rr},
        "share": worked.share,
    }


def noise_lessons() -> int | None:
    """Return the number of lessons in the noise twins; None before they have run."""
    runs = [JobRun.objects.filter(job=f"noise twin {m}", status="done").order_by("-period").first() for m in MODULES]
    return None if None in runs else sum(run.rows for run in runs if run is not None)


def report_lines() -> Iterator[str]:
    """Yield the report, line by line."""
    yield from _learned()
    yield from _in_force()
    worked = worked_answer()
    if worked is not None:
        yield from _worked(worked)
    yield from _earned()
    yield from _challenged()


def _learned() -> Iterator[str]:
    trades = Trade.objects.filter(is_current=True)
    totals = trades.aggregate(n=Count("id"), first=Min("opened_at"), last=Max("closed_at"))
    yield "What was learned"
    if totals["n"] == 0:
        yield "  nothing yet: no trades are recorded"
        return
    of_evidence = Lesson.objects.filter(status=Lesson.Status.ACTIVE, policy=LearningMethod.EVIDENCE)
    active = Lesson.objects.filter(status=Lesson.Status.ACTIVE, policy=LearningMethod.PLAN)
    light = Lesson.objects.filter(status=Lesson.Status.TOO_LIGHT, policy=LearningMethod.PLAN).count()
    cells = Cell.objects.count()
    yield f"  from {totals['n']:,} trades, {totals['first']:%Y-%m-%d} to {totals['last']:%Y-%m-%d}, in {cells:,} cells"
    yield f"  {active.count()} lessons act, {light:,} more are too light to act"
    yield f"  {noise_lessons()} lessons act on the same trades with their outcomes shuffled: what luck alone looks like"
    verified = of_evidence.filter(stats__verified=True).count()
    yield f"  method evidence, built beside it: {of_evidence.count()} lessons, {verified} of them sure of their sign"
    for lesson in _heaviest(active, 3):
        n = lesson.stats["n"]
        yield f"    {lesson}: {lesson.edge_raw:+.2f} R against the mean, {n:.0f} trades, weight {lesson.weight:.3f}"


def _heaviest(lessons: QuerySet[Lesson], most: int) -> list[Lesson]:
    """Return the heaviest lessons, one per pattern, category and scope: its channels tell of the same trades."""
    found: dict[str, Lesson] = {}
    for lesson in lessons.order_by("-weight", "line_id").iterator():
        if len(found) == most:
            break
        found.setdefault(str(lesson), lesson)
    return list(found.values())


def _in_force() -> Iterator[str]:
    yield "What is in force"
    modes = dict(ModuleMode.objects.values_list("module", "mode"))
    for version in _active():
        mode = modes.get(version.module, "off")
        yield f"  {version.module}: version {version.number}, {version.n_overrides} overrides, mode {mode}"
    yield "  how far it moves: the median lesson in one daily update, the farthest multiplier; an answer at most 2 %"
    for version in Version.objects.filter(module="pm").order_by("number").select_related("parameters"):
        lessons = version.parameters.parsed.lessons
        update, farthest = _movements(version, lessons)
        scale = f"lesson_edge_scale {lessons.lesson_edge_scale:g}"
        yield f"    pm version {version.number}, {version.kind}, {scale}: {update:.3%} a day, farthest {farthest:.2%}"
    mandated = Version.objects.filter(request__route=ChangeRequest.Route.MANDATE).count()
    yield f"  {mandated} of {Version.objects.count()} versions the builder published within its mandates"
    for request in ChangeRequest.objects.filter(state=ChangeRequest.State.IN_REVIEW):
        yield f"  waiting for a reviewer: {request}"


def _worked(worked: Worked) -> Iterator[str]:
    decision, lever, trade = worked.decision, worked.decision.levers[worked.lever], worked.trade
    yield "One worked answer"
    yield (
        f"  {decision.pattern_key} {decision.action_category} at {decision.at:%Y-%m-%d %H:%M} UTC, "
        f"{decision.module} version {decision.version}"
    )
    for each in decision.contributions:
        if worked.lever in each["parts"]:
            yield from _contribution(each, worked.lever)
    step = "cut by the step to" if lever["step_limited"] else "within one step:"
    yield f"    blend {lever['target']:.6f}, {step} {lever['value']:.6f}, served {lever['served']}"
    closed = f"the trade closed {trade.closed_at:%Y-%m-%d %H:%M} UTC at {trade.rr:+.2f} R"
    yield f"    {closed}: the move earned {worked.share:+.5f} R per unit of size"


def _contribution(each: dict[str, Any], lever: str) -> Iterator[str]:
    """Yield one override's part in the answer, with its arithmetic."""
    override = Override.objects.select_related("line").get(pk=each["id"])
    product = " x ".join(f"{factor.label} {each[factor.symbol]:.3f}" for factor in FACTORS)
    yield f"    {override.line}"
    yield f"      {override.edge_raw:+.2f} R over {override.n:.0f} trades, variance {override.variance:.2f}"
    yield f"      weight = {product} = {each['w_total']:.4f}"
    target, part = each["targets"][lever], each["parts"][lever]
    yield f"      asks for {lever} {target:.5f}; its part of the blend, in logs, {part:+.6f}"


def _earned() -> Iterator[str]:
    total = Attribution.objects.aggregate(n=Count("trade_id"), total=Sum("total"), rr=Sum("rr"))
    by_overrides = AttributionShare.objects.exclude(line_id="")
    moved, earned = by_overrides.values("attribution_id").distinct().count(), earned_by(AttributionShare.objects.all())
    yield "What it earned"
    answers = Decision.objects.count()
    closed = f"{total['n']:,} of their trades have closed"
    yield f"  {answers:,} answers are logged; {closed}, and overrides moved {moved:,} of them"
    if total["n"]:
        overrides, coefficients = earned.overrides or 0.0, earned.coefficients or 0.0
        rest = total["total"] - overrides - coefficients
        yield f"  at unit size those trades made {total['rr']:+.1f} R; the levers added {total['total']:+.4f} R:"
        yield f"    overrides {overrides:+.4f} R in {earned.answers:,} answers, coefficients {coefficients:+.4f} R,"
        yield f"    cap and rest {rest:+.4f} R"
    yield "  the overrides that earned and lost most:"
    shares = by_overrides.values("line_id").annotate(earned=Sum("share"), n=Count("id"))
    for row in [*shares.order_by("-earned")[:2], *shares.order_by("earned")[:2]]:
        line = Line.objects.get(pk=row["line_id"])
        levers = LEVERS_OF.get(line.channel, line.channel)
        yield f"    {row['earned']:+.4f} R in {row['n']} answers: {line}, {levers} levers"


def _challenged() -> Iterator[str]:
    """Yield the comparison of live and challenger, for the lever that sizes trades."""
    yield "Live against challenger (method evidence, logged and never served)"
    for row in filter(None, map(latest, MODULES)):
        document = row.document or {}
        for name, lever in document["levers"].items():
            earned = lever.get("outcome")
            if earned and earned["n"]:
                moved = lever["either"]
                line = f"{row.module} {name}: {lever['requests']:,} decisions, one of them moves in {moved['n']:,}"
                line += f", both to the same side in {moved['same_side']:.0%} of those" if moved["n"] else ""
                yield f"  {line}; sd of ln m {lever['live']['sd']:.4f} live, {lever['challenger']['sd']:.4f} challenger"
                band = earned["difference"]
                ends = "no band" if band["low"] is None else f"{band['low']:+.2f} to {band['high']:+.2f}"
                yield f"    challenger less live {band['mean']:+.2f} R per 1,000 of {earned['n']:,} trades ({ends})"


def _active() -> list[Version]:
    return list(Version.objects.filter(is_active=True).order_by("module"))


def _movements(version: Version, lessons: LessonParameters) -> tuple[float, float]:
    """Return how far an update moves the median override's target, and how far multipliers lie from 1 at most.

    Levers that are no multipliers, such as a delay in bars, have other units and are left out of the second.
    """
    specs = list(load_specs(version.module, version.number))
    if not specs:
        return 0.0, 0.0
    edge = median(abs(spec.stats.edge_raw) for spec in specs)
    update = expm1(log1p(lessons.learning_rate) * min(edge / lessons.lesson_edge_scale, 1.0))
    targets = [(LEVERS[name], target) for spec in specs for name, target in spec.levers.items()]
    return update, max((abs(target - 1) for lever, target in targets if lever.blend is Blend.LOG), default=0.0)

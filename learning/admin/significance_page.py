"""What a module's page of evidence shows: the funnel of all it tested, the forest of its lessons, its noise twins."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.core.paginator import Page, Paginator
from django.urls import reverse
from django.utils.datastructures import MultiValueDict

from learning.admin.charts.forest import Estimate, ForestMark, forest
from learning.admin.charts.funnel import Funnel, Spot, funnel, funnel_rows
from learning.admin.charts.noise_strip import strip
from learning.admin.lesson_estimates import (
    LineStatus,
    estimate_of,
    latest_run,
    lessons_of,
    lfsr_of,
    nearest_parent,
    newest_twins,
    orders_of,
    standings,
    tally,
)
from learning.core.significance.funnel import BY_CHANCE, bands, n_shown
from learning.lessons.candidates import LEARNED_CHANNELS
from learning.lessons.methods import METHODS
from learning.lessons.methods.method import Order
from learning.models import BuilderRun, Lesson, NoiseTwin
from overrides.core.engine.definitions.vocabulary import LearningMethod
from overrides.versions.load_version import current_parameters

PER_PAGE = 25
MOST_SPOTS = 100
FUNNEL_COLUMNS = ("cells", "n", "raw", "se", "precision", "shrunk", "emitted")
FOREST_COLUMNS = (
    "lesson", "line", "pattern_key", "action_category", "scope", "status", "rank", "n", "raw", "raw_low", "raw_high",
    "shrunk", "low", "high", "parent", "lfsr", "verified", "exaggeration", "override", "requests",
)  # fmt: skip
TWIN_COLUMNS = ("policy", "seed", "found", "count", "status", "as_of", "error")
CHUNK = 500


@dataclass(frozen=True)
class Wanted:
    """What a reader asked for; words that are not known fall back to the usual."""

    policy: LearningMethod
    order: Order
    only_acting: bool
    page: str

    def address(self, **changes: str) -> str:
        """The same view with other words, from its first page."""
        words = {"policy": self.policy.value, "sort": self.order.name} | ({} if self.only_acting else {"all": "1"})
        return "?" + urlencode({name: word for name, word in (words | changes).items() if word})


@dataclass(frozen=True)
class ForestRow:
    """One lesson of the forest."""

    lesson: Lesson
    estimate: Estimate
    picture: ForestMark
    standing: LineStatus
    lfsr: float | None


def wanted(module: str, query: MultiValueDict[str, str]) -> Wanted:
    policies = {each.value: each for each in LearningMethod}
    policy = policies.get(query.get("policy", "")) or policy_in_force(module)
    known = orders_of(policy)
    order = known.get(query.get("sort", "")) or next(iter(known.values()))
    return Wanted(policy, order, query.get("all") != "1", query.get("page", "1"))


def policy_in_force(module: str) -> LearningMethod:
    return current_parameters(module).channels[LEARNED_CHANNELS[module]].policy


def evidence_page(module: str, asked: Wanted) -> dict[str, Any]:
    """The template's context."""
    run = latest_run(module, asked.policy)
    lessons = Paginator(lessons_of(module, asked.policy, asked.order, only_acting=asked.only_acting), PER_PAGE)
    return {
        "module": module,
        "asked": asked,
        "policies": [(each, asked.address(policy=each.value, sort="")) for each in LearningMethod],
        "run": run,
        "tally": tally(module, asked.policy),
        "channel": LEARNED_CHANNELS[module],
        **funnel_of(run, verified_spots(module, asked.policy)),
        **_forest(lessons.get_page(asked.page), asked),
        **twins_of(module, asked.policy),
    }


def verified_spots(module: str, policy: LearningMethod) -> list[Spot]:
    """The verified lessons, best first, as spots that lead to their pages."""
    if not METHODS[policy].verifies:
        return []
    lessons = lessons_of(module, policy, orders_of(policy)["rank"]).filter(stats__verified=True)[:MOST_SPOTS]
    return [spot_of(each, estimate_of(each)) for each in lessons]


def spot_of(lesson: Lesson, estimate: Estimate) -> Spot:
    where = reverse("admin:learning_lesson_change", args=[lesson.pk])
    believed = estimate.raw if estimate.shrunk is None else estimate.shrunk
    return Spot(str(lesson), where, estimate.raw, estimate.raw_se, believed)


def funnel_of(run: BuilderRun | None, spots: Iterable[Spot] = ()) -> dict[str, Any]:
    """The funnel of a run and its counts; of none that kept what it tested, nothing."""
    tested = None if run is None else run.tested
    if not tested or not tested["n"]:
        return {"funnel": None}
    picture: Funnel | None = funnel(tested, spots)
    counted = bands(tested)
    return {
        "funnel": picture,
        "bands": counted,
        "total": tested["total"],
        "kept": n_shown(tested),
        "one_by_one": len(tested["n"]),
        "acting": sum(each.emitted for each in counted),
        "outside": sum(each.outside for each in counted),
        "by_chance": BY_CHANCE * tested["total"],
    }


def _forest(page: Page[Lesson], asked: Wanted) -> dict[str, Any]:
    rows = forest_rows(list(page.object_list))
    picture = forest([each.estimate for each in rows])
    return {
        "forest": picture,
        "rows": rows,
        "page": page,
        "orders": [(each, asked.address(sort=each.name)) for each in orders_of(asked.policy).values()],
        "other_rows": asked.address(all="1" if asked.only_acting else ""),
        "previous": asked.address(page=str(page.previous_page_number())) if page.has_previous() else None,
        "next": asked.address(page=str(page.next_page_number())) if page.has_next() else None,
    }


def forest_rows(lessons: list[Any]) -> list[ForestRow]:
    """Lessons with their estimates on one scale, and where their lines stand."""
    estimates = [estimate_of(each, nearest_parent(each, getattr(each, "parents", ()))) for each in lessons]
    picture, where = forest(estimates), standings(each.line_id for each in lessons)
    drawn = () if picture is None else picture.rows
    return [
        ForestRow(lesson, estimate, row, where[lesson.line_id], lfsr_of(lesson))
        for lesson, estimate, row in zip(lessons, estimates, drawn, strict=True)
    ]


def twins_of(module: str, policy: LearningMethod) -> dict[str, Any]:
    """The newest twins of a policy, those that are done beside what was really found."""
    twins = list(newest_twins(module, policy))
    finished = [each for each in twins if each.count is not None]
    found = twins[0].found if twins else 0
    return {
        "twins": twins,
        "finished": finished,
        "found": found,
        "strip": strip(found, [each.count or 0 for each in finished]),
        "is_running": any(each.is_under_way for each in twins),
        "most_in_noise": max((each.count or 0 for each in finished), default=None),
    }


def funnel_table(module: str, policy: LearningMethod) -> Iterable[Mapping[str, Any]]:
    run = latest_run(module, policy)
    return funnel_rows(run.tested) if run is not None and run.tested else ()


def forest_table(module: str, asked: Wanted) -> Iterator[Mapping[str, Any]]:
    """Every lesson in the order asked for, not those of a page alone."""
    rows = lessons_of(module, asked.policy, asked.order, only_acting=asked.only_acting)
    for start in range(0, rows.count(), CHUNK):
        yield from map(forest_document, forest_rows(list(rows[start : start + CHUNK])))


def forest_document(each: ForestRow) -> dict[str, Any]:
    lesson, estimate = each.lesson, each.estimate
    low, high = estimate.interval or (None, None)
    return {
        "lesson": lesson.pk,
        "line": lesson.line_id,
        "pattern_key": lesson.pattern_key,
        "action_category": lesson.action_category,
        "scope": lesson.scope,
        "status": lesson.status,
        "rank": lesson.stats.get("rank"),
        "n": lesson.stats["n"],
        "raw": estimate.raw,
        "raw_low": estimate.raw_interval[0],
        "raw_high": estimate.raw_interval[1],
        "shrunk": estimate.shrunk,
        "low": low,
        "high": high,
        "parent": estimate.parent,
        "lfsr": each.lfsr,
        "verified": lesson.stats.get("verified"),
        "exaggeration": estimate.exaggeration,
        "override": each.standing.override,
        "requests": " ".join(map(str, each.standing.requests)),
    }


def twin_table(module: str, policy: LearningMethod) -> Iterator[Mapping[str, Any]]:
    for twin in newest_twins(module, policy):
        told = {name: getattr(twin, name) for name in TWIN_COLUMNS if name != "as_of"}
        yield told | {"as_of": twin.as_of.isoformat()}


def is_known(twins: Iterable[NoiseTwin]) -> bool:
    """Whether every twin has its answer already."""
    return all(each.status == NoiseTwin.Status.DONE for each in twins)

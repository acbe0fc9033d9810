"""The content of a module's evidence page: funnel of all tested cells, forest of lessons, noise twins."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.core.paginator import Page, Paginator
from django.urls import reverse
from django.utils.datastructures import MultiValueDict

from learning.admin.lesson_estimates import (
    LineStatus,
    count_significance,
    estimate_of,
    latest_run,
    lessons_of,
    lfsr_of,
    line_statuses,
    nearest_parent,
    orders_of,
)
from learning.charts.forest import Estimate, ForestMark, forest
from learning.charts.funnel import Funnel, Spot, funnel, funnel_rows
from learning.charts.noise_strip import strip
from learning.core.significance.funnel import BY_CHANCE, bands, n_stored
from learning.core.significance.twin_gate import TwinCounts
from learning.lessons.candidates import LEARNED_CHANNELS
from learning.lessons.methods import METHODS
from learning.lessons.methods.method import Order
from learning.models import BuilderRun, Lesson, NoiseTwin
from learning.validation.run_evidence import evidence_of_run, newest_twins, runs_with_evidence
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
class PageQuery:
    """The view that the address requests; unknown values fall back to the defaults."""

    policy: LearningMethod
    order: Order
    only_acting: bool
    page: str

    @property
    def verifies(self) -> bool:
        """Whether the method's lessons are verified or not."""
        return METHODS[self.policy].verifies

    def address(self, **changes: str) -> str:
        """Return the address of the same view with other values, from its first page."""
        words = {"policy": self.policy.value, "sort": self.order.name} | ({} if self.only_acting else {"all": "1"})
        return "?" + urlencode({name: word for name, word in (words | changes).items() if word})


@dataclass(frozen=True)
class ForestRow:
    """One lesson of the forest plot."""

    lesson: Lesson
    estimate: Estimate
    picture: ForestMark
    line_status: LineStatus
    lfsr: float | None


def read_query(module: str, query: MultiValueDict[str, str]) -> PageQuery:
    policies = {each.value: each for each in LearningMethod}
    policy = policies.get(query.get("policy", "")) or policy_in_force(module)
    known = orders_of(policy)
    order = known.get(query.get("sort", "")) or next(iter(known.values()))
    return PageQuery(policy, order, query.get("all") != "1", query.get("page", "1"))


def policy_in_force(module: str) -> LearningMethod:
    """Return the learning method of the module's learned channel."""
    return current_parameters(module).channels[LEARNED_CHANNELS[module]].policy


def evidence_page(module: str, query: PageQuery) -> dict[str, Any]:
    """Return the template's context."""
    parameters = current_parameters(module)
    run = runs_with_evidence(parameters, query.policy).defer(None).defer("parameters", "baseline").first()
    tally = count_significance(module, query.policy)
    lessons = Paginator(lessons_of(module, query.policy, query.order, only_acting=query.only_acting), PER_PAGE)
    if query.only_acting:
        lessons.count = tally.acting  # counted already
    return {
        "module": module,
        "query": query,
        "policies": [(each, query.address(policy=each.value, sort="")) for each in LearningMethod],
        "run": run,
        "evidence": None if run is None else evidence_of_run(run, query.policy),
        "of_run": None if run is None or run.twins is None else TwinCounts.from_document(run.twins),
        "tally": tally,
        "channel": LEARNED_CHANNELS[module],
        **funnel_of(run, verified_spots(module, query.policy)),
        **_forest(lessons.get_page(query.page), query),
        **twins_of(module, query.policy),
    }


def verified_spots(module: str, policy: LearningMethod) -> list[Spot]:
    """Return the verified lessons, best first, as spots that link to their pages."""
    if not METHODS[policy].verifies:
        return []
    lessons = lessons_of(module, policy, orders_of(policy)["rank"]).filter(stats__verified=True)[:MOST_SPOTS]
    return [spot_of(each, estimate_of(each)) for each in lessons]


def spot_of(lesson: Lesson, estimate: Estimate) -> Spot:
    """Return a lesson as a spot of the funnel."""
    address = reverse("admin:learning_lesson_change", args=[lesson.pk])
    shrunk = estimate.raw if estimate.shrunk is None else estimate.shrunk
    return Spot(str(lesson), address, estimate.raw, estimate.raw_se, shrunk)


def funnel_of(run: BuilderRun | None, spots: Iterable[Spot] = ()) -> dict[str, Any]:
    """Return the funnel of a run and its counts; no funnel if the run stores no tested cells."""
    tested = None if run is None else run.tested
    if not tested or not tested["n"]:
        return {"funnel": None}
    picture: Funnel | None = funnel(tested, spots)
    counted = bands(tested)
    return {
        "funnel": picture,
        "bands": counted,
        "total": tested["total"],
        "kept": n_stored(tested),
        "one_by_one": len(tested["n"]),
        "acting": sum(each.emitted for each in counted),
        "outside": sum(each.outside for each in counted),
        "by_chance": BY_CHANCE * tested["total"],
    }


def _forest(page: Page[Lesson], query: PageQuery) -> dict[str, Any]:
    """Return the forest of one page of lessons, with links to other pages and orders."""
    rows = forest_rows(list(page.object_list))
    picture = forest([each.estimate for each in rows])
    return {
        "forest": picture,
        "rows": rows,
        "page": page,
        "orders": [(each, query.address(sort=each.name)) for each in orders_of(query.policy).values()],
        "other_rows": query.address(all="1" if query.only_acting else ""),
        "previous": query.address(page=str(page.previous_page_number())) if page.has_previous() else None,
        "next": query.address(page=str(page.next_page_number())) if page.has_next() else None,
    }


def forest_rows(lessons: list[Any]) -> list[ForestRow]:
    """Return lessons with their estimates on one scale, and the status of their lines."""
    estimates = [estimate_of(each, nearest_parent(each, getattr(each, "parents", ()))) for each in lessons]
    picture, statuses = forest(estimates), line_statuses(each.line_id for each in lessons)
    drawn = () if picture is None else picture.rows
    return [
        ForestRow(lesson, estimate, row, statuses[lesson.line_id], lfsr_of(lesson))
        for lesson, estimate, row in zip(lessons, estimates, drawn, strict=True)
    ]


def twins_of(module: str, policy: LearningMethod) -> dict[str, Any]:
    """Return a method's newest noise twins, and the finished ones compared with the real number of lessons."""
    twins = list(newest_twins(module, policy))
    finished = [each for each in twins if each.count is not None]
    real_count = twins[0].found if twins else 0
    return {
        "twins": twins,
        "finished": finished,
        "found": real_count,
        "strip": strip(real_count, [each.count or 0 for each in finished]),
        "is_running": any(each.is_under_way for each in twins),
        "most_in_noise": max((each.count or 0 for each in finished), default=None),
    }


def funnel_table(module: str, policy: LearningMethod) -> Iterable[Mapping[str, Any]]:
    """Yield the numbers of the funnel."""
    run = latest_run(module, policy)
    return funnel_rows(run.tested) if run is not None and run.tested else ()


def forest_table(module: str, query: PageQuery) -> Iterator[Mapping[str, Any]]:
    """Yield every lesson in the requested order, not only those of one page."""
    rows = lessons_of(module, query.policy, query.order, only_acting=query.only_acting)
    for start in range(0, rows.count(), CHUNK):
        yield from map(forest_document, forest_rows(list(rows[start : start + CHUNK])))


def forest_document(each: ForestRow) -> dict[str, Any]:
    """Return one lesson of the forest as a table row."""
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
        "override": each.line_status.override,
        "requests": " ".join(map(str, each.line_status.requests)),
    }


def twin_table(module: str, policy: LearningMethod) -> Iterator[Mapping[str, Any]]:
    """Yield the newest noise twins as table rows."""
    for twin in newest_twins(module, policy):
        columns = {name: getattr(twin, name) for name in TWIN_COLUMNS if name != "as_of"}
        yield columns | {"as_of": twin.as_of.isoformat()}


def are_computed(twins: Iterable[NoiseTwin]) -> bool:
    """Return whether every twin is computed."""
    return all(each.status == NoiseTwin.Status.DONE for each in twins)

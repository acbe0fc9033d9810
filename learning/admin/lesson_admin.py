"""Admin pages of lessons with their evidence, and of the builder runs that produced them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import cache
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.db.models.fields.json import KeyTransform
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from learning.admin.lesson_page import edge_csv, history_csv, lesson_page, weeks_csv
from learning.admin.significance_admin import evidence_urls
from learning.admin.switch_method_page import switch_page
from learning.admin.trial_form import trial_page
from learning.core.significance.verdict import Verdict
from learning.lessons.methods import METHODS
from learning.models import BuilderRun, Lesson
from learning.validation.run_evidence import run_evidence
from overrides.admin.line_lists import LINE_SEARCH, channel_words
from overrides.core.engine.definitions.module_parameters import ModuleParameters
from overrides.core.engine.definitions.vocabulary import Channel, LearningMethod
from overrides.versions.load_version import current_parameters
from telemetry.core.vocabulary import ActionCategory
from telemetry.foundation.admin.formatting import MISSING, badge, chips, format_moment, number, pattern, pretty, short
from telemetry.foundation.admin.part_search import all_words, begins_an_id, said, terms
from telemetry.foundation.admin.read_only import DefaultFilter, FactAdmin, one_of
from telemetry.models import MODULES


def floors() -> Callable[[str, Channel], float]:
    """Return a function for the smallest acting weight of a module's channel.

    The parameters in force are read once for each module.
    """

    @cache
    def of_module(module: str) -> ModuleParameters:
        return current_parameters(module)

    return lambda module, channel: of_module(module).channels[channel].weights.min_total_weight


def verdicts() -> Callable[[str, LearningMethod], Verdict]:
    """Return a function for the verdict on the newest run of a module's method; each is read once."""

    @cache
    def verdict(module: str, policy: LearningMethod) -> Verdict:
        return run_evidence(module, policy).verdict

    return verdict


def _verification(lesson: Lesson, verdict: Verdict) -> SafeString:
    """Return the verification status of an evidence lesson and the probability that its sign is wrong.

    It is green only if the verdict on the run is an edge.
    """
    status = lesson.stats.get("standing", "unverified")
    is_verified = status == "verified"
    tone = "too_light" if not is_verified else "active" if verdict.allows_green else verdict.tone
    probability = "probability that the sign of the edge is wrong, if the model fits"
    shown = badge(tone, status)
    if lesson.stats.get("proven"):
        shown = format_html("{} {}", shown, badge("active", "proven"))
    return format_html(
        '{} <abbr title="{}">false sign rate</abbr> {}', shown, probability, number(1 - lesson.weight, 3)
    )


class MethodFilter(DefaultFilter):
    """Limits the list to lessons of the methods that are served, which is the default, or to those of one method."""

    title = "learning method"
    parameter_name = "policy"
    words = "lessons of the learning methods that are served"

    def lookups(self, request: HttpRequest, model_admin: Any) -> tuple[tuple[str, str], ...]:
        return tuple((method.value, method.value) for method in LearningMethod)

    def default(self, queryset: QuerySet[Lesson]) -> QuerySet[Lesson]:
        served = Q()
        for module, _ in MODULES:
            for channel, parameters in current_parameters(module).channels.items():
                served |= Q(module=module, type=channel, policy=parameters.policy)
        return queryset.filter(served)

    def chosen(self, queryset: QuerySet[Lesson], value: str) -> QuerySet[Lesson]:
        return queryset.filter(policy=value)


@admin.register(Lesson)
class LessonAdmin(FactAdmin):
    """Read-only list of lessons, with tables of each lesson as CSV."""

    nothing_yet = "The builder looks for them every hour, in cells with enough trades."
    list_filter = (
        MethodFilter,
        "module",
        one_of("type", Channel, "levers"),
        one_of("status", [status.value for status in Lesson.Status]),
        one_of("action_category", ActionCategory, "action"),
    )
    search_fields = ("pattern_key",)
    search_help_text = LINE_SEARCH
    csv_fields = (
        "id", "line_id", "module", "type", "policy", "pattern_key", "action_category", "scope", "status", "edge_raw",
        "stats__n", "stats__variance", "stats__half_life_days", "stats__updated_at", "weight", "targets", "run__as_of",
    )  # fmt: skip
    ordering = ("-weight", "id")
    fields = (
        ("what", "state"),
        ("edge", "n", "variance", "weight_shown"),
        ("half_life", "newest", "updates"),
        ("targets_shown", "levers_of"),
        ("first_run", "run", "line"),
    )
    readonly_fields = (
        "what", "state", "edge", "n", "variance", "weight_shown", "half_life", "newest", "updates",
        "targets_shown", "levers_of", "line",
    )  # fmt: skip
    change_form_template = "learning/lessons/lesson.html"

    def get_urls(self) -> list[URLPattern]:
        def out(table: Callable[[Lesson], HttpResponseBase]) -> Callable[..., HttpResponseBase]:
            def view(request: HttpRequest, lesson_id: int) -> HttpResponseBase:
                if not self.has_view_permission(request):
                    raise PermissionDenied
                return table(get_object_or_404(Lesson, pk=lesson_id))

            return self.admin_site.admin_view(view)

        return [
            path("<int:lesson_id>/edge.csv", out(edge_csv), name="learning_lesson_edge"),
            path("<int:lesson_id>/weeks.csv", out(weeks_csv), name="learning_lesson_weeks"),
            path("<int:lesson_id>/history.csv", out(history_csv), name="learning_lesson_track"),
            *super().get_urls(),
        ]

    def page(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        return lesson_page(obj)

    def get_list_display(self, request: HttpRequest) -> tuple[str | Callable[..., Any], ...]:
        floor_of, verdict_of = floors(), verdicts()

        @admin.display(description="weight (minimum), or certainty of the sign", ordering="weight")
        def against_floor(lesson: Lesson) -> SafeString:
            policy = LearningMethod(lesson.policy)
            if METHODS[policy].verifies:
                return _verification(lesson, verdict_of(lesson.module, policy))
            floor = floor_of(lesson.module, Channel(lesson.type))
            tone = "" if lesson.weight >= floor else "cw-quiet"
            return format_html('<span class="{}">{} ({})</span>', tone, number(lesson.weight, 4), f"{floor:g}")

        return ("what", "levers_of", "state", "edge", "n", against_floor, "targets_shown")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Lesson], search_term: str
    ) -> tuple[QuerySet[Lesson], bool]:
        if begins_an_id(search_term.strip()):
            return queryset.filter(line_id__startswith=search_term.strip()), False
        rows = queryset.alias(said=said("pattern_key", "action_category", "scope"))
        return rows.filter(all_words("said", terms(search_term))), False

    @admin.display(description="pattern, action and scope", ordering="pattern_key")
    def what(self, lesson: Lesson) -> SafeString:
        return format_html("{}<div>{}</div>", pattern(lesson.pattern_key, lesson.action_category), chips(lesson.scope))

    @admin.display(description="levers, learning method")
    def levers_of(self, lesson: Lesson) -> SafeString:
        return channel_words(lesson.type, lesson.policy)

    @admin.display(description="status", ordering="status")
    def state(self, lesson: Lesson) -> SafeString:
        return badge(lesson.status, lesson.get_status_display())

    @admin.display(description="edge", ordering="edge_raw")
    def edge(self, lesson: Lesson) -> SafeString:
        return number(lesson.edge_raw, 3, signed=True, unit="R")

    @admin.display(description="trades", ordering=KeyTransform("n", "stats"))
    def n(self, lesson: Lesson) -> SafeString:
        return number(lesson.stats["n"], 0)

    @admin.display(description="variance")
    def variance(self, lesson: Lesson) -> SafeString:
        return number(lesson.stats["variance"], 3, unit="R²")

    @admin.display(description="fresh weight", ordering="weight")
    def weight_shown(self, lesson: Lesson) -> SafeString:
        return number(lesson.weight, 4)

    @admin.display(description="half-life")
    def half_life(self, lesson: Lesson) -> SafeString:
        return number(lesson.stats["half_life_days"], 1, unit="days")

    @admin.display(description="newest trade")
    def newest(self, lesson: Lesson) -> SafeString:
        return format_moment(datetime.fromisoformat(lesson.stats["updated_at"]))

    @admin.display(description="days on which it moved")
    def updates(self, lesson: Lesson) -> SafeString:
        return number(lesson.stats.get("updates"), 0)

    @admin.display(description="lever targets")
    def targets_shown(self, lesson: Lesson) -> SafeString:
        return format_html_join(
            "", '<div class="cw-lever">{} {}</div>', ((name, number(t, 4)) for name, t in lesson.targets.items())
        )

    @admin.display(description="overrides of this line")
    def line(self, lesson: Lesson) -> SafeString:
        where = reverse("admin:overrides_override_changelist")
        return format_html('<a href="{}?q={}&amp;in_force=any">{}</a>', where, lesson.line_id, short(lesson.line_id))


@admin.register(BuilderRun)
class BuilderRunAdmin(FactAdmin):
    """Read-only list of builder runs, and the routes of the pages of a module's methods."""

    nothing_yet = "The builder looks every hour for each module, and runs where something is new."
    list_display = (
        "run_shown", "as_of_shown", "confirmed_shown", "method", "cells_shown", "candidates_shown", "active_shown",
        "withdrawn_shown",
    )  # fmt: skip
    sortable_by = ("run_shown", "as_of_shown")
    list_filter = ("module", one_of("policy", LearningMethod, "learning method"))
    fields = (
        ("module", "method", "as_of_shown", "confirmed_shown", "code_version"),
        ("cells_shown", "candidates_shown", "active_shown", "withdrawn_shown", "other_universe_shown"),
        ("lessons", "evidence", "strength_shown"),
        ("baseline_shown", "parameters_shown"),
    )
    readonly_fields = (
        "method", "as_of_shown", "confirmed_shown", "cells_shown", "candidates_shown", "active_shown",
        "withdrawn_shown", "lessons", "evidence", "strength_shown", "baseline_shown", "parameters_shown",
        "other_universe_shown",
    )  # fmt: skip
    csv_fields = (
        "id", "module", "policy", "as_of", "confirmed_at", "n_cells", "n_candidates", "n_active", "n_withdrawn",
        "n_other_universe", "code_version",
    )  # fmt: skip

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(switch_page)
        switch = path("<str:module>/switch/", view, name="learning_builderrun_switch_policy")
        trial = path("<str:module>/trial/", self.admin_site.admin_view(trial_page), name="learning_trial")
        return [switch, trial, *evidence_urls(self.admin_site.admin_view), *super().get_urls()]

    def get_queryset(self, request: HttpRequest) -> QuerySet[BuilderRun]:
        """Return the runs without `tested`, which may hold two thousand rows; the evidence page shows it."""
        rows: QuerySet[BuilderRun] = super().get_queryset(request)
        return rows.defer("tested")

    @admin.display(description="run", ordering="id")
    def run_shown(self, run: BuilderRun) -> str:
        return f"{run.module} run {run.pk}"

    @admin.display(description="braked by strength as of")
    def strength_shown(self, run: BuilderRun) -> str:
        return "not measured yet" if run.strength is None else format_moment(run.strength.as_of)

    @admin.display(description="as of", ordering="as_of")
    def as_of_shown(self, run: BuilderRun) -> SafeString:
        return format_moment(run.as_of)

    @admin.display(description="nothing new as of")
    def confirmed_shown(self, run: BuilderRun) -> SafeString | str:
        """Show when the builder last found nothing that this run had not read; a dash if it has not looked again."""
        return MISSING if run.confirmed_at is None else format_moment(run.confirmed_at)

    @admin.display(description="learning method")
    def method(self, run: BuilderRun) -> str:
        return run.policy

    @admin.display(description="cells")
    def cells_shown(self, run: BuilderRun) -> SafeString:
        return number(run.n_cells, 0)

    @admin.display(description="candidates")
    def candidates_shown(self, run: BuilderRun) -> SafeString:
        return number(run.n_candidates, 0)

    @admin.display(description="active lessons")
    def active_shown(self, run: BuilderRun) -> SafeString:
        return number(run.n_active, 0)

    @admin.display(description="withdrawn lessons")
    def withdrawn_shown(self, run: BuilderRun) -> SafeString:
        return number(run.n_withdrawn, 0)

    @admin.display(description="outcomes of another universe, left out")
    def other_universe_shown(self, run: BuilderRun) -> SafeString | str:
        return "not counted then" if run.n_other_universe is None else number(run.n_other_universe, 0)

    @admin.display(description="lessons")
    def lessons(self, run: BuilderRun) -> SafeString:
        where = reverse("admin:learning_lesson_changelist")
        return format_html('<a href="{}?module__exact={}">lessons of {}</a>', where, run.module, run.module)

    @admin.display(description="edge or noise")
    def evidence(self, run: BuilderRun) -> SafeString:
        where = reverse("admin:learning_builderrun_evidence", args=[run.module])
        return format_html('<a href="{}?policy={}">evidence of {}</a>', where, run.policy, run.module)

    @admin.display(description="baseline")
    def baseline_shown(self, run: BuilderRun) -> SafeString:
        return pretty(run.baseline)

    @admin.display(description="parameters")
    def parameters_shown(self, run: BuilderRun) -> SafeString:
        return pretty(run.parameters)

"""Admin pages of dm coefficients: the fresh weight of each value, and the weights in force by version."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.db.models.fields.json import KeyTextTransform
from django.http import HttpRequest, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.urls import URLPattern, path
from django.utils.safestring import SafeString

from learning.admin.coefficient_evidence_display import (
    EXPORTED,
    Proposal,
    exported_evidence,
    gain,
    interval,
    twins_of,
    walk_of,
)
from learning.coefficients.coefficient_memory import DAY, MODULE, OVERALL, day_of, memory_of
from learning.coefficients.proposed_weights import in_force, name_of
from learning.core.coefficient_evidence import Fewest
from learning.models import Coefficient
from learning.readers.group_columns import EPOCH
from overrides.admin.charts.coefficient_bars import weight_track
from overrides.admin.coefficient_display import bar
from overrides.core.engine.definitions.coefficients import LEVER_DIMENSIONS
from overrides.models import Version
from overrides.versions.load_version import current_parameters
from telemetry.foundation.admin.formatting import MISSING, format_moment, number
from telemetry.foundation.admin.read_only import FactAdmin, one_of
from telemetry.foundation.core.canonical_json import utc_text
from telemetry.foundation.core.csv_cells import csv_lines

MOST_VERSIONS = 60
COLUMNS = (
    "lever", "value", "weight", "in_force", "short_mean", "long_mean", "short_unshrunk", "long_unshrunk", "n", "as_of",
    *EXPORTED,
)  # fmt: skip


@admin.register(Coefficient)
class CoefficientAdmin(FactAdmin):
    """Read-only list of coefficients, with an export as CSV."""

    nothing_yet = "They come with closed trades that have an allocation, within minutes."
    list_filter = (one_of("name", ("all", *LEVER_DIMENSIONS), "lever"),)
    search_fields = ("key__startswith",)
    search_help_text = "value, from its beginning"
    ordering = ("name", "key")
    change_form_template = "learning/coefficients/coefficient.html"
    change_list_template = "learning/coefficients/coefficient_list.html"
    fields = (
        ("name", "value", "weight_shown", "in_force_shown"),
        ("short_memory", "long_memory", "n_shown", "newest", "as_of_shown"),
        ("short_unshrunk", "short_worth", "long_unshrunk", "long_worth"),
    )
    readonly_fields = (
        "value", "weight_shown", "in_force_shown", "short_memory", "long_memory", "n_shown", "newest", "as_of_shown",
        "short_unshrunk", "short_worth", "long_unshrunk", "long_worth",
    )  # fmt: skip

    def get_list_display(self, request: HttpRequest) -> tuple[str | Callable[..., Any], ...]:
        weights = in_force()

        @admin.display(description="new weight (mark: in force)", ordering="weight")
        def against_served(row: Coefficient) -> SafeString:
            served = weights.get(name_of(row), 1.0)
            return bar(row.weight, served, f"new {row.weight:.4f}, in force {served:.4f}")

        fewest = Fewest.of(current_parameters(MODULE).evidence)

        @admin.display(description="to be proposed")
        def proposed(row: Coefficient) -> SafeString:
            if not row.key or row.measured_at is None:
                return MISSING
            return Proposal.of(row, weights.get(name_of(row), 1.0), fewest).cell()

        @admin.display(description="in force")
        def served(row: Coefficient) -> SafeString:
            return number(weights.get(name_of(row)), 3)

        return (
            "lever_and_value", against_served, served, proposed, "interval_shown", "n_shown", "days_shown",
            "gain_shown",
        )  # fmt: skip

    def get_urls(self) -> list[URLPattern]:
        export = path("coefficients.csv", self.admin_site.admin_view(self.export), name="learning_coefficient_export")
        return [export, *super().get_urls()]

    def export(self, request: HttpRequest) -> HttpResponseBase:
        """Return the list as CSV, with the filters of the request."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        rows = exported(self.get_changelist_instance(request).queryset)
        response = StreamingHttpResponse(csv_lines(COLUMNS, rows), content_type="text/csv; charset=utf-8")
        response["Content-Disposition"] = 'attachment; filename="coefficients.csv"'
        return response

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        context = {"export_query": request.GET.urlencode()} | verdict_on_all() | (extra_context or {})
        return super().changelist_view(request, context)

    def page(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        versions = weights_by_version(obj)
        return {
            "versions": list(reversed(versions)),
            "track": weight_track([(number, weight) for number, weight, _ in versions], obj.weight)
            if obj.key
            else None,
            "is_overall": not obj.key,
            "walk": walk_of(obj),
            "twins": twins_of(obj),
            **verdict_on_all(),
            "proposal": proposal_of(obj),
        }

    @admin.display(description="lever and value", ordering="name")
    def lever_and_value(self, row: Coefficient) -> str:
        return f"{row.name} · {row.key}" if row.key else "all trades"

    @admin.display(description="value", ordering="key")
    def value(self, row: Coefficient) -> str:
        return row.key or "all"

    @admin.display(description="new weight", ordering="weight")
    def weight_shown(self, row: Coefficient) -> SafeString:
        return number(row.weight, 4)

    @admin.display(description="weight in force")
    def in_force_shown(self, row: Coefficient) -> SafeString:
        return number(in_force().get(name_of(row)), 4)

    @admin.display(description="recent mean (decays over 14 days)", ordering="rr_short")
    def short_memory(self, row: Coefficient) -> SafeString:
        return number(row.rr_short, 3, signed=True, unit="R")

    @admin.display(description="long-run mean (decays over 90 days)", ordering="rr_long")
    def long_memory(self, row: Coefficient) -> SafeString:
        return number(row.rr_long, 3, signed=True, unit="R")

    @admin.display(description="recent mean before shrinking")
    def short_unshrunk(self, row: Coefficient) -> SafeString:
        return number(memory_of(row).short.mean, 3, signed=True, unit="R")

    @admin.display(description="long-run mean before shrinking")
    def long_unshrunk(self, row: Coefficient) -> SafeString:
        return number(memory_of(row).long.mean, 3, signed=True, unit="R")

    @admin.display(description="trades", ordering="n")
    def n_shown(self, row: Coefficient) -> SafeString:
        return number(row.n, 0)

    @admin.display(description="95 % interval", ordering="low")
    def interval_shown(self, row: Coefficient) -> SafeString:
        return interval(row)

    @admin.display(description="effective days", ordering="effective_days")
    def days_shown(self, row: Coefficient) -> SafeString:
        return number(row.effective_days, 1)

    @admin.display(description="walk-forward gain", ordering="walk_gain")
    def gain_shown(self, row: Coefficient) -> SafeString:
        return gain(row)

    @admin.display(description="newest trade")
    def newest(self, row: Coefficient) -> SafeString:
        return format_moment(EPOCH + memory_of(row).at * DAY)

    @admin.display(description="as of", ordering="as_of")
    def as_of_shown(self, row: Coefficient) -> SafeString:
        return format_moment(row.as_of)

    @admin.display(description="equivalent trades")
    def short_worth(self, row: Coefficient) -> SafeString:
        return number(memory_of(row).weights_at(day_of(row.as_of))[0], 1, unit="trades of today")

    @admin.display(description="equivalent trades")
    def long_worth(self, row: Coefficient) -> SafeString:
        return number(memory_of(row).weights_at(day_of(row.as_of))[1], 1, unit="trades of today")


def exported(rows: QuerySet[Coefficient]) -> Iterator[dict[str, Any]]:
    """Yield every row with its weight in force; a value that the version does not contain has weight 1."""
    weights = in_force()
    for row in rows:
        memory = memory_of(row)
        yield {
            "lever": row.name,
            "value": row.key,
            "weight": row.weight,
            "in_force": weights.get(name_of(row), 1.0) if row.key else None,
            "short_mean": row.rr_short,
            "long_mean": row.rr_long,
            "short_unshrunk": memory.short.mean,
            "long_unshrunk": memory.long.mean,
            "n": row.n,
            "as_of": utc_text(row.as_of),
            **exported_evidence(row),
        }


def verdict_on_all() -> dict[str, Any]:
    """Return the verdict on all weights together with its time, as template context; empty before it is measured."""
    overall = Coefficient.objects.filter(module=MODULE, name=OVERALL[0], key=OVERALL[1]).first()
    if overall is None or overall.evidence is None:
        return {}
    walked_at = overall.evidence["walk_as_of"]
    return {
        "weights_verdict": overall.evidence,
        "measured_at": overall.measured_at,
        "walked_at": None if walked_at is None else datetime.fromisoformat(walked_at),
    }


def proposal_of(row: Coefficient) -> Proposal:
    """Return what the next request would do with the weight of a row."""
    fewest = Fewest.of(current_parameters(row.module).evidence)
    return Proposal.of(row, in_force().get(name_of(row), 1.0), fewest)


def weights_by_version(row: Coefficient) -> list[tuple[int, float, Any]]:
    """Return number, weight and time of the newest versions, oldest first; weight 1 if a value is absent."""
    versions = Version.objects.filter(module=row.module).order_by("-number")
    weight = KeyTextTransform(name_of(row), "coefficients")
    rows = versions.annotate(weight=weight).values_list("number", "weight", "published_at")[:MOST_VERSIONS]
    return [(number, 1.0 if text is None else float(text), at) for number, text, at in reversed(rows)]

"""Admin of parameter sets: every constant of a module beside its default, and the versions that used it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Exists, OuterRef, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils.safestring import SafeString
from django.utils.text import Truncator

from overrides.admin.document_diff import ABSENT, document_differences, flattened, worded
from overrides.admin.governance.parameter_form import propose_page
from overrides.admin.governance.parameter_names import is_named, name_of
from overrides.core.engine.definitions.module_parameters import ModuleParameters
from overrides.core.governance.permissions import DRAFT
from overrides.models import ParameterSet, Version
from telemetry.foundation.admin.formatting import badge, format_moment, number, short
from telemetry.foundation.admin.read_only import FactAdmin
from telemetry.models import MODULES

MOST_VERSIONS = 50
CHOICES = {  # constants that other requests choose than those of a parameter form
    "policy": "Learning method",
    "combiner": "Combiner",
    "dimensions": "Scope dimensions of the module",
    "protected_motifs": "Motifs that always get neutral",
    "kind": "Kind of the dimension",
    "cuts": "Numbers at which its buckets begin",
    "meaning": "What it means",
    "learned": "Whether it is learned from",
    "name": "Name of the universe",
    "pairs": "Pairs of the universe",
    "hash": "Hash of the name and the pairs",
}


@dataclass(frozen=True)
class Constant:
    """One constant as the page shows it; `label` is what people call it, empty for what only documents name."""

    name: str
    label: str
    default: str
    value: str

    @property
    def differs(self) -> bool:
        return self.value != self.default


@admin.register(ParameterSet)
class ParameterSetAdmin(FactAdmin):
    """The list and the pages of parameter sets."""

    change_form_template = "overrides/governance/parameters.html"
    list_display = ("name", "state", "used", "made", "created_by", "why")
    list_filter = ("module",)
    search_fields = ("id__startswith",)
    search_help_text = "the set's id, from its beginning"
    csv_fields = ("id", "module", "is_in_force", "n_versions", "document", "created_at", "created_by", "reason")
    ordering = ("-created_at", "id")
    fields = (("name", "state", "made", "created_by"), "reason")
    readonly_fields = ("name", "state", "made")

    def get_queryset(self, request: HttpRequest) -> QuerySet[ParameterSet]:
        active = Version.objects.filter(parameters=OuterRef("pk"), is_active=True)
        queryset: QuerySet[ParameterSet] = super().get_queryset(request)
        return queryset.annotate(n_versions=Count("versions"), is_in_force=Exists(active))

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.propose)
        return [path("<str:module>/propose/", view, name="overrides_parameterset_propose"), *super().get_urls()]

    def propose(self, request: HttpRequest, module: str) -> HttpResponse:
        """Show a field for each constant in force; POST shows the effect, and drafts the request after that."""
        if module not in dict(MODULES):
            raise Http404
        if not self.has_view_permission(request) or not request.user.has_perm(DRAFT):
            raise PermissionDenied
        return propose_page(self, request, module)

    def page(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        before = ParameterSet.objects.filter(module=obj.module, created_at__lt=obj.created_at).order_by("-created_at")
        previous = before.first()
        document = obj.parsed.to_document()
        versions = Version.objects.filter(parameters=obj).only("module", "number", "is_active", "published_at")
        return {
            "set": obj,
            "sections": _sections(document, ModuleParameters.default(obj.module).to_document()),
            "previous": previous,
            "differences": document_differences(previous.parsed.to_document(), document) if previous else [],
            "versions": versions.order_by("-number")[:MOST_VERSIONS],
            "n_hidden": max(obj.n_versions - MOST_VERSIONS, 0),
        }

    @admin.display(description="parameter set", ordering="id")
    def name(self, row: ParameterSet) -> SafeString:
        return short(row.pk)

    @admin.display(description="state", ordering="is_in_force")
    def state(self, row: Any) -> SafeString:
        return (
            badge("in force", f"in force for {row.module}")
            if row.is_in_force
            else badge("superseded", f"superseded, {row.module}")
        )

    @admin.display(description="versions", ordering="n_versions")
    def used(self, row: Any) -> SafeString:
        return number(row.n_versions, 0)

    @admin.display(description="reason")
    def why(self, row: ParameterSet) -> str:
        return Truncator(row.reason).chars(100)

    @admin.display(description="created", ordering="created_at")
    def made(self, row: ParameterSet) -> SafeString:
        return format_moment(row.created_at)


def _sections(document: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, list[Constant]]:
    """Group the constants by channel, lessons, evidence and module; limits that only one side has are included."""
    values, plain = dict(flattened(document)), dict(flattened(defaults))
    sections: dict[str, list[Constant]] = {}
    for field in [*values, *(field for field in plain if field not in values)]:
        section, name = _place(field)
        constant = Constant(name, _label(field), worded(plain.get(field, ABSENT)), worded(values.get(field, ABSENT)))
        sections.setdefault(section, []).append(constant)
    return sections


def _label(field: str) -> str:
    """Return what people call the constant at a path, or the one that a path within it belongs to."""
    known = (name_of(each).label for each in (field, field.rpartition(".")[0]) if is_named(each))
    return next(known, CHOICES.get(field.rpartition(".")[2], ""))


def _place(field: str) -> tuple[str, str]:
    first, _, rest = field.partition(".")
    if first == "channels":
        channel, _, rest = rest.partition(".")
        return f"Channel {channel}", rest
    return (first.replace("_", " ").capitalize(), rest) if rest else ("Module", field)

"""The filter of the list of overrides by whether they act at this hour."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.contrib import admin
from django.db.models import BooleanField, Exists, ExpressionWrapper, F, Func, OuterRef, QuerySet, Value
from django.http import HttpRequest

from overrides.models import Membership, Override
from overrides.versions.acts_today import acting_ids
from telemetry.models import MODULES


class ActsTodayFilter(admin.SimpleListFilter):
    """Limits the list to overrides in force that act at this hour, or to those in force that do not."""

    title = "acts today"
    parameter_name = "acts_today"

    def lookups(self, request: HttpRequest, model_admin: Any) -> tuple[tuple[str, str], ...]:
        return (("yes", "acts today"), ("no", "in force, but does nothing"))

    def queryset(self, request: HttpRequest, queryset: QuerySet[Override]) -> QuerySet[Override]:
        if self.value() not in ("yes", "no"):
            return queryset
        at = datetime.now(UTC)
        ids = [name for module, _ in MODULES for name in acting_ids(module, at)]
        if self.value() == "yes":
            return queryset.filter(_is_one_of(ids))
        in_force = Exists(Membership.objects.filter(override=OuterRef("pk"), to_version=None))
        return queryset.filter(in_force).exclude(_is_one_of(ids))


def _is_one_of(ids: list[str]) -> Any:
    """Return the condition that the primary key is among the ids, as one array: they may be a hundred thousand."""
    is_one = BooleanField()
    condition = Func(F("pk"), Value(ids), template="%(expressions)s)", arg_joiner=" = ANY(", output_field=is_one)
    return ExpressionWrapper(condition, output_field=is_one)

"""Every list as CSV: the rows that its search and filters leave, in its order, streamed in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.urls import URLPattern, path, reverse

from telemetry.foundation.core.canonical_json import utc_text
from telemetry.foundation.core.csv_cells import csv_lines

CHUNK = 2_000  # rows held in memory

if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin[Any]
else:  # Django's class takes no parameters when it runs
    ModelAdmin = admin.ModelAdmin


class CsvList(ModelAdmin):
    """Mixin of a list that can be downloaded as CSV.

    `csv_fields` are the columns: fields, annotations of the list's query set, or fields of related rows. Without any,
    all stored fields of the model are written, so that a model with secrets has to name them.
    """

    csv_fields: ClassVar[Sequence[str]] = ()
    csv_computed: ClassVar[Sequence[str]] = ()  # columns that `computed` adds

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.download)
        return [path("list.csv", view, name=self._csv_name()), *super().get_urls()]

    def download(self, request: HttpRequest) -> HttpResponseBase:
        """Stream the rows of the list that the address describes."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        rows = self.get_changelist_instance(request).queryset
        columns = [name.replace("__", "_") for name in self._fields()]
        lines = csv_lines([*columns, *self.csv_computed], self._rows(rows))
        response = StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8")
        response["Content-Disposition"] = f'attachment; filename="{self.opts.model_name}.csv"'
        return response

    def computed(self, rows: list[Any]) -> Iterator[dict[str, Any]]:
        """Yield the columns `csv_computed` of each of these rows of the model, which are at most CHUNK."""
        yield from ({} for _ in rows)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        address = reverse(f"{self.admin_site.name}:{self._csv_name()}")
        query = request.GET.urlencode()
        csv = {"csv_address": f"{address}?{query}" if query else address}
        return super().changelist_view(request, csv | (extra_context or {}))

    def _csv_name(self) -> str:
        return f"{self.opts.app_label}_{self.opts.model_name}_csv"

    def _fields(self) -> Sequence[str]:
        return self.csv_fields or [field.attname for field in self.opts.concrete_fields]

    def _rows(self, rows: QuerySet[Any]) -> Iterator[dict[str, Any]]:
        names = {name.replace("__", "_"): name for name in self._fields()}
        with transaction.atomic():
            if not self.csv_computed:
                for values in rows.values_list(*names.values()).iterator(CHUNK):
                    yield dict(zip(names, map(_plain, values), strict=True))
                return
            stream = rows.iterator(CHUNK)
            while chunk := list(islice(stream, CHUNK)):
                for row, computed in zip(chunk, self.computed(chunk), strict=True):
                    yield {name: _plain(_value(row, place)) for name, place in names.items()} | computed


def _value(row: Model, place: str) -> Any:
    value: Any = row
    for name in place.split("__"):
        value = None if value is None else getattr(value, name)
    return value


def _plain(value: object) -> object:
    """Return a value as CSV writes it: times in UTC, identifiers as text."""
    if isinstance(value, datetime):
        return utc_text(value)
    return value if isinstance(value, (str, int, float, bool, dict, list, tuple, type(None))) else str(value)

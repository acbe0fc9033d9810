"""Pagination of large tables: exact counts up to a limit, estimates beyond it, and equally cheap pages."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from django.contrib.admin.views.main import ChangeList
from django.core.paginator import Page, Paginator
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject, cached_property

MAX_ROWS = 10_000  # rows that can be paged through; filters or the reverse order reach the others

if TYPE_CHECKING:
    RowPaginator = Paginator[Any]
else:  # Django's class takes no parameters when it runs
    RowPaginator = Paginator


class BoundedPaginator(RowPaginator):
    """Pages through at most MAX_ROWS rows. The count is exact up to there and PostgreSQL's estimate beyond."""

    object_list: QuerySet[Any]

    @cached_property
    def count(self) -> int:
        return min(self._counted, MAX_ROWS)

    @cached_property
    def estimate(self) -> int | None:
        """Estimated number of rows in all; None if they were counted exactly."""
        if self._counted <= MAX_ROWS:
            return None
        plan = json.loads(self._keys.explain(format="json"))[0]["Plan"]
        return max(int(plan["Plan Rows"]), self._counted)

    def page(self, number: int | str) -> Page[Any]:
        """Return a page: select its keys first and then their rows, so that skipped rows are never read in full."""
        page = super().page(number)
        page_of_rows: Any = page.object_list
        keys = list(page_of_rows.values_list("pk", flat=True))
        page.object_list = self.object_list.filter(pk__in=keys)
        return page

    @cached_property
    def _counted(self) -> int:
        return self._keys[: MAX_ROWS + 1].count()

    @property
    def _keys(self) -> QuerySet[Any]:
        return self.object_list.order_by().values("pk")


class FactList(ChangeList):
    """A change list that sorts only by indexed columns and counts rows once."""

    def get_ordering_field(self, field_name: str | Callable[..., Any]) -> Any:
        """Return None for columns that are not sortable; Django would accept any column in `?o=`."""
        may_sort = self.sortable_by is None or field_name in self.sortable_by
        return super().get_ordering_field(field_name) if may_sort else None

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        if not self.result_count:  # counted already; a search that finds nothing is not made twice
            self.result_list = self.queryset.none()
        self.full_result_count = self.result_count  # shown beside the search; the list's footer shows the estimate


class CompletedList(FactList):
    """A change list whose columns show more than the fields of its rows: `complete` adds it, once the list is drawn.

    An action on ticked rows draws no list and needs nothing of it.
    """

    def complete(self, request: HttpRequest, rows: list[Any]) -> None:
        """Add to each row what its columns show, with a few queries for all of them."""
        raise NotImplementedError

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        self.result_list = SimpleLazyObject(partial(self._completed, request, self.result_list))

    def _completed(self, request: HttpRequest, found: QuerySet[Any]) -> list[Any]:
        rows = list(found)
        self.complete(request, rows)
        return rows

"""Lists of large tables: counted as far as anybody pages, estimated beyond, no page dearer than another."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from django.contrib.admin.views.main import ChangeList
from django.core.paginator import Page, Paginator
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.functional import cached_property

REACH = 10_000  # rows that can be paged through; filters and the other order lead further

if TYPE_CHECKING:
    RowPaginator = Paginator[Any]
else:  # Django's class takes no parameters when it runs
    RowPaginator = Paginator


class BoundedPaginator(RowPaginator):
    """Pages of at most REACH rows: their number is exact up to there, and PostgreSQL's own estimate beyond."""

    object_list: QuerySet[Any]

    @cached_property
    def count(self) -> int:
        return min(self._counted, REACH)

    @cached_property
    def estimate(self) -> int | None:
        """About how many rows there are in all; None where they were counted."""
        if self._counted <= REACH:
            return None
        plan = json.loads(self._keys.explain(format="json"))[0]["Plan"]
        return max(int(plan["Plan Rows"]), self._counted)

    def page(self, number: int | str) -> Page[Any]:
        """Keys first, then rows: what lies before the page is passed over without its wide columns."""
        page = super().page(number)
        page_of_rows: Any = page.object_list
        keys = list(page_of_rows.values_list("pk", flat=True))
        page.object_list = self.object_list.filter(pk__in=keys)
        return page

    @cached_property
    def _counted(self) -> int:
        return self._keys[: REACH + 1].count()

    @property
    def _keys(self) -> QuerySet[Any]:
        return self.object_list.order_by().values("pk")


class FactList(ChangeList):
    """A list ordered only by what an index orders, and without a second count."""

    def get_ordering_field(self, field_name: str | Callable[..., Any]) -> Any:
        """None for other columns: Django takes `?o=` for any, whether its head is a link or not."""
        may_sort = self.sortable_by is None or field_name in self.sortable_by
        return super().get_ordering_field(field_name) if may_sort else None

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        self.full_result_count = self.result_count  # what is shown beside the search; the foot of the list says more

"""Base classes for read-only admin pages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.auth.models import User
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.text import capfirst

from telemetry.foundation.admin.csv_list import CsvList
from telemetry.foundation.admin.formatting import MISSING, in_words
from telemetry.foundation.admin.pagination import BoundedPaginator, FactList

if TYPE_CHECKING:
    TabularInline = admin.TabularInline[Any, Any]
else:  # Django's class takes no parameters when it runs
    TabularInline = admin.TabularInline


def person(request: HttpRequest) -> User:
    """Return the logged-in user of an admin request."""
    assert isinstance(request.user, User)
    return request.user


class ReadOnly:
    """Mixin that refuses the permissions to add, change and delete."""

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class FactAdmin(ReadOnly, CsvList):
    """Base class of read-only lists and pages of possibly large tables.

    `sortable_by` names the columns that have an index. Rows are counted once, and related rows are loaded only on
    demand.
    """

    actions: Sequence[Any] | None = None
    list_per_page = 50
    list_max_show_all = 200
    paginator = BoundedPaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    change_form_template = "foundation/read_only.html"
    empty_value_display = MISSING
    nothing_yet = ""  # shown on an empty list: how rows get into it

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        title = capfirst(str(self.opts.verbose_name_plural))
        return super().changelist_view(request, {"title": title} | (extra_context or {}))

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[FactList]:
        return FactList

    def page(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        """Return additional template context for the page of `obj`."""
        return {}

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: Any = None,
    ) -> HttpResponse:
        if obj is not None:
            context |= {"title": str(obj), "subtitle": None} | self.page(request, obj)
        return super().render_change_form(request, context, add, change, form_url, obj)


class DefaultFilter(admin.SimpleListFilter):
    """A list filter that narrows the list before anybody has chosen; the list says so and offers all rows.

    `words` names what is listed by default, as in "Only … are listed."; the choice `any` lists everything.
    """

    ANY = "any"
    words = ""
    other_lists: Sequence[str] = ()  # parameters of filters that list other rows; with one of them, no default applies

    def __init__(self, request: HttpRequest, params: dict[str, Any], model: Any, model_admin: Any) -> None:
        acts = request.method == "POST"  # on ticked rows, whichever list showed them
        self._is_left_out = acts or any(request.GET.get(name) for name in self.other_lists)
        everything = request.GET.copy()
        everything[str(self.parameter_name)] = self.ANY
        everything.pop("p", None)
        self.all_address = f"?{everything.urlencode()}"
        super().__init__(request, params, model, model_admin)

    def default(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return the rows that are listed before anybody has chosen."""
        raise NotImplementedError

    def chosen(self, queryset: QuerySet[Any], value: str) -> QuerySet[Any]:
        """Return the rows of one choice; any other value lists everything."""
        raise NotImplementedError

    @property
    def default_words(self) -> str:
        """What is listed because nobody has chosen; empty where somebody has."""
        return "" if self.value() or self._is_left_out else self.words

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        value = self.value()
        if self.default_words:
            return self.default(queryset)
        return queryset if value in (None, "", self.ANY) else self.chosen(queryset, str(value))

    def choices(self, changelist: Any) -> Iterator[Any]:
        """Yield the default first, then the other choices and all rows."""
        unchosen, *others = super().choices(changelist)
        yield {**unchosen, "display": self.words, "selected": bool(self.default_words)}
        yield from others
        is_whole = not self.default_words and self.value() in (None, self.ANY)
        yield {"selected": is_whole, "query_string": self.all_address, "display": "all"}


class FactInline(ReadOnly, TabularInline):
    """Base class of read-only tables on an admin page."""

    extra = 0
    max_num = 0
    can_delete = False
    template = "foundation/read_only_inline.html"
    note = ""  # a text below the table that explains its columns


def one_of(field: str, words: Iterable[str], title: str = "") -> type[admin.SimpleListFilter]:
    """Return a list filter over a closed vocabulary; unlike Django's filters it runs no SELECT DISTINCT."""
    known = tuple((word, in_words(word)) for word in words)

    class OneOf(admin.SimpleListFilter):
        parameter_name = field

        def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
            return known

        def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
            return queryset.filter(**{field: self.value()}) if self.value() in dict(known) else queryset

    OneOf.title = title or field.replace("_", " ")
    return OneOf

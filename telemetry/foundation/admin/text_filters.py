"""List filters with a text input (id, number, time); invalid input is reported by name."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from telemetry.foundation.core.fields import parse_moment
from telemetry.foundation.core.refusal import Refused, shown

Narrow = Callable[[QuerySet[Any], Any], QuerySet[Any]]


class TypedFilter(admin.SimpleListFilter):
    """A list filter that is a form with one text field; submitting it keeps the other filters."""

    template = "foundation/text_filter.html"
    hint = ""

    def read(self, value: str) -> Any:
        """Parse the text and return the value; raise Refused, with advice, if it cannot be parsed."""
        raise NotImplementedError

    def narrow(self, rows: QuerySet[Any], value: Any) -> QuerySet[Any]:
        """Return the rows that match the value."""
        raise NotImplementedError

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return ()

    def has_output(self) -> bool:
        return True

    def value(self) -> str | None:
        typed = super().value()
        return typed.strip() if typed and typed.strip() else None

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        typed = self.value()
        if typed is None:
            return queryset
        try:
            return self.narrow(queryset, self.read(typed))
        except Refused as refused:
            messages.error(request, f"{self.title}: {refused}")
            return queryset.none()

    def choices(self, changelist: Any) -> Iterator[Any]:
        name = str(self.parameter_name)
        kept = [(key, value) for key, values in changelist.filter_params.items() for value in values if key != name]
        yield {
            "name": name,
            "value": self.value() or "",
            "hint": self.hint,
            "kept": kept,
            "without": changelist.get_query_string(remove=[name]) if self.value() else "",
        }


def typed_filter(
    parameter: str, title: str, hint: str, read: Callable[[str], Any], narrow: Narrow
) -> type[TypedFilter]:
    """Return a subclass of TypedFilter made of these parts, because the admin takes filters as classes."""
    attributes = {
        "parameter_name": parameter,
        "title": title,
        "hint": hint,
        "read": staticmethod(read),
        "narrow": staticmethod(narrow),
    }
    return type("Typed", (TypedFilter,), attributes)


def window(field: str, what: str = "") -> tuple[type[TypedFilter], type[TypedFilter]]:
    """Return the two filters `since` (inclusive) and `until` (exclusive) on a time column; `what` names that time.

    For example: "time closed, from (UTC)".
    """
    of = f"{what}, " if what else ""
    hint = "2026-05-01 or 2026-05-01T14:30"
    return (
        typed_filter(
            "since", f"{of}from (UTC)", hint, read_time, lambda rows, at: rows.filter(**{f"{field}__gte": at})
        ),
        typed_filter(
            "until", f"{of}before (UTC)", hint, read_time, lambda rows, at: rows.filter(**{f"{field}__lt": at})
        ),
    )


def key_filter(field: str) -> type[TypedFilter]:
    """Return the filter of rows by the API key that a column names, typed as lists of keys show it."""
    return typed_filter(
        "key",
        "API key",
        "how the key begins: cw_ and 8 digits",
        read_prefix,
        lambda rows, key: rows.filter(**{field: key}),
    )


def read_prefix(value: str) -> str:
    """Return the prefix that a key, or the beginning of one, names; raise Refused otherwise.

    >>> read_prefix("cw_12ab34cd…")
    '12ab34cd'
    """
    found = re.fullmatch(r"(?:cw_)?([0-9a-f]{8})(?:…|\.\.\.)?", value)
    if found is None:
        raise Refused.because("the beginning of a key is cw_ and 8 digits; the list of API keys shows it")
    return found[1]


def read_time(value: str) -> datetime:
    """Parse a date or time, in UTC if it has no offset; raise Refused otherwise."""
    try:
        at = datetime.fromisoformat(value)
    except ValueError:
        raise Refused.because(f"{shown(value)} is no date or time; give one such as 2026-05-01T14:30") from None
    return parse_moment(at.replace(tzinfo=UTC) if at.utcoffset() is None else at)


def read_number(value: str) -> int:
    """Parse a whole number within PostgreSQL's integer range; raise Refused otherwise."""
    if not (value.isascii() and value.isdigit() and len(value) < 12 and int(value) < 2**31):
        raise Refused.because(f"{shown(value)} is no whole number; give one such as 12")
    return int(value)

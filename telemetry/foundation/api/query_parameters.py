"""Query parameters: each at most once, parsed strictly, unknown ones refused by name."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request

from telemetry.foundation.core.fields import Read, parse_moment, text
from telemetry.foundation.core.objects import Fields
from telemetry.foundation.core.refusal import Refusal, Refused, label, shown

_BLANK_OFFSET = re.compile(r"[T ][0-9:.]+ [0-9]{2}(:?[0-9]{2})?$", re.ASCII)


@dataclass(frozen=True)
class Filter:
    """A query parameter that narrows a list: its parser, its ORM lookup and its OpenAPI description."""

    read: Read[Any]
    lookup: str
    description: str = ""
    words: tuple[str, ...] = ()
    type: Any = str

    def parameter(self, name: str) -> OpenApiParameter:
        """Return the OpenAPI parameter of this filter."""
        return OpenApiParameter(name, self.type, enum=self.words or None, description=self.description)


Filters = Mapping[str, Filter]


def query(request: Request | HttpRequest, known: Collection[str] = ()) -> Fields:
    """Return the query parameters as strict `Fields`, which the caller closes; raise Refused on a repeated one."""
    sent = request.GET
    twice = [name for name, values in sent.lists() if len(values) > 1]
    if twice:
        raise Refused(*(Refusal(label(name), "is sent more than once; send it once") for name in twice))
    return Fields(sent.dict(), known or ("nothing",))


def narrowed(rows: QuerySet[Any], filters: Filters, chosen: Mapping[str, Any]) -> QuerySet[Any]:
    """Return the rows that match every filter that was sent."""
    return rows.filter(**{filters[name].lookup: value for name, value in chosen.items()})


def digits(low: int, high: int) -> Read[int]:
    """Return a parser of a whole number in [low, high], written in decimal digits."""

    def read(value: object) -> int:
        if not isinstance(value, str) or not value.isascii() or not value.isdigit() or len(value) > 19:
            raise Refused.because(f"{shown(value)} is not a whole number; send one from {low} to {high}")
        if not low <= int(value) <= high:
            raise Refused.because(f"{shown(value)} is out of range; send a whole number from {low} to {high}")
        return int(value)

    return read


def truth(value: object) -> bool:
    """Parse `true` or `false`; raise Refused otherwise."""
    if value not in ("true", "false"):
        raise Refused.because(f"{shown(value)} is unknown; send true or false")
    return value == "true"


def one_of(lookup: str, words: Collection[str], description: str = "") -> Filter:
    """Return a filter over a closed vocabulary."""
    known = tuple(words)

    def read(value: object) -> str:
        for word in known:
            if value == word:
                return word
        raise Refused.because(f"{shown(value)} is unknown; send one of {', '.join(known)}")

    return Filter(read, lookup, description, known)


def words(lookup: str, description: str = "", *, longest: int = 200) -> Filter:
    """Return a filter over free text, which must match as a whole."""
    return Filter(text(longest), lookup, description, type={"type": "string", "minLength": 1, "maxLength": longest})


def number_from(lookup: str, description: str, *, high: int = 2**31 - 1) -> Filter:
    """Return a filter over whole numbers from 0 to `high`."""
    return Filter(digits(0, high), lookup, description, type=whole(0, high))


def whole(low: int, high: int) -> dict[str, Any]:
    """Return the JSON schema of what `digits` parses."""
    return {"type": "integer", "minimum": low, "maximum": high}


def _moment(value: object) -> datetime:
    """Parse a time of a query, where `+` stands for a blank; raise Refused, with the cure for an offset sent so."""
    try:
        return parse_moment(value)
    except Refused:
        if isinstance(value, str) and _BLANK_OFFSET.search(value):
            message = "in a query + stands for a blank; write the offset as %2B00:00, or end the time with Z"
            raise Refused.because(f"{shown(value)} is not a time: {message}") from None
        raise


def period(column: str, description: str) -> Filters:
    """Return the filters `since` (inclusive) and `until` (exclusive) on a time column."""
    return {
        "since": Filter(_moment, f"{column}__gte", f"{description}, from then on", type=OpenApiTypes.DATETIME),
        "until": Filter(_moment, f"{column}__lt", f"{description}, before then", type=OpenApiTypes.DATETIME),
    }

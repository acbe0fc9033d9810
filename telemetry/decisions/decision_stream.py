"""Iterate over logged decisions in time order with keyset pagination over their UUIDv7 ids."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import BigIntegerField, Func, QuerySet, TextField, Value
from django.db.models.functions import Cast

from telemetry.foundation.core.identifiers import uuid7_floor, uuid7_time
from telemetry.foundation.core.refusal import Refused
from telemetry.models import Decision
from telemetry.models.traced import load_constants

CHUNK = 1000


@dataclass(frozen=True)
class Span:
    """The decisions of a module (None: of all modules) in [since, until); None leaves that end open.

    They are cut by the time of the answer, which the id holds, or `is_by_at` by the time the levers were asked for.
    """

    module: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    is_by_at: bool = False

    def rows(self) -> QuerySet[Decision]:
        rows = Decision.objects.order_by("decision_id")
        if self.module is not None:
            rows = rows.filter(module=self.module)
        if self.is_by_at:
            times = {"at__gte": self.since, "at__lt": self.until}
            return rows.filter(**{name: at for name, at in times.items() if at is not None})
        if self.since is not None:
            rows = rows.filter(decision_id__gte=uuid7_floor(self.since))
        if self.until is not None:
            rows = rows.filter(decision_id__lt=uuid7_floor(self.until))
        return rows

    def refuse(self, now: datetime) -> None:
        """Raise Refused if the span cannot contain a decision; the refusal names `since` or `until`."""
        for name, at in (("since", self.since), ("until", self.until)):
            if at is not None and at.utcoffset() is None:
                raise Refused.because(f"'{at}' names no time zone; end it with Z or an offset").under(name)
        if self.since is not None and self.since > now:
            raise Refused.because(f"'{self.since}' is in the future; nothing was decided yet").under("since")
        if self.since is not None and self.until is not None and self.until <= self.since:
            raise Refused.because(f"'{self.until}' is not after since; give a later time").under("until")


def stream(rows: QuerySet[Decision]) -> Iterator[Decision]:
    """Yield the rows in the order of their ids, one query per chunk; no cursor or transaction stays open."""
    chunk = list(rows[:CHUNK])
    while chunk:
        load_constants(chunk)
        yield from chunk
        chunk = list(rows.filter(decision_id__gt=chunk[-1].decision_id)[:CHUNK]) if len(chunk) == CHUNK else []


def fetch(ids: Sequence[UUID]) -> Iterator[Decision]:
    """Yield the decisions with these ids in ascending order of id; unknown ids are skipped."""
    ordered = sorted(ids)
    for start in range(0, len(ordered), CHUNK):
        some = ordered[start : start + CHUNK]
        found = list(Decision.objects.filter(decision_id__in=some).order_by("decision_id"))
        load_constants(found)
        yield from found


def sample(span: Span, most: int, seed: int) -> list[UUID]:
    """Return up to `most` random decision ids of the span, sorted; the same `seed` gives the same sample.

    The query reads only the index of ids.
    """
    chance = Func(Cast("decision_id", TextField()), Value(seed, BigIntegerField()), function="hashtextextended")
    rows = span.rows().annotate(chance=chance).order_by("chance", "decision_id")
    return sorted(rows.values_list("decision_id", flat=True)[:most])


def slices(span: Span, count: int, each: int, seed: int) -> list[UUID]:
    """Return sorted decision ids from `count` random moments of the span, `each` consecutive ones per moment.

    It samples a long history while reading very little of it.
    """
    ids = span.rows().values_list("decision_id", flat=True)
    first, last = ids.first(), ids.last()
    if first is None or last is None:
        return []
    begin, end = uuid7_time(first), uuid7_time(last)
    chosen: set[UUID] = set()
    chance = random.Random(seed)
    for _ in range(count):
        moment = begin + timedelta(seconds=chance.uniform(0, (end - begin).total_seconds()))
        chosen.update(ids.filter(decision_id__gte=uuid7_floor(moment))[:each])
    return sorted(chosen)

"""Which rows are exported, and how many are held at a time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import QuerySet

CHUNK = 2_000

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Selection:
    """Which rows: times are [since, until), `module` None for both, `all_revisions` for superseded trades too."""

    since: datetime | None = None
    until: datetime | None = None
    module: str | None = None
    all_revisions: bool = False

    def between(self, rows: QuerySet[Any], time: str) -> QuerySet[Any]:
        if self.since is not None:
            rows = rows.filter(**{f"{time}__gte": self.since})
        return rows if self.until is None else rows.filter(**{f"{time}__lt": self.until})

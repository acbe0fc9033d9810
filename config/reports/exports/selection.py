"""The selection of exported rows, and the number of rows held in memory."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import QuerySet

CHUNK = 2_000

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Selection:
    """Rows with times in [since, until), of one module (None: both), with superseded trades if `all_revisions`."""

    since: datetime | None = None
    until: datetime | None = None
    module: str | None = None
    all_revisions: bool = False

    def between(self, rows: QuerySet[Any], time: str) -> QuerySet[Any]:
        """Restrict rows to those with this time in the period."""
        if self.since is not None:
            rows = rows.filter(**{f"{time}__gte": self.since})
        return rows if self.until is None else rows.filter(**{f"{time}__lt": self.until})

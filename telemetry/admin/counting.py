"""Pages of large tables: nobody pages past ten thousand rows, so nothing counts or skips further."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from django.core.paginator import Paginator
from django.db import connection

MOST_ROWS = 10_000

# A partitioned table's rows are in its partitions; never analysed counts as nothing known.
ESTIMATE = """
SELECT coalesce(sum(greatest(reltuples, 0)), 0) FROM pg_class
WHERE relkind = 'r' AND (oid = %(table)s::regclass
    OR oid IN (SELECT inhrelid FROM pg_inherits WHERE inhparent = %(table)s::regclass))
"""


class BoundedPaginator(Paginator):  # type: ignore[type-arg]  # generic in the stubs alone
    """Counts up to MOST_ROWS exactly; says of a larger table about how many rows it has, by PostgreSQL's statistics."""

    @cached_property
    def _counted(self) -> int:
        rows: Any = self.object_list
        return int(rows.order_by()[: MOST_ROWS + 1].count())

    @cached_property
    def count(self) -> int:
        """How many rows can be paged through."""
        return min(self._counted, MOST_ROWS)

    @cached_property
    def in_words(self) -> str:
        """How many rows there are: "1,234", "about 1,000,000", "more than 10,000"."""
        if self._counted <= MOST_ROWS:
            return f"{self._counted:,}"
        rows: Any = self.object_list
        estimate = 0 if rows.query.where else estimated_rows(rows.model._meta.db_table)
        return f"about {estimate:,}" if estimate > MOST_ROWS else f"more than {MOST_ROWS:,}"


def estimated_rows(table: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(ESTIMATE, {"table": f'"{table}"'})
        return int(cursor.fetchone()[0])

"""Count when requests last carried the values that lines in force and allow-lists name, and their dimensions."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import connection

from overrides.core.engine.compiled import ScopeReading
from overrides.versions.load_version import current_parameters
from telemetry.core.scopes import LONGEST_VALUE
from telemetry.models import MODULES

ANY = ""  # in place of a value: any value of the dimension

# Each value that is named, with the lines in force that name it, and whether an allow-list does.
NAMED = """
SELECT module, dimension, value, sum(n_lines)::bigint AS n_lines, bool_or(is_allowed) AS is_allowed FROM (
    SELECT h.module, e.key AS dimension, e.value, count(*) AS n_lines, false AS is_allowed
    FROM overrides_membership AS h JOIN overrides_line AS l ON l.id = h.line_id, jsonb_each_text(l.scope) AS e
    WHERE h.to_version IS NULL GROUP BY 1, 2, 3
    UNION ALL
    SELECT m.module, e.key, v.value, 0, true
    FROM overrides_modulemode AS m, jsonb_each(m.allow) AS e, jsonb_array_elements_text(e.value) AS v
) AS named GROUP BY 1, 2, 3
"""
_REGISTER = f"""
WITH named AS ({NAMED})
INSERT INTO overrides_valueuse (module, dimension, value, counted_since)
SELECT module, dimension, value, %(since)s FROM named WHERE length(value) <= {LONGEST_VALUE}
UNION SELECT module, dimension, '', %(since)s FROM named
ON CONFLICT (module, dimension, value) DO NOTHING
"""
_SENT = """
SELECT d.module, e.key, e.value, max(d.at) FROM telemetry_decision AS d, jsonb_each_text(d.scope) AS e
WHERE d.decision_id >= %(first)s AND d.decision_id < %(last)s GROUP BY 1, 2, 3
"""
_STORE = """
UPDATE overrides_valueuse AS held SET last_sent = greatest(held.last_sent, sent.at)
FROM unnest(%s::text[], %s::text[], %s::text[], %s::timestamptz[]) AS sent (module, dimension, value, at)
WHERE held.module = sent.module AND held.dimension = sent.dimension AND held.value = sent.value
"""


def register_values(since: datetime) -> None:
    """Begin to count the values that are named now and were not before; requests from `since` on are read next."""
    with connection.cursor() as cursor:
        cursor.execute(_REGISTER, {"since": since})


def count_values(span: Mapping[str, Any]) -> None:
    """Store when the decisions with ids from `first` to before `last` carried values that are counted."""
    with connection.cursor() as cursor:
        cursor.execute(_SENT, span)
        sent = cursor.fetchall()
        if not sent:
            return
        readings = {module: ScopeReading(current_parameters(module).cuts) for module, _ in MODULES}
        latest: dict[tuple[str, str, str], datetime] = {}
        for module, dimension, value, at in sent:
            read = readings[module].value({dimension: value}, dimension)
            for name in ((module, dimension, read or value), (module, dimension, ANY)):
                latest[name] = max(at, latest.get(name, at))
        columns = [list(column) for column in zip(*sorted(latest), strict=True)]
        cursor.execute(_STORE, [*columns, [latest[name] for name in sorted(latest)]])

"""What is in force and names a dimension, or a bucket of one, that other parameters would not know."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping

from django.db import connection

from overrides.core.engine.definitions.module_parameters import ModuleParameters
from overrides.core.engine.definitions.validation import scope_faults
from overrides.models import Line

# The scopes of overrides in force that name a dimension, then the allow-list of the module, in one query.
_IN_FORCE = """
(SELECT line.pattern_key, line.action_category, line.scope::text
FROM overrides_membership AS held JOIN overrides_line AS line ON line.id = held.line_id
WHERE held.module = %s AND held.to_version IS NULL AND line.scope ?| %s AND NOT line.id = ANY(%s::text[])
ORDER BY line.id)
UNION ALL
SELECT NULL, NULL, allow::text FROM overrides_modulemode WHERE module = %s
"""


def stranded(before: ModuleParameters, after: ModuleParameters, changed_lines: Collection[str] = ()) -> tuple[str, ...]:
    """Return the overrides in force, and the allow-list, whose scope fits the parameters before and not those after.

    `changed_lines` are the lines that change together with the parameters and are judged on their own.
    """
    names = _affected(before, after)
    if not names:
        return ()
    with connection.cursor() as cursor:
        cursor.execute(_IN_FORCE, [after.module, names, list(changed_lines), after.module])
        rows = cursor.fetchall()
    found = []
    for pattern_key, category, text in rows:
        scope = json.loads(text)
        if pattern_key is not None and _is_lost(scope, before, after):
            found.append(str(Line(pattern_key=pattern_key, action_category=category, scope=scope)))
        elif pattern_key is None and any(
            _is_lost({name: value}, before, after) for name in scope if name in names for value in scope[name]
        ):
            found.append(f"the allow-list of {after.module}")
    return tuple(found)


def _is_lost(scope: Mapping[str, str], before: ModuleParameters, after: ModuleParameters) -> bool:
    return bool(scope_faults(scope, after)) and not scope_faults(scope, before)


def _affected(before: ModuleParameters, after: ModuleParameters) -> list[str]:
    """Return the dimensions that the parameters after do not know any more, or cut otherwise."""
    gone = set(before.known_dimensions) - set(after.known_dimensions)
    recut = {name for name, own in after.cuts.items() if before.cuts.get(name) != own}
    return sorted(gone | recut)

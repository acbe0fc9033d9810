"""Differences between two versions of a module: lines by membership, parameters and coefficients by field.

Neither version is loaded: the membership rows between the two are the difference, however many overrides both hold.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.db import connection

from overrides.admin.document_diff import Difference, document_differences
from overrides.core.engine.definitions.module_parameters import ModuleParameters
from overrides.models import Override, Version

_ONLY_OLDER = "module = %(module)s AND from_version <= %(older)s AND to_version > %(older)s AND to_version <= %(newer)s"
_ONLY_NEWER = (
    "module = %(module)s AND from_version > %(older)s AND from_version <= %(newer)s "
    "AND (to_version IS NULL OR to_version > %(newer)s)"
)
_CHANGES = """
WITH gone AS (SELECT line_id, override_id FROM overrides_membership WHERE {gone}),
     come AS (SELECT line_id, override_id FROM overrides_membership WHERE {come}),
     changes AS (
         SELECT line_id, gone.override_id AS before_id, come.override_id AS after_id,
                CASE WHEN come.override_id IS NULL THEN 'withdraw'
                     WHEN gone.override_id IS NULL THEN 'add' ELSE 'change' END AS action
         FROM gone FULL JOIN come USING (line_id)
         WHERE gone.override_id IS DISTINCT FROM come.override_id
     )
"""
_COUNTS = _CHANGES + "SELECT action, count(*) FROM changes GROUP BY action"
_ROWS = (
    _CHANGES
    + """
SELECT action, before_id, after_id FROM changes JOIN overrides_line ON overrides_line.id = line_id
ORDER BY action DESC, pattern_key, action_category, line_id LIMIT %(limit)s OFFSET %(offset)s
"""
)


@dataclass(frozen=True)
class LineChange:
    """One line that differs: withdrawn, changed or added; one of the two overrides may be missing."""

    action: str
    before: Override | None
    after: Override | None

    @property
    def shown(self) -> Override:
        """The override that represents the line: the newer one if there is one."""
        override = self.after or self.before
        assert override is not None  # a line that is in neither version does not differ
        return override


@dataclass(frozen=True)
class Changes:
    """The differences from version `base` (0: before the first) to version `target` of one module."""

    module: str
    base: int
    target: int

    def counts(self) -> dict[str, int]:
        """Return how many lines are added, changed and withdrawn."""
        counted = dict(self._select(_COUNTS))
        return {action: counted.get(action, 0) for action in ("add", "change", "withdraw")}

    def lines(self, limit: int, offset: int = 0) -> list[LineChange]:
        """Return `limit` of the lines from `offset` on: withdrawn, then changed, then added ones, each by pattern."""
        rows = list(self._select(_ROWS, limit=limit, offset=offset))
        ids = {side for _, *sides in rows for side in sides if side is not None}
        overrides = Override.objects.select_related("line").in_bulk(ids)
        return [LineChange(action, overrides.get(before), overrides.get(after)) for action, before, after in rows]

    def _select(self, query: str, **values: int) -> Iterator[Any]:
        older, newer = sorted((self.base, self.target))
        gone, come = (_ONLY_OLDER, _ONLY_NEWER) if self.base < self.target else (_ONLY_NEWER, _ONLY_OLDER)
        names: dict[str, str | int] = {"module": self.module, "older": older, "newer": newer, **values}
        with connection.cursor() as cursor:
            cursor.execute(query.format(gone=gone, come=come), names)
            yield from cursor.fetchall()


@dataclass(frozen=True)
class Constants:
    """What a version holds besides overrides; the defaults before the first version."""

    parameters: ModuleParameters
    coefficients: Mapping[str, Any]

    def changed_to(self, other: Constants) -> tuple[list[Difference], list[Difference]]:
        """Return the parameters and the coefficients that differ."""
        return (
            document_differences(self.parameters.to_document(), other.parameters.to_document()),
            document_differences(self.coefficients, other.coefficients),
        )


def constants(version: Version) -> Constants:
    """Return the constants of a version."""
    return Constants(version.parameters.parsed, version.coefficients)


def constants_of(module: str, *numbers: int) -> list[Constants]:
    """Return the constants of several versions by number, in the given order; the defaults for missing ones."""
    rows = Version.objects.filter(module=module, number__in=numbers).select_related("parameters")
    found = {row.number: constants(row) for row in rows.defer("config_data")}
    first = Constants(ModuleParameters.default(module), {})
    return [found.get(number, first) for number in numbers]

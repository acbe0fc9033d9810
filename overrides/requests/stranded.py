"""What is in force and names a dimension, or a bucket of one, that other parameters would not know."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from overrides.core.engine.definitions.module_parameters import ModuleParameters
from overrides.core.engine.definitions.validation import scope_faults
from overrides.models import Membership, ModuleMode


def stranded(before: ModuleParameters, after: ModuleParameters, changed_lines: Collection[str] = ()) -> tuple[str, ...]:
    """Return the overrides in force, and the allow-list, whose scope fits the parameters before and not those after.

    `changed_lines` are the lines that change together with the parameters and are judged on their own.
    """
    names = _affected(before, after)
    if not names:
        return ()
    held = Membership.objects.filter(module=after.module, to_version=None, line__scope__has_any_keys=names)
    rows = held.exclude(line_id__in=changed_lines).select_related("line").order_by("line_id")
    found = [str(row.line) for row in rows.iterator(chunk_size=1000) if _is_lost(row.line.scope, before, after)]
    mode = ModuleMode.objects.filter(pk=after.module).only("allow").first()
    allowed = {} if mode is None else mode.allow
    scopes = [{name: value} for name, values in allowed.items() if name in names for value in values]
    if any(_is_lost(scope, before, after) for scope in scopes):
        found.append(f"the allow-list of {after.module}")
    return tuple(found)


def _is_lost(scope: Mapping[str, str], before: ModuleParameters, after: ModuleParameters) -> bool:
    return bool(scope_faults(scope, after)) and not scope_faults(scope, before)


def _affected(before: ModuleParameters, after: ModuleParameters) -> list[str]:
    """Return the dimensions that the parameters after do not know any more, or cut otherwise."""
    gone = set(before.known_dimensions) - set(after.known_dimensions)
    recut = {name for name, own in after.cuts.items() if before.cuts.get(name) != own}
    return sorted(gone | recut)

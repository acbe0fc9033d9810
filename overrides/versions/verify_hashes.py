"""Compare stored overrides, parameters and versions with their hashes; name every rewritten row and its field.

What is in force is compared every night, and what was stored since the last night without a finding. Of the overrides
that were stored before, a night compares its share: each of them comes round once in `NIGHTS`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.db.models import Q

from overrides.core.engine.definitions.content_hash import content_hash, content_json
from overrides.core.engine.definitions.field_error import FieldError
from overrides.core.engine.definitions.override_spec import OverrideSpec
from overrides.core.governance.config_data import STORED_UP_TO, render
from overrides.core.monitoring.replaying.json_diff import MISSING, Difference, differences
from overrides.models import Membership, Override, ParameterSet, Version
from overrides.versions.load_columns import load_groups
from overrides.versions.load_version import in_version, refuse_altered

CHUNK = 2000
NIGHTS = 32  # in which every stored override is compared once
PREFIXES = 256  # of ids, by their first two digits; ids are hashes, so each begins about as many


class Recheck:
    """One verification run. What several versions share is checked and reported once."""

    def __init__(self) -> None:
        self._seen: set[tuple[str, str]] = set()

    def everything(self) -> Iterator[Difference]:
        """Check every override and parameter set, in force or not, and the active versions; yield each difference."""
        return self._checked(Q())

    def tonight(self, now: datetime, since: datetime | None) -> Iterator[Difference]:
        """Check a night's share of the overrides, those stored at or after `since`, and all else as `everything` does.

        `since` is when the last run without a finding began; None if there was none, or if findings stand: a night
        without a finding ends an alarm, so it must have looked everywhere.
        """
        return self._checked(Q() if since is None else share_of(now) | Q(created_at__gte=since))

    def _checked(self, overrides: Q) -> Iterator[Difference]:
        rows = Override.objects.filter(overrides).select_related("line").order_by("id")
        for override in rows.iterator(chunk_size=CHUNK):
            yield from self._override(override)
        for parameters in ParameterSet.objects.order_by("id").iterator(chunk_size=CHUNK):
            yield from self._parameters(parameters)
        for module, number in list(Version.objects.filter(is_active=True).values_list("module", "number")):
            yield from self.version(module, number)

    def version(self, module: str, number: int) -> Iterator[Difference]:
        """Check a version, its parameters and its overrides; yield nothing for a version that does not exist."""
        name = f"version {module}/{number}"
        if not self._is_new("version", name):
            return
        version = Version.objects.select_related("parameters").filter(module=module, number=number).first()
        if version is None:
            return
        yield from self._parameters(version.parameters)
        if version.n_overrides > STORED_UP_TO and version.config_data is None and _is_whole(version):
            return
        specs: list[OverrideSpec] = []
        held: list[Any] = []
        for membership in _memberships(version):
            yield from self._override(membership.override)
            try:
                path = membership.path
                specs.append(membership.override.on_path(path))
            except FieldError as error:
                yield _unreadable(f"membership {membership.pk} of {name}", error)
                path = None
            held.append([membership.override_id, path and path.to_document()])
        yield from _sums(name, version, held)
        if len(specs) == len(held):
            yield from _copy(name, version, specs)

    def _is_new(self, kind: str, identity: str) -> bool:
        is_new = (kind, identity) not in self._seen
        self._seen.add((kind, identity))
        return is_new

    def _override(self, override: Override) -> Iterator[Difference]:
        if not self._is_new("override", override.id):
            return
        try:
            spec = override.spec
        except FieldError as error:
            yield _unreadable(f"override {override.id}", error)
            return
        if spec.line != override.line_id:  # its overrides' hashes differ for the same reason
            if self._is_new("line", override.line_id):
                yield Difference(f"line {override.line_id}", "id", override.line_id, spec.line)
        elif spec.content_id != override.id:
            yield Difference(f"override {override.id}", "id", override.id, spec.content_id)

    def _parameters(self, parameters: ParameterSet) -> Iterator[Difference]:
        if self._is_new("parameters", parameters.id):
            recomputed = content_hash([parameters.module, parameters.document])
            if recomputed != parameters.id:
                yield Difference(f"parameters {parameters.id}", "id", parameters.id, recomputed)


def share_of(now: datetime) -> Q:
    """Return the condition for the overrides that a night compares; the nights of a round together compare all.

    The first and the last share have an open end, for ids that are no hashes.
    """
    night, each = now.toordinal() % NIGHTS, PREFIXES // NIGHTS
    low, high = Q(id__gte=f"{night * each:02x}"), Q(id__lt=f"{(night + 1) * each:02x}")
    if night == 0:
        return high
    return low if night == NIGHTS - 1 else low & high


def _is_whole(version: Version) -> bool:
    """Return whether a large version and all its overrides have the hashes that name them."""
    try:
        refuse_altered(version)
        for _ in load_groups(version.module, version.number, version.parameters.parsed):
            pass
    except ValueError:
        return False
    return True


def _memberships(version: Version) -> Iterator[Membership]:
    rows = Membership.objects.filter(in_version(version.number), module=version.module)
    return rows.select_related("override__line").order_by("override_id").iterator(chunk_size=CHUNK)


def _sums(name: str, version: Version, held: list[Any]) -> Iterator[Difference]:
    recomputed = content_hash([version.parameters_id, version.coefficients, held])
    yield from differences(name, "content_hash", version.content_hash, recomputed)
    yield from differences(name, "n_overrides", version.n_overrides, len(held))


def _copy(name: str, version: Version, specs: list[OverrideSpec]) -> Iterator[Difference]:
    """Compare `config_data`, a copy of the overrides: if a row was rewritten, the copy still has the old value."""
    rendered = render(version.module, specs, version.coefficients)
    yield from differences(name, "config_data", version.config_data, rendered and json.loads(content_json(rendered)))


def _unreadable(name: str, error: FieldError) -> Difference:
    return Difference(name, error.path, str(error), MISSING)

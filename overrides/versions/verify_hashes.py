"""Compare stored overrides, parameters and versions with their hashes; name every rewritten row and its field."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from overrides.core.engine.definitions.content_hash import content_hash, content_json
from overrides.core.engine.definitions.field_error import FieldError
from overrides.core.engine.definitions.override_spec import OverrideSpec
from overrides.core.monitoring.json_diff import MISSING, Difference, differences
from overrides.models import Membership, Override, ParameterSet, Version
from overrides.versions.config_data import render
from overrides.versions.load_version import in_version

CHUNK = 2000


class Recheck:
    """One verification run. What several versions share is checked and reported once."""

    def __init__(self) -> None:
        self._seen: set[tuple[str, str]] = set()

    def everything(self) -> Iterator[Difference]:
        """Check every override and parameter set, in force or not, and the active versions; yield each difference."""
        for override in Override.objects.select_related("line").order_by("id").iterator(chunk_size=CHUNK):
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

"""Decisions as the first format of the engine stored them, with the versions they name: rows of a real database.

`first_format.json` was written by the engine before decisions named a format. It holds a decision of every reason,
combiner, mode and flag of an eventful time, some of them asked before a first version was published, some with a scope
that names `session`, which was no dimension then. Their overrides and parameters are the rows they were stored as.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from django.db.models import Model
from django.utils.dateparse import parse_datetime

from overrides.core.engine.compile_module import compile_module
from overrides.core.engine.definitions.coefficients import read_weights
from overrides.core.engine.definitions.override_spec import OverrideSpec
from overrides.core.engine.definitions.serving_mode import ServingMode
from overrides.core.engine.position_scaling import Scaling
from overrides.core.governance.config_data import render
from overrides.models import Line, Membership, Override, ParameterSet, Version
from overrides.serving.engine import Engine
from telemetry.models import Decision

TABLES: tuple[tuple[str, type[Model]], ...] = (
    ("lines", Line), ("overrides", Override), ("parameters", ParameterSet), ("versions", Version),
    ("memberships", Membership), ("decisions", Decision),
)  # fmt: skip


@cache
def rows_of(table: str) -> list[dict[str, Any]]:
    """The rows of a table as JSON holds them."""
    found: list[dict[str, Any]] = json.loads(Path(__file__).with_suffix(".json").read_text())[table]
    return found


def objects_of(table: str) -> list[Any]:
    """The rows of a table as objects, not saved; a decision names no format."""
    model = dict(TABLES)[table]
    times = {field.attname for field in model._meta.concrete_fields if field.get_internal_type() == "DateTimeField"}
    return [
        model(**{name: parse_datetime(value) if name in times and value else value for name, value in row.items()})
        for row in rows_of(table)
    ]


def store() -> None:
    """Put the rows back where they came from; a version's document is rendered from its overrides."""
    for table, model in TABLES:
        rows = objects_of(table)
        for version in rows if table == "versions" else ():
            version.config_data = render(version.module, _specs_of(version), version.coefficients)
        model._default_manager.bulk_create(rows)


def engine_of(module: str, number: int | None) -> Engine:
    """The engine of one of these versions, without a database."""
    [version] = [each for each in objects_of("versions") if (each.module, each.number) == (module, number)]
    [row] = [each for each in objects_of("parameters") if each.pk == version.parameters_id]
    parameters = row.parsed
    scaling = Scaling(read_weights(version.coefficients), parameters.product_cap)
    compiled = compile_module(parameters, _specs_of(version))
    return Engine(module, number, compiled, parameters, ServingMode(), scaling=scaling)


def _specs_of(version: Version) -> list[OverrideSpec]:
    """The overrides of a version with their ramps, in the order of their ids."""
    lines = {each.pk: each for each in objects_of("lines")}
    overrides = {each.pk: each for each in objects_of("overrides")}
    found = []
    for membership in sorted(objects_of("memberships"), key=lambda each: str(each.override_id)):
        ends = membership.to_version
        is_open = membership.from_version <= version.number and (ends is None or version.number < ends)
        if membership.module == version.module and is_open:
            membership.override = overrides[membership.override_id]
            membership.override.line = lines[membership.override.line_id]
            found.append(membership.spec)
    return found

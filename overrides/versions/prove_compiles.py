"""Prove that a version which is about to be published compiles, by what changed since the version in force.

Overrides of a pattern and action in which nothing changed have been compiled before (see `recompile_rows`), unless the
parameters read their scopes in another way.
"""

from __future__ import annotations

from django.db.models import Count

from overrides.core.engine.definitions.field_error import FieldError
from overrides.core.engine.definitions.module_parameters import ModuleParameters
from overrides.core.governance.errors import PublishError
from overrides.models import Membership, Version
from overrides.versions.load_columns import load_groups
from overrides.versions.load_version import changed_keys, in_version


def refuse_uncompilable(module: str, number: int, parameters: ModuleParameters, before: Version | None) -> None:
    """Raise PublishError if version `number` does not compile under its parameters.

    `before` is the version in force, None if there is none.
    """
    changed = None
    if before is None or before.parameters.parsed != parameters:
        _refuse_other_methods(module, number, parameters)
    else:
        changed = changed_keys(module, before.number, number)
    try:
        if changed is None or changed:
            for _ in load_groups(module, number, parameters, changed):
                pass  # each override is proven as it is read
    except FieldError as error:
        raise PublishError(error.path, error.message) from error


def _refuse_other_methods(module: str, number: int, parameters: ModuleParameters) -> None:
    """Raise PublishError if overrides are of another learning method than their channel uses."""
    rows = Membership.objects.filter(in_version(number), module=module).values("line__channel", "line__policy")
    methods = {channel.value: each.policy.value for channel, each in parameters.channels.items()}
    others = sum(
        n
        for channel, method, n in rows.annotate(n=Count("id")).values_list("line__channel", "line__policy", "n")
        if channel in methods and methods[channel] != method
    )
    if others:
        message = f"{others} overrides in force are of another policy than their channel would use"
        raise PublishError("policy", f"{message}; withdraw their lines in the same request")

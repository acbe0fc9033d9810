"""Values of scopes that people and machines state for overrides and allow-lists, read as those of a bot are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from overrides.core.engine.definitions.module_parameters import ModuleParameters
from telemetry.core.scopes import LONGEST_VALUE, read_scope
from telemetry.foundation.core.refusal import Refused


def stated_words(values: Mapping[str, object]) -> dict[str, str]:
    """Return a stated scope by the rule of `read_scope`.

    Raises Refused for a value that says nothing: without it, the scope would silently be a wider one.
    """
    read = read_scope(values)
    for name in values:
        if name not in read:
            raise Refused.because("says nothing; leave the dimension out, or state a value").under(str(name))
    return read


def stated_scope(values: Mapping[str, object], parameters: ModuleParameters) -> dict[str, str]:
    """Return a stated scope as it is compared with requests: numbers under ordered cuts become their buckets.

    What is no bucket stays, and is refused where overrides are checked. Raises Refused.
    """
    return {name: _bucket(name, value, parameters) for name, value in stated_words(values).items()}


def stated_allow_list(values: Mapping[str, Sequence[object]], parameters: ModuleParameters) -> dict[str, list[Any]]:
    """Return an allow-list, dimension -> values, as it is compared with requests. Raises Refused.

    Text that is too long stays as it is; the check of a mode refuses it.
    """
    return {
        name: list(dict.fromkeys(_stated_value(name, value, parameters) for value in listed))
        for name, listed in values.items()
    }


def _stated_value(name: str, value: object, parameters: ModuleParameters) -> object:
    if isinstance(value, str) and len(value) > LONGEST_VALUE:
        return value
    return stated_scope({name: value}, parameters)[name]


def _bucket(name: str, value: str, parameters: ModuleParameters) -> str:
    own = parameters.cuts.get(name)
    return value if own is None else own.label_of(value) or value

"""Engines of any version, compiled once while there is room for them: versions are immutable."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from overrides.core.engine.compile_module import compile_module
from overrides.core.engine.definitions.coefficients import read_weights
from overrides.core.engine.definitions.module_parameters import ModuleParameters
from overrides.core.engine.definitions.serving_mode import ServingMode
from overrides.core.engine.position_scaling import Scaling
from overrides.models import Version
from overrides.serving.engine import Engine
from overrides.versions.load_version import load_parameters, load_specs

KEPT = 8

Engines = Callable[[str, int | None], Engine]


class EngineMissing(ValueError):
    """The version is not there, or what is stored of it does not hold together."""


@dataclass(frozen=True)
class _Failed:
    why: str


def past_engines(kept: int = KEPT) -> Engines:
    """A function from module and version number to its engine, in mode off. It raises EngineMissing at every call."""

    @lru_cache(maxsize=kept)
    def known(module: str, number: int | None) -> Engine | _Failed:
        try:
            return build_engine(module, number)
        except EngineMissing as error:
            return _Failed(str(error))

    def engine(module: str, number: int | None) -> Engine:
        found = known(module, number)
        if isinstance(found, _Failed):
            raise EngineMissing(found.why)
        return found

    return engine


def build_engine(module: str, number: int | None) -> Engine:
    """The engine of a version, or of none: the default parameters and no overrides."""
    if number is None:
        parameters = ModuleParameters.default(module)
        return Engine(module, None, compile_module(parameters, ()), parameters, ServingMode())
    version = Version.objects.select_related("parameters").filter(module=module, number=number).first()
    if version is None:
        raise EngineMissing(f"{module} has no version {number}")
    try:
        parameters = load_parameters(version.parameters)
        compiled = compile_module(parameters, load_specs(module, number))
        scaling = Scaling(read_weights(version.coefficients), parameters.product_cap)
    except ValueError as error:
        raise EngineMissing(f"{module} version {number} does not compile: {error}") from error
    return Engine(module, number, compiled, parameters, ServingMode(), scaling=scaling)

"""LRU cache of compiled engines by module and version; versions are immutable."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from overrides.core.engine.definitions.serving_mode import ServingMode
from overrides.core.governance.errors import EngineMissing
from overrides.models import Version
from overrides.serving.engine import Engine, build_engine

KEPT = 8

Engines = Callable[[str, int | None], Engine]


@dataclass(frozen=True)
class _Failed:
    why: str


def past_engines(kept: int = KEPT) -> Engines:
    """Return a cached function from module and version number to its engine, in mode off; it raises EngineMissing."""

    @lru_cache(maxsize=kept)
    def known(module: str, number: int | None) -> Engine | _Failed:
        try:
            return _engine_of(module, number)
        except EngineMissing as error:
            return _Failed(error.message)

    def engine(module: str, number: int | None) -> Engine:
        found = known(module, number)
        if isinstance(found, _Failed):
            raise EngineMissing.because(found.why)
        return found

    return engine


def _engine_of(module: str, number: int | None) -> Engine:
    """Return the engine of a version, read now; None stands for no version."""
    version = None
    if number is not None:
        version = Version.objects.select_related("parameters").filter(module=module, number=number).first()
        if version is None:
            raise EngineMissing.because(f"{module} has no version {number}")
    try:
        return build_engine(module, version, ServingMode())
    except ValueError as error:
        raise EngineMissing.because(f"{module} version {number} does not compile: {error}") from error

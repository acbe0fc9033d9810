"""LRU cache of compiled engines by (module, version); versions are immutable, so entries never expire."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from overrides.core.engine.definitions.serving_mode import ServingMode
from overrides.core.governance.errors import EngineMissing
from overrides.models import Version
from overrides.serving.engine import Engine, build_engine

MAX_ENGINES = 8

Engines = Callable[[str, int | None], Engine]


@dataclass(frozen=True)
class _Failed:
    why: str


def past_engines(size: int = MAX_ENGINES) -> Engines:
    """Return a function from module and version number to the engine, in mode off, which raises EngineMissing.

    A failure is cached too and raised at every call.
    """

    @lru_cache(maxsize=size)
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
    """Return the engine of a version; None stands for no version. Raises EngineMissing."""
    version = None
    if number is not None:
        version = Version.objects.select_related("parameters").filter(module=module, number=number).first()
        if version is None:
            raise EngineMissing.because(f"{module} has no version {number}")
    try:
        return build_engine(module, version, ServingMode())
    except ValueError as error:
        raise EngineMissing.because(f"{module} version {number} does not compile: {error}") from error

"""The engines of this process: compiled versions with their modes, replaced when the database has newer ones.

A daemon thread polls version and mode of every module each second. While PostgreSQL is unreachable, or if a published
version does not compile, the last good engine keeps answering, flagged, for `max_stale_seconds`; after that answers are
neutral. A new mode takes effect at once, without waiting for compilation.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from dataclasses import dataclass, replace

from django.conf import settings
from django.db import Error, close_old_connections, connection

from overrides.core.engine.compile_module import compile_module, recompile_module
from overrides.core.engine.compiled import Compiled
from overrides.core.engine.definitions.coefficients import read_weights
from overrides.core.engine.definitions.formats import Format
from overrides.core.engine.definitions.module_parameters import ModuleParameters
from overrides.core.engine.definitions.serving_mode import ServingMode
from overrides.core.engine.position_scaling import Scaling
from overrides.core.engine.serve import UNSCALED
from overrides.models import ModuleMode, Version
from overrides.serving.mode import mode_document
from overrides.versions.load_version import FEW_KEYS, changed_keys, load_specs, refuse_altered

logger = logging.getLogger(__name__)

POLL_SECONDS = 1.0
FRESH_SECONDS = 5.0

STAMPS = """
SELECT m.module, v.number, o.revision
FROM (VALUES ('dm'), ('pm')) AS m (module)
LEFT JOIN learning_configs v ON v.module = m.module AND v.is_active
LEFT JOIN overrides_modulemode o ON o.module = m.module
"""


@dataclass(frozen=True)
class Engine:
    """Everything that answering for a module needs. Without a published version it is empty: all levers are neutral."""

    module: str
    version: int | None
    compiled: Compiled
    parameters: ModuleParameters
    mode: ServingMode
    challenger: tuple[int, Compiled] | None = None
    scaling: Scaling = UNSCALED


def load_engine(module: str, *, number: int | None = None, known: Engine | None = None) -> Engine:
    """Build the engine of the active version (or of version `number`) with the mode in force.

    Parts that a `known` engine has compiled are reused: versions are immutable, and a later version differs only where
    its memberships do.
    """
    versions = Version.objects.select_related("parameters").filter(module=module)
    version = versions.filter(is_active=True).first() if number is None else versions.get(number=number)
    mode, challenger = _load_mode(module)
    return build_engine(module, version, mode, challenger=challenger, known=known)


def build_engine(
    module: str,
    version: Version | None,
    mode: ServingMode,
    *,
    challenger: Version | None = None,
    known: Engine | None = None,
) -> Engine:
    """Compile a version; None means default parameters and no overrides. Raises ValueError if it does not compile.

    `known` is an engine of the module that was built before, see `load_engine`.
    """
    if version is None:
        return unpublished_engine(module, mode)
    parameters = version.parameters.parsed
    return Engine(
        module,
        version.number,
        _compiled(version, known),
        parameters,
        mode,
        None if challenger is None else (challenger.number, _compiled(challenger, known)),
        Scaling(read_weights(version.coefficients), parameters.product_cap),
    )


def unpublished_engine(module: str, mode: ServingMode, known: Format | None = None) -> Engine:
    """Return the engine before a first version: no overrides, and the default parameters of today or of a format."""
    parameters = ModuleParameters.default(module, known)
    return Engine(module, None, compile_module(parameters, ()), parameters, mode)


def _load_mode(module: str) -> tuple[ServingMode, Version | None]:
    """Return the mode in force and the challenger version."""
    row = ModuleMode.objects.select_related("challenger__parameters").filter(module=module).first()
    return ServingMode.parse(mode_document(row)), row.challenger if row else None


def _compiled(version: Version, known: Engine | None) -> Compiled:
    if known is not None:
        if version.number == known.version:
            return known.compiled
        if known.challenger is not None and version.number == known.challenger[0]:
            return known.challenger[1]
    refuse_altered(version)
    parameters = version.parameters.parsed
    if known is not None and known.version is not None and known.version < version.number:
        changed = changed_keys(version.module, known.version, version.number)
        if parameters == known.parameters and len(changed) <= FEW_KEYS:
            specs = load_specs(version.module, version.number, changed)
            return recompile_module(known.compiled, parameters, changed, specs)
    return compile_module(parameters, load_specs(version.module, version.number))


class EngineRoom:
    """The engines of one process, and when each was last confirmed by the database."""

    def __init__(self, *, max_stale_seconds: float = 300.0) -> None:
        self.max_stale_seconds = max_stale_seconds
        self._engines: dict[str, Engine] = {}
        self._stamps: dict[str, tuple[int | None, int | None]] = {}
        self._confirmed_at: dict[str, float] = {}
        self._refreshing, self._starting = threading.Lock(), threading.Lock()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None

    def engine(self, module: str) -> Engine | None:
        """Return the module's engine; None before the first successful poll. Starts polling."""
        self.start()
        return self._engines.get(module)

    def known(self, module: str) -> Engine | None:
        """Return the module's engine without starting to poll."""
        return self._engines.get(module)

    def mode(self, module: str) -> ServingMode | None:
        """Return the serving mode that this process has read last; None before the first time."""
        known = self.known(module)
        return None if known is None else known.mode

    def stale_seconds(self, module: str) -> float:
        """Return the seconds since the database last confirmed the module's engine; infinite before the first time."""
        return time.monotonic() - self._confirmed_at.get(module, -math.inf)

    def refresh(self) -> None:
        """Poll now and reload what changed. Raises django.db.Error while PostgreSQL is unreachable."""
        with self._refreshing:
            polled_at = time.monotonic()
            with connection.cursor() as cursor:
                cursor.execute(STAMPS)
                stamps = cursor.fetchall()
            for module, number, revision in stamps:
                self._renew(module, (number, revision), polled_at)

    def close(self) -> None:
        """Stop polling and discard the engines; the next question starts again."""
        self._closing.set()
        if self._thread is not None:
            self._thread.join()
        self._engines, self._stamps, self._confirmed_at, self._thread = {}, {}, {}, None

    def _renew(self, module: str, stamp: tuple[int | None, int | None], polled_at: float) -> None:
        known = self._engines.get(module)
        if known is None or self._stamps[module] != stamp:
            if known is not None:
                known = replace(known, mode=_load_mode(module)[0])
                self._engines = self._engines | {module: known}
            try:
                engine = load_engine(module, known=known)
            except Error:
                raise
            except Exception:  # a fault of one module must not affect the others
                logger.exception(
                    "the published version of %s does not compile; its last good engine answers on", module
                )
                return
            self._engines = self._engines | {module: engine}
            self._stamps[module] = stamp
        self._confirmed_at[module] = polled_at

    def start(self) -> None:
        """Poll once in the caller's thread, then keep polling in a thread of this process, also after a fork."""
        if self._is_polling():
            return
        with self._starting:
            if self._is_polling():
                return
            try:
                self.refresh()
            except Error as error:
                logger.warning("engines wait for the database: %s", error)
            self._closing.clear()
            self._thread = threading.Thread(target=self._poll, name="engine-room", daemon=True)
            self._thread.start()

    def _is_polling(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def _poll(self) -> None:
        while not self._closing.wait(POLL_SECONDS):
            close_old_connections()
            try:
                self.refresh()
            except Error as error:
                oldest = max(map(self.stale_seconds, self._engines), default=math.inf)
                logger.warning("engines unconfirmed for %.0f s: %s", oldest, error)
        connection.close()


ENGINE_ROOM = EngineRoom(max_stale_seconds=settings.MAX_STALE_SECONDS)

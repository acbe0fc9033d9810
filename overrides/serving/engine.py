"""The engines of this process: compiled versions with their modes, replaced when the database has newer ones.

One daemon thread polls version and mode of every module twice a second and never compiles; another compiles the
versions that it finds. A new mode therefore takes effect within a second, also while a large version compiles. While
PostgreSQL is unreachable, or if a published version does not compile, the last good engine keeps answering, flagged,
for `max_stale_seconds`; after that answers are neutral.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property

from django.conf import settings
from django.db import Error, close_old_connections, connection

from overrides.core.engine.compile_module import compile_module, compile_rows, reads_scopes_alike, recompile_rows
from overrides.core.engine.compiled import Compiled
from overrides.core.engine.definitions.coefficients import read_weights
from overrides.core.engine.definitions.formats import Format
from overrides.core.engine.definitions.module_parameters import ModuleParameters
from overrides.core.engine.definitions.serving_mode import ServingMode
from overrides.core.engine.position_scaling import Scaling
from overrides.core.engine.serve import UNSCALED
from overrides.models import ModuleMode, Version
from overrides.serving.confirmations import Reporter
from overrides.serving.holdback import holdback_secret
from overrides.serving.mode import mode_document
from overrides.versions.load_columns import load_groups
from overrides.versions.load_version import changed_keys, refuse_altered

logger = logging.getLogger(__name__)

POLL_SECONDS = 0.5

Versions = tuple[int | None, int | None]  # the numbers of a served version and of its challenger, None without one

STAMPS = """
SELECT m.module, o.revision, v.number, c.number
FROM (VALUES ('dm'), ('pm')) AS m (module)
LEFT JOIN learning_configs v ON v.module = m.module AND v.is_active
LEFT JOIN overrides_modulemode o ON o.module = m.module
LEFT JOIN learning_configs c ON c.id = o.challenger_id
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

    @property
    def versions(self) -> Versions:
        """The numbers of the served version and of the challenger."""
        return self.version, None if self.challenger is None else self.challenger[0]

    @cached_property
    def combiners(self) -> str:
        """The combiner of each channel, as answers and decisions name them."""
        return ",".join(f"{channel}={each.combiner}" for channel, each in self.parameters.channels.items())


def load_engine(module: str, *, number: int | None = None, known: Engine | None = None) -> Engine:
    """Build the engine of the active version (or of version `number`) with the mode in force.

    Parts that a `known` engine has compiled are reused: versions are immutable, and a later version differs only where
    its memberships do.
    """
    versions = Version.objects.select_related("parameters").defer("config_data").filter(module=module)
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
    rows = ModuleMode.objects.select_related("challenger__parameters").defer("challenger__config_data")
    row = rows.filter(module=module).first()
    return ServingMode.parse(mode_document(row)), row.challenger if row else None


def _compiled(version: Version, known: Engine | None) -> Compiled:
    if known is not None:
        if version.number == known.version:
            return known.compiled
        if known.challenger is not None and version.number == known.challenger[0]:
            return known.challenger[1]
    refuse_altered(version)
    module, number, parameters = version.module, version.number, version.parameters.parsed
    if known is None or known.version is None or known.version > number:
        return compile_rows(parameters, load_groups(module, number, parameters))
    if not reads_scopes_alike(known.parameters, parameters):
        return compile_rows(parameters, load_groups(module, number, parameters))
    changed = changed_keys(module, known.version, number)
    groups = load_groups(module, number, parameters, changed) if changed else ()
    return recompile_rows(known.compiled, parameters, changed, groups)


class EngineRoom:
    """The engines of one process, and when each was last confirmed by the database."""

    def __init__(self, *, max_stale_seconds: float = 300.0) -> None:
        self.max_stale_seconds = max_stale_seconds
        self._forget()
        self._looking, self._compiling, self._starting = threading.Lock(), threading.Lock(), threading.Lock()
        self._swapping = threading.Lock()  # held for assignments alone
        self._closing, self._news = threading.Event(), threading.Event()
        self._threads: tuple[threading.Thread, ...] = ()

    def _forget(self) -> None:
        self._engines: dict[str, Engine] = {}
        self._confirmed_at: dict[str, float] = {}
        self._modes: dict[str, tuple[int | None, ServingMode]] = {}  # revision and mode as last read
        self._wanted: dict[str, tuple[Versions, float]] = {}  # what the database serves, and when that was read

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

    def state(self, module: str) -> tuple[Engine, int | None] | None:
        """Return the module's engine under the mode that was read last, and the revision of that mode; starts polling.

        None before the first successful poll.
        """
        self.start()
        with self._swapping:
            engine = self._engines.get(module)
            if engine is None:
                return None
            revision, mode = self._modes[module]
            return (engine if engine.mode == mode else replace(engine, mode=mode)), revision

    def stale_seconds(self, module: str) -> float:
        """Return the seconds since the database last confirmed the module's engine; infinite before the first time.

        While a newer version compiles, the engine of the older one is not confirmed.
        """
        return time.monotonic() - self._confirmed_at.get(module, -math.inf)

    def refresh(self) -> None:
        """Poll now and compile what changed. Raises django.db.Error while PostgreSQL is unreachable."""
        self._look()
        self._compile()

    def close(self) -> None:
        """Stop polling and discard the engines; the next question starts again."""
        self._closing.set()
        self._news.set()
        for thread in self._threads:
            thread.join()
        self._threads = ()
        self._forget()

    def _look(self) -> None:
        """Read versions and modes, take up the modes and confirm the engines that are current; compile nothing."""
        with self._looking:
            polled_at = time.monotonic()
            with connection.cursor() as cursor:
                cursor.execute(STAMPS)
                stamps = cursor.fetchall()
            for module, revision, *versions in stamps:
                if module not in self._modes or self._modes[module][0] != revision:
                    mode = _load_mode(module)[0]
                    if mode.needs_position:
                        holdback_secret()  # read before the mode is taken up, because answers read no database
                    self._modes[module] = revision, mode
                self._wanted[module] = tuple(versions), polled_at
                self._swap(module, self._engines.get(module))

    def _swap(self, module: str, engine: Engine | None) -> None:
        """Serve an engine, under the mode that was read last."""
        with self._swapping:
            known = self._engines.get(module)
            mode, (versions, polled_at) = self._modes[module][1], self._wanted[module]
            serving = engine if engine is None or engine.mode == mode else replace(engine, mode=mode)
            if serving is not None and serving is not known:
                self._engines = self._engines | {module: serving}
            if serving is not None and serving.version == versions[0]:
                self._confirmed_at[module] = polled_at

    def _outdated(self) -> list[str]:
        """Return the modules whose engine is not of the versions that the database serves."""
        engines = self._engines
        return [
            module
            for module, (versions, _) in list(self._wanted.items())
            if module not in engines or engines[module].versions != versions
        ]

    def _compile(self) -> None:
        """Compile what the last look found, one module after the other."""
        with self._compiling:
            for module in self._outdated():
                try:
                    self._swap(module, load_engine(module, known=self._engines.get(module)))
                except Error:
                    raise
                except Exception:  # a fault of one module must not affect the others
                    logger.exception(
                        "the published version of %s does not compile; its last good engine answers on", module
                    )

    def start(self) -> None:
        """Poll and compile once in the caller's thread, then keep doing so in two threads, also after a fork."""
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
            self._news.clear()
            self._threads = (
                threading.Thread(target=self._keep_compiling, name="engine-compiler", daemon=True),
                threading.Thread(target=self._poll, name="engine-room", daemon=True),
            )
            for thread in self._threads:
                thread.start()

    def _is_polling(self) -> bool:
        return bool(self._threads) and all(thread.is_alive() for thread in self._threads)

    def _poll(self) -> None:
        reporter = Reporter(datetime.now(UTC))
        while not self._closing.wait(POLL_SECONDS):
            close_old_connections()
            try:
                self._look()
            except Error as error:
                oldest = max(map(self.stale_seconds, self._engines), default=math.inf)
                logger.warning("engines unconfirmed for %.0f s: %s", oldest, error)
            if self._outdated():
                self._news.set()
            with suppress(Error):  # whoever misses the report is shown as silent
                self._report(reporter)
        with suppress(Error):
            reporter.withdraw()
        connection.close()

    def _report(self, reporter: Reporter) -> None:
        """Report what this process serves of each module."""
        engines, modes = self._engines, self._modes
        served = {module: (engine.version, modes[module][0]) for module, engine in engines.items()}
        reporter.report(served, {module: self.stale_seconds(module) for module in served}, datetime.now(UTC))

    def _keep_compiling(self) -> None:
        while self._news.wait() and not self._closing.is_set():
            self._news.clear()
            try:
                self._compile()
            except Error as error:
                logger.warning("a version waits for the database: %s", error)
            finally:
                connection.close()  # versions change rarely, and an idle connection counts
        connection.close()


ENGINE_ROOM = EngineRoom(max_stale_seconds=settings.MAX_STALE_SECONDS)

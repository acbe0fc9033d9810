"""Snapshots for clients that evaluate locally: everything that answers of a module depend on, as bytes under one tag.

The body (overrides as columns, parameters, coefficients, test questions) is built once for each version and process and
kept with its compressed form; a new mode costs a header. Nothing is read from the database.
"""

from __future__ import annotations

import gzip
import threading
from dataclasses import dataclass
from typing import Any

from overrides.core.engine.compiled import Compiled
from overrides.core.engine.definitions.formats import CURRENT_FORMAT
from overrides.core.engine.definitions.serving_mode import Mode
from overrides.core.engine.self_test import version_cases, worked_cases
from overrides.core.engine.snapshot_columns import columns_of
from overrides.core.engine.snapshot_file import Body, digest_of, pack_header
from overrides.serving.clients.snapshot_tag import snapshot_tag
from overrides.serving.engine import Engine

FORMAT = 1  # of the fields of header and body; a client refuses one that it does not know
HOLDBACK_RUNS = "a holdback runs, and only the server knows which positions it answers neutral"
ARMS_RUN = "levers are explored, and only the server knows which positions get the alternative"
SALT_UNKNOWN = "the roll-out has a salt, which this client does not know"
LEVEL = 1  # of gzip: most bytes are hashes, which higher levels do not make smaller


@dataclass(frozen=True)
class Snapshot:
    """The state of a module: the tag that names it, and the content in two parts, plain and compressed."""

    tag: str
    header: bytes
    body: Body
    packed_body: bytes

    @property
    def digest(self) -> str:
        """What the content is: equal tags of two servers, or of one before and after a restore, have other digests."""
        return digest_of(self.header)

    def content(self, *, packed: bool, known_body: str | None = None) -> bytes:
        """Return the bytes, without the body for a caller who knows it by its sha256; `packed` with gzip.

        A gzip stream may consist of several parts, so the body is not compressed again for a new header.
        """
        header = gzip.compress(self.header, LEVEL, mtime=0) if packed else self.header
        if known_body == self.body.sha256:
            return header
        return header + (self.packed_body if packed else self.body.content)


class Snapshots:
    """The newest snapshot of each module, safe for threads; one is built at a time."""

    def __init__(self) -> None:
        self._bodies: dict[str, tuple[Compiled, Body, bytes]] = {}
        self._building = threading.Lock()

    def of(self, engine: Engine, mode_revision: int | None) -> Snapshot:
        """Return the snapshot of an engine under the mode of a revision."""
        body, packed = self._body(engine)
        header = _header(engine, mode_revision)
        return Snapshot(header["tag"], pack_header(header, body), body, packed)

    def _body(self, engine: Engine) -> tuple[Body, bytes]:
        with self._building:
            known = self._bodies.get(engine.module)
            if known is None or known[0] is not engine.compiled:  # a compiled version never changes
                body = _body(engine)
                known = engine.compiled, body, gzip.compress(body.content, LEVEL, mtime=0)
                self._bodies[engine.module] = known
            return known[1], known[2]


SNAPSHOTS = Snapshots()


def _header(engine: Engine, mode_revision: int | None) -> dict[str, Any]:
    """Return what differs between the snapshots of one version.

    `ask_server` is a reason for which clients have to ask the server instead; None: they may answer locally. The first
    clients read `evaluate_remotely` in its place: they do not know that a roll-out has a salt, so they also have to ask
    while one is under way. The secret of a holdback and of arms never leaves the server, so clients ask while one runs.
    """
    mode = engine.mode
    ask_server = HOLDBACK_RUNS if mode.runs_holdback else ARMS_RUN if mode.runs_arms else None
    is_salted = mode.mode is Mode.ON and mode.rollout_percent < 100 and mode.rollout_salt != ""
    return {
        "format": FORMAT,
        "engine_format": CURRENT_FORMAT,
        "tag": snapshot_tag(engine.module, engine.version, mode_revision),
        "module": engine.module,
        "version": engine.version,
        "mode_revision": mode_revision or 0,
        "mode": {
            "mode": mode.mode.value,
            "rollout_percent": mode.rollout_percent,
            "allow": {name: list(values) for name, values in mode.allow.items()},
        },
        "rollout_salt": mode.rollout_salt,
        "ask_server": ask_server,
        "evaluate_remotely": ask_server or (SALT_UNKNOWN if is_salted else None),
    }


def _body(engine: Engine) -> Body:
    buckets, columns = columns_of(engine.compiled)
    weights = engine.scaling.weights
    return Body.of(
        {
            "module": engine.module,
            "version": engine.version,
            "parameters": engine.parameters.to_document(),
            "coefficients": {f"{name}={value}": each for name in weights for value, each in weights[name].items()},
            "buckets": buckets,
            "cases": version_cases(engine.compiled, engine.scaling),
            "worked": worked_cases(),
        },
        columns,
    )

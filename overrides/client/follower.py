"""Follow the state of one module: poll it, hear of changes by the stream, and know how old the last confirmation is."""

from __future__ import annotations

import gzip
import io
import json
import logging
import math
import random
import threading
import time
import zlib
from collections.abc import Callable
from urllib.parse import quote

from ..core.engine.snapshot_file import SnapshotError
from .http import NOT_MODIFIED, Failed, Http, Lines, Reply
from .local_engine import LocalEngine, read_engine
from .snapshot_store import SnapshotStore

logger = logging.getLogger(__name__)

SNAPSHOT, STREAM = "/api/v1/snapshot/", "/api/v1/stream/"
LARGEST_SNAPSHOT = 1 << 30  # bytes, packed and unpacked
DOWNLOAD_SECONDS = 60.0
SILENCE_SECONDS = 45.0  # the stream sends a comment every 15 s
SHORTEST_PAUSE, LONGEST_PAUSE = 1.0, 60.0  # before the stream is tried again
SPREAD_SECONDS = 0.2  # so that many clients do not ask in the same moment
LAG_SECONDS = 5.0  # a server that has read its database later than this after a state was known does not lag behind it
HURRY_SECONDS, MOST_HURRIED = 0.25, 8  # between polls for a state that was announced, and how many of them

Count = Callable[[str, int], None]
_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def running_seconds() -> float:
    """Return seconds that only ever grow, and that go on while the machine sleeps where its clock can tell."""
    return time.clock_gettime(_CLOCK)


class Follower:
    """The newest state of a module that this client knows, and the threads that keep it so."""

    def __init__(
        self,
        http: Http,
        stream: Http | None,
        module: str,
        name: str,
        count: Count,
        *,
        store: SnapshotStore | None,
        poll_seconds: float,
        max_stale_seconds: float,
    ) -> None:
        self.module = module
        self._http, self._stream, self._count, self._store = http, stream, count, store
        self._poll_seconds, self._max_stale_seconds = poll_seconds, max_stale_seconds
        self.engine: LocalEngine | None = None
        self._confirmed_at = self._known_since = -math.inf
        self._fault = ""
        self.after_fork(name)

    def after_fork(self, name: str) -> None:
        """Begin anew in a child, which keeps the state and starts threads of its own, under its name."""
        self._name = name
        self._polling, self._starting = threading.Lock(), threading.Lock()
        self._closing, self._wake, self.has_asked = threading.Event(), threading.Event(), threading.Event()
        self._threads: tuple[threading.Thread, ...] = ()
        self._lines: Lines | None = None
        self._announced: str | None = None
        self._hurried = 0

    def age(self) -> float:
        """Return the seconds since the server last confirmed the state; infinite before the first time."""
        return running_seconds() - self._confirmed_at

    def start(self) -> None:
        """Take up the saved state and start the threads, unless they run."""
        if self._threads:
            return
        with self._starting:
            if self._threads or self._closing.is_set():
                return
            if self.engine is None:
                self._load()
            targets = [(self._poll_on, "counterweight-poll")]
            if self._stream is not None:
                targets.append((self._listen_on, "counterweight-stream"))
            threads = [
                threading.Thread(target=target, name=f"{name}-{self.module}", daemon=True) for target, name in targets
            ]
            for each in threads:
                each.start()
            self._threads = tuple(threads)

    def close(self, seconds: float) -> None:
        """End the threads, waiting for at most `seconds`."""
        until = time.monotonic() + seconds
        self._closing.set()
        self._wake.set()
        if self._lines is not None:
            self._lines.close()
        for each in self._threads:
            each.join(max(0.0, until - time.monotonic()))

    # --- polling ------------------------------------------------------------------------------------

    def poll(self) -> bool:
        """Ask for the state once; return whether the server confirmed or brought the newest. Raises nothing."""
        try:
            with self._polling:
                is_newest = self._ask()
            self._fault = ""
            return is_newest
        except Failed as failed:
            self._count(f"snapshot {failed.kind}", 1)
            if self._fault != str(failed):  # once, and not with each poll
                self._fault = str(failed)
                logger.warning("the state of %s is not confirmed: %s", self.module, failed)
        except SnapshotError as error:
            self._count("snapshot unreadable", 1)
            logger.warning("a snapshot of %s is not taken up: %s", self.module, error)
        except Exception:  # whatever happens here must not end the thread that switches the module off
            self._count("snapshot failed", 1)
            logger.exception("the state of %s could not be followed", self.module)
        return False

    def _ask(self) -> bool:
        known, asked_at = self.engine, running_seconds()
        reply = self._get(known)
        if reply.status == NOT_MODIFIED and known is not None and _names_another(reply, known):
            self._count("snapshot of another server", 1)
            logger.warning(
                "the state of %s that was held here has the tag of the server's, but is another one", self.module
            )
            known, asked_at = None, running_seconds()
            reply = self._get(None)
        confirmed_at = asked_at - _age(reply)
        if reply.status == NOT_MODIFIED:
            if known is None:
                raise Failed("unreadable", "the server says that nothing changed, and nothing is held here")
            self._take(known, confirmed_at)
            return True
        engine = read_engine(_unpacked(reply), self.module, known)
        if known is not None and engine.precedes(known) and self._may_lag(confirmed_at):
            self._count("snapshot older", 1)  # another process of the server lags; the next poll may reach a newer one
            return False
        if engine.remote is not None and (known is None or known.remote != engine.remote):
            logger.warning("%s is evaluated by the server: %s", self.module, engine.remote)
        self._take(engine, confirmed_at)
        return True

    def _get(self, known: LocalEngine | None) -> Reply:
        path = f"{SNAPSHOT}?module={self.module}&client={quote(self._name, safe='')}"
        headers = {"Accept-Encoding": "gzip"}
        if known is not None:
            headers["If-None-Match"] = known.tag
            path += f"&body={known.body.sha256}"
        return self._http.get(path, headers, seconds=DOWNLOAD_SECONDS, most=LARGEST_SNAPSHOT)

    def _may_lag(self, confirmed_at: float) -> bool:
        """Return whether a server that serves an earlier state may just not have read its database since.

        Otherwise the database itself has an earlier state, because it was restored or is another one.
        """
        return self.age() <= self._max_stale_seconds and confirmed_at <= self._known_since + LAG_SECONDS

    def _take(self, engine: LocalEngine, confirmed_at: float) -> None:
        is_new = engine is not self.engine
        self.engine = engine
        self._confirmed_at = max(self._confirmed_at, confirmed_at)
        if is_new:
            self._known_since = running_seconds()
        self._count("snapshot taken" if is_new else "snapshot confirmed", 1)
        if self._store is not None:
            try:
                (self._store.save if is_new else self._store.confirm)(engine, self.age())
            except OSError as error:
                self._count("snapshot not saved", 1)
                logger.warning("the snapshot of %s is not saved: %s", self.module, error)

    def _load(self) -> None:
        """Take up the saved state, as old as it is."""
        if self._store is None:
            return
        try:
            content = self._store.read(self.module)
            if content is not None:
                engine = read_engine(content, self.module)
                self._confirmed_at = self._known_since = running_seconds() - self._store.age(engine)
                self.engine = engine
                self._count("snapshot loaded", 1)
        except (OSError, SnapshotError) as error:
            self._count("saved snapshot refused", 1)
            logger.warning("the saved snapshot of %s is not taken up: %s", self.module, error)

    def _poll_on(self) -> None:
        while not self._closing.is_set():
            self.poll()
            self.has_asked.set()
            if self._wake.wait(self._next_poll() * random.uniform(0.75, 1.0)):
                self._wake.clear()
                self._closing.wait(random.uniform(0.0, SPREAD_SECONDS))

    def _next_poll(self) -> float:
        """Return the seconds until the next poll: few while the process that answers lags behind the stream."""
        is_behind = self._announced is not None and self.engine is not None and self.engine.tag != self._announced
        if is_behind and self._hurried < MOST_HURRIED:
            self._hurried += 1
            return min(HURRY_SECONDS, self._poll_seconds)
        self._announced, self._hurried = None, 0
        return self._poll_seconds

    # --- the stream ---------------------------------------------------------------------------------

    def _listen_on(self) -> None:
        pause = SHORTEST_PAUSE
        while not self._closing.is_set():
            try:
                if self._listen():
                    pause = SHORTEST_PAUSE
            except Failed as failed:
                self._count(f"stream {failed.kind}", 1)
                pause = max(pause, failed.retry_after or 0.0)
            except Exception:  # polling goes on by itself
                self._count("stream failed", 1)
                logger.exception("the stream of %s ended", self.module)
            self._closing.wait(pause * random.uniform(0.8, 1.2))
            pause = min(2 * pause, LONGEST_PAUSE)

    def _listen(self) -> bool:
        """Hear of changes until the stream ends; return whether any event came. Raises Failed."""
        heard = False
        assert self._stream is not None  # there is no such thread otherwise
        self._lines = lines = self._stream.lines(f"{STREAM}?module={self.module}", silence=SILENCE_SECONDS)
        try:
            for line in lines:
                if self._closing.is_set():
                    break
                if line.startswith(b"data:"):
                    heard = True
                    self._hear(line[5:])
        finally:
            lines.close()
            self._lines = None
        return heard

    def _hear(self, data: bytes) -> None:
        try:
            tag = json.loads(data)["etag"]
        except (ValueError, TypeError, KeyError, RecursionError):
            tag = None  # not understood: better asked once too often
        if self.engine is None or tag != self.engine.tag:
            self._count("stream changed", 1)
            self._announced, self._hurried = tag, 0
            self._wake.set()


def _names_another(reply: Reply, known: LocalEngine) -> bool:
    """Return whether a server that knows our tag means another state by it; one of an earlier release does not say."""
    digest = reply.headers.get("Snapshot-Digest")
    return digest is not None and digest != known.digest


def _age(reply: Reply) -> float:
    """Return for how long the server itself has not confirmed the state; unreadable counts as just now."""
    text = str(reply.headers.get("Age", "0"))
    return float(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0.0


def _unpacked(reply: Reply) -> bytes:
    coding = str(reply.headers.get("Content-Encoding", "identity")).lower()
    if coding == "identity":
        return reply.content
    if coding != "gzip":
        raise SnapshotError(f"the snapshot is packed by {coding!r:.20}")
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(reply.content)) as stream:
            content = stream.read(LARGEST_SNAPSHOT + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise SnapshotError(f"the snapshot cannot be unpacked: {error}") from error
    if len(content) > LARGEST_SNAPSHOT:
        raise SnapshotError("the snapshot is too large")
    return content

"""The ASGI application of the stream: one endpoint, and `/healthz` and `/metrics` for operators."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from contextlib import suppress
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any
from urllib.parse import parse_qs

from django.conf import settings
from prometheus_client import CONTENT_TYPE_LATEST

from config.stream import metrics
from config.stream.callers import NotAdmitted, admit, ended
from config.stream.connections import cut
from config.stream.events import CHANGED, FORMS, RETRY, known_tags
from config.stream.listeners import Listener, Listeners
from config.stream.watcher import States, Watcher
from overrides.serving.clients.stream_address import FORM, TICKET
from telemetry.core.vocabulary import Module
from telemetry.foundation.api.problem_details import CONTENT_TYPE, problem

logger = logging.getLogger(__name__)

PATH = "/api/v1/stream"
SEND_SECONDS = 10.0  # within which a listener has to take what it was sent
CHECK_SECONDS = 1.0  # between two looks at the keys of listeners
REPEAT_SECONDS = 3.0
FIRST_READING_SECONDS = 5.0
STREAM_HEADERS = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-store",
    "X-Accel-Buffering": "no",  # nginx passes each event on at once
}

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class Stream:
    """Listeners, and the one watcher that reads for all of them."""

    def __init__(self) -> None:
        self.listeners = Listeners(settings.STREAM_CONNECTIONS)
        self._watcher: Watcher | None = None
        self._checking: asyncio.Task[None] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one connection, as ASGI defines it."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http":
            await self._answer(scope, receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        loop = asyncio.get_running_loop()
        watcher = self._watcher = Watcher(lambda states: loop.call_soon_threadsafe(self._publish, states))
        watcher.start()
        await asyncio.to_thread(watcher.wait, FIRST_READING_SECONDS)
        self._checking = asyncio.create_task(self._check_keys())
        await send({"type": "lifespan.startup.complete"})
        await receive()
        self._checking.cancel()
        await asyncio.to_thread(watcher.close)
        await send({"type": "lifespan.shutdown.complete"})

    def _publish(self, states: States) -> None:
        if news := self.listeners.publish(states):
            asyncio.get_running_loop().call_later(REPEAT_SECONDS, self.listeners.repeat, news)

    async def _check_keys(self) -> None:
        """End the streams of keys that were revoked or have expired."""
        while True:
            await asyncio.sleep(CHECK_SECONDS)
            callers = {listener.caller for listener in self.listeners}
            without_key = await asyncio.to_thread(ended, callers, datetime.now(UTC))
            for listener in self.listeners:
                if listener.caller in without_key:
                    listener.close()

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            if scope["path"] == "/healthz":
                await _send_document(send, 200, self._health())
            elif scope["path"] == "/metrics":
                await _send_text(send, 200, self._metrics(scope), {}, content_type=CONTENT_TYPE_LATEST)
            else:
                await self._serve(await self._admitted(scope), scope, receive, send)
        except NotAdmitted as refusal:
            metrics.REFUSED.labels(refusal.status).inc()
            body = problem(refusal.status, str(refusal))
            await _send_document(send, refusal.status, body, refusal.headers, content_type=CONTENT_TYPE)

    @property
    def _stale_seconds(self) -> float | None:
        return None if self._watcher is None else self._watcher.stale_seconds

    def _metrics(self, scope: Scope) -> str:
        return metrics.exposition(
            _headers(scope).get("authorization", ""),
            listeners=len(self.listeners),
            bound=self.listeners.bound,
            stale_seconds=self._stale_seconds,
        )

    def _health(self) -> dict[str, Any]:
        stale = self._stale_seconds
        return {
            "status": "ok",
            "listeners": len(self.listeners),
            "most_listeners": self.listeners.bound,
            "seconds_since_confirmed": None if stale is None else round(stale, 1),
        }

    async def _admitted(self, scope: Scope) -> Listener:
        """Return the listener that a request asks to be. Raises NotAdmitted."""
        if scope["path"].rstrip("/") != PATH:
            raise NotAdmitted(404, f"there is nothing at this address; the stream is at {PATH}/")
        if scope["method"] != "GET":
            raise NotAdmitted(405, "this method is not allowed here; the Allow header names those that are")
        headers = _headers(scope)
        asked = _query(scope["query_string"])
        caller = await asyncio.to_thread(admit, headers, asked.get(TICKET))
        form, module = asked.get(FORM, CHANGED), asked.get("module")
        if form not in FORMS:
            raise NotAdmitted(400, f"form: unknown; send one of {', '.join(FORMS)}")
        if module is not None and module not in list(Module):
            raise NotAdmitted(400, f"module: unknown; send one of {', '.join(Module)}, or leave it out for all")
        if self.listeners.is_full:
            detail = "the stream holds as many listeners as it may; ask for the state from time to time, and try again"
            raise NotAdmitted(503, detail)
        modules = [str(each) for each in Module] if module is None else [module]
        return Listener(caller, modules, form, known_tags(headers.get("last-event-id", "")))

    async def _serve(self, listener: Listener, scope: Scope, receive: Receive, send: Send) -> None:
        self.listeners.add(listener)
        leaving = asyncio.create_task(_until_gone(receive, listener))
        try:
            await self._send_events(listener, send)
        except TimeoutError:
            logger.warning("a listener of key %s did not read for %g s and was cut off", listener.caller, SEND_SECONDS)
            metrics.CUT.inc()
            cut(scope["client"])
        finally:
            self.listeners.remove(listener)
            leaving.cancel()

    async def _send_events(self, listener: Listener, send: Send) -> None:
        """Send events and comments until the listener leaves or is closed. Raises TimeoutError if it does not read."""
        await _begin(send, 200, STREAM_HEADERS)
        content = RETRY
        while not listener.is_closed:
            async with asyncio.timeout(SEND_SECONDS):
                await send({"type": "http.response.body", "body": content, "more_body": True})
            content = await listener.next()
        async with asyncio.timeout(SEND_SECONDS):
            await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _until_gone(receive: Receive, listener: Listener) -> None:
    """Close a listener when its connection has ended."""
    with suppress(asyncio.CancelledError):
        while (await receive())["type"] != "http.disconnect":
            pass
        listener.close()


def _headers(scope: Scope) -> dict[str, str]:
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}


def _query(text: bytes) -> dict[str, str]:
    """Return the parameters of an address. Raises NotAdmitted."""
    known = ("module", FORM, TICKET)
    try:
        sent = parse_qs(text.decode("ascii"), keep_blank_values=True, max_num_fields=20)
    except ValueError:
        raise NotAdmitted(400, "the query cannot be read; send it as ASCII text") from None
    for name, values in sent.items():
        if name not in known:
            raise NotAdmitted(400, f"unknown parameter; known are {', '.join(known)}")
        if len(values) > 1:
            raise NotAdmitted(400, f"{name}: sent more than once; send it once")
    return {name: values[0] for name, values in sent.items()}


async def _send_document(
    send: Send,
    status: int,
    document: Mapping[str, Any],
    headers: Mapping[str, str] = MappingProxyType({}),
    *,
    content_type: str = "application/json",
) -> None:
    await _send_text(send, status, json.dumps(document), headers, content_type=content_type)


async def _send_text(send: Send, status: int, text: str, headers: Mapping[str, str], *, content_type: str) -> None:
    body = text.encode()
    named = {"Content-Type": content_type, "Content-Length": str(len(body)), "Cache-Control": "no-store"}
    await _begin(send, status, {**named, **headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})


async def _begin(send: Send, status: int, headers: Mapping[str, str]) -> None:
    sent = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": sent})

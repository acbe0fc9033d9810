"""A server of snapshots, streams and reports that behaves as a test wants, also badly."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from overrides.core.engine.definitions.levers import levers_of
from overrides.core.engine.snapshot_file import digest_of
from tests.overrides.client.snapshots import State


class SnapshotServer:
    """What is served, and what was asked. `instead` writes another answer to a GET of a snapshot."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.age = 0
        self.is_away = False
        self.instead: Callable[[BaseHTTPRequestHandler], None] | None = None
        self.stream: Callable[[BaseHTTPRequestHandler], None] = lambda handler: _send(handler, 503, b"{}")
        self.report: Callable[[list[Any]], Any] = lambda sent: {"results": [{"status": "new"} for _ in sent]}
        self.reported: list[dict[str, Any]] = []
        self.polls: list[str] = []
        self.resolved = 0
        self.url = ""

    def get(self, handler: BaseHTTPRequestHandler) -> None:
        if handler.path.startswith("/api/v1/stream/"):
            self.stream(handler)
            return
        self.polls.append(handler.path)
        if self.is_away:
            _send(handler, 500, b"<html>")
        elif self.instead is not None:
            self.instead(handler)
        elif handler.headers.get("If-None-Match") == self.state.tag:
            _send(handler, 304, b"", **{"Age": str(self.age), "Snapshot-Digest": digest_of(self.state.parts()[0])})
        else:
            header, body = self.state.parts()
            content = header if f"body={body.sha256}" in handler.path else header + body.content
            _send(handler, 200, gzip.compress(content), Age=str(self.age), **{"Content-Encoding": "gzip"})

    def post(self, handler: BaseHTTPRequestHandler) -> None:
        sent = json.loads(handler.rfile.read(int(handler.headers["Content-Length"])))
        if handler.path.startswith("/api/v1/decisions/"):
            answer = self.report(sent)
            if isinstance(answer, int):
                _send(handler, answer, b"{}")
                return
            self.reported.extend(sent)
            _send(handler, 200, json.dumps(answer).encode())
            return
        self.resolved += len(sent)
        levers = {lever.name: lever.neutral for lever in levers_of("pm", "entry")}
        answers = [{"decision_id": "far", "reason": "SINGLE", "levers": levers} for _ in sent]
        _send(handler, 200, json.dumps(answers).encode())


def _send(handler: BaseHTTPRequestHandler, status: int, content: bytes, **headers: str) -> None:
    with suppress(ConnectionError):
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        if status != 304:
            handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)


send = _send


@contextmanager
def snapshot_server(
    state: State | None = None, *, instead: Callable[[BaseHTTPRequestHandler], None] | None = None
) -> Iterator[SnapshotServer]:
    served = SnapshotServer(state or State())
    served.instead = instead

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            served.get(self)

        def do_POST(self) -> None:
            served.post(self)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads, server.block_on_close = True, False
    served.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield served
    finally:
        server.shutdown()
        thread.join()
        server.server_close()

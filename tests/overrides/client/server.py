"""A small HTTP server that answers what a test wants, and remembers what it was sent."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Reply = tuple[int, Any]  # a status and a JSON body; bytes are sent as they are


@dataclass
class Stub:
    """The server's address, what it answers, how long it waits before, and the requests it had."""

    url: str
    reply: Callable[[str, Any], Reply]
    delay: float = 0.0
    requests: list[tuple[str, Any, dict[str, str]]] = field(default_factory=list)


@contextmanager
def stub_server(reply: Callable[[str, Any], Reply]) -> Iterator[Stub]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            stub.requests.append((self.path, body, dict(self.headers)))
            time.sleep(stub.delay)
            status, answer = stub.reply(self.path, body)
            content = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
            with suppress(ConnectionError):  # the client has given up
                self.answer(status, content)

        def answer(self, status: int, content: bytes) -> None:
            self.send_response(status)
            if status in (301, 302, 307):
                self.send_header("Location", f"{stub.url}/elsewhere")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    stub = Stub(f"http://127.0.0.1:{server.server_address[1]}", reply)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield stub
    finally:
        server.shutdown()
        thread.join()
        server.server_close()

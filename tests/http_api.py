"""A JSON API on this machine: lists by path, and answers that go wrong the way real ones do."""

from __future__ import annotations

import gzip
import http.server
import json
import os
import socket
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

TOKEN = "a-token-that-nobody-may-see"


@dataclass
class Reply:
    """An answer. ``cut``: so many bytes of the body are sent, then the connection ends, by a reset where ``resets``; with
    ``hangs`` it does so only after so many seconds. ``cut`` -1: not even the status is sent."""

    body: Any = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    is_chunked: bool = False
    cut: int | None = None
    resets: bool = False
    hangs: float = 0.0

    @property
    def bytes(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body, ensure_ascii=False).encode()


@dataclass
class Request:
    path: str
    parameters: dict[str, str]
    headers: dict[str, str]


HTML = Reply(b"<html>Back at 6 o'clock</html>", headers={"Content-Type": "text/html; charset=utf-8"})


class Api:
    """An HTTP/1.1 server on a free port; requests get ``faults`` first (None: no fault), then what ``lists`` say."""

    def __init__(self) -> None:
        self.lists: dict[str, Callable[[Request], Any]] = {}
        self.faults: list[Reply | None] = []
        self.requests: list[Request] = []
        self.connections = 0
        self.zips = False
        #: Set, nothing hangs any more.
        self.released = threading.Event()
        api = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1  # one packet an answer

            def setup(self) -> None:
                super().setup()
                api.connections += 1

            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                request = Request(parts.path, dict(parse_qsl(parts.query)), dict(self.headers))
                api.requests.append(request)
                reply = api.faults.pop(0) if api.faults else None
                self.answer(reply or api.reply(request))

            def answer(self, reply: Reply) -> None:
                body = reply.bytes
                if reply.cut == -1:
                    self.leave(reply)
                    return
                self.send_response(reply.status)
                headers = {"Content-Type": "application/json"} | reply.headers
                if api.zips:
                    body = gzip.compress(body)
                    headers["Content-Encoding"] = "gzip"
                headers |= {"Transfer-Encoding": "chunked"} if reply.is_chunked else {"Content-Length": str(len(body))}
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                if reply.is_chunked:
                    pieces = [body[at : at + 100] for at in range(0, len(body), 100)]
                    body = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
                self.wfile.write(body if reply.cut is None else body[: reply.cut])
                if reply.cut is not None:
                    self.leave(reply)

            def leave(self, reply: Reply) -> None:
                self.wfile.flush()
                api.released.wait(reply.hangs)
                self.close_connection = True
                if reply.resets:
                    # To linger for no time is to reset.
                    self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    os.close(self.connection.detach())

            def log_message(self, *_: Any) -> None: ...

        class Server(http.server.ThreadingHTTPServer):
            request_queue_size = 64

            def handle_error(self, *_: Any) -> None:
                """A client that left, or a connection that was reset."""

        self._server = Server(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self.connection = f"http://:{TOKEN}@127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def reply(self, request: Request) -> Reply:
        if request.path not in self.lists:
            return Reply({"error": "not found"}, 404)
        told = self.lists[request.path](request)
        return told if isinstance(told, Reply) else Reply(told)

    def serve(self, path: str, rows: list[dict[str, Any]] | Callable[[Request], list[dict[str, Any]]]) -> None:
        """A list in the way of platforms: pages of `limit`, a cursor, null after the last page."""

        def told(request: Request) -> Any:
            if request.headers.get("Authorization") != f"Bearer {TOKEN}":
                return Reply({"error": "who are you?"}, 401)
            found = rows(request) if callable(rows) else rows
            begin, size = int(request.parameters.get("cursor", "0").removeprefix("c")), int(request.parameters["limit"])
            rest = len(found) > begin + size
            return {
                "data": found[begin : begin + size],
                "paging": {"next_cursor": f"c{begin + size}" if rest else None},
            }

        self.lists[path] = told

    def close(self) -> None:
        self.released.set()
        self._server.shutdown()
        self._server.server_close()

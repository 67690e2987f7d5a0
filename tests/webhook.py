"""A webhook on this machine that keeps what arrives."""

from __future__ import annotations

import http.server
import json
import threading
from typing import Any


class Webhook:
    """An HTTP server on a free port that keeps what is posted and answers with the statuses ``answers``, then 200.

    ``answer``: what it says with 200; ``paths``: where each post went.
    """

    def __init__(self) -> None:
        self.received: list[dict[str, Any]] = []
        self.paths: list[str] = []
        self.answers: list[int] = []
        self.answer = b""
        hook = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                hook.received.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                hook.paths.append(self.path)
                self.send_response(hook.answers.pop(0) if hook.answers else 200)
                self.end_headers()
                self.wfile.write(hook.answer)

            def log_message(self, *_: Any) -> None: ...

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"json://127.0.0.1:{self.server.server_port}/fupan"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()

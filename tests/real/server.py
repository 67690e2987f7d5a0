"""The embedded server for as long as it is needed."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from fupan.server.postgres import EmbeddedPostgres


@contextlib.contextmanager
def embedded_server() -> Iterator[EmbeddedPostgres]:
    """The embedded server, up; stopped at the end of the block unless it ran before."""
    server = EmbeddedPostgres()
    was_up = server.pid() is not None
    server.start()
    try:
        yield server
    finally:
        if not was_up:
            server.stop()

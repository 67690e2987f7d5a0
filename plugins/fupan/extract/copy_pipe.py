"""COPY out of one PostgreSQL into another, through memory that does not grow."""

from __future__ import annotations

import contextlib
import queue
import threading

import psycopg2
from psycopg2 import sql

from fupan.extract import source
from fupan.warehouse.connection import Connection

_CHUNK = 1 << 20
_CHUNKS_AHEAD = 8


class SourceFailed(Exception):
    """The source's end of the stream failed; ``error`` is what it said."""

    def __init__(self, error: BaseException) -> None:
        super().__init__(str(error))
        self.error = error


def stream(origin: Connection, select: sql.Composable, warehouse: Connection, into: sql.Composable) -> int:
    """Run COPY statement ``select`` at the origin and feed COPY statement ``into`` with it; returns the rows.

    Raises SourceFailed where it is the origin that failed, psycopg2.Error where it is the warehouse.
    """
    pipe = _Pipe()
    reader = threading.Thread(target=_send, args=[origin, select.as_string(origin), pipe], daemon=True)
    reader.start()
    try:
        with warehouse.cursor() as cursor:
            cursor.copy_expert(into.as_string(warehouse), pipe, size=_CHUNK)
            return cursor.rowcount
    except psycopg2.Error:
        # The source's failure ends the COPY at the warehouse, which then only says that it was cut short.
        if pipe.failure is not None:
            raise SourceFailed(pipe.failure) from None
        raise
    finally:
        pipe.abandoned.set()
        if reader.is_alive():
            with contextlib.suppress(psycopg2.Error):
                origin.cancel()
        reader.join(timeout=source.CONNECT_TIMEOUT_S)


def _send(origin: Connection, statement: str, pipe: _Pipe) -> None:
    try:
        with origin.cursor() as cursor:
            cursor.copy_expert(statement, pipe, size=_CHUNK)
        pipe.end(None)
    except BaseException as failure:  # whatever it is, the other thread must hear of it
        pipe.end(failure)


class _Pipe:
    """Bounded queue between two COPYs; the source's one row a write is gathered into chunks of about 1 MB."""

    def __init__(self) -> None:
        self._chunks: queue.Queue[bytes | None] = queue.Queue(_CHUNKS_AHEAD)
        self._rows: list[bytes] = []
        self._size = 0
        self.failure: BaseException | None = None
        self.abandoned = threading.Event()

    def write(self, row: bytes) -> None:
        self._rows.append(row)
        self._size += len(row)
        if self._size >= _CHUNK:
            self._put(b"".join(self._rows))
            self._rows, self._size = [], 0

    def end(self, failure: BaseException | None) -> None:
        self.failure = self.failure or failure
        if failure is None and self._rows:
            self._put(b"".join(self._rows))
        self._put(None)

    def read(self, _size: int) -> bytes:
        try:
            chunk = self._chunks.get(timeout=source.STALL_TIMEOUT_S)
        except queue.Empty:
            self.failure = psycopg2.OperationalError(f"no row for {source.STALL_TIMEOUT_S} s")
            raise self.failure from None
        if chunk is None:
            if self.failure is not None:
                raise self.failure
            return b""
        return chunk

    def _put(self, chunk: bytes | None) -> None:
        while not self.abandoned.is_set():
            with contextlib.suppress(queue.Full):
                self._chunks.put(chunk, timeout=1)
                return

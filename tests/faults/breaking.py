"""Break an extraction at its n-th statement, on whichever connection that is: an error, a dead backend, a dead network."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterator
from typing import Any, Literal
from weakref import WeakSet

import psycopg2
import psycopg2.extensions
import pytest

How = Literal["killed", "interrupted", "backend", "network"]

#: application_name of the extraction's connections: to the source, to ops, to raw.
CONNECTIONS = ("fupan extract", "fupan extract shop", "fupan extract shop load")


class Killed(BaseException):
    """The extraction's process is gone."""


class Breaker:
    """Breaks a statement or a commit of extractions when it is armed."""

    def __init__(self, server: str) -> None:
        self.broken = False
        self._server, self._left, self._how, self._where = server, 0, "killed", ""
        self._open: WeakSet[_Connection] = WeakSet()

    @contextlib.contextmanager
    def armed(self, how: How, where: str, at: int) -> Iterator[None]:
        """Break connection ``where`` at its ``at``-th statement, if it comes to that. Counted by connection: what one thread
        does and what another one does come in any order."""
        self.broken, self._how, self._where, self._left = False, how, where, at
        try:
            yield
        finally:
            self._left = 0

    def connect(self, *given: Any, **more: Any) -> Any:
        """In place of psycopg2.connect."""
        if more.get("application_name") not in CONNECTIONS:
            return _connect(*given, **more)
        connection = _connect(*given, **more, connection_factory=_Connection)
        connection.breaker, connection.name = self, more["application_name"]
        self._open.add(connection)
        return connection

    def step(self, connection: _Connection) -> None:
        """Before each statement of a connection, and around each commit."""
        if connection.name != self._where or not self._left:
            return
        self._left -= 1
        if self._left:
            return
        self.broken = True
        match self._how:
            case "interrupted":
                raise Killed
            case "killed":
                for one in self._open:
                    _cut(one)
                raise Killed
            case "network":
                _cut(connection)
            case "backend":
                with contextlib.closing(_connect(self._server)) as other, other.cursor() as cursor:
                    cursor.execute("select pg_terminate_backend(%s, 5000)", [connection.info.backend_pid])


_connect = psycopg2.connect


class _Connection(psycopg2.extensions.connection):
    breaker: Breaker
    name: str

    def cursor(self, *given: Any, **more: Any) -> Any:
        return super().cursor(*given, **{"cursor_factory": _Cursor} | more)

    def commit(self) -> None:
        self.breaker.step(self)
        super().commit()
        self.breaker.step(self)


class _Cursor(psycopg2.extensions.cursor):
    def execute(self, *given: Any) -> Any:
        self.connection.breaker.step(self.connection)
        return super().execute(*given)

    def copy_expert(self, *given: Any, **more: Any) -> Any:
        self.connection.breaker.step(self.connection)
        return super().copy_expert(*given, **more)


def _cut(connection: _Connection) -> None:
    # One that is closed already has no line to cut.
    with contextlib.suppress(OSError, psycopg2.Error), socket.socket(fileno=os.dup(connection.fileno())) as line:
        line.shutdown(socket.SHUT_RDWR)


def breaking(server: str, patch: pytest.MonkeyPatch) -> Breaker:
    """A breaker that knows of every connection from now on; ``server``: to which a terminating one is opened."""
    breaker = Breaker(server)
    patch.setattr(psycopg2, "connect", breaker.connect)
    return breaker

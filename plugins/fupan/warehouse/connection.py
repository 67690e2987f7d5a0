"""Connections to the warehouse, each as one of our roles."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import psycopg2
import psycopg2.extensions
import psycopg2.extras

from fupan import settings
from fupan.errors import Busy, SourceUnavailable

Connection = psycopg2.extensions.connection

#: Longest wait for a lock whose holder has closed its connection: the server lets it go when it comes to notice.
_LINGERS_S = 2.0


@contextlib.contextmanager
def connect(role: settings.Role, purpose: str, *, autocommit: bool = False) -> Iterator[Connection]:
    """A connection that is closed at the end; without ``autocommit`` commit it yourself, an exception rolls back.

    ``purpose`` shows as application_name in pg_stat_activity. Raises SourceUnavailable where the server does not answer.
    """
    try:
        connection = psycopg2.connect(
            settings.warehouse_url(role), application_name=f"fupan {purpose}"[:63], connect_timeout=10
        )
    except psycopg2.OperationalError as refusal:
        raise SourceUnavailable(
            f"The warehouse does not answer as {role}: {str(refusal).strip()}",
            remedy="Check that it runs (`fupan status`) and that FUPAN_WAREHOUSE_URL is right (`fupan doctor`)",
        ) from refusal
    connection.autocommit = autocommit
    with contextlib.closing(connection):
        yield connection


def rows(
    connection: Connection, sql: str, parameters: Sequence[Any] | Mapping[str, Any] | None = None
) -> list[dict[str, Any]]:
    """All rows of a query as dictionaries."""
    with connection.cursor(cursor_factory=psycopg2.extras.RealDictCursor) as cursor:
        cursor.execute(sql, parameters)
        return [dict(row) for row in cursor.fetchall()]


def wait_for_disk(connection: Connection) -> None:
    """Have the transaction's commit wait until it, and every one before, is on disk."""
    with connection.cursor() as cursor:
        cursor.execute("set local synchronous_commit to default")


def only_one(connection: Connection, what: str, *, shared: bool = False) -> None:
    """Hold the session-wide advisory lock ``what`` until the connection closes; raises Busy where somebody else has it.

    Any number may hold it ``shared``, as long as nobody holds it alone.
    """
    lock = "pg_try_advisory_lock_shared" if shared else "pg_try_advisory_lock"
    until = time.monotonic() + _LINGERS_S
    while not _has(connection, lock, what):
        if time.monotonic() > until:
            raise Busy(
                f"Another run holds {what}",
                remedy="Wait for it to end; pg_stat_activity shows it under application_name 'fupan …'",
            )
        time.sleep(_LINGERS_S / 20)


def _has(connection: Connection, lock: str, what: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(f"select {lock}(hashtextextended(%s, 0))", [f"fupan:{what}"])
        row = cursor.fetchone()
    return row is not None and bool(row[0])

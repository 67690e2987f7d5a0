"""Who stands in the way of re-pointing a view, by name, and how long we wait for them."""

from __future__ import annotations

import contextlib
import os
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg2

from fupan import settings
from fupan.errors import Busy, ConfigurationError
from fupan.warehouse.connection import Connection, only_one, rows

#: Seconds that one attempt waits for locks, all views together: BI users queue behind us for no longer than this.
#: Below deadlock_timeout (1 s), so that where a reader and we wait for each other, we are the one that gives in.
LOCK_WAIT = 0.3
#: Seconds after which an attempt follows another; doubled each time up to the longest, less a random part.
FIRST_PAUSE, LONGEST_PAUSE = 0.25, 5.0
#: Seconds until the server has noticed that a killed publisher is gone, with time to spare.
PREDECESSOR_ENDS = 10.0

_HOLDERS = """
    select distinct l.pid
    from pg_locks as l
    join pg_class as c on c.oid = l.relation
    join pg_namespace as n on n.oid = c.relnamespace
    where l.locktype = 'relation' and l.granted and l.pid is distinct from pg_backend_pid()
        and l.database = (select oid from pg_database where datname = current_database())
        and n.nspname = %s
"""


@dataclass(frozen=True)
class Session:
    """A database session; ``since`` is the start of its transaction, None where we may not see it."""

    pid: int | None
    user: str | None
    application: str | None
    since: str | None
    state: str | None
    query: str | None

    def __str__(self) -> str:
        if self.pid is None:
            return "a prepared transaction (see pg_prepared_xacts)"
        return (
            f"session {self.pid} of {self.user or 'an unknown user'} (application '{self.application or ''}', "
            f"{self.state or 'state unknown'}, in its transaction since {self.since or 'unknown'}, "
            f"query: {' '.join((self.query or '').split())})"
        )


class Blocked(Busy):
    """Readers hold what must be re-pointed; nothing has changed, and trying again may help."""

    def __init__(self, what: str, sessions: Sequence[Session]) -> None:
        self.sessions = tuple(sessions)
        named = "; ".join(map(str, sessions)) or "a session that has ended since"
        pids = [session.pid for session in sessions if session.pid is not None]
        super().__init__(
            f"{what} in use by {named}",
            remedy=f"End it (select pg_terminate_backend({pids[0]})) and try again" if pids else "Try again",
        )


def patience() -> float:
    """Seconds of trying before a dimension stays with its old release: FUPAN_PUBLISH_PATIENCE, else three minutes."""
    given = os.environ.get("FUPAN_PUBLISH_PATIENCE") or "180"
    try:
        return float(given)
    except ValueError:
        raise ConfigurationError(
            f"FUPAN_PUBLISH_PATIENCE is {given!r}", remedy="Give a number of seconds, like 180"
        ) from None


def attempts(seconds: float) -> Iterator[bool]:
    """Yield once an attempt, pausing between; True says that it is the last one."""
    deadline, pause = time.monotonic() + seconds, FIRST_PAUSE
    while (left := deadline - time.monotonic()) > 0:
        yield False
        # Jitter: two publishers, or a publisher and a dashboard's refresh, must not meet again and again.
        time.sleep(min(pause * random.uniform(0.5, 1), left))
        pause = min(2 * pause, LONGEST_PAUSE)
    yield True


def alone(connection: Connection) -> None:
    """Be the only publisher until ``connection`` closes; waits a little, since a killed one holds on for a moment.

    Raises Busy where another one goes on publishing.
    """
    for last in attempts(PREDECESSOR_ENDS):
        try:
            only_one(connection, "publish")
        except Busy:
            connection.rollback()
            if last:
                raise
        else:
            connection.commit()
            return


@contextlib.contextmanager
def giving_way(connection: Connection, schema: str) -> Iterator[None]:
    """One attempt: whatever goes wrong inside is rolled back; a lock not had in time raises Blocked, naming who has it."""
    try:
        yield
    except (psycopg2.errors.LockNotAvailable, psycopg2.errors.DeadlockDetected) as refusal:
        connection.rollback()
        in_the_way = _sessions(connection, _HOLDERS, [schema])
        connection.rollback()
        raise Blocked(f"Relations of {schema} are", in_the_way) from refusal
    except BaseException:
        if not connection.closed:
            connection.rollback()
        raise


def limit_waiting(connection: Connection, seconds: float = LOCK_WAIT) -> None:
    """Let each statement of this transaction wait for a lock no longer than ``seconds``."""
    with connection.cursor() as cursor:
        # 0 would mean for ever.
        cursor.execute("select set_config('lock_timeout', %s, true)", [f"{max(1, int(1000 * seconds))}ms"])


class OldSnapshots:
    """Transactions whose snapshot may be older than tonight's tables.

    A repeatable-read transaction that began before dbt committed a table finds it empty, and no lock tells it apart: the
    catalog shows it the new view, its snapshot hides the rows. So a release waits until the transactions that had a
    snapshot when publishing began are through, as CREATE INDEX CONCURRENTLY does. A transaction of one statement has
    locked all that it will ever read, and our own roles read no published view: these need no waiting.
    """

    _PRESENT = """
        select a.pid, l.virtualtransaction, a.backend_xmin::text as xmin
        from pg_stat_activity as a
        join pg_locks as l
            on l.pid = a.pid and l.locktype = 'virtualxid' and l.granted and l.virtualxid = l.virtualtransaction
        where a.datname = current_database() and a.pid <> pg_backend_pid() and a.backend_xmin is not null
            and a.usename <> all(%s) and (a.state = 'active' and a.xact_start = a.query_start) is not true
    """

    def __init__(self, connection: Connection) -> None:
        self._known: set[tuple[Any, ...]] = set()
        self._known = self._present(connection)
        # pg_stat_activity is read once a transaction: the next look needs a new one.
        connection.rollback()

    def _present(self, connection: Connection) -> set[tuple[Any, ...]]:
        own = [settings.DATABASE_ROLES["loader"], settings.DATABASE_ROLES["builder"]]
        return {tuple(row.values()) for row in rows(connection, self._PRESENT, [own])}

    def require_gone(self, connection: Connection) -> None:
        """Raise Blocked while one of them goes on."""
        if self._known:
            self._known &= self._present(connection)
        if self._known:
            pids = [pid for pid, *_ in self._known]
            found = _sessions(connection, "select unnest(%s) as pid", [pids])
            raise Blocked("The state before tonight's tables is", found)


def _sessions(connection: Connection, pids: str, parameters: list[Any]) -> list[Session]:
    found = rows(
        connection,
        f"""
        select blocking.pid, a.usename as user, a.application_name as application,
            to_char(a.xact_start, 'YYYY-MM-DD HH24:MI:SSOF') as since, a.state, left(a.query, 200) as query
        from ({pids}) as blocking
        left join pg_stat_activity as a using (pid)
        order by a.xact_start nulls last, blocking.pid
        limit 3
        """,
        parameters,
    )
    return [Session(**row) for row in found]

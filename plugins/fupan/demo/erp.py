"""The reference company: database `reference_erp` on the embedded server, made once, then played day by day.

Beside the ERP's schema it holds those of the e-commerce platform and of the service desk, which are told from the ERP's
orders. Making it is one transaction, and so is `advance`: a kill leaves the database as it was before, never half a company.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from random import Random
from typing import Any

import psycopg2
from psycopg2 import sql

from fupan.demo import daily, feedback, founding, login, service_desk
from fupan.demo.company import ZONE
from fupan.demo.daily import AdvanceSummary
from fupan.demo.relations import RELATIONS, Connection, identifier
from fupan.errors import ConfigurationError
from fupan.server.postgres import EmbeddedPostgres

DATABASE = "reference_erp"
SEED = 20

#: Login that reads a system -> the schema it may read.
READERS = {"erp_reader": "erp", "platform_reader": "shop_platform"}


def ensure(until: date | None = None, *, seed: int = SEED) -> str:
    """Make and fill what is missing, drop the service desk's files that are; returns the owner's libpq URL.

    ``until`` is the last day of the history (default: FUPAN_DEMO_UNTIL, else yesterday in Shanghai); it counts only when
    the company is made: later days are played by `advance`. Starts the embedded server where it does not run.
    """
    return _make(until, seed, anew=False)


def create(until: date | None = None, *, seed: int = SEED) -> str:
    """Throw the company away, whatever was done to it, and make it anew; returns as `ensure`."""
    return _make(until, seed, anew=True)


def connection_url() -> str:
    """libpq URL of the ERP for extraction: a login that may only read."""
    return login.reading_url(DATABASE, "erp_reader")


def advance(days: int, seed: int | None = None) -> AdvanceSummary:
    """Play the next ``days`` days: new, changed, re-dated and deleted rows; returns how many of each.

    Same company, same seed (default: the one it was made from), same rows; another seed plays other days of the ERP, while
    what customers say of a delivery stays what its first seed told. Raises ConfigurationError where there is no company.
    """
    if days < 1:
        raise ConfigurationError(f"{days} days can't be played", remedy="Give a number of days from 1")
    with _transaction() as connection, connection.cursor() as cursor:
        _require_made(connection)
        cursor.execute("select until, started, seed from demo.played")
        until, started, own_seed = _row(cursor.fetchone())
        summary = AdvanceSummary(first=until + timedelta(days=1), last=until + timedelta(days=days))
        for number in range(1, days + 1):
            today = until + timedelta(days=number)
            random = Random(f"{own_seed if seed is None else seed}/{today}")
            summary.counts.update(daily.play(connection, today, started, random))
            summary.counts.update(feedback.play(connection, today, started, own_seed))
        cursor.execute("update demo.played set until = %s", [summary.last])
    drop_exports()
    return summary


def stop(system: str) -> None:
    """Rehearse that a system is down until `resume`: the platform answers 503, the service desk drops no files."""
    with _transaction() as connection, connection.cursor() as cursor:
        _require_made(connection)
        cursor.execute("insert into demo.stopped values (%s) on conflict do nothing", [system])


def resume(system: str) -> None:
    """The system is back; the service desk drops what it has kept."""
    with _transaction() as connection, connection.cursor() as cursor:
        _require_made(connection)
        cursor.execute("delete from demo.stopped where system = %s", [system])
    drop_exports()


def sizes() -> dict[str, int]:
    """Rows by relation. Raises ConfigurationError where there is no company."""
    found = {}
    with _transaction() as connection, connection.cursor() as cursor:
        _require_made(connection)
        for relation in RELATIONS:
            cursor.execute(sql.SQL("select count(*) from {}").format(identifier(relation)))
            found[relation] = int(_row(cursor.fetchone())[0])
    return found


def _make(until: date | None, seed: int, *, anew: bool) -> str:
    with _transaction() as connection:
        if anew:
            with connection.cursor() as cursor:
                cursor.execute("drop schema if exists erp, shop_platform, service_desk, demo cascade")
        if not _has(connection, "demo.played"):
            founding.found(connection, until or _default_until(), seed)
        if not _is_made(connection):
            with connection.cursor() as cursor:
                cursor.execute("select started, until, seed from demo.played")
                feedback.found(connection, *_row(cursor.fetchone()))
    for role, schema in READERS.items():
        login.allow_reading(DATABASE, role, schema)
    drop_exports()
    return _url()


def drop_exports() -> None:
    """Bring the service desk's folder to what it has exported; nothing happens while it is stopped."""
    with _transaction() as connection:
        service_desk.drop(connection)


def _default_until() -> date:
    given = os.environ.get("FUPAN_DEMO_UNTIL")
    try:
        return date.fromisoformat(given) if given else datetime.now(ZONE).date() - timedelta(days=1)
    except ValueError as unreadable:
        raise ConfigurationError(
            f"FUPAN_DEMO_UNTIL={given} is no date", remedy="Write it as YYYY-MM-DD"
        ) from unreadable


def _url() -> str:
    server = EmbeddedPostgres()
    server.start()
    return server.ensure_database(DATABASE)


@contextlib.contextmanager
def _transaction() -> Iterator[Connection]:
    """One transaction on the ERP's database, alone: two processes that make it at once make it once."""
    with contextlib.closing(psycopg2.connect(_url(), application_name="fupan demo")) as connection:
        with connection.cursor() as cursor:
            cursor.execute("select pg_advisory_xact_lock(hashtextextended('fupan:demo', 0))")
        yield connection
        connection.commit()


def _is_made(connection: Connection) -> bool:
    return _has(connection, "demo.exports")


def _has(connection: Connection, relation: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("select to_regclass(%s) is not null", [relation])
        return bool(_row(cursor.fetchone())[0])


def _require_made(connection: Connection) -> None:
    if not _is_made(connection):
        raise ConfigurationError("The reference company has not been made", remedy="Run `fupan demo create` first")


def _row(row: tuple[Any, ...] | None) -> tuple[Any, ...]:
    assert row is not None
    return row

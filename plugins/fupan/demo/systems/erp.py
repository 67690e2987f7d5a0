"""The reference company: database `reference_erp` on the embedded server, made once, then played day by day.

Beside the ERP's schema it holds those of the e-commerce platform and of the service desk. Making it is one transaction, and so
is `advance`: a kill leaves the database as it was before, never half a company.
"""

from __future__ import annotations

import contextlib
import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, BinaryIO

import psycopg2
from psycopg2 import sql

from fupan.demo.process import processes
from fupan.demo.systems import exports, faults, founding, login, service_desk
from fupan.demo.systems.founding import Told, found, play
from fupan.demo.systems.relations import Connection
from fupan.demo.world import HISTORY_YEARS, YEAR, ZONE, World
from fupan.errors import ConfigurationError
from fupan.server.postgres import EmbeddedPostgres

DATABASE = "reference_erp"
SEED, SCALE, RECENT = 20, 0.02, 0.8

#: Login that reads a system -> the schema it may read.
READERS = {"erp_reader": "erp", "platform_reader": "shop_platform"}
_SCHEMAS = "erp, shop_platform, service_desk, demo"


@dataclass(frozen=True)
class Making:
    """What a new company is like. ``until``: last day of its history (None: FUPAN_DEMO_UNTIL, else yesterday in Shanghai).

    ``first``: the first (None: three years before ``until``). ``scale`` 1: about a million order lines (None: FUPAN_DEMO_SCALE,
    else 0.02). ``recent``: share of late changes within a week of the order. ``faults``: name -> how many.
    """

    until: date | None = None
    first: date | None = None
    scale: float | None = None
    seed: int = SEED
    recent: float = RECENT
    faults: Mapping[str, int] = field(default_factory=lambda: dict(faults.USUAL))


@dataclass
class AdvanceSummary:
    """What happened from ``first`` to ``last``: rows by relation and kind of change."""

    first: date
    last: date
    counts: Counter[str] = field(default_factory=Counter)


def _silent(_: str) -> None:
    """For who asks for no progress."""


def ensure(making: Making | None = None, *, say: Callable[[str], None] = _silent) -> str:
    """Make the company if there is none, drop the service desk's files that are missing; returns the owner's libpq URL.

    ``making`` counts only when the company is made: later days are played by `advance`. Starts the embedded server where it
    does not run.
    """
    return _make(making or Making(), anew=False, say=say)


def create(making: Making | None = None, *, say: Callable[[str], None] = _silent) -> str:
    """Throw the company away, whatever was done to it, and make it anew; returns as `ensure`."""
    return _make(making or Making(), anew=True, say=say)


def connection_url() -> str:
    """libpq URL of the ERP for extraction: a login that may only read."""
    return login.reading_url(DATABASE, "erp_reader")


def advance(
    days: int, wanted: Mapping[str, int] | None = None, *, say: Callable[[str], None] = _silent
) -> AdvanceSummary:
    """Play the next ``days`` days: new, changed, re-dated and deleted rows; returns how many of each.

    ``wanted``: faults of the last of these days. Else the company is then the same as one that was made until that day.
    Raises ConfigurationError where there is no company, or
    its life is over.
    """
    if days < 1:
        raise ConfigurationError(f"{days} days can't be played", remedy="Give a number of days from 1")
    with _transaction() as connection, connection.cursor() as cursor:
        world, founded_until, until = _company(connection)
        if until + timedelta(days=days) > world.last:
            raise ConfigurationError(
                f"The reference company can be played until {world.last}", remedy="Run `fupan demo create`"
            )
        summary = AdvanceSummary(first=until + timedelta(days=1), last=until + timedelta(days=days))
        for number in range(1, days + 1):
            today = until + timedelta(days=number)
            counts, of_the_desk = play(connection, world, founded_until, today, say)
            summary.counts.update(counts)
            wrong = wanted or {} if today == summary.last else {}
            _export(connection, world, of_the_desk, today, wrong, first=False)
        cursor.execute("update demo.company set until = %s", [summary.last])
    drop_exports()
    return summary


def stop(system: str) -> None:
    """Rehearse that a system is down until `resume`: the platform answers 503, the service desk drops no files."""
    with _transaction() as connection, connection.cursor() as cursor:
        _company(connection)
        cursor.execute("insert into demo.stopped values (%s) on conflict do nothing", [system])


def resume(system: str) -> None:
    """The system is back; the service desk drops what it has kept."""
    with _transaction() as connection, connection.cursor() as cursor:
        _company(connection)
        cursor.execute("delete from demo.stopped where system = %s", [system])
    drop_exports()


def sizes() -> dict[str, int]:
    """Rows by relation. Raises ConfigurationError where there is no company."""
    counted = {}
    with _transaction() as connection, connection.cursor() as cursor:
        _company(connection)
        for of in (of for process in processes().values() for of in founding.made_of(process)):
            cursor.execute(sql.SQL("select count(*) from {}").format(of.identifier))
            counted[of.full_name] = int(_row(cursor.fetchone())[0])
    return counted


def write_text_key(file: BinaryIO) -> None:
    """Write what every text is really about as CSV with a header. Raises ConfigurationError where there is no company."""
    with _transaction() as connection, connection.cursor() as cursor:
        _company(connection)
        cursor.copy_expert("copy (select * from demo.text_key order by 1, 2, 3) to stdout (format csv, header)", file)


def world_of(connection: Connection) -> World:
    """What the company in this database is like. Raises ConfigurationError where there is none."""
    return _company(connection)[0]


def _make(making: Making, *, anew: bool, say: Callable[[str], None]) -> str:
    with _transaction() as connection:
        if anew:
            with connection.cursor() as cursor:
                cursor.execute(f"drop schema if exists {_SCHEMAS} cascade")
        if not _is_made(connection):
            until = making.until or _default_until()
            scale = making.scale or _default_scale()
            first = making.first or until - timedelta(days=HISTORY_YEARS * YEAR - 1)
            world = World(making.seed, scale, first, making.recent)
            of_the_desk = found(connection, world, until, say)
            with connection.cursor() as cursor:
                cursor.execute(
                    "insert into demo.company values (%s, %s, %s, %s, %s, %s)",
                    [world.seed, world.scale, world.recent, world.first, until, until],
                )
            _export(connection, world, of_the_desk, until, making.faults, first=True)
    for role, schema in READERS.items():
        login.allow_reading(DATABASE, role, schema)
    drop_exports()
    return _url()


def _export(
    connection: Connection, world: World, rows: Told, day: date, wanted: Mapping[str, int], *, first: bool
) -> None:
    """Write the desk's files of the day, after what is wanted has been made wrong."""
    faults.soil(connection, world, day, wanted, rows, first=first)
    files = dict(exports.files(world, rows, day, first=first))
    with connection.cursor() as cursor:
        for name, content in faults.spoil(connection, day, wanted, files).items():
            cursor.execute("insert into demo.exports (file_name, content) values (%s, %s)", [name, content])


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


def _default_scale() -> float:
    given = os.environ.get("FUPAN_DEMO_SCALE") or str(SCALE)
    try:
        scale = float(given)
    except ValueError:
        scale = 0.0
    if not 0.01 <= scale <= 20:
        raise ConfigurationError(f"FUPAN_DEMO_SCALE={given} is no scale", remedy="Give a number from 0.01 to 20")
    return scale


def _url() -> str:
    server = EmbeddedPostgres()
    server.start()
    return server.ensure_database(DATABASE)


@contextlib.contextmanager
def _transaction() -> Iterator[Connection]:
    """One transaction on the company's database, alone: two processes that make it at once make it once."""
    with contextlib.closing(
        psycopg2.connect(_url(), application_name="fupan demo", options="-c timezone=Asia/Shanghai")
    ) as connection:
        with connection.cursor() as cursor:
            cursor.execute("select pg_advisory_xact_lock(hashtextextended('fupan:demo', 0))")
        yield connection
        connection.commit()


def _is_made(connection: Connection) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("select to_regclass('demo.company') is not null")
        return bool(_row(cursor.fetchone())[0])


def _company(connection: Connection) -> tuple[World, date, date]:
    """The world, until when it was made, until when it was played."""
    if not _is_made(connection):
        raise ConfigurationError("The reference company has not been made", remedy="Run `fupan demo create` first")
    with connection.cursor() as cursor:
        cursor.execute("select seed, scale, first_day, recent, founded_until, until from demo.company")
        seed, scale, first, recent, founded_until, until = _row(cursor.fetchone())
    return World(seed, scale, first, recent), founded_until, until


def _row(row: tuple[Any, ...] | None) -> tuple[Any, ...]:
    assert row is not None
    return row

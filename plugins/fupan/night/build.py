"""One build: which business day it shows, which loads it takes up, and that only one is under way.

``ops.clock`` names the build in charge. Every step checks that it still is: a build that was taken over (its process
killed and run again, a backfill started) stops at its next step and can't write over its successor.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Literal

from fupan.errors import Busy, ConfigurationError
from fupan.warehouse.connection import Connection, connect, only_one, rows

Kind = Literal["nightly", "late", "backfill"]

#: A nightly build without a finished end is taken for dead after this long; the deadline of the night is shorter.
STALE = timedelta(hours=6)

_TAKE_UP_LOADS = """
insert into ops.build_load (build_id, load_id)
select %(build)s, load.load_id
from ops.load as load
where load.state = 'succeeded' and not exists (
    select 1
    from ops.build_load as taken
    inner join ops.build as build on build.build_id = taken.build_id
    where taken.load_id = load.load_id and build.core_built_at is not null
)
"""

_NOTHING_NEW = """
select build.build_id
from ops.build as build
where build.business_day = %(day)s and build.state = 'finished'
    and not exists (
        select 1 from ops.load as load
        where load.state = 'succeeded' and load.finished_at > build.started_at
            and not exists (select 1 from ops.build_load as taken where taken.load_id = load.load_id)
    )
order by build.build_id desc
limit 1
"""


def begin(
    business_day: date,
    *,
    kind: Kind = "nightly",
    dimensions: list[str] | None = None,
    orchestrator_run_id: str | None = None,
) -> int:
    """Start a build of ``business_day`` and put it in charge; returns its build_id.

    It takes up every committed load that no build has brought into core yet. ``dimensions`` limits what it may publish
    (None: all).
    Raises Busy while another build is at work, ConfigurationError for a day older than one already built: marts show
    the newest state, so an older day is repaired by a backfill.
    """
    with connect("builder", "begin build") as connection:
        _lock(connection)
        _refuse_older(connection, business_day)
        _take_over(connection, kind)
        with connection.cursor() as cursor:
            cursor.execute(
                "insert into ops.run (kind, business_day, orchestrator_run_id) values (%s, %s, %s) returning run_id",
                ["backfill" if kind == "backfill" else "build", business_day, orchestrator_run_id],
            )
            run_id = _first(cursor.fetchone())
            cursor.execute(
                "insert into ops.build (run_id, business_day, kind, dimensions) values (%s, %s, %s, %s) "
                "returning build_id",
                [run_id, business_day, kind, dimensions],
            )
            build_id = _first(cursor.fetchone())
            cursor.execute(_TAKE_UP_LOADS, {"build": build_id})
            cursor.execute(
                "insert into ops.clock (business_day, build_id) values (%s, %s) on conflict (only_row) do update "
                "set business_day = excluded.business_day, build_id = excluded.build_id",
                [business_day, build_id],
            )
        connection.commit()
    return build_id


def already_finished(business_day: date) -> int | None:
    """build_id of a finished build of that day where nothing has been loaded since, else None."""
    with connect("builder", "already finished") as connection:
        found = rows(connection, _NOTHING_NEW, {"day": business_day})
    return int(found[0]["build_id"]) if found else None


def newest_business_day() -> date | None:
    """Newest business day that a build has finished, None before the first night."""
    with connect("builder", "newest day") as connection:
        day: date | None = rows(connection, "select max(business_day) as day from ops.build where state = 'finished'")[
            0
        ]["day"]
    return day


@contextlib.contextmanager
def whole(build_id: int) -> Iterator[None]:
    """Hold the right to build for all steps of a build that runs in one process."""
    with connect("builder", f"build {build_id}", autocommit=True) as connection:
        _lock(connection)
        _require_in_charge(connection, build_id)
        yield


@contextlib.contextmanager
def step(build_id: int, name: str, *, locked: bool = False) -> Iterator[None]:
    """One step of a build: alone (unless ``locked`` by `whole`), in charge, and on record in ops.build_step."""
    with connect("builder", f"build {build_id} {name}", autocommit=True) as connection:
        if not locked:
            _lock(connection)
        _require_in_charge(connection, build_id)
        with connection.cursor() as cursor:
            cursor.execute(
                "insert into ops.build_step (build_id, step) values (%s, %s) on conflict (build_id, step) do update "
                "set started_at = clock_timestamp(), finished_at = null, error = null",
                [build_id, name],
            )
        try:
            yield
        except BaseException as failure:
            _end_step(build_id, name, str(failure) or type(failure).__name__)
            raise
        _end_step(build_id, name, None)


def finish(build_id: int) -> None:
    """Close a build whose every step has run; its loads are not taken up again."""
    _close(build_id, "finished", "succeeded", None)


def fail(build_id: int, error: str) -> None:
    """Close a build that could not run to its end; the next build takes up its loads."""
    _close(build_id, "failed", "failed", error)


def _close(build_id: int, build_state: str, run_state: str, error: str | None) -> None:
    with connect("builder", f"close build {build_id}") as connection, connection.cursor() as cursor:
        cursor.execute(
            "update ops.build set state = %s, finished_at = clock_timestamp() where build_id = %s returning run_id",
            [build_state, build_id],
        )
        cursor.execute(
            "update ops.run set state = %s, finished_at = clock_timestamp(), error = %s where run_id = %s",
            [run_state, error, _first(cursor.fetchone())],
        )
        connection.commit()


def _end_step(build_id: int, name: str, error: str | None) -> None:
    # A connection of its own: the step's may be gone with the server that made the step fail.
    with connect("builder", f"end step {name}", autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute(
            "update ops.build_step set finished_at = clock_timestamp(), error = %s where build_id = %s and step = %s",
            [error, build_id, name],
        )


def _lock(connection: Connection) -> None:
    only_one(connection, "build")


def _require_in_charge(connection: Connection, build_id: int) -> None:
    in_charge = rows(connection, "select build_id from ops.clock")
    if not in_charge or in_charge[0]["build_id"] != build_id:
        raise Busy(
            f"Build {build_id} is no longer in charge: build {in_charge[0]['build_id'] if in_charge else 'none'} is",
            remedy="Nothing to do if that one is under way; else trigger build_warehouse again",
        )


def _refuse_older(connection: Connection, business_day: date) -> None:
    newest = rows(connection, "select max(business_day) as day from ops.build where state = 'finished'")[0]["day"]
    if newest is not None and business_day < newest:
        raise ConfigurationError(
            f"Business day {business_day} is older than {newest}, which has been built",
            remedy=f"Repair it with `fupan backfill --from {business_day} --to {business_day}`: marts stay as of {newest}",
        )


def _take_over(connection: Connection, kind: Kind) -> None:
    """Close builds whose process died. A nightly one holds no lock between two tasks: a backfill leaves it alone."""
    for build in rows(
        connection,
        "select build_id, run_id, kind, clock_timestamp() - started_at as age from ops.build "
        "where state in ('running', 'core_built')",
    ):
        if kind == "backfill" and build["kind"] != "backfill" and build["age"] < STALE:
            raise Busy(
                f"Build {build['build_id']} of the night is under way",
                remedy="Wait for the night to end, or trigger build_warehouse again where it died",
            )
        with connection.cursor() as cursor:
            cursor.execute(
                "update ops.build set state = 'failed', finished_at = clock_timestamp() where build_id = %s",
                [build["build_id"]],
            )
            cursor.execute(
                "update ops.run set state = 'failed', finished_at = clock_timestamp(), error = 'taken over' where run_id = %s",
                [build["run_id"]],
            )


def _first(row: tuple[int, ...] | None) -> int:
    assert row is not None
    return row[0]

"""One build at a time: what it takes up, who is in charge, what is refused."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from fupan.errors import Busy, ConfigurationError
from fupan.night import build
from fupan.warehouse.connection import connect, rows

DAY = date(2026, 11, 20)


def a_load(day: date = DAY, state: str = "succeeded") -> int:
    with connect("loader", "test") as connection:
        run = rows(
            connection,
            "insert into ops.run (kind, system, business_day) values ('extract', 'erp', %s) returning run_id",
            [day],
        )[0]["run_id"]
        load: int = rows(
            connection,
            "insert into ops.load (run_id, system, table_name, business_day, mode, state, finished_at) "
            "values (%s, 'erp', 'erp_products', %s, 'full', %s, clock_timestamp()) returning load_id",
            [run, day, state],
        )[0]["load_id"]
        connection.commit()
    return load


def taken_up(build_id: int) -> set[int]:
    with connect("builder", "test") as connection:
        return {
            row["load_id"]
            for row in rows(connection, "select load_id from ops.build_load where build_id = %s", [build_id])
        }


def core_is_built(build_id: int) -> None:
    with connect("builder", "test", autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute("update ops.build set core_built_at = clock_timestamp() where build_id = %s", [build_id])


def state_of(build_id: int) -> str:
    with connect("builder", "test") as connection:
        return str(rows(connection, "select state from ops.build where build_id = %s", [build_id])[0]["state"])


def test_a_build_takes_up_what_core_has_not_absorbed(warehouse: str) -> None:
    first, failed = a_load(), a_load(state="failed")
    one = build.begin(DAY)
    assert taken_up(one) == {first}
    build.fail(one, "the lights went out")
    second = a_load()
    two = build.begin(DAY)
    assert taken_up(two) == {first, second}
    core_is_built(two)
    build.finish(two)
    assert taken_up(build.begin(DAY + timedelta(days=1))) == set()
    assert failed not in taken_up(two)


def test_a_finished_day_is_finished_until_something_lands(warehouse: str) -> None:
    a_load()
    assert build.already_finished(DAY) is None
    one = build.begin(DAY)
    assert build.already_finished(DAY) is None
    build.finish(one)
    assert build.already_finished(DAY) == one
    a_load()
    assert build.already_finished(DAY) is None


def test_an_older_day_is_refused_with_the_way_to_repair_it(warehouse: str) -> None:
    build.finish(build.begin(DAY))
    with pytest.raises(ConfigurationError, match="fupan backfill --from 2026-11-19 --to 2026-11-19"):
        build.begin(DAY - timedelta(days=1))


def test_a_dead_build_is_taken_over_and_may_not_go_on(warehouse: str) -> None:
    dead = build.begin(DAY)
    heir = build.begin(DAY)
    assert state_of(dead) == "failed"
    with pytest.raises(Busy, match=f"Build {dead} is no longer in charge"), build.step(dead, "core"):
        pass
    with build.step(heir, "core"):
        pass


def test_nothing_starts_while_a_step_is_at_work(warehouse: str) -> None:
    one = build.begin(DAY)
    with build.step(one, "core"):
        with pytest.raises(Busy):
            build.begin(DAY)
        with pytest.raises(Busy), build.step(one, "marts"):
            pass
    assert state_of(one) == "running"


def test_a_backfill_leaves_the_night_alone(warehouse: str) -> None:
    night = build.begin(DAY)
    with pytest.raises(Busy, match=f"Build {night} of the night is under way"):
        build.begin(DAY, kind="backfill")
    with connect("owner", "test", autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute("update ops.build set started_at = started_at - interval '7 hours'")
    assert build.begin(DAY, kind="backfill") > night


def test_a_step_is_on_record_with_its_error(warehouse: str) -> None:
    one = build.begin(DAY)
    with pytest.raises(RuntimeError), build.step(one, "core"):
        raise RuntimeError("disk full")
    with build.step(one, "marts"):
        pass
    with connect("builder", "test") as connection:
        steps = {row["step"]: row for row in rows(connection, "select * from ops.build_step")}
    assert steps["core"]["error"] == "disk full"
    assert steps["marts"]["error"] is None
    assert steps["marts"]["finished_at"] >= steps["marts"]["started_at"]

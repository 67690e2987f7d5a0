"""Publishing while BI users read: they see whole releases, wait no longer than a blink, and are named when they stay."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from tests.publish_warehouse import DAY, SALES, BiUser, build, execute, manifest, query, status, verdict, visible

from fupan.publish.publish import publish_build
from fupan.warehouse.connection import Connection, connect, rows

AFTER_SALES = "after_sales"
NEXT = DAY + timedelta(1)

#: One row: release and number of rows of each mart.
TREND = "select min(release_no) as low, max(release_no) as high, count(*) as n from sales_performance.trend"
REGION = "select min(release_no) as low, max(release_no) as high, count(*) as n from sales_performance.region"


@pytest.fixture(autouse=True)
def _first_release(warehouse: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FUPAN_PUBLISH_PATIENCE", "1")
    publish_build(build(1), manifest())


@pytest.fixture
def reader() -> Iterator[Connection]:
    with connect("reader", "dashboard") as connection:
        yield connection


class Reading(threading.Thread):
    """Reads in a loop until `stop`, each time in a transaction of its own."""

    def __init__(self, read: Callable[[Connection], tuple[int, ...]], isolation: str = "READ COMMITTED") -> None:
        super().__init__()
        self.seen: list[tuple[int, ...]] = []
        self.longest = 0.0
        self.error: BaseException | None = None
        self._read, self._isolation, self._ended = read, isolation, threading.Event()

    def run(self) -> None:
        try:
            with connect("reader", "dashboard") as connection:
                connection.set_session(isolation_level=self._isolation)
                while not self._ended.is_set():
                    began = time.monotonic()
                    self.seen.append(self._read(connection))
                    connection.rollback()
                    self.longest = max(self.longest, time.monotonic() - began)
                    time.sleep(0.002)
        except BaseException as error:
            self.error = error

    def stop(self) -> None:
        self._ended.set()
        self.join()
        if self.error:
            raise self.error


def _one_statement(connection: Connection) -> tuple[int, ...]:
    [row] = rows(
        connection,
        f"select t.low, t.high, r.low as region_low, r.high as region_high, t.n, r.n as regions "
        f"from ({TREND}) as t, ({REGION}) as r",
    )
    return tuple(row.values())


def _two_statements(connection: Connection) -> tuple[int, ...]:
    [trend] = rows(connection, TREND)
    time.sleep(0.003)
    [region] = rows(connection, REGION)
    return (trend["low"], trend["high"], region["low"], region["high"], trend["n"], region["n"])


def test_readers_see_whole_releases_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FUPAN_PUBLISH_PATIENCE", "60")
    user = BiUser("analyst")
    user.execute(f"create view analyst.trend as {TREND}")
    readings = [
        Reading(_one_statement),
        Reading(_two_statements),
        Reading(_two_statements, "REPEATABLE READ"),
        Reading(_two_statements, "SERIALIZABLE"),
    ]
    for reading in readings:
        reading.start()
    try:
        for number in range(2, 10):
            assert publish_build(build(number, day=DAY + timedelta(number)), manifest()) == {SALES: "published"}
            assert [row["high"] for row in user.query("select high from analyst.trend")] == [number]
    finally:
        for reading in readings:
            reading.stop()
        user.drop()
    for reading in readings:
        releases = [low for low, *_ in reading.seen]
        assert releases == sorted(releases)
        assert len(set(releases)) > 3
        for trend_low, trend_high, region_low, region_high, trend_rows, region_rows in reading.seen:
            assert trend_low == trend_high == region_low == region_high
            assert (trend_rows, region_rows) == (1, 50)


def test_a_reader_who_never_ends_costs_his_dimension_alone(reader: Connection) -> None:
    both = manifest(SALES, AFTER_SALES)
    publish_build(build(1, verdicts={SALES: "published", AFTER_SALES: "published"}), both)
    [row] = rows(reader, "select release_no from sales_performance.trend")
    second = build(2, day=NEXT, verdicts={SALES: "published_with_warnings", AFTER_SALES: "published"})

    assert publish_build(second, both) == {AFTER_SALES: "published", SALES: "held"}

    warning, reason = verdict(second)["reasons"]
    assert (warning["kind"], reason["rule"], reason["severity"]) == ("rule", "publish.locked", "critical")
    [held_since] = query(
        "select to_char(xact_start, 'YYYY-MM-DD HH24:MI:SSOF') as text from pg_stat_activity where pid = %s",
        reader.info.backend_pid,
    )
    for told in (
        f"session {reader.info.backend_pid} of bi_reader",
        "application 'fupan dashboard'",
        "idle in transaction",
        f"since {held_since['text']}",
        "select release_no from sales_performance.trend",
        f"pg_terminate_backend({reader.info.backend_pid})",
    ):
        assert told in reason["message"]
    assert (visible(), visible(f"{AFTER_SALES}.trend")) == ([1], [2])
    assert rows(reader, "select release_no from sales_performance.trend") == [row]
    seen = status()
    assert (seen["verdict"], seen["held_since"], seen["business_day"]) == ("held", NEXT, DAY)
    assert str(reader.info.backend_pid) in seen["why"]
    assert [r["release_no"] for r in query("select release_no from build_sales_performance.trend")] == [2]

    reader.rollback()
    assert publish_build(second, both) == {AFTER_SALES: "published", SALES: "published_with_warnings"}
    assert visible() == [2]
    assert verdict(second)["reasons"] == [warning]
    assert (status()["verdict"], status()["held_since"]) == ("published_with_warnings", None)


def test_a_reader_who_ends_in_time_costs_nothing(reader: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FUPAN_PUBLISH_PATIENCE", "20")
    rows(reader, "select release_no from sales_performance.trend")
    ending = threading.Timer(1, reader.rollback)
    ending.start()
    assert publish_build(build(2, day=NEXT), manifest()) == {SALES: "published"}
    ending.join()


def test_other_readers_wait_for_a_blink_and_nobody_is_a_deadlock_s_victim(
    reader: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FUPAN_PUBLISH_PATIENCE", "4")
    rows(reader, TREND)
    second = build(2, day=NEXT)
    other = Reading(_one_statement)
    other.start()
    outcome: dict[str, Any] = {}
    publishing = threading.Thread(target=lambda: outcome.update(publish_build(second, manifest())))
    publishing.start()
    while publishing.is_alive():
        assert rows(reader, REGION) == [{"low": 1, "high": 1, "n": 50}]
        time.sleep(0.01)
    other.stop()
    assert outcome == {SALES: "held"}
    assert len(other.seen) > 10
    assert other.longest < 1.0


@pytest.mark.parametrize("isolation", ["REPEATABLE READ", "SERIALIZABLE"])
def test_a_snapshot_from_before_the_tables_is_waited_for(reader: Connection, isolation: str) -> None:
    reader.set_session(isolation_level=isolation)
    rows(reader, "select * from status.dimension_status")
    second = build(2, day=NEXT)
    assert publish_build(second, manifest()) == {SALES: "held"}
    assert f"session {reader.info.backend_pid} of bi_reader" in verdict(second)["reasons"][0]["message"]
    # Published, it would have shown him no row at all.
    assert rows(reader, TREND) == [{"low": 1, "high": 1, "n": 1}]
    reader.rollback()
    assert publish_build(second, manifest()) == {SALES: "published"}


def test_a_snapshot_from_after_the_tables_and_what_reads_elsewhere_is_not_waited_for(
    reader: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FUPAN_PUBLISH_PATIENCE", "0")
    rows(reader, "select * from status.dimension_status")
    with connect("reader", "long query", autocommit=True) as busy, connect("loader", "extraction") as loader:
        loader.set_session(isolation_level="REPEATABLE READ")
        rows(loader, "select 1 from ops.run")
        long = threading.Thread(target=lambda: rows(busy, "select pg_sleep(2) from status.dimension_status limit 1"))
        long.start()
        while not query("select 1 from pg_stat_activity where query like 'select pg_sleep(2)%%' and state = 'active'"):
            time.sleep(0.02)
        assert publish_build(build(2, day=NEXT), manifest()) == {SALES: "published"}
        assert long.is_alive()
        long.join()
    assert rows(reader, TREND) == [{"low": 2, "high": 2, "n": 1}]


def test_without_the_right_to_see_activity_the_session_is_named_still(reader: Connection) -> None:
    rows(reader, TREND)
    execute("revoke pg_read_all_stats from fupan_builder")
    try:
        second = build(2, day=NEXT)
        assert publish_build(second, manifest()) == {SALES: "held"}
    finally:
        execute("grant pg_read_all_stats to fupan_builder")
    assert f"session {reader.info.backend_pid} of bi_reader" in verdict(second)["reasons"][0]["message"]

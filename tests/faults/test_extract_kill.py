"""An extraction that is killed with -9, wherever it is, and run again leaves what an undisturbed one would have left."""

from __future__ import annotations

import contextlib
import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg2
import pytest
from tests.extract_source import empty_warehouse
from tests.faults.conftest import Tell
from tests.faults.sales_lines import SalesLines
from tests.faults.sql_naive import ask, run

from fupan.server.postgres import EmbeddedPostgres

SEED = 20260310


@pytest.fixture
def lines(server: EmbeddedPostgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SalesLines]:
    found = SalesLines(monkeypatch, tmp_path)
    found.at(server.ensure_database("extract_kill_source"), server.ensure_database("extract_tests"))
    empty_warehouse(server)
    found.make()
    yield found
    run(found.source, "drop table sales_order_lines")
    run(found.warehouse, "drop schema naive cascade")


@pytest.mark.parametrize("mode", ["full", "incremental"])
def test_killed_at_any_moment_and_run_again(lines: SalesLines, tell: Tell, rounds: int, mode: str) -> None:
    process, begun = lines.started(), time.monotonic()
    assert process.wait(120) == 0
    undisturbed = time.monotonic() - begun
    lines.naive.load()
    dice, killed, lost = random.Random(SEED), 0, 0

    # A load of what one night changed may end before its killer comes: so many that did not.
    while (killed < rounds or not lost) and lines.night < 4 * rounds + 10:
        lines.pass_a_night()
        if mode == "full":
            lines.forget()
        before = lines.here()
        # The simple way is shown until its harm has been seen.
        simple = None if lost else lines.started_naive()
        process = lines.started()
        time.sleep(dice.uniform(0.02, 0.6) * undisturbed)
        process.send_signal(signal.SIGKILL)
        killed += process.wait() == -signal.SIGKILL
        if simple is not None:
            simple.kill()
            simple.wait()
            lost = lines.lost_by_the_simple_way()

        # Nothing half-written is visible: the load's rows are all there or none of them.
        new, after = f"order_id like 'NEW{lines.night}-%'", lines.here()
        loaded = lines.here(new)
        assert loaded in ((0, None), lines.there(new))
        assert (after == before) == (loaded[0] == 0)

        lines.extract()
        lines.must_be_equal()

    assert killed >= rounds, "the process was too fast for its killer"
    assert lost
    failed = "select count(*) from ops.load where state = 'failed' and error like 'The process ended%'"
    assert ask(lines.warehouse, failed)[0][0] >= 1
    if mode == "incremental":
        # What the loads say they did is what raw went through: rows that stand there were inserted, each once.
        assert ask(
            lines.warehouse,
            "select sum(rows_inserted) = (select count(*) from raw.erp_sales_order_lines) from ops.load"
            " where state = 'succeeded'",
        ) == [(True,)]
    tell(
        f"kill -9 of the extractor, {mode} load",
        harm=f"committed by the batch, newest stamp as watermark: {lost} rows lost for good by one kill",
        ours="all or nothing visible, watermark with it; after the next run raw equals the source to the row",
        rounds=killed,
    )


@pytest.mark.parametrize("statement", ['copy "fupan_stage"%', "%with compared as%", "%_deleted_at = now()%"])
def test_killed_in_the_middle_of_a_statement(lines: SalesLines, tell: Tell, statement: str) -> None:
    """Killed while the warehouse is busy with that statement."""
    lines.extract()
    lines.pass_a_night()
    kill_during(lines, statement)

    lines.extract()
    lines.must_be_equal()
    tell(
        f"kill -9 of the extractor during {statement.strip('%')}",
        harm="as at random points",
        ours="the warehouse rolls back what its client no longer wants",
    )


@pytest.mark.parametrize("statement", ['copy "raw"%', "analyze%", "alter table%add constraint%"])
def test_killed_in_the_middle_of_a_first_load(lines: SalesLines, tell: Tell, statement: str) -> None:
    """Killed while raw is without its key, for a while: neither a row of it nor the lack of the key is ever visible."""
    kill_during(lines, statement)
    key = (
        "select count(*) from pg_constraint where conrelid = 'raw.erp_sales_order_lines'::regclass and contype = 'p'"
        " and conname = 'erp_sales_order_lines_pkey'"
    )

    assert lines.here() == (0, None)
    assert ask(lines.warehouse, key) == [(1,)]

    lines.extract()
    lines.must_be_equal()
    assert ask(lines.warehouse, key) == [(1,)]
    tell(
        f"kill -9 of the extractor in a first load, during {statement.strip('%')}",
        harm="key dropped, copied, key built, each by itself: a table without its key",
        ours="neither a row nor the lack of the key is ever visible",
    )


def kill_during(lines: SalesLines, statement: str) -> None:
    """Start an extraction and kill it as soon as the warehouse is busy with that statement."""
    process = lines.started()
    deadline, seen = time.monotonic() + 60, False
    with contextlib.closing(psycopg2.connect(lines.warehouse)) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        while process.poll() is None and time.monotonic() < deadline and not seen:
            cursor.execute(
                "select count(*) > 0 from pg_stat_activity where application_name = 'fupan extract erp load'"
                " and state = 'active' and query ilike %s",
                [statement],
            )
            seen = cursor.fetchone() == (True,)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert seen

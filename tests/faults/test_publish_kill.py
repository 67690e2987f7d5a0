"""A publisher killed with SIGKILL at any moment leaves the old releases or the new ones, and the next run finishes."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.databases import drop_database, new_database
from tests.faults.conftest import Tell
from tests.publish_warehouse import DAY, SALES, build, manifest, query

from fupan.publish.publish import publish_build
from fupan.server.postgres import EmbeddedPostgres
from fupan.warehouse.bootstrap import bootstrap
from fupan.warehouse.connection import connect, rows

NEXT = DAY + timedelta(1)
AFTER_SALES = "after_sales"
BOTH = {SALES: "published", AFTER_SALES: "published_with_warnings"}
#: Many marts, so that there is time to be killed in.
MARTS = {f"mart_{n}": "select %s as release_no, 'lamps'::text as product_line" for n in range(40)}

PUBLISHER = """
import sys
from fupan.publish.publish import publish_build
from tests.faults.test_publish_kill import MARTS, both
print("ready", flush=True)
sys.stdin.readline()
publish_build(int(sys.argv[1]), both())
print("done", flush=True)
"""


def both() -> Any:
    return manifest(SALES, AFTER_SALES, marts=MARTS)


def _two_builds() -> int:
    publish_build(build(1, verdicts=BOTH, marts=MARTS), both())
    return build(2, day=NEXT, verdicts=BOTH, marts=MARTS)


def _publisher(build_id: int) -> subprocess.Popen[str]:
    """A publisher in a process of its own, imports done, waiting for a line."""
    process = subprocess.Popen(
        [sys.executable, "-c", PUBLISHER, str(build_id)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert process.stdout
    assert process.stdout.readline() == "ready\n"
    return process


def _go(process: subprocess.Popen[str]) -> None:
    assert process.stdin
    process.stdin.write("\n")
    process.stdin.flush()


def _seen(dimension: str) -> set[int]:
    """Releases that a BI user sees in all marts of a dimension, in one statement."""
    union = " union ".join(f"select release_no from {dimension}.{table}" for table in MARTS)
    return {row["release_no"] for row in query(union, role="reader")}


def _state() -> dict[str, Any]:
    """Everything that a publish writes, less time stamps and the numbers of releases."""
    return {
        "releases": query("select dimension, business_day, build_id, state, columns from ops.release order by 1, 3"),
        "verdicts": query(
            "select build_id, dimension, verdict, reasons, release_id is not null as released from ops.verdict order by 1, 2"
        ),
        "status": query(
            "select dimension, verdict, business_day, held_since, why, override_reason from status.dimension_status order by 1",
            role="reader",
        ),
        "views": query(
            """
            select c.oid::regclass::text as name, c.relacl::text as acl, obj_description(c.oid) as comment
            from pg_class as c where relnamespace in ('sales_performance'::regnamespace, 'after_sales'::regnamespace)
            order by 1
            """
        ),
        "schemas": query(
            """
            select regexp_replace(nspname, '\\d+$', '') as name, count(*) as n from pg_namespace
            where nspname like any(array['sales_performance%%', 'after_sales%%', 'build\\_%%']) group by 1 order by 1
            """
        ),
        "seen": {dimension: _seen(dimension) for dimension in BOTH},
    }


@pytest.fixture
def fresh_warehouse(server: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], None]]:
    """Call it for an empty warehouse in place of the one before."""
    urls: list[str] = []

    def make() -> None:
        urls.append(new_database(server, "publish_kill"))
        monkeypatch.setenv("FUPAN_WAREHOUSE_URL", urls[-1])
        bootstrap()

    yield make
    for url in urls:
        drop_database(server, url)


def _kill(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGKILL)
    process.communicate()


def test_killed_at_any_moment_and_run_again(
    fresh_warehouse: Callable[[], None], subtests: pytest.Subtests, tell: Tell
) -> None:
    fresh_warehouse()
    process = _publisher(_two_builds())
    began = time.monotonic()
    _go(process)
    assert process.stdout
    assert process.stdout.readline() == "done\n"
    duration = time.monotonic() - began
    process.communicate()
    undisturbed = _state()
    assert undisturbed["seen"] == {SALES: {2}, AFTER_SALES: {2}}

    for part in (0.1, 0.3, 0.5, 0.7, 0.9):
        with subtests.test(killed_at=part):
            fresh_warehouse()
            build_id = _two_builds()
            process = _publisher(build_id)
            _go(process)
            time.sleep(duration * (part + random.uniform(-0.1, 0.1)))
            _kill(process)

            for dimension in BOTH:
                assert _seen(dimension) in ({1}, {2})
            assert publish_build(build_id, both()) == BOTH
            assert _state() == undisturbed
    tell(
        "kill -9 of the publisher at random points",
        harm="table by table: half the marts of tonight beside half of last night",
        ours="a dimension shows one release, old or new; the next run ends as an undisturbed one",
        rounds=5,
    )


def test_killed_between_two_dimensions(fresh_warehouse: Callable[[], None], tell: Tell) -> None:
    fresh_warehouse()
    build_id = _two_builds()
    # A reader keeps the second dimension waiting while the first is published.
    with connect("reader", "dashboard") as reader:
        rows(reader, f"select 1 from {SALES}.mart_0")
        process = _publisher(build_id)
        _go(process)
        while _seen(AFTER_SALES) == {1}:
            assert process.poll() is None
        _kill(process)
    assert (_seen(AFTER_SALES), _seen(SALES)) == ({2}, {1})
    assert publish_build(build_id, both()) == BOTH
    assert (_seen(AFTER_SALES), _seen(SALES)) == ({2}, {2})
    assert [row["n"] for row in query("select count(*) as n from ops.release where build_id = %s", build_id)] == [2]
    tell(
        "kill -9 of the publisher between two dimensions",
        harm="published again from the start: a second release of the same build",
        ours="one release each: what is public stays, the other follows",
    )

"""Reviews by an HTTP API into an empty raw table, against fetch, parse and COPY written by hand for that endpoint."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import orjson
import psycopg2
import pytest
import urllib3

from fupan.contracts.contract import contracts
from fupan.contracts.installation import Auth, HttpSystem, HttpTable, Paging
from fupan.extract.raw_tables import ensure
from fupan.extract.session import running
from fupan.extract.table import load_table
from fupan.server.postgres import EmbeddedPostgres
from fupan.warehouse.bootstrap import bootstrap
from fupan.warehouse.connection import connect
from tests.bench.measure import Result, interleaved, peak_memory_mb, scaled

ROWS, PAGE, PAIRS, LATENCY_MS = scaled(200_000), 500, 5, 50
MEMORY_MB = 150

_DAY = date(2026, 1, 30)
_CONTRACT = contracts("ecommerce")["rev_reviews"]
_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def run() -> list[Result]:
    with _api() as port, _warehouse() as url:

        def measured(entry: HttpTable, wait_ms: int) -> list[float]:
            return interleaved(
                PAIRS,
                lambda: ours(entry, port, wait_ms),
                lambda: by_hand(port, wait_ms, url),
                before=lambda: _empty(url),
            )

        our, hand = measured(_CURSOR, 0)
        results = [Result("reviews by HTTP", our / hand, "fetch, parse, COPY by hand", 1.5, detail=_told(our, hand))]
        for kind, entry in (("offset", _OFFSET), ("page", _NUMBER), ("cursor, days side by side", _DAYS)):
            our, hand = measured(entry, LATENCY_MS)
            name = f"reviews by HTTP, {LATENCY_MS} ms a page, by {kind}"
            results.append(
                Result(name, hand / our, "one page after another", 5.0, at_least=True, detail=_told(our, hand))
            )
        _empty(url)
        peak = peak_memory_mb([sys.executable, "-m", "tests.bench.bench_http", str(port)])
        name = "reviews by HTTP, memory of our process"
        return [*results, Result(name, peak / MEMORY_MB, f"{MEMORY_MB} MB", 1.0, detail=f"{peak:.0f} MB")]


def _told(our: float, hand: float) -> str:
    return f"{our:.2f} s against {hand:.2f} s, {ROWS / our:,.0f} rows/s"


def _entry(paging: Paging, **more: Any) -> HttpTable:
    return HttpTable(
        path="/v1/reviews", items="data", paging=paging, fields={"product_name": "title", "review_text": "text"}, **more
    )


_CURSOR = _entry(Paging(kind="cursor", next="next", size_parameter="limit", size=PAGE))
_OFFSET = _entry(Paging(kind="offset", size_parameter="limit", size=PAGE))
_NUMBER = _entry(Paging(kind="page", size_parameter="limit", size=PAGE))
_DAYS = _entry(
    Paging(kind="cursor", next="next", size_parameter="limit", size=PAGE, ahead=8), since="since", until="until"
)


def ours(entry: HttpTable, port: int, wait_ms: int) -> None:
    """One load of the table by the product, from its lock to its commit."""
    os.environ["AIRFLOW_CONN_BENCH_HTTP"] = f"http://127.0.0.1:{port}/{wait_ms}"
    system = HttpSystem(
        system="ecommerce",
        kind="http",
        connection="bench_http",
        time_zone="Asia/Shanghai",
        auth=Auth(scheme="none"),
        tables={},
    )
    with running(system, _DAY) as session:
        counts = load_table(session, _CONTRACT, entry).counts
    assert (counts.read, counts.inserted) == (ROWS, ROWS), counts


def by_hand(port: int, wait_ms: int, url: str) -> None:
    """What one would write for this one endpoint: a kept connection, page after page, COPY of its thirteen fields."""
    pool = urllib3.HTTPConnectionPool("127.0.0.1", port)
    with contextlib.closing(psycopg2.connect(url)) as connection, connection, connection.cursor() as cursor:
        cursor.copy_expert("copy by_hand from stdin", _Lines(_pages(pool, wait_ms)), size=1 << 20)
        assert cursor.rowcount == ROWS


def _pages(pool: urllib3.HTTPConnectionPool, wait_ms: int) -> Iterator[bytes]:
    following: str | None = "0"
    while following is not None:
        answer = pool.request("GET", f"/{wait_ms}/v1/reviews?limit={PAGE}&cursor={following}")
        document = orjson.loads(answer.data)
        yield "".join([_line(row) for row in document["data"]]).encode()
        following = document["next"]


def _line(r: dict[str, Any]) -> str:
    # Only names and texts of people may hold what COPY would take for its own.
    return (
        f"{r['review_id']}\t{r['order_id']}\t{r['line_no']}\t{r['user_id']}\t{r['sku']}\t{_text(r['title'])}\t"
        f"{r['brand']}\t{r['platform']}\t{r['rating']}\t{_text(r['text'])}\t{r['is_default']}\t"
        f"{r['posted_at']}\t{r['updated_at']}\n"
    )


def _text(value: str | None) -> str:
    return "\\N" if value is None else value.translate(_ESCAPES)


class _Lines:
    def __init__(self, pages: Iterator[bytes]) -> None:
        self._pages = pages

    def read(self, _size: int) -> bytes:
        return next(self._pages, b"")


def _empty(url: str) -> None:
    """Empty tables, and no memory of loads before."""
    with contextlib.closing(psycopg2.connect(url)) as connection, connection, connection.cursor() as cursor:
        cursor.execute(f"truncate by_hand, {_CONTRACT.relation}, ops.watermark")


@contextlib.contextmanager
def _api() -> Iterator[int]:
    command = [sys.executable, "-m", "tests.bench.review_server", str(ROWS)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.kill()


@contextlib.contextmanager
def _warehouse() -> Iterator[str]:
    """libpq URL of a warehouse of the benchmark's own, with the settings that the product gives its server."""
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setenv("FUPAN_HOME", folder)
        postgres = EmbeddedPostgres(Path(folder) / "postgres")
        postgres.start()
        try:
            url = postgres.ensure_database("bench")
            patch.setenv("FUPAN_WAREHOUSE_URL", url)
            bootstrap()
            with connect("loader", "benchmark") as work:
                ensure(work, [_CONTRACT])
                work.commit()
            with contextlib.closing(psycopg2.connect(url)) as connection, connection, connection.cursor() as cursor:
                columns = ", ".join(f'"{column.name}" {column.data_type}' for column in _CONTRACT.columns)
                cursor.execute(f"create table by_hand ({columns}, primary key (review_id))")
            yield url
        finally:
            postgres.stop()


if __name__ == "__main__":
    ours(_OFFSET, int(sys.argv[1]), 0)

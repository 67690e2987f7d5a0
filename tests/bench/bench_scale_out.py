"""A first load of 3 million order lines in pieces, by one worker process and by two, beside the load in one.

Source, warehouse and workers share this machine's cores here, and one process already keeps two of them busy (the source's
backend sends, the warehouse's one writes). So the ratio shows what a second worker adds under these conditions, and what
the cut costs; on servers of their own the pieces add up until the join, whose share is told.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time

import yaml

from fupan.extract.run import extract_or_cut, join_pieces
from tests.bench.bench_full_load import prepare
from tests.bench.measure import Result, interleaved, scaled
from tests.bench.order_lines import DAY, PROJECT, TABLES, OrderLines, order_lines

ROWS = scaled(3_000_000)
PIECES = 6
PAIRS = 5
SYSTEM = "plain"


def run() -> list[Result]:
    joins: list[float] = []
    with order_lines(ROWS) as lines, lines.installed():
        _cut_from_now_on(lines)
        one, two, whole = interleaved(
            PAIRS,
            lambda: in_pieces(lines, 1, joins),
            lambda: in_pieces(lines, 2, joins),
            lambda: lines.extract(SYSTEM),
            before=lambda: prepare(lines),
        )
        _prove(lines)
    join = statistics.median(joins)
    told = f"join {join:.1f} s, {os.cpu_count()} cores for source, warehouse and workers"
    return [
        Result(
            "pieces, two worker processes", two / one, "one", None, detail=f"{two:.1f} s against {one:.1f} s, {told}"
        ),
        Result("pieces, one worker process", one / whole, "the load in one", None, detail=f"against {whole:.1f} s"),
    ]


def in_pieces(lines: OrderLines, workers: int, joins: list[float]) -> None:
    """Cut, have the pieces loaded by so many processes, join."""
    _, parts = extract_or_cut(SYSTEM, DAY)
    assert len(parts) > 1
    load = parts[0].load_id
    commands = [
        [sys.executable, "-m", "tests.bench.load_pieces", str(lines.project), SYSTEM, str(load), *numbers]
        for numbers in ([str(part.number) for part in parts[first::workers]] for first in range(workers))
    ]
    at_work = [subprocess.Popen(command, cwd=PROJECT) for command in commands]
    assert [process.wait() for process in at_work] == [0] * workers
    began = time.perf_counter()
    (result,) = join_pieces(SYSTEM, [load])
    joins.append(time.perf_counter() - began)
    assert result.counts.inserted == ROWS
    assert result.totals_agree


def _cut_from_now_on(lines: OrderLines) -> None:
    path = lines.project.parent / "sources" / f"{SYSTEM}.yml"
    installed = yaml.safe_load(path.read_text())
    installed["tables"][TABLES[SYSTEM]]["pieces"] = {"rows": -(-ROWS // PIECES)}
    path.write_text(yaml.safe_dump(installed))


def _prove(lines: OrderLines) -> None:
    """The same rows, whichever way: hashes of all of them, added up."""
    contract = lines.contract(SYSTEM)
    columns = ", ".join(column.name for column in contract.columns)
    total = "select count(*), sum(hashtextextended(({})::text, 0)::numeric) from {}"
    prepare(lines)
    in_pieces(lines, 2, [])
    source = lines.run(lines.source, total.format(columns, "order_lines"))
    raw = lines.run(lines.warehouse, total.format(columns, contract.relation))
    assert raw == source, "raw is not the source"

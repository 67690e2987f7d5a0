"""Files of a drop folder, row-level rejects on.

- A CSV of 500,000 order lines into an empty raw table, lock to commit, against server-side COPY of the same file into the
  same table with the same key and the same defaults of its metadata columns, on the same server, which is durable for both.
- A worksheet of 100,000 of them: our reader (calamine) to the last row's texts, against openpyxl's read-only mode to the
  last row's values. openpyxl is the usual choice; it lives in the environment of the peers, and Python's start of 0.3 s is
  in its time.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg2
import pytest
import xlsxwriter

from fupan.contracts.contract import Contract, contracts
from fupan.contracts.installation import FilesSystem, FilesTable
from fupan.extract.file_xlsx import XlsxSheet
from fupan.extract.session import running
from fupan.extract.source import Read
from fupan.extract.table import load_table
from tests.bench.bench_full_load import prepare
from tests.bench.bench_peers import environment_of_peers
from tests.bench.measure import Result, interleaved, peak_memory_mb, scaled
from tests.bench.order_lines import DAY, TABLES, OrderLines, environment, order_lines

ROWS, SHEET_ROWS, PAIRS = scaled(500_000), scaled(100_000), 5
MEMORY_MB = 150
SYSTEM = "plain"

_READ = (
    "import sys, openpyxl\n"
    "rows = openpyxl.load_workbook(sys.argv[1], read_only=True).worksheets[0].iter_rows(values_only=True)\n"
    "assert sum(1 for _ in rows) == int(sys.argv[2]) + 1"
)


def run() -> list[Result]:
    with order_lines(ROWS) as lines, lines.installed(), dropped(lines) as (text, sheet):
        ours, bare = interleaved(
            PAIRS, lambda: load(lines.contract(SYSTEM), text), lambda: copy(lines, text), before=lambda: prepare(lines)
        )
        detail = f"{ours:.2f} s against {bare:.2f} s, {ROWS / ours:,.0f} rows/s"
        results = [Result(f"CSV of {ROWS:,} rows", ours / bare, "server-side COPY", 1.7, detail=detail)]
        prepare(lines)
        peak = peak_memory_mb([sys.executable, "-m", "tests.bench.bench_files", str(lines.project), str(text)])
        results.append(
            Result("CSV, memory of our process", peak / MEMORY_MB, f"{MEMORY_MB} MB", 1.0, detail=f"{peak:.0f} MB")
        )
        python = environment_of_peers()
        ours, theirs = interleaved(PAIRS, lambda: read(lines, sheet), lambda: read_by_openpyxl(python, sheet))
    name, detail = (
        f"XLSX of {SHEET_ROWS:,} rows, read",
        f"{theirs:.2f} s against {ours:.2f} s, {SHEET_ROWS / ours:,.0f} rows/s",
    )
    return [*results, Result(name, theirs / ours, "openpyxl read-only to ours", 1.0, at_least=True, detail=detail)]


def load(contract: Contract, file: Path) -> None:
    """One load of the file by the product."""
    entry = FilesTable(files=file.name, format="csv")
    system = FilesSystem(
        system=SYSTEM,
        kind="files",
        connection="bench_folder",
        time_zone="Asia/Shanghai",
        tables={contract.name: entry},
    )
    with running(system, DAY) as session:
        counts = load_table(session, contract, entry).counts
    assert (counts.read, counts.inserted) == (ROWS, ROWS), counts


def copy(lines: OrderLines, file: Path) -> None:
    """What the server itself does with the file."""
    contract = lines.contract(SYSTEM)
    names = ", ".join(f'"{column.name}"' for column in contract.columns)
    with contextlib.closing(psycopg2.connect(lines.warehouse)) as connection, connection, connection.cursor() as cursor:
        cursor.execute(f"alter table {contract.relation} alter _batch_id set default 1")
        cursor.execute(f"copy {contract.relation} ({names}) from %s (format csv, header)", [str(file)])
        assert cursor.rowcount == ROWS


def read(lines: OrderLines, file: Path) -> None:
    with file.open("rb") as content:
        sheet = XlsxSheet(file.name, content, Read(lines.contract(SYSTEM), FilesTable(files=file.name, format="xlsx")))
        assert sum(1 for _ in sheet.records()) == SHEET_ROWS


def read_by_openpyxl(python: Path, file: Path) -> None:
    subprocess.run([python, "-c", _READ, file, str(SHEET_ROWS)], check=True, env=environment())


@contextlib.contextmanager
def dropped(lines: OrderLines) -> Iterator[tuple[Path, Path]]:
    """A CSV and a workbook of the order lines in a folder that is a source."""
    folder = lines.project.parent / "drop"
    folder.mkdir()
    text, workbook = folder / "order_lines.csv", folder / "order_lines.xlsx"
    with contextlib.closing(psycopg2.connect(lines.source)) as connection, connection.cursor() as cursor:
        with text.open("wb") as file:
            cursor.copy_expert("copy order_lines to stdout (format csv, header)", file, size=1 << 20)
        cursor.execute(f"select * from order_lines limit {SHEET_ROWS}")
        with xlsxwriter.Workbook(
            str(workbook),
            {"constant_memory": True, "remove_timezone": True, "default_date_format": "yyyy-mm-dd hh:mm:ss"},
        ) as book:
            worksheet = book.add_worksheet()
            worksheet.write_row(0, 0, [column.name for column in cursor.description or ()])
            for number, cells in enumerate(cursor, 1):
                worksheet.write_row(number, 0, cells)
    for path in (text, workbook):
        os.utime(path, (time.time() - 3600,) * 2)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIRFLOW_CONN_BENCH_FOLDER", folder.as_uri())
        yield text, workbook


if __name__ == "__main__":
    models = Path(sys.argv[1]) / "models" / "staging"
    load(contracts(SYSTEM, folder=models)[TABLES[SYSTEM]], Path(sys.argv[2]))

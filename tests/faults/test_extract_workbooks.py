"""Workbooks as people and programs make them: formulas, merged cells, a million empty rows, bombs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

import pytest
import xlsxwriter
from tests.drop_folder import HEADER, Desk, row
from tests.extract_source import empty_warehouse
from tests.faults import files_naive
from tests.faults.conftest import Tell
from tests.faults.files_naive import PEAK

from fupan.errors import ContractError
from fupan.server.postgres import EmbeddedPostgres

#: The last row that a worksheet may have.
LAST = 1_048_576
WORKBOOK = {"files": "tickets.xlsx", "format": "xlsx"}
#: What our reader takes of a workbook of a million rows, beyond what Python with its libraries takes.
MEMORY_MB = 450

_READ = """
import sys
from pathlib import Path
from fupan.contracts.installation import FilesTable
from fupan.extract.file_xlsx import XlsxSheet
from fupan.extract.source import Read
from tests.drop_folder import contract
before = peak()
path = Path(sys.argv[1])
with path.open("rb") as content:
    read = Read(contract(), FilesTable(files=path.name, format="xlsx"))
    rows = sum(1 for _ in XlsxSheet(path.name, content, read).records())
print(rows, peak() - before)
"""


@pytest.fixture
def desk(server: EmbeddedPostgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setenv("FUPAN_WAREHOUSE_URL", server.ensure_database("extract_tests"))
    found = Desk(tmp_path / "drop", empty_warehouse(server))
    monkeypatch.setenv("AIRFLOW_CONN_DESK_TEST", found.folder.as_uri())
    return found


def test_formulas(desk: Desk, tell: Tell) -> None:
    path = desk.folder / "tickets.xlsx"
    with xlsxwriter.Workbook(str(path)) as workbook:
        sheet = workbook.add_worksheet("说明")
        sheet = workbook.add_worksheet("明细")
        sheet.write_row(0, 0, HEADER)
        for n, (formula, value) in enumerate([("=1+1.5", 2.5), ("=1/0", "#DIV/0!"), ("=VLOOKUP(1,A:B,2)", "")], 1):
            sheet.write_row(n, 0, row(f"T{n}"))
            sheet.write_formula(n, 2, formula, None, value)
        sheet.write_row(4, 0, row("T4"))
    age(path)
    told = [cells[2] for cells in files_naive.texts(path, 2)[1:]]
    read = [cells[2] for cells in files_naive.cells(path, 1)[1:]]
    assert told[:3] == ["1+1.5", "1/0", "VLOOKUP(1,A:B,2)"]
    assert read[:3] == [2.5, "", ""]

    desk.load(**WORKBOOK, sheet="明细")
    assert desk.amounts() == {"T1": "2.50", "T4": "1.00"}
    rejected = [(column, content["amount"]) for _, column, content in desk.rejected()]
    assert rejected == [("amount", "#DIV/0!"), ("amount", "=VLOOKUP(1,A:B,2)")]
    tell(
        "files: formulas in a workbook",
        harm="one reader gives `1+1.5` for 2.5, another nothing for 1/0 and for what was never calculated",
        ours="the calculated value; an error or none is a rejected row that shows it",
    )


def test_merged_cells(desk: Desk, tell: Tell) -> None:
    path = desk.folder / "tickets.xlsx"
    with xlsxwriter.Workbook(str(path)) as workbook:
        sheet = workbook.add_worksheet()
        sheet.write_row(0, 0, HEADER)
        for n in range(1, 6):
            sheet.write_row(n, 0, row(f"T{n}"))
        merged = workbook.add_format()
        sheet.merge_range(2, 3, 4, 3, "2026-03-05 08:00", merged)
        # Below the last row the merge goes on: no rows come of it.
        sheet.merge_range(5, 4, 5000, 4, "2026-03-10 20:00", merged)
    age(path)
    missing = sum(not cells[3] for cells in files_naive.cells(path)[1:6])
    assert missing == 2

    desk.load(**WORKBOOK)
    days = desk.ask("select ticket_id as t, to_char(opened_at, 'MM-DD') as d from raw.desk_tickets order by 1")
    assert {one["t"]: one["d"] for one in days} == {
        "T1": "03-01",
        **dict.fromkeys(("T2", "T3", "T4"), "03-05"),
        "T5": "03-01",
    }
    assert desk.rejected() == []
    tell(
        "files: merged cells in a workbook",
        harm=f"only the first row has the value: {missing} of 5 rows without their day",
        ours="what is merged over several rows stands in each of them",
    )


def test_a_million_empty_rows(desk: Desk, tell: Tell) -> None:
    """Formatted and empty down to the last row, which is not."""
    path = desk.put_xlsx("tickets.xlsx", [HEADER, row("T1"), row("T2")])
    empty = b"".join(b'<row r="%d"><c r="C%d" s="0"/></row>' % (n, n) for n in range(3, LAST))
    rewrite(path, "xl/worksheets/sheet1.xml", lambda text: _at_the_end(text, empty))
    naive = files_naive.rows_and_memory(path)
    assert naive is not None
    assert naive[0] == LAST

    begun = time.monotonic()
    desk.load(**WORKBOOK)
    took = time.monotonic() - begun
    assert set(desk.amounts()) == {"T1", "T2"}
    assert desk.files() == {"tickets.xlsx": (2, None)}
    rows, memory = our_rows_and_memory(path)
    assert rows == 2
    assert memory < MEMORY_MB
    assert took < 120

    # One stray cell in the last corner: 17 billion cells to hold.
    corner = desk.folder / "tickets_corner.xlsx"
    with xlsxwriter.Workbook(str(corner)) as workbook:
        sheet = workbook.add_worksheet()
        sheet.write_row(0, 0, HEADER)
        sheet.write(LAST - 1, 16_383, 1)
    age(corner)
    assert files_naive.rows_and_memory(corner) is None
    with pytest.raises(ContractError, match="too large to be read: a sheet reaches to row 1048576 and column 16384"):
        desk.load(files=corner.name, format="xlsx")
    tell(
        "files: a million empty rows, and one stray cell in the last corner",
        harm=f"{naive[0]} rows of which 3 say something; 4 GB of memory do not do for a file of {size(corner)} KB",
        ours=f"2 rows, {memory} MB, {took:.0f} s; the corner is refused before it is read",
        rounds=2,
    )


def test_a_zip_bomb(desk: Desk, tell: Tell) -> None:
    path = desk.put_xlsx("tickets.xlsx", [HEADER, row("T1")])
    bomb = (b"<si><t>" + b"0" * (1 << 20) + b"</t></si>") * 300
    rewrite(path, "xl/sharedStrings.xml", lambda text: text.replace(b"</sst>", bomb + b"</sst>"))
    naive = files_naive.rows_and_memory(path)
    assert naive is not None
    assert naive[1] > 300

    begun = time.monotonic()
    with pytest.raises(
        ContractError, match=r"too large to be read: its .* bytes unpack to more than .* MB, as a zip bomb's"
    ):
        desk.load(**WORKBOOK)
    assert time.monotonic() - begun < 30
    assert (desk.amounts(), desk.files()) == ({}, {})

    # One that says it is small.
    lying = path.read_bytes()
    with ZipFile(path) as archive:
        declared = archive.getinfo("xl/sharedStrings.xml").file_size
    desk.put(path.name, lying.replace(declared.to_bytes(4, "little"), (100).to_bytes(4, "little")))
    with pytest.raises(ContractError, match="too large to be read"):
        desk.load(**WORKBOOK)
    tell(
        "files: a zip bomb",
        harm=f"{size(path)} KB take {naive[1]} MB; ten times the bomb, and the worker is gone",
        ours="unpacked in chunks and counted, whatever size it declares: refused by name",
        rounds=2,
    )


def our_rows_and_memory(path: Path) -> tuple[int, int]:
    project = Path(__file__).parents[2]
    told = subprocess.run(
        [sys.executable, "-c", PEAK + _READ, path],
        capture_output=True,
        text=True,
        check=True,
        cwd=project,
        env=os.environ | {"PYTHONPATH": str(project)},
    ).stdout.split()
    return int(told[0]), int(told[1])


def _at_the_end(sheet: bytes, rows: bytes) -> bytes:
    """The third row as the last one a worksheet may have, ``rows`` before it."""
    begin, third = sheet.split(b'<row r="3"')
    last, end = third.split(b"</row>", 1)
    return (
        begin + rows + b'<row r="%d"' % LAST + re.sub(rb'r="([A-Z]+)3"', rb'r="\g<1>%d"' % LAST, last) + b"</row>" + end
    )


def rewrite(path: Path, part: str, change: Callable[[bytes], bytes]) -> None:
    """A workbook with one part of it changed."""
    with ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    with ZipFile(path, "w", ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, change(content) if name == part else content)
    age(path)


def size(path: Path) -> int:
    return path.stat().st_size >> 10


def age(path: Path) -> None:
    os.utime(path, (time.time() - 60,) * 2)

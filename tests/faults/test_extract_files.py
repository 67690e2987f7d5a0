"""Files as people and programs drop them: half of one, another one under the same name, odd encodings, odd workbooks."""

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
from tests.drop_folder import COLUMNS, HEADER, Desk, contract, row, text_of
from tests.extract_source import empty_warehouse
from tests.faults import files_naive
from tests.faults.conftest import Tell
from tests.faults.files_naive import PEAK, Naive

from fupan.contracts.contract import SchemaContract
from fupan.errors import ContractError, SourceUnavailable
from fupan.server.postgres import EmbeddedPostgres

FILE = "tickets_2026-03-10.csv"
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


@pytest.fixture
def naive(desk: Desk) -> Naive:
    return Naive(desk.folder)


def tickets(n: int, amount: str = "1.00") -> list[list[str]]:
    return [row(f"T{i:03d}", amount) for i in range(n)]


def adds_up(desk: Desk) -> bool:
    (odd,) = desk.ask(
        "select count(*) as n from ops.load where state = 'succeeded' and rows_read <>"
        " rows_inserted + rows_updated + rows_unchanged + rows_duplicate + rows_rejected"
    )
    return odd == {"n": 0}


def test_half_written(desk: Desk, naive: Naive, tell: Tell) -> None:
    text = text_of(tickets(100))
    # Somebody is writing; then the writer stands still, in the middle of a row.
    desk.put(FILE, text[:2000], age_s=0)
    growing = (desk.folder / FILE).open("a")
    naive.load()

    def grow(_seconds: float) -> None:
        growing.write(text[2000:3000])
        growing.flush()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("fupan.extract.file_folder.time.sleep", grow)
        with pytest.raises(SourceUnavailable, match="has not been delivered whole yet"):
            desk.load(each_night=True)
    growing.close()
    desk.put(FILE, text[:3000])
    desk.load()
    assert 0 < len(desk.amounts()) < 100

    desk.put(FILE, text)
    naive.load()
    desk.load()
    assert len(naive.rows) < 100
    assert desk.amounts() == dict.fromkeys((f"T{i:03d}" for i in range(100)), "1.00")
    assert adds_up(desk)
    tell(
        "files: half-written",
        harm=f"read once under its name: {100 - len(naive.rows)} of 100 rows lost for good",
        ours="what is being written waits; what stood still and goes on later is read again",
    )


def test_replaced_under_the_same_name(desk: Desk, naive: Naive, tell: Tell) -> None:
    desk.put(FILE, text_of(tickets(3)))
    naive.load()
    desk.load()
    desk.put(FILE, text_of(tickets(4, "2.00")))
    naive.load()
    desk.load()
    assert [one["amount"] for one in naive.rows] == ["1.00"] * 3
    assert desk.amounts() == dict.fromkeys(("T000", "T001", "T002", "T003"), "2.00")
    assert adds_up(desk)
    tell(
        "files: replaced under the same name",
        harm="its name is known: 3 corrections and 1 new row lost",
        ours="known by its content: read again",
    )


def test_the_same_content_under_a_new_name(desk: Desk, naive: Naive, tell: Tell) -> None:
    for name in (FILE, "tickets_2026-03-09.csv"):
        desk.put(name, text_of(tickets(3)))
        naive.load()
        desk.load()
    assert len(naive.rows) == 6
    assert len(desk.amounts()) == 3
    assert desk.files()["tickets_2026-03-09.csv"] == (None, FILE)
    tell("files: the same content under a new name", harm="3 of 3 rows doubled", ours="noted, not read again")


def test_gb18030(desk: Desk, naive: Naive, tell: Tell) -> None:
    select = (
        'select "工单" as ticket_id, null as phone, 1 as amount, now() as opened_at, null as updated_at from landed'
    )
    desk.put(FILE, "工单\n灯具-1\n灯具-2\n".encode("gb18030"))
    naive.load()
    assert {key for one in naive.rows for key in one} != {"工单"}
    assert "\ufffd" in str(naive.rows)

    with pytest.raises(ContractError, match=r"is not utf-8.*Set encoding: gb18030"):
        desk.load(select=select)
    desk.load(select=select, encoding="gb18030")
    assert set(desk.amounts()) == {"灯具-1", "灯具-2"}
    tell(
        "files: GB18030",
        harm="read as UTF-8 with replacement: 2 of 2 keys are ���",
        ours="by the declared encoding; where it is another one, an error that says which to set",
    )


def test_a_byte_order_mark(desk: Desk, naive: Naive, tell: Tell) -> None:
    desk.put(FILE, "\ufeff" + text_of(tickets(2)))
    naive.load()
    assert [one.get("ticket_id") for one in naive.rows] == [None, None]
    desk.load()
    assert set(desk.amounts()) == {"T000", "T001"}
    tell(
        "files: a byte order mark", harm="the key's column is not found: 2 of 2 keys lost", ours="no part of the header"
    )


def test_stray_quotes_and_line_breaks(desk: Desk, naive: Naive, tell: Tell) -> None:
    with_note = [*HEADER, "note"]
    rows = [[*one, "fine"] for one in tickets(6)]
    rows[1][-1] = '"two\nlines, ""quoted"""'
    rows[3][0] = '"T003"x'
    desk.put(FILE, text_of(rows, with_note))
    naive.load()
    assert len(files_naive.lines(desk.folder / FILE)) == 7
    assert [one["ticket_id"] for one in naive.rows if one["ticket_id"] not in {f"T{i:03d}" for i in range(6)}] == [
        "T003x"
    ]
    columns = [*COLUMNS, COLUMNS[0].model_copy(update={"name": "note"})]

    desk.load(contract(columns=columns))
    assert set(desk.amounts()) == {"T000", "T001", "T002", "T004", "T005"}
    assert desk.ask("select note from raw.desk_tickets where ticket_id = 'T001'") == [{"note": 'two\nlines, "quoted"'}]
    ((reason, _, content),) = desk.rejected()
    assert (reason, content["fupan_origin"]) == ("is no CSV: ',' expected after '\"'", f"{FILE}:6")

    # One that nothing closes swallows the rest of the file.
    swallowing = [[*one, "fine"] for one in tickets(6)]
    swallowing[2][-1] = '"not closed'
    desk.put("tickets_2026-03-09.csv", text_of(swallowing, with_note))
    before = len(naive.rows)
    naive.load()
    assert len(naive.rows) - before == 3
    with pytest.raises(SourceUnavailable, match="nothing closes it"):
        desk.load(contract(columns=columns))
    tell(
        "files: stray quotes and line breaks in fields",
        harm="by line: 7 rows of 6, two torn; by a lax reader: another key, and 3 of 6 rows swallowed",
        ours="line breaks kept; a stray quote is a rejected row with its line, one that nothing closes stops the file",
    )


def test_a_file_with_a_new_column(desk: Desk, naive: Naive, tell: Tell) -> None:
    """In the middle, so that what counts columns is one off."""
    desk.put("tickets_2026-03-09.csv", text_of(tickets(1)))
    rows = [[one[0], "shop", *one[1:]] for one in tickets(2)]
    desk.put(FILE, text_of(rows, [HEADER[0], "channel", *HEADER[1:]]))
    by_place = [dict(zip(HEADER, line, strict=False)) for line in files_naive.lines(desk.folder / FILE)]
    assert [one["amount"] for one in by_place] == ["138 0013 8000"] * 2

    with pytest.raises(ContractError, match="channel is added"):
        desk.load(contract(schema_contract=SchemaContract(columns="freeze")))
    assert (desk.amounts(), desk.files()) == ({}, {})
    desk.load()
    assert set(desk.amounts()) == {"T000", "T001"}
    assert desk.ask("select column_name from ops.drift where resolved_at is null") == [{"column_name": "channel"}]
    tell(
        "files: a new column in the middle",
        harm="by place: phone numbers stand under amount",
        ours="by name; logged, or (freeze) the table stops and no file counts as read",
        rounds=2,
    )


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


def test_path_tricks_in_names(desk: Desk, tell: Tell, tmp_path: Path) -> None:
    secret, wrong = tmp_path / "secret.csv", text_of([row("SECRET")])
    secret.write_text(wrong)
    age(secret)
    (desk.folder / "tickets_link.csv").symlink_to(secret)
    (desk.folder / "tickets_up").symlink_to(tmp_path)
    odd = [
        "tickets_..\\..\\secret.csv",
        "tickets_\n2.csv",
        "tickets_%2e%2e%2fsecret.csv",
        "tickets_'; drop table x; --.csv",
    ]
    for n, name in enumerate(odd):
        desk.put(name, text_of([row(f"ODD{n}")]))
    naive = Naive(desk.folder).load()
    assert "SECRET" in {one["ticket_id"] for one in naive}

    desk.load(files="tickets_*")
    assert set(desk.amounts()) == {f"ODD{n}" for n in range(len(odd))}
    assert set(desk.files()) == {*odd}
    for pattern in ("../secret.csv", "/etc/passwd", "..\\secret.csv", "..", ".hidden"):
        with pytest.raises(ValueError, match="names no file directly in the folder"):
            desk.load(files=pattern)

    # A name that no encoding of ours has, as an old zip leaves it.
    (desk.folder / os.fsdecode("tickets_工单.csv".encode("gbk"))).write_text(wrong)
    with pytest.raises(ContractError, match=r"name is no text: b.tickets_.xb9"):
        desk.load(files="tickets_*")
    tell(
        "files: path tricks in names",
        harm="a link in the folder is followed: a file from elsewhere is loaded",
        ours="regular files directly in the folder alone, names taken as text; one that is no text is told",
        rounds=3,
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

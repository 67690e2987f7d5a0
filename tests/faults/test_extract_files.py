"""Files as people and programs drop them: half of one, another one under the same name, odd encodings, odd names."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from tests.drop_folder import COLUMNS, HEADER, Desk, contract, row, text_of
from tests.extract_source import empty_warehouse
from tests.faults import files_naive
from tests.faults.conftest import Tell
from tests.faults.files_naive import Naive

from fupan.contracts.contract import SchemaContract
from fupan.errors import ContractError, SourceUnavailable
from fupan.server.postgres import EmbeddedPostgres

FILE = "tickets_2026-03-10.csv"


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


def age(path: Path) -> None:
    os.utime(path, (time.time() - 60,) * 2)

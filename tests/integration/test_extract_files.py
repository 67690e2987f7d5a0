"""Files of a drop folder: what is read, when, how often, and what a load leaves in raw and in ops."""

from __future__ import annotations

import os
import tracemalloc
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.drop_folder import COLUMNS, DAY, HEADER, Desk, contract, day, row, text_of
from tests.extract_source import empty_warehouse

from fupan import settings
from fupan.contracts.contract import Column
from fupan.errors import ConfigurationError, ContractError, SourceUnavailable
from fupan.extract import copy_text, file_folder, file_ledger
from fupan.extract.file_folder import DroppedFile, drop_folder, look
from fupan.extract.pseudonym import hashed
from fupan.extract.reconcile import reconcile_system
from fupan.extract.run import extract_system
from fupan.server.postgres import EmbeddedPostgres


@pytest.fixture
def desk(server: EmbeddedPostgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setenv("FUPAN_WAREHOUSE_URL", server.ensure_database("extract_tests"))
    found = Desk(tmp_path / "drop 投递 50%", empty_warehouse(server))
    monkeypatch.setenv("AIRFLOW_CONN_DESK_TEST", found.folder.as_uri())
    return found


def counts(result: Any) -> dict[str, int]:
    """The counts that are not zero."""
    return {name: number for name, number in vars(result.counts).items() if number}


def test_a_csv_is_read_once_with_its_place_written_down(desk: Desk) -> None:
    path = desk.put("tickets_2026-03-10.csv", text_of([row("A", "12.50"), row("B", "x"), row("C", phone="")]))

    first = desk.load(select="select * from landed")
    again = desk.load()

    assert counts(first) == {"read": 3, "inserted": 2, "rejected": 1}
    assert counts(again) == {}
    assert desk.amounts() == {"A": "12.50", "C": "1.00"}
    stored = {ticket["ticket_id"]: ticket for ticket in desk.ask("select * from raw.desk_tickets")}
    number = hashed("13800138000", "phone", settings.pseudonym_key())
    assert (stored["A"]["phone"], stored["C"]["phone"]) == (number, None)
    assert stored["A"]["opened_at"] == datetime.fromisoformat("2026-03-01 09:05+08:00")
    ((reason, column, content),) = desk.rejected()
    assert (reason, column) == ("amount is no numeric(10,2)", "amount")
    assert content == {
        "ticket_id": "B",
        "phone": number,
        "amount": "x",
        "opened_at": "2026/3/1 9:05",
        "updated_at": "2026-03-10 18:00:00",
        "fupan_origin": "tickets_2026-03-10.csv:3",
    }
    (entry,) = desk.ask("select * from ops.source_file")
    with path.open("rb") as file:
        assert entry["sha256"] == file_ledger.fingerprint(file)
    assert (entry["size_bytes"], entry["row_count"], entry["day"], entry["load_id"]) == (
        *(path.stat().st_size, 3, DAY, first.load_id),
    )


def test_a_file_of_a_later_day_and_a_file_of_another_table_wait(desk: Desk) -> None:
    desk.put("tickets_2026-03-11.csv", text_of([row("LATER")]))
    desk.put("chats_2026-03-10.csv", "chat_id\n1\n")
    desk.put("tickets_2026-02-30.csv", text_of([row("NO DAY")]))
    desk.put("tickets_2026-03-10.csv", text_of([row("A")]))
    desk.load()
    assert [*desk.amounts()] == ["A"]
    desk.load(day=day(1))
    assert [*desk.amounts()] == ["A", "LATER"]


def test_same_content_changed_content_touched_file(desk: Desk) -> None:
    desk.put("tickets_2026-03-08.csv", text_of([row("A")]))
    desk.put("tickets_2026-03-09.csv", text_of([row("A")]))
    assert counts(desk.load()) == {"read": 1, "inserted": 1}
    assert desk.files() == {
        "tickets_2026-03-08.csv": (1, None),
        "tickets_2026-03-09.csv": (None, "tickets_2026-03-08.csv"),
    }
    # A quiet night sends what an earlier one did.
    desk.put("tickets_2026-03-10.csv", text_of([row("A")]))
    assert counts(desk.load(each_night=True)) == {}
    assert desk.files()["tickets_2026-03-10.csv"] == (None, "tickets_2026-03-08.csv")

    desk.put("tickets_2026-03-10.csv", text_of([row("A", "2.00")]))
    assert counts(desk.load()) == {"read": 1, "updated": 1}
    before = desk.files()
    desk.put("tickets_2026-03-10.csv", text_of([row("A", "2.00")]), age_s=30)
    assert counts(desk.load()) == {}
    assert desk.files() == before
    assert desk.ask("select count(*) from ops.source_file") == [{"count": 4}]


def test_a_known_file_is_not_even_opened(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.put("tickets_2026-03-09.csv", text_of([row("A")]))
    desk.load()
    opened = []
    original = DroppedFile.opened
    monkeypatch.setattr(
        DroppedFile, "opened", lambda file, *where: (opened.append(file.name), original(file, *where))[1]
    )
    desk.put("tickets_2026-03-10.csv", text_of([row("B")]))
    desk.load()
    assert opened == ["tickets_2026-03-10.csv"]


def test_an_older_file_that_comes_late_never_overwrites(desk: Desk) -> None:
    desk.put("tickets_2026-03-09.csv", text_of([row("A", "9.00", "2026-03-09"), row("B", "9.00", "2026-03-05")]))
    desk.load()
    written = desk.ask("select ctid::text, xmax::text from raw.desk_tickets where ticket_id = 'A'")
    late = [row("A", "7.00", "2026-03-07"), row("B", "7.00", "2026-03-07"), row("C", "7.00", "2026-03-07")]
    desk.put("tickets_2026-03-07.csv", text_of(late))

    assert counts(desk.load()) == {"read": 3, "inserted": 1, "updated": 1, "unchanged": 1}

    assert desk.amounts() == {"A": "9.00", "B": "7.00", "C": "7.00"}
    assert desk.ask("select ctid::text, xmax::text from raw.desk_tickets where ticket_id = 'A'") == written


@pytest.mark.parametrize("cursor", [("updated_at",), ()])
def test_of_equally_new_rows_the_later_one_wins(desk: Desk, cursor: tuple[str, ...]) -> None:
    """Across files and within one, in one load and in several, with a cursor and without."""
    table = contract(cursor=cursor)
    desk.put("tickets_2026-03-08.csv", text_of([row("A", "9.99"), row("B", "9.99"), row("B", "8.00")]))
    desk.put("tickets_2026-03-09.csv", text_of([row("A", "1.00"), row("A", "0.50")]))
    assert counts(desk.load(table)) == {"read": 5, "inserted": 2, "duplicate": 3}
    assert desk.amounts() == {"A": "0.50", "B": "8.00"}
    desk.put("tickets_2026-03-10.csv", text_of([row("A", "0.25")]))
    desk.load(table)
    assert desk.amounts()["A"] == "0.25"


def test_without_a_cursor_a_late_file_has_later_ones_speak_again(desk: Desk) -> None:
    table = contract(cursor=())
    desk.put("tickets_2026-03-09.csv", text_of([row("A", "9.00")]))
    desk.load(table)
    desk.put("tickets_2026-03-08.csv", text_of([row("A", "8.00"), row("B", "8.00")]))
    desk.load(table)
    assert desk.amounts() == {"A": "9.00", "B": "8.00"}
    desk.load(table, window=(day(-2), day(-2)))
    assert desk.amounts() == {"A": "9.00", "B": "8.00"}


def test_a_window_reads_the_files_of_its_days_again(desk: Desk) -> None:
    for number in (7, 8, 9, 10):
        desk.put(f"tickets_2026-03-{number:02}.csv", text_of([row("A", f"{number}.00", f"2026-03-{number:02}")]))
    desk.load()
    desk.ask("update raw.desk_tickets set amount = 0, updated_at = '2026-03-01'")

    result = desk.load(window=(day(-2), day(-1)))

    assert (result.mode, counts(result)) == ("window", {"read": 2, "updated": 1, "duplicate": 1})
    assert desk.amounts() == {"A": "9.00"}
    assert counts(desk.load()) == {}


@pytest.mark.parametrize("void", ["truncate raw.desk_tickets", "update ops.watermark set position = '{}'"])
def test_an_empty_table_or_a_void_position_reads_all_files_again(desk: Desk, void: str) -> None:
    desk.put("tickets_2026-03-09.csv", text_of([row("A")]))
    desk.put("tickets_2026-03-10.csv", text_of([row("B")]))
    desk.load()
    desk.ask(void)
    assert desk.load().counts.read == 2
    assert [*desk.amounts()] == ["A", "B"]
    assert counts(desk.load()) == {}


@pytest.mark.parametrize("cursor", [("updated_at",), ()])
def test_a_new_column_of_the_contract_reads_all_files_again(desk: Desk, cursor: tuple[str, ...]) -> None:
    columns = [*COLUMNS, Column(name="note", data_type="text", description="Note 备注")]
    text = text_of([[*row("A"), "hello"]], [*HEADER, "note"])
    desk.put("tickets_2026-03-09.csv", text)
    desk.put("tickets_2026-03-10.csv", text)
    desk.load(contract(cursor=cursor))
    assert desk.ask("select column_name, kind, detail from ops.drift") == [
        {"column_name": "note", "kind": "added", "detail": "is new"}
    ]
    desk.load(contract(cursor=cursor, columns=columns))
    assert desk.ask("select note from raw.desk_tickets") == [{"note": "hello"}]
    assert counts(desk.load(contract(cursor=cursor, columns=columns))) == {}


def test_the_nights_file_is_missing_then_half_then_whole(desk: Desk) -> None:
    desk.put_xlsx("tickets_2026-03-09.xlsx", [HEADER, row("A")])
    entry = {"files": "tickets_{date}.xlsx", "format": "xlsx", "each_night": True}
    with pytest.raises(
        SourceUnavailable, match=r"tickets_2026-03-10\.xlsx has not been delivered yet to .*/drop 投递 50%"
    ):
        desk.load(**entry)
    whole = desk.put_xlsx("tickets_2026-03-10.xlsx", [HEADER, row("B")])
    content = whole.read_bytes()
    desk.put(whole.name, content[: len(content) // 2])
    with pytest.raises(SourceUnavailable, match=r"tickets_2026-03-10\.xlsx has not been delivered whole yet"):
        desk.load(**entry)
    assert desk.files() == {}
    desk.put(whole.name, content)
    desk.load(**entry)
    assert [*desk.amounts()] == ["A", "B"]


def test_a_file_of_another_night_that_is_not_whole_waits_alone(desk: Desk) -> None:
    desk.put("tickets_2026-03-09.csv", b"")
    desk.put("tickets_2026-03-10.csv", text_of([row("A")]))
    desk.load(each_night=True)
    desk.put("tickets_2026-03-09.csv", text_of([row("B")]))
    desk.load(each_night=True)
    assert [*desk.amounts()] == ["A", "B"]


def test_a_csv_cut_inside_quotation_marks_is_not_whole(desk: Desk) -> None:
    desk.put("tickets_2026-03-10.csv", text_of([row("A")]) + '"B","138\n0013')
    with pytest.raises(SourceUnavailable, match=r"not been delivered whole.*after line 3"):
        desk.load()
    assert (desk.files(), desk.amounts()) == ({}, {})


def test_a_file_that_grows_while_it_is_looked_at_or_read(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    path = desk.put("tickets_2026-03-10.csv", text_of([row("A")]), age_s=0)

    def grow(_seconds: float) -> None:
        with path.open("a") as file:
            file.write("half a row")

    monkeypatch.setattr(file_folder.time, "sleep", grow)
    with pytest.raises(SourceUnavailable, match="not been delivered whole yet"):
        desk.load(each_night=True)
    monkeypatch.setattr(file_folder.time, "sleep", lambda _seconds: None)
    assert [file.is_settled for file in look(desk.folder, "desk").files] == [True]

    desk.put("tickets_2026-03-10.csv", text_of([row("A")]))
    original = file_ledger.fingerprint

    def fingerprint(content: Any) -> str:
        grow(0)
        return original(content)

    monkeypatch.setattr(file_ledger, "fingerprint", fingerprint)
    with pytest.raises(SourceUnavailable, match="written to while it was read"):
        desk.load()
    assert (desk.files(), desk.amounts()) == ({}, {})


def test_only_regular_finished_files_directly_in_the_folder(desk: Desk, tmp_path: Path) -> None:
    wrong = text_of([row("WRONG")])
    for name in ("a.csv.part", "a.csv.TMP", "~$a.csv", ".a.csv", "a.csv.crdownload"):
        desk.put(name, wrong)
    (desk.folder / "a").mkdir()
    (desk.folder / "folder.csv").mkdir()
    (desk.folder / "a" / "b.csv").write_text(wrong)
    (tmp_path / "elsewhere.csv").write_text(wrong)
    (desk.folder / "link.csv").symlink_to(tmp_path / "elsewhere.csv")
    os.mkfifo(desk.folder / "pipe.csv")
    desk.put("right.csv", text_of([row("RIGHT")]))
    desk.load(files="*")
    assert [*desk.amounts()] == ["RIGHT"]
    assert [*desk.files()] == ["right.csv"]


def test_days_in_other_notations_and_a_single_history_without_a_day(desk: Desk) -> None:
    desk.put("tickets 20260309 1805.csv", text_of([row("A", "1.00", "2026-03-09")]))
    desk.put("tickets 20260309 0905.csv", text_of([row("A", "2.00", "2026-03-09")]))
    desk.put("tickets 20260311 0905.csv", text_of([row("LATER")]))
    entry = {"files": "tickets {date:%Y%m%d %H%M}.csv"}
    desk.load(**entry)
    assert desk.amounts() == {"A": "1.00"}
    desk.put("history.csv", text_of([row("OLD")]))
    assert counts(desk.load(files="history.csv", each_night=False)) == {"read": 1, "inserted": 1}
    assert desk.ask("select day from ops.source_file where file_name = 'history.csv'") == [{"day": None}]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "gbk", "big5"])
def test_encodings_line_breaks_and_blank_rows(desk: Desk, encoding: str) -> None:
    header = "\u3000單號 , 電話,金額,受理時間,備註\r\n"
    body = 'A,,1.5,2026/3/1 9:05,"第一行\r\n第二行, ""引""\t"\r\n\r\nB,,2,2026/3/1 9:05,\r\n,,,,\r\n , ,,,\r\n\r\n'
    desk.put("tickets_2026-03-10.csv", ("\ufeff" * 0 + header + body).encode(encoding))
    select = """
        select "單號" as ticket_id, "電話" as phone, "金額" as amount, "受理時間" as opened_at, null as updated_at,
            "備註" as note
        from landed
    """
    columns = [*COLUMNS, Column(name="note", data_type="text", description="Note 备注")]
    declared = "utf-8" if encoding == "utf-8-sig" else encoding
    result = desk.load(contract(columns=columns), encoding=declared, select=select)
    assert counts(result) == {"read": 2, "inserted": 2}
    assert [each["note"] for each in desk.ask("select note from raw.desk_tickets order by 1")] == [
        '第一行\r\n第二行, "引"\t',
        None,
    ]


def test_rows_that_are_no_rows_are_rejected_with_their_line(desk: Desk) -> None:
    text = text_of([row("A"), row("B")[:-1], [*row("C"), "more"], ['"D"x', *row("D")[1:]], ['"E\nE"', *row("E")[1:]]])
    desk.put("tickets_2026-03-10.csv", text.encode() + b"\xb9\xa4," + ",".join(row("F")[1:]).encode() + b"\n")

    assert counts(desk.load()) == {"read": 6, "inserted": 2, "rejected": 4}

    assert desk.rejected() == [
        (reason, None, {**dict.fromkeys(HEADER), "fupan_origin": f"tickets_2026-03-10.csv:{line}"})
        for reason, line in [
            ("has 4 fields, the header 5", 3),
            ("has 6 fields, the header 5", 4),
            ("is no CSV: ',' expected after '\"'", 5),
            ("is not utf-8", 8),
        ]
    ]
    assert [*desk.amounts()] == ["A", "E\nE"]


@pytest.mark.parametrize(
    ("content", "declared", "told"),
    [
        ("单号,电话\nA,1\n".encode("gb18030"), "utf-8", "Line 1 .* is not utf-8.*Set encoding: gb18030"),
        (
            "ticket_id\n这是一个相当长的投诉文本说明\n".encode(),
            "gb18030",
            "Line 1 .* is not gb18030.*Set encoding: utf-8",
        ),
        (
            (text_of(row("A") for _ in range(20)) + text_of([row("工单")] * 10)).encode("gb18030"),
            "utf-8",
            "Line 23 .* is not utf-8; so it is with 10 of 31 rows.*gb18030",
        ),
        (
            text_of([row("A")[:3]] * 10).encode(),
            "utf-8",
            "has 3 fields, the header 5; so it is with 10 of 10 rows.*delimiter",
        ),
        (text_of([row("A")], [*HEADER[:-1], "phone"]).encode(), "utf-8", "has column phone twice"),
    ],
)
def test_a_file_that_is_wrong_as_a_whole(desk: Desk, content: bytes, declared: str, told: str) -> None:
    desk.put("tickets_2026-03-10.csv", content)
    with pytest.raises(ContractError, match=f"table=desk_tickets.*{told}"):
        desk.load(encoding=declared)
    assert (desk.files(), desk.amounts(), desk.rejected()) == ({}, {}, [])


def test_a_missing_column_stops_the_table_and_names_the_file(desk: Desk) -> None:
    desk.put("tickets_2026-03-09.csv", text_of([row("A")]))
    desk.put("tickets_2026-03-10.csv", text_of([row("B")[:-1]], HEADER[:-1]))
    with pytest.raises(ContractError, match=r"updated_at is missing .*tickets_2026-03-10\.csv"):
        desk.load()
    assert (desk.files(), desk.amounts()) == ({}, {})
    assert desk.ask("select column_name, kind from ops.drift") == [{"column_name": "updated_at", "kind": "missing"}]
    desk.put("tickets_2026-03-10.csv", text_of([row("B")]))
    desk.load()
    assert desk.ask("select count(*) from ops.drift where resolved_at is null") == [{"count": 0}]


def test_a_select_tells_new_columns_by_what_it_names(desk: Desk) -> None:
    desk.put("tickets_2026-03-10.csv", text_of([[*row("A"), "", "", ""]], [*HEADER, "note", "seen", ""]))
    desk.load(select=f"select {', '.join(HEADER)} /* not wanted: seen, notes */ from landed")
    assert [each["column_name"] for each in desk.ask("select column_name from ops.drift order by 1")] == [
        "column 8",
        "note",
    ]


def test_a_worksheet_as_people_make_them(desk: Desk) -> None:
    """Numbers are floats, times are dates in one row and text in the next, the sheet begins with blank rows."""
    moment = datetime(2026, 3, 1, 9, 5, 7)
    header = [" 单号\n", "电话", "金额", "受理时间", "更新"]
    rows = [
        *([], [], header),
        [2549, 13800138000, 19.9, moment, "2026/3/10 18:00"],
        ["A-1", "", 0.1, "2026-03-01 09:05:07", datetime(2026, 3, 10)],
        [],
        ["A-2", "", True, moment, ""],
        ["", " ", "", "", ""],
    ]
    desk.put_xlsx("tickets.xlsx", rows)
    select = """
        select "单号" as ticket_id, "电话" as phone, "金额" as amount, "受理时间" as opened_at, "更新" as updated_at,
            fupan_origin
        from landed
    """
    entry = {"files": "tickets.xlsx", "format": "xlsx", "select": select}

    assert counts(desk.load(**entry, sheet="导出")) == {"read": 3, "inserted": 2, "rejected": 1}

    found = {ticket["ticket_id"]: ticket for ticket in desk.ask("select * from raw.desk_tickets")}
    assert found["2549"]["amount"] == Decimal("19.90")
    assert found["2549"]["phone"] == hashed("13800138000", "phone", settings.pseudonym_key())
    assert (
        found["2549"]["opened_at"] == found["A-1"]["opened_at"] == datetime.fromisoformat("2026-03-01 09:05:07+08:00")
    )
    assert found["A-1"]["updated_at"] == datetime.fromisoformat("2026-03-10 00:00:00+08:00")
    assert desk.rejected()[0][2]["fupan_origin"] == "tickets.xlsx:7"
    with pytest.raises(ContractError, match="has no sheet 汇总; it has 导出"):
        desk.load(**entry, sheet="汇总", window=(day(-1), DAY))


def test_a_file_that_is_the_whole_table(desk: Desk) -> None:
    whole = {"files": "tickets_{date}.csv", "delivery": "full"}
    desk.put("tickets_2026-03-08.csv", text_of([row("OLDER")]))
    desk.put("tickets_2026-03-09.csv", text_of([row("A"), row("B"), row("C", "3.00")]))
    assert counts(desk.load(**whole)) == {"read": 3, "inserted": 3}
    assert counts(desk.load(**whole)) == {}

    # What it holds is the table, even where its rows say that they are older.
    desk.put("tickets_2026-03-10.csv", text_of([row("A"), row("C", "2.00", "2026-03-01")]))
    assert counts(desk.load(**whole)) == {"read": 2, "updated": 1, "unchanged": 1, "deleted": 1}
    assert desk.amounts() == {"A": "1.00", "C": "2.00"}
    assert counts(desk.load(**whole, window=(day(-2), day(-2)))) == {"read": 2, "unchanged": 2}

    # A row that can't be read may be any: nobody knows which ones the file lacks.
    desk.put("tickets_2026-03-11.csv", text_of([row("A"), row("X")[:-1]]))
    assert counts(desk.load(**whole, day=day(1))) == {"read": 2, "unchanged": 1, "rejected": 1}
    # The table is again what it was two files ago.
    desk.put("tickets_2026-03-12.csv", text_of([row("A"), row("B"), row("C", "3.00")]))
    assert counts(desk.load(**whole, day=day(2))) == {"read": 3, "updated": 2, "unchanged": 1}
    assert desk.amounts() == {"A": "1.00", "B": "1.00", "C": "3.00"}


def test_memory_does_not_grow_with_the_file(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copy_text, "_CHUNK", 1 << 16)
    peaks = []
    for name, rows in (("small", 2_000), ("large", 20_000)):
        desk.put(f"{name}.csv", text_of(row(f"{name}{number}") for number in range(rows)))
        tracemalloc.start()
        assert desk.load(files=f"{name}.csv").counts.inserted == rows
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    # As lists of texts the rows between would take 8 MB.
    assert peaks[1] < peaks[0] + 1_000_000


@pytest.mark.parametrize(
    "given",
    ["file://{}", "fs://?path={}", '{{"conn_type": "fs", "extra": {{"path": "{}"}}}}', "file://localhost{}"],
)
def test_the_connection_names_the_folder(tmp_path: Path, given: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_DESK_TEST", given.format(tmp_path))
    assert drop_folder("desk_test", "desk") == tmp_path


@pytest.mark.parametrize("given", ["file://", "fs://?path=relative", "http://host/folder", "file://host/folder"])
def test_a_connection_that_names_none(given: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_DESK_TEST", given)
    with pytest.raises(ConfigurationError, match="no folder by its whole path"):
        drop_folder("desk_test", "desk")


def test_a_folder_that_is_not_there_is_asked_for_again(desk: Desk) -> None:
    desk.folder.rmdir()
    with pytest.raises(SourceUnavailable, match="can't be read: No such file"):
        desk.load()


def test_a_system_of_files_lands_and_has_nothing_to_reconcile(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FUPAN_SOURCES", str(tmp_path))
    (tmp_path / "service.yml").write_text(
        "{system: service, kind: files, connection: desk_test, time_zone: Asia/Shanghai, tables: {cs_chats: {files:"
        " 'chats_{date}.csv', format: csv, each_night: true, reconcile: nightly}}}"
    )
    names = "chat_id,user_id,customer_id,topic,agent_id,handled_by_bot,is_vip_queue,queue_entered_at,first_reply_at,ended_at"
    for number in (9, 10):
        stamp = f"2026-03-{number:02} 10:00:00"
        text = f"{names},resolved_flag,rating\nCH{number},,,order,,true,0,{stamp},,{stamp},是,5\n"
        desk.put(f"chats_2026-03-{number:02}.csv", text)
        (result,) = extract_system("service", day(number - 10))
        assert counts(result) == {"read": 1, "inserted": 1}
    assert desk.ask("select count(*) from ops.landing where state = 'landed'") == [{"count": 2}]
    assert reconcile_system("service", DAY) == []
    assert desk.ask("select count(*) from raw.cs_chats where _deleted_at is null") == [{"count": 2}]

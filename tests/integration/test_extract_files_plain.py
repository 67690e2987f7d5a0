"""Rows of a CSV that PostgreSQL reads itself: the same values as the long way, and no row that it would not take."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from psycopg2 import sql
from tests.drop_folder import COLUMNS, Desk, contract, row, text_of
from tests.extract_source import empty_warehouse

from fupan.contracts.contract import Column, Contract
from fupan.contracts.installation import FilesTable
from fupan.extract import files
from fupan.extract.columns import misfit
from fupan.extract.file_plain import copy_plain
from fupan.extract.source import Read
from fupan.extract.stage import STAGE, create_stage
from fupan.extract.text_stage import convert, copy_landed, create_landed
from fupan.server.postgres import EmbeddedPostgres
from fupan.warehouse.connection import Connection, connect

ENTRY = FilesTable(files="tickets_{date}.csv", format="csv")

TYPES = {
    "text": "灯",
    "smallint": "-7",
    "integer": "70000",
    "bigint": "700000000000",
    "numeric": "19.90",
    "numeric(10,2)": "-19.9",
    "numeric(4,0)": "1999",
    "double precision": "19.90",
    "boolean": "TRUE",
    "date": "2026-03-01",
    "timestamptz": "2026-03-01 10:00:00+08",
}
VALUES = [
    *TYPES.values(),
    *("", " ", "x", "5 inch", "a\\.b", "\\N", "a;b", "\u3000", "NULL", "null", "\ufeff", "😀"),
    *("0", "7", "+7", "007", "32767", "32768", "2147483648", "9" * 18, "9" * 19, "1_000", "0x1f", "1e3", "1-", "--1"),
    *("1.5", ".5", "5.", ".", "1.2.3", "12345678.99", "123456789.1", "0.001", "NaN", "Infinity", "-inf", "1" * 40),
    *("t", "f", "yes", "No", "on", "off", "1", "2", "tru", "是", "T"),
    *("2026/3/1", "20260301", "01/02/2026", "2026-02-30", "2026-3-1", "today", "infinity", "0000-01-01", "9999-12-31"),
    *("2026-03-01T10:00", "2026-03-01 10:00:00.123456", "2026-03-01 10:00:00.1234567", "2026-03-01 25:00:00"),
    *("2026-03-01 24:00:00", "2026-03-01T10:00:00Z", "2026-03-01 10:00:00-03:30", "2026-03-01 10:00:00+19:00", "now"),
]


@pytest.fixture
def desk(server: EmbeddedPostgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setenv("FUPAN_WAREHOUSE_URL", server.ensure_database("extract_tests"))
    found = Desk(tmp_path / "drop", empty_warehouse(server))
    monkeypatch.setenv("AIRFLOW_CONN_DESK_TEST", found.folder.as_uri())
    return found


@pytest.fixture
def warehouse(desk: Desk) -> Iterator[Connection]:
    with connect("loader", "test") as connection:
        with connection.cursor() as cursor:
            cursor.execute("set timezone = 'Asia/Shanghai'")
        connection.commit()
        yield connection


def table(data_type: str, **more: Any) -> Contract:
    columns = (
        Column(name="key", data_type="text", description="key"),
        Column(name="value", data_type=data_type, description="value", **more),
    )
    return Contract(system="desk", name="plain", description="", owner="me", primary_key=("key",), columns=columns)


def bare_contract(**changes: Any) -> Contract:
    """The desk's, without personal data."""
    columns = tuple(column.model_copy(update={"personal_data": None}) for column in COLUMNS)
    return contract(columns=columns, **changes)


def plain(warehouse: Connection, of: Contract, text: str, entry: FilesTable = ENTRY) -> int:
    """Rows of this text, without a header, that are plain."""
    return copy_plain(warehouse, io.BytesIO(text.encode()), entry, of, ["key", "value"], table=sql.Identifier(STAGE))[0]


def staged(warehouse: Connection, condition: str = "true") -> dict[str, str | None]:
    with warehouse.cursor() as cursor:
        cursor.execute(f"select key, value::text from {STAGE} where fupan_reasons is null and {condition}")
        return dict(cursor.fetchall())


@pytest.mark.parametrize("quote", ["", '"'], ids=["bare", "quoted"])
@pytest.mark.parametrize("data_type", TYPES)
def test_what_is_plain_is_what_the_long_way_makes_of_it(warehouse: Connection, data_type: str, quote: str) -> None:
    of = table(data_type)
    create_stage(warehouse, of.columns)
    taken = {str(n) for n, value in enumerate(VALUES) if plain(warehouse, of, f"{n},{quote}{value}{quote}\n")}
    condition = misfit(of.columns[1])
    ours = staged(warehouse, "true" if condition is None else f"({condition.as_string(warehouse)}) is not true")
    # Each can stand in raw as it is.
    assert ours.keys() == taken

    with warehouse.cursor() as cursor:
        cursor.execute(f"truncate {STAGE}")
    create_landed(warehouse, ["key", "value"])
    copy_landed(warehouse, ["key", "value"], (("", [str(n), value]) for n, value in enumerate(VALUES)))
    convert(warehouse, Read(of, ENTRY), of.columns, STAGE, None)
    theirs = staged(warehouse)
    assert ours == {key: theirs[key] for key in taken}
    # And what sources send as a rule is among it.
    assert str(VALUES.index(TYPES[data_type])) in taken


@pytest.mark.parametrize("text", ['5" tube', '5"", x"', 'a"b"', '"a"b', '"a', "a\rb", "a\0b"])
def test_quotes_and_breaks_out_of_place_go_the_long_way(warehouse: Connection, text: str) -> None:
    of = table("text")
    create_stage(warehouse, of.columns)
    assert plain(warehouse, of, f"A,{text}\nB,b\n") == 0
    assert plain(warehouse, of, f'A,"fine, ""really""\nso"\r\nB,{text}\r\nC,c') == 1
    assert staged(warehouse) == {"A": 'fine, "really"\nso'}


def test_what_the_contract_requires_is_there_and_no_blank(warehouse: Connection) -> None:
    of = table("integer", required=True)
    create_stage(warehouse, of.columns)
    for text in (",1", '"",1', " ,1", "\u3000,1", "A,", 'A,""', "A,1,2", "A", "", ","):
        assert plain(warehouse, of, text) == 0, text
    assert plain(warehouse, of, "灯,1\nA b ,2") == 2


def test_a_file_that_needs_more_than_reading_is_never_plain(warehouse: Connection) -> None:
    create_stage(warehouse, table("text").columns)
    for more in ({"select": "select * from landed"}, {"encoding": "gb18030"}, {"delimiter": "；"}):
        assert plain(warehouse, table("text"), "A,a\n", FilesTable(files="x", format="csv", **more)) == 0
    assert plain(warehouse, table("text", personal_data="name"), "A,a\n") == 0
    assert plain(warehouse, table("text"), "A;a\n", FilesTable(files="x", format="csv", delimiter=";")) == 1


def test_from_the_first_row_that_is_not_plain_the_long_way_goes_on(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    bare = bare_contract()
    seen: list[tuple[int, int]] = []

    def watched(*given: Any, **named: Any) -> tuple[int, int]:
        seen.append(copy_plain(*given, **named))
        return seen[-1]

    monkeypatch.setattr(files, "copy_plain", watched)
    rows = [row(f"T{n}", opened_at="2026-03-01 09:05:00") for n in range(40)]
    rows[1] = row("T1", opened_at="2026-03-01 09:05:00", phone='"0755\n"')
    rows[30] = row("T30", "much", opened_at="2026-03-01 09:05:00")
    rows[35] = row("T35", opened_at="2026/3/1 9:05")
    desk.put("tickets_2026-03-10.csv", text_of(rows))

    result = desk.load(bare)

    assert seen == [(30, 31)]
    assert (result.counts.read, result.counts.inserted, result.counts.rejected) == (40, 39, 1)
    ((reason, column, content),) = desk.rejected()
    assert (reason, column, content["amount"]) == ("amount is no numeric(10,2)", "amount", "much")
    # A header, a row of two lines, and what follows.
    assert content["fupan_origin"] == "tickets_2026-03-10.csv:33"
    opened = desk.ask("select count(distinct opened_at) as times, count(*) as rows from raw.desk_tickets")
    assert opened == [{"times": 1, "rows": 39}]


def test_a_day_that_no_calendar_has_is_a_rejected_row(desk: Desk) -> None:
    bare = bare_contract()
    rows = [row("A", opened_at="2026-02-28 09:05:00"), row("B", opened_at="2026-02-30 09:05:00")]
    desk.put("tickets_2026-03-10.csv", text_of(rows))

    result = desk.load(bare)

    assert (result.counts.inserted, result.counts.rejected) == (1, 1)
    assert desk.rejected()[0][:2] == ("opened_at is no timestamptz", "opened_at")


@pytest.mark.parametrize("closer_look", [(), ("01",), ("02",), ("03",), ("01", "02", "03")], ids="-".join)
def test_into_empty_raw_the_file_read_last_has_the_last_word(desk: Desk, closer_look: tuple[str, ...]) -> None:
    for number, amount in (("01", "1.00"), ("02", "2.00"), ("03", "3.00")):
        opened = "2026/3/1 9:05" if number in closer_look else "2026-03-01 09:05:00"
        rows = [row(name, amount, opened_at=opened) for name in ("T", f"T{number}")]
        desk.put(f"tickets_2026-03-{number}.csv", text_of(rows))

    result = desk.load(bare_contract(cursor=()))

    assert (result.counts.read, result.counts.inserted, result.counts.duplicate) == (6, 4, 2)
    assert desk.amounts() == {"T": "3.00", "T01": "1.00", "T02": "2.00", "T03": "3.00"}
    assert desk.ask("select distinct _batch_id from raw.desk_tickets") == [{"_batch_id": result.load_id}]
    # What comes by another way has to name its load again.
    with pytest.raises(psycopg2.errors.NotNullViolation):
        desk.ask("insert into raw.desk_tickets (ticket_id, opened_at) values ('X', now())")

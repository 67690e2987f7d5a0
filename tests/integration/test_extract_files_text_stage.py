"""Text on its way into the stage: what is cast, what is rejected and why, what a SELECT of the installation may do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from typing import Any

import pytest
from tests.extract_source import empty_warehouse

from fupan import settings
from fupan.contracts.contract import Column, Contract
from fupan.contracts.installation import FilesTable
from fupan.errors import ContractError
from fupan.extract import text_casts
from fupan.extract.drift import Difference
from fupan.extract.pseudonym import hashed
from fupan.extract.source import Read
from fupan.extract.stage import STAGE, create_stage
from fupan.extract.text_stage import Fault, convert, copy_landed, create_landed, staged
from fupan.server.postgres import EmbeddedPostgres
from fupan.warehouse.connection import Connection, connect


@pytest.fixture(scope="module")
def loader(server: EmbeddedPostgres) -> Iterator[Connection]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FUPAN_WAREHOUSE_URL", server.ensure_database("extract_tests"))
        empty_warehouse(server)
        with connect("loader", "test") as connection:
            with connection.cursor() as cursor:
                cursor.execute("set timezone = 'Asia/Shanghai'")
            connection.commit()
            yield connection


@pytest.fixture
def warehouse(loader: Connection) -> Iterator[Connection]:
    yield loader
    loader.rollback()


def column(name: str, data_type: str = "text", **more: Any) -> Column:
    return Column(name=name, data_type=data_type, description=name, **more)


class Staging:
    """One run of texts through the stage."""

    def __init__(self, warehouse: Connection, *columns: Column) -> None:
        self.warehouse, self.columns = warehouse, columns
        self.contract = Contract(
            system="desk", name="tickets", description="", owner="me", primary_key=(columns[0].name,), columns=columns
        )
        create_stage(warehouse, columns)

    def put(
        self, header: list[str], rows: Iterable[list[str | None] | Fault], select: str | None = None
    ) -> tuple[Difference, ...]:
        create_landed(self.warehouse, header)
        numbered = (r if isinstance(r, Fault) else (f"desk.csv:{n}", r) for n, r in enumerate(rows, 2))
        copy_landed(self.warehouse, header, numbered)
        entry = FilesTable(files="desk.csv", format="csv", select=select)
        return convert(self.warehouse, Read(self.contract, entry), self.columns, STAGE, select)

    def rows(self, names: str = "*", condition: str = "fupan_reasons is null") -> list[tuple[Any, ...]]:
        with self.warehouse.cursor() as cursor:
            cursor.execute(f"select {names} from fupan_stage where {condition}")
            return cursor.fetchall()

    def rejected(self) -> list[tuple[Any, Any]]:
        return self.rows("fupan_reasons, fupan_content", "fupan_reasons is not null")


FITTING = {
    "smallint": {"7": "7", " -12 ": "-12", "+3": "3", "5.0": "5", "70000": "70000"},
    "bigint": {"9223372036854775807": "9223372036854775807", "007": "7"},
    "numeric(14,4)": {
        "12.5": "12.5",
        ".5": "0.5",
        "5.": "5",
        "\u300012.50\xa0": "12.50",
        "1e3": "1000",
        "-0.10": "-0.10",
        "0.30000000000000004": "0.30000000000000004",
    },
    "double precision": {"0.1": "0.1", "-2E-5": "-2e-05", "0": "0"},
    "boolean": {"True": "true", "0": "false", "是": "true", "否": "false", " n ": "false"},
    "date": {
        "2026-01-30": "2026-01-30",
        "2026/1/5": "2026-01-05",
        "20260130": "2026-01-30",
        "2026-01-30 00:00:00": "2026-01-30",
    },
    "timestamptz": {
        "2026/1/5 9:05": "2026-01-05 09:05:00+08",
        "2026-01-30T09:05:06.123456": "2026-01-30 09:05:06.123456+08",
        "2026-01-30T01:05:00Z": "2026-01-30 09:05:00+08",
        "2026-01-30 09:05:00-03:00": "2026-01-30 20:05:00+08",
        "20260130": "2026-01-30 00:00:00+08",
    },
}
MISFITTING = {
    "smallint": ["1.5", "x", "1e3", "0x1f", "1_000", "9223372036854775808", "1" * 40],
    "numeric(14,4)": ["1,234.5", "12 元", "NaN", "inf", "1e", ".", "--1", "1-", "1.2.3", "1_000", "0x1f", "1" * 2000],
    "double precision": ["1e999", "1e-999", "NaN"],
    "boolean": ["2", "maybe", "tru"],
    "date": ["30/1/2026", "2026-02-30", "today", "45321", "2026-01-30 09:05", "1706580000000", "2026-13-01"],
    "timestamptz": [
        "now",
        "infinity",
        "2026-02-30 10:00",
        "2026-01-30 25:00",
        "1Jan-05-26 10:00",
        "1/5/2026",
        "9:05",
        "2026-01-30 at nine",
    ],
}


@pytest.mark.parametrize("built_in", [True, False], ids=["pg_input_is_valid", "as on PostgreSQL 15"])
@pytest.mark.parametrize("data_type", FITTING)
def test_what_fits_and_what_does_not(
    warehouse: Connection, data_type: str, built_in: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not built_in:
        monkeypatch.setattr(text_casts, "_HAS_INPUT_IS_VALID", 10**9)
    with warehouse.cursor() as cursor:
        # A server that puts the day first reads no other day out of what has the year first.
        cursor.execute("set local datestyle = 'ISO, DMY'")
    stage = Staging(warehouse, column("said"), column("value", data_type))
    texts = [*FITTING[data_type], *MISFITTING.get(data_type, []), "", "  ", None]

    assert stage.put(["said", "value"], [[text, text] for text in texts]) == ()

    assert dict(stage.rows("said, value::text", "said is not null and value is not null")) == FITTING[data_type]
    said = [content["said"] for _, content in stage.rejected()]
    assert sorted(said) == sorted(text[:1000] for text in MISFITTING.get(data_type, []))
    assert all(reasons == [["value", f"is no {data_type}"]] for reasons, _ in stage.rejected())
    assert staged(warehouse, STAGE) == len(texts)


def test_special_characters_and_where_a_rejected_row_comes_from(warehouse: Connection) -> None:
    stage = Staging(warehouse, column("id"), column("qty", "integer"), column("phone", personal_data="phone"))
    odd = "a\tb\\N\n\\.\r\n'\"; 中文 😀"

    stage.put(["id", "qty", "phone"], [[odd, "1", "+86 138-0013-8000"], ["B", "many", "138 0013 8000"]])

    number = hashed("13800138000", "phone", settings.pseudonym_key())
    assert stage.rows("id, qty, phone") == [(odd, 1, number)]
    assert stage.rejected() == [
        (
            [["qty", "is no integer"]],
            {"id": "B", "qty": "many", "phone": number, "fupan_origin": "desk.csv:3"},
        )
    ]


def test_rows_that_are_no_rows_are_rejected_with_their_place_alone(warehouse: Connection) -> None:
    stage = Staging(warehouse, column("id"))
    rows = [
        ["A"],
        Fault("desk.csv:3", "has 2 fields instead of 1"),
        ["N\0UL"],
        [b"\xb9".decode(errors="surrogateescape")],
    ]

    stage.put(["id"], rows)

    assert stage.rows("id") == [("A",)]
    assert sorted(stage.rejected(), key=str) == [
        ([[None, "has 2 fields instead of 1"]], {"fupan_origin": "desk.csv:3"}),
        ([[None, "holds bytes that are no text"]], {"fupan_origin": "desk.csv:4"}),
        ([[None, "holds bytes that are no text"]], {"fupan_origin": "desk.csv:5"}),
    ]


def test_a_select_renames_parses_and_numbers_occurrences(warehouse: Connection) -> None:
    stage = Staging(warehouse, column("id"), column("day", "date"), column("is_late", "boolean"), column("kind"))
    select = """
        with numbered as (
            select *, row_number() over (partition by "单号" order by fupan_row) as occurrence from landed
        )
        select "单号" || '-' || occurrence as id, to_date("日期", 'DD.MM.YYYY') as day, "备注" like '%迟%' as is_late,
            null as kind, fupan_origin, fupan_row
        from numbered;
    """
    header = ["单号", "日期", "备注"]

    assert stage.put(header, [["7", "30.01.2026", "迟 50%"], ["7", "31.01.2026", "准时"]], select) == ()

    assert stage.rows("id, day, is_late, kind, fupan_content") == [
        ("7-1", date(2026, 1, 30), True, None, {"fupan_origin": "desk.csv:2"}),
        ("7-2", date(2026, 1, 31), False, None, {"fupan_origin": "desk.csv:3"}),
    ]


def test_a_column_that_is_gone_or_changed_its_meaning(warehouse: Connection) -> None:
    stage = Staging(warehouse, column("id"), column("qty", "integer"))
    assert stage.put(["id", "note"], [["A", "x"]]) == (Difference("qty", "missing", "contract says integer"),)
    select = 'select "投诉单号(新)" as id, "qty" as qty from landed'
    assert stage.put(["投诉单号", "qty"], [["A", "1"]], select) == (
        Difference("投诉单号(新)", "missing", "the installation's select names it"),
    )
    assert stage.put(["l", "qty"], [["A", "1"]], "select l.gone as id, qty from landed as l") == (
        Difference("gone", "missing", "the installation's select names it"),
    )
    assert staged(warehouse, STAGE) == 0
    retyped = Difference("qty", "retyped", "no value is integer")
    assert stage.put(["id", "qty"], [["A", "one"]] * 10) == (retyped,)
    assert stage.put(["id", "qty"], [*[["A", "one"]] * 10, ["B", "2"]]) == ()
    assert stage.put(["id", "qty"], [["A", "one"]] * 9) == ()


@pytest.mark.parametrize(
    ("select", "told"),
    [
        ("select id, qty::integer as qty from landed", "invalid input syntax for type integer"),
        ("selec", "syntax error"),
    ],
)
def test_a_select_that_fails_is_told_without_values(warehouse: Connection, select: str, told: str) -> None:
    stage = Staging(warehouse, column("id"), column("qty", "integer"))
    with pytest.raises(ContractError, match=told) as failure:
        stage.put(["id", "qty"], [["A", "王小明"]], select)
    assert "王小明" not in str(failure.value)
    assert "table=tickets" in str(failure.value)


def test_fifty_columns_and_more(warehouse: Connection) -> None:
    names = [f"c{n}" for n in range(70)]
    stage = Staging(warehouse, *(column(name, "integer") for name in names))
    stage.put(names, [["1"] * 70, ["1"] * 69 + ["x"]])
    assert len(stage.rows()) == 1
    assert stage.rejected()[0][0] == [["c69", "is no integer"]]

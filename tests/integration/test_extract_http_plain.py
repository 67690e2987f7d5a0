"""Values that are taken without a closer look mean what the text room says that they mean, and raw would hold each of them."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from tests.extract_source import empty_warehouse

from fupan.contracts.contract import Column, Contract
from fupan.contracts.installation import FilesTable
from fupan.extract.columns import misfit
from fupan.extract.copy_text import copy_lines
from fupan.extract.http_records import as_text
from fupan.extract.plain_rows import PlainRows
from fupan.extract.source import Read
from fupan.extract.stage import STAGE, create_stage
from fupan.extract.text_stage import convert, copy_landed, create_landed
from fupan.server.postgres import EmbeddedPostgres
from fupan.warehouse.connection import Connection, connect

_TIMES = [
    *("2026-03-01T10:00:00+08:00", "2026-03-01 10:00:00.123456", "2026-03-01T10:00Z", "2026-03-01T10:00:00.5-03:30"),
    *(
        "2026-02-29T10:00:00",
        "2026-03-01T24:00:00",
        "2026-03-01T10:00:60Z",
        "2026-03-01T10:00:00+15:30",
        "2026-03-01T10",
    ),
    *(
        "2026-03-01T10:00:00+08",
        "2026-W09-7T10:00:00",
        "20260301T100000",
        "2026-03-01x10:00:00",
        "2026-03-01T10:00:00,5",
    ),
    *("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59.999999-14:00", "0000-01-01T00:00:00", "2026-03-29T02:30:00"),
    *(
        "2026-03-01",
        "2026-02-30",
        "2026-3-1",
        "0001-01-01",
        "9999-12-31",
        "20260301",
        "2026/03/01",
        "2026-060",
        "infinity",
    ),
    *("2026-03-01T00:00:00", "２０２６-03-01", "2026-03-01 ", "2026-03-01\n", "2026-03-01T10:00:00.1234567+08:00"),
]
_NUMBERS = [
    *(0, 7, -12, 32767, 32768, -32768, -32769, 2**31 - 1, 2**31, 2**63 - 1, 2**63, -(2**63), 2**64, 10**30),
    *(Decimal("0.10"), Decimal("-19.90"), Decimal("1E+2"), Decimal("1.005"), Decimal("99999999.99"), Decimal("1e-400")),
    *(
        "7",
        "+3",
        " 5",
        "007",
        "5.0",
        "19.90",
        "-0",
        ".5",
        "5.",
        "1e3",
        "--1",
        "1,5",
        "٣",
        "99999999.99",
        "123456789.01",
    ),
    *("9" * 18, "9" * 19, "0." + "1" * 16, "0." + "1" * 15, "NaN", "Infinity", "1_000"),
]
_OTHERS = [
    *(None, "", " ", True, False, "true", "t", "是", "yes", {"a": 1}, ["x", 1.5], {"decimal": Decimal("2.55")}),
    *(
        "灯",
        "a\tb",
        "a\\N",
        "\\",
        "\\.",
        "a\nb",
        "a\r\nb",
        "\u3000",
        "王小明",
        " 王 小明",
        "+86 138-0013-8000",
        "null",
        "😀",
    ),
]
VALUES: list[Any] = [*_TIMES, *_NUMBERS, *_OTHERS]
TYPES = {
    "t": "text",
    "s": "smallint",
    "i": "integer",
    "b": "bigint",
    "n": "numeric",
    "n2": "numeric(10,2)",
    "n0": "numeric(4,0)",
    "f": "double precision",
    "o": "boolean",
    "d": "date",
    "z": "timestamptz",
}
COLUMNS = [Column(name=name, data_type=data_type, description=name) for name, data_type in TYPES.items()] + [
    Column(name=kind, data_type="text", description=kind, personal_data=kind) for kind in ("name", "phone")
]


@pytest.fixture
def warehouse(server: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch) -> Iterator[Connection]:
    monkeypatch.setenv("FUPAN_WAREHOUSE_URL", server.ensure_database("extract_tests"))
    empty_warehouse(server)
    with connect("loader", "test") as connection, connection.cursor() as cursor:
        cursor.execute("set timezone = 'Europe/Berlin'")
        yield connection
        connection.rollback()


def _contract(column: Column) -> Contract:
    key = Column(name="key", data_type="text", description="key")
    return Contract(
        system="shop", name="plain", description="", owner="me", primary_key=("key",), columns=(key, column)
    )


def _staged(warehouse: Connection, column: Column, condition: str) -> dict[str, Any]:
    with warehouse.cursor() as cursor:
        cursor.execute(f"select key, {column.name}::text from {STAGE} where fupan_reasons is null and {condition}")
        return dict(cursor.fetchall())


@pytest.mark.parametrize("column", COLUMNS, ids=lambda column: column.personal_data or column.data_type)
def test_what_is_plain_is_what_the_text_room_makes_of_it(warehouse: Connection, column: Column) -> None:
    contract = _contract(column)
    plain = PlainRows(contract, contract.columns)
    pages = {str(n): plain.lines([[str(n)], [value]]) for n, value in enumerate(VALUES)}
    taken = {key: lines for key, lines in pages.items() if lines is not None}
    create_stage(warehouse, contract.columns)
    copy_lines(warehouse, STAGE, ["key", column.name], iter(taken.values()))
    condition = misfit(column)
    fits = "true" if condition is None else f"({condition.as_string(warehouse)}) is not true"
    ours = _staged(warehouse, column, fits)
    # Each can stand in raw as it is.
    assert ours.keys() == taken.keys()

    with warehouse.cursor() as cursor:
        cursor.execute(f"truncate {STAGE}")
    create_landed(warehouse, ["key", column.name])
    copy_landed(warehouse, ["key", column.name], (("", [str(n), as_text(value)]) for n, value in enumerate(VALUES)))
    convert(warehouse, Read(contract, FilesTable(files="x", format="csv")), contract.columns, STAGE, None)
    theirs = _staged(warehouse, column, "true")
    assert ours == {key: theirs[key] for key in taken}
    # And what sources send as a rule is among it.
    usual = {"t": "灯", "s": 7, "i": "7", "b": 2**31, "n": "19.90", "n2": Decimal("0.10"), "n0": 7, "f": "19.90"}
    usual |= {
        "o": True,
        "d": "2026-03-01",
        "z": "2026-03-01T10:00:00+08:00",
        "name": "王小明",
        "phone": "+86 138-0013-8000",
    }
    for value in (usual[column.name], None, ""):
        key = next(n for n, one in enumerate(VALUES) if one == value and type(one) is type(value))
        assert str(key) in taken or (value == "" and column.name == "o")


def test_a_page_is_taken_whole_or_not(warehouse: Connection) -> None:
    contract = _contract(COLUMNS[1])
    plain = PlainRows(contract, contract.columns)
    assert plain.lines([["a", "b\t\\N", "灯"], [1, None, -2]]) == "a\t1\nb\\t\\\\N\t\\N\n灯\t-2\n".encode()
    assert plain.filled == {"key", "s"}
    assert plain.lines([["a", "b"], [1, "two"]]) is None
    assert plain.lines([["a", None], [1, 2]]) is None  # a row without its key is rejected, and says where it stood
    assert plain.lines([["a", ""], [1, 2]]) is None
    assert plain.lines([["a"], [1]], "42") == b"a\t1\t42\n"

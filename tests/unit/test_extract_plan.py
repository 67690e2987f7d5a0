"""What a night reads of a table, how far its watermark moves, and which differences stop it: pure decisions."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from fupan.contracts.contract import Column, Contract
from fupan.errors import ContractError
from fupan.extract import cursors, drift
from fupan.extract.drift import Difference, missing_column
from fupan.extract.ledger import describe
from fupan.extract.source import Bound

STAMP = Column(name="changed", data_type="timestamptz", description="")
DAY = Column(name="day", data_type="date", description="")
NUMBER = Column(name="number", data_type="integer", description="")
KEY = Column(name="key", data_type="text", description="")
ZONE = "Europe/London"


def contract(*cursor: str, delivery: str = "delta") -> Contract:
    return Contract.model_validate(
        {
            "system": "s",
            "name": "t",
            "description": "",
            "owner": "o",
            "primary_key": ("key",),
            "cursor": cursor,
            "lookback": timedelta(hours=36),
            "delivery": delivery,
            "columns": [c.model_dump() for c in (KEY, STAMP, DAY, NUMBER)],
        }
    )


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def test_first_load_and_void_positions_read_everything() -> None:
    for position in (None, {}, {"day": "2026-01-01"}):
        assert cursors.plan(contract("changed"), position, False, None, ZONE) == cursors.Plan("full")
    assert cursors.plan(contract("changed"), {"changed": "2026-01-01 00:00:00+00"}, True, None, ZONE).mode == "full"
    assert cursors.plan(contract(), None, False, None, ZONE) == cursors.Plan("compare")
    assert cursors.plan(contract("changed", delivery="full"), None, False, None, ZONE) == cursors.Plan("compare")


@pytest.mark.parametrize(
    ("column", "reached", "low"),
    [
        (STAMP, "2026-01-10 12:00:00.5+08", at("2026-01-09 00:00:00.5+08:00")),
        (DAY, "2026-01-10", date(2026, 1, 9)),
        (NUMBER, "17", 17),
    ],
)
def test_incremental_looks_back(column: Column, reached: str, low: object) -> None:
    found = cursors.plan(contract(column.name), {column.name: reached}, False, None, ZONE)
    assert found == cursors.Plan("incremental", Bound(column, low))  # type: ignore[arg-type]


def test_window_is_whole_days_of_the_source() -> None:
    window = (date(2026, 3, 28), date(2026, 3, 29))
    found = cursors.plan(contract("changed"), None, False, window, ZONE)
    assert found.mode == "window"
    assert found.bound == Bound(
        STAMP, datetime(2026, 3, 28, tzinfo=ZoneInfo(ZONE)), datetime(2026, 3, 30, tzinfo=ZoneInfo(ZONE))
    )
    assert found.bound is not None
    assert isinstance(found.bound.high, datetime)
    assert found.bound.high.astimezone(UTC) == at("2026-03-29T23:00:00+00:00")
    assert cursors.plan(contract("day"), None, False, window, ZONE).bound == Bound(DAY, window[0], date(2026, 3, 30))
    assert cursors.plan(contract("number"), None, False, window, ZONE) == cursors.Plan("compare")


def test_a_watermark_compares_by_value_not_by_text() -> None:
    stamped = contract("changed", "key")
    early = {"changed": "2026-01-10 12:00:00+08", "key": "Z"}
    late = {"changed": "2026-01-10 05:00:00+00", "key": "A"}
    assert cursors.later(stamped, early, late) == late
    assert cursors.later(stamped, late, early) == late
    assert cursors.later(stamped, late, None) == late
    assert cursors.later(stamped, {}, early) == early
    numbered = contract("number")
    assert cursors.later(numbered, {"number": "9"}, {"number": "10"}) == {"number": "10"}


def test_differences_of_a_source() -> None:
    delivered = {"key": "integer", "day": "date", "number": None, "extra": "text"}
    found = drift.compare(contract(), delivered)
    assert found == [
        Difference("key", "retyped", "is integer, contract says text"),
        Difference("changed", "missing", "contract says timestamptz"),
        Difference("extra", "added", "is text"),
    ]
    with pytest.raises(ContractError) as stopped:
        drift.refuse(contract(), found)
    assert stopped.value.where == {"system": "s", "table": "t", "column": "key"}
    assert "changed is missing" in str(stopped.value)
    drift.refuse(contract(), found[2:])


@pytest.mark.parametrize(
    ("message", "column"),
    [
        ("column p.standard_cost does not exist", "standard_cost"),
        ('column "Cost" does not exist', "Cost"),
        ("no such column: o.cost", "cost"),
        ("(1054, \"Unknown column 'o.cost' in 'field list'\")", "cost"),
        ('ORA-00904: "COST": invalid identifier', "COST"),
        ("syntax error", None),
    ],
)
def test_the_column_that_a_database_misses(message: str, column: str | None) -> None:
    assert missing_column(message) == column


def test_rows_quoted_by_a_database_do_not_reach_ops() -> None:
    assert describe(ValueError("duplicate key\nDETAIL:  Key (phone)=(138) exists.")) == "duplicate key"
    assert describe("bad\nCONTEXT:  COPY t, line 1: 138") == "bad"
    assert describe(KeyError()) == "KeyError"

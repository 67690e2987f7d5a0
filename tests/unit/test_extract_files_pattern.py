"""How files are named, and what an installation may say of them."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from fupan.contracts.file_pattern import FilePattern
from fupan.contracts.installation import FilesTable


@pytest.mark.parametrize(
    ("pattern", "name", "moment"),
    [
        ("complaints_{date}.xlsx", "complaints_2026-01-30.xlsx", datetime(2026, 1, 30)),
        ("{date:%Y%m%d}.csv", "20260130.csv", datetime(2026, 1, 30)),
        ("x{date:%d.%m.%y}*.csv", "x30.01.26 (2).csv", datetime(2026, 1, 30)),
        ("x{date:%Y%m%d_%H%M%S}.csv", "x20260130_090507.csv", datetime(2026, 1, 30, 9, 5, 7)),
        ("投诉?.csv", "投诉1.csv", None),
        ("a+b(1).csv", "a+b(1).csv", None),
    ],
)
def test_a_name_that_matches(pattern: str, name: str, moment: datetime | None) -> None:
    parsed = FilePattern.parse(pattern)
    assert parsed.matches(name)
    assert parsed.moment_of(name) == moment
    if moment and "*" not in pattern and not moment.hour:
        assert parsed.name_of(moment.date()) == name


@pytest.mark.parametrize(
    ("pattern", "name"),
    [
        ("complaints_{date}.xlsx", "complaints_2026-02-30.xlsx"),
        ("complaints_{date}.xlsx", "complaints_2026-1-30.xlsx"),
        ("complaints_{date}.xlsx", "old complaints_2026-01-30.xlsx"),
        ("complaints_{date}.xlsx", "complaints_2026-01-30.xlsx\n"),
        ("complaints_{date}.xlsx", "complaints_2026-01-30_xlsx"),
        ("history.csv", "History.csv"),
    ],
)
def test_a_name_that_does_not(pattern: str, name: str) -> None:
    parsed = FilePattern.parse(pattern)
    assert not parsed.matches(name)
    assert parsed.moment_of(name) is None


def test_the_name_of_a_night() -> None:
    assert FilePattern.parse("a{date:%d%m%y}-*.csv").name_of(date(2026, 1, 30)) == "a300126-*.csv"


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"files": "sub/{date}.csv"}, "directly in the folder"),
        ({"files": "../x.csv"}, "directly in the folder"),
        ({"files": ".hidden"}, "directly in the folder"),
        ({"files": "{date}_{date}.csv"}, "a day twice"),
        ({"files": "{day}.csv"}, "braces"),
        ({"files": "{date:%Y-%m}.csv"}, "year, month and day"),
        ({"files": "{date:%Y%j}.csv"}, "%j .* is none of"),
        ({"files": "x.csv", "each_night": True}, "tell their day"),
        ({"files": "x.csv", "encoding": "utf-16"}, "no encoding in which"),
        ({"files": "x.csv", "encoding": "ebcdic"}, "no encoding in which"),
        ({"files": "x.csv", "delimiter": "||"}, "no single character"),
    ],
)
def test_what_an_installation_may_not_say(given: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        FilesTable.model_validate({"format": "csv"} | given)

"""The service desk's drop folder: each day's files as they were exported, whole, and the same whenever they are written."""

from __future__ import annotations

import contextlib
import csv
import io
import itertools
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from click.testing import CliRunner
from python_calamine import CalamineWorkbook
from tests.databases import copy_database, drop_database

from fupan.cli.demo import demo
from fupan.demo.systems import erp, exports, service_desk
from fupan.server.postgres import EmbeddedPostgres

FIRST, UNTIL = date(2025, 12, 1), date(2026, 3, 31)
FILES = {"complaints": "xlsx", **dict.fromkeys(("repairs", "chats", "crises", "waves", "survey", "conjoint"), "csv")}

_numbers = itertools.count(1)


def making(until: date = UNTIL, seed: int = erp.SEED) -> erp.Making:
    """A short history, and enough customers that some complain in a week."""
    return erp.Making(until=until, first=FIRST, scale=0.06, seed=seed, faults={})


@pytest.fixture(scope="module")
def made(server: EmbeddedPostgres) -> Iterator[str]:
    """A company with a short history, to be copied."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(erp, "DATABASE", "desk_tests")
        patch.setattr(service_desk, "FOLDER", "desk tests")
        url = erp.create(making())
        yield url
    drop_database(server, url)


@pytest.fixture
def desk(server: EmbeddedPostgres, made: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The same company, and a folder of its own."""
    url = copy_database(server, made, is_warehouse=False)
    monkeypatch.setattr(erp, "DATABASE", url.rpartition("/")[2])
    monkeypatch.setattr(service_desk, "FOLDER", f"drop folder, 投诉 {next(_numbers)}")
    erp.drop_exports()
    yield url
    drop_database(server, url)


def ask(url: str, statement: str) -> list[tuple[Any, ...]]:
    with contextlib.closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchall()


def files() -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in service_desk.folder().iterdir()}


def complaints(day: str) -> dict[str, dict[str, Any]]:
    """Complaint -> its row in that day's workbook."""
    sheet = CalamineWorkbook.from_path(service_desk.folder() / f"complaints_{day}.xlsx").get_sheet_by_name("投诉单")
    header, *rows = sheet.to_python()
    assert tuple(header) == exports.COMPLAINT_HEADER
    return {row[0]: dict(zip(exports.COMPLAINT_HEADER, row, strict=True)) for row in rows}


def table(name: str, encoding: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO((service_desk.folder() / name).read_bytes().decode(encoding))))


def test_the_first_export_holds_the_history(desk: str) -> None:
    assert files().keys() == {f"{name}_2026-03-31.{ending}" for name, ending in FILES.items()}
    written = complaints("2026-03-31")
    kept = ask(
        desk,
        "select complaint_id, complaint_text, is_safety, updated_at at time zone 'Asia/Shanghai', claim_amount "
        "from service_desk.complaints",
    )
    assert {
        (key, row["投诉内容"], row["涉及安全"] == "是", row["更新时间"], row["索赔金额"])
        for key, row in written.items()
    } == {(key, text, safety, at, float(claim) if claim else "") for key, text, safety, at, claim in kept}
    assert all(isinstance(row["受理时间"], datetime) for row in written.values())

    repairs = table("repairs_2026-03-31.csv", "gb18030")
    assert tuple(repairs[0]) == exports.REPAIR_HEADER
    assert {(row["工单号"], row["报修时间"]) for row in repairs} == {
        (key, f"{at.year}/{at.month}/{at.day} {at.hour}:{at.minute:02d}")
        for key, at in ask(desk, "select ticket_id, opened_at at time zone 'Asia/Shanghai' from service_desk.repairs")
    }
    assert files()["chats_2026-03-31.csv"].startswith(b"\xef\xbb\xbfchat_id,")
    chats = table("chats_2026-03-31.csv", "utf-8-sig")
    assert {(row["chat_id"], row["ended_at"]) for row in chats} == set(
        ask(desk, "select chat_id, (ended_at at time zone 'Asia/Shanghai')::text from service_desk.chats")
    )
    answers = table("survey_2026-03-31.csv", "utf-8")
    assert datetime.fromisoformat(answers[0]["responded_at"]).utcoffset() is not None
    for name, relation in (
        ("survey", "responses"), ("conjoint", "conjoint_choices"), ("waves", "surveys"), ("crises", "crisis_events"),
    ):  # fmt: skip
        written_rows = len(table(f"{name}_2026-03-31.csv", "utf-8"))
        assert written_rows == ask(desk, f"select count(*) from service_desk.{relation}")[0][0]


def test_each_day_s_file_shows_that_day(desk: str) -> None:
    erp.advance(6)
    days = [f"2026-04-{number:02d}" for number in range(1, 7)]
    assert len(files()) == len(FILES) * 7
    found = {day: complaints(day) for day in days}
    for day, changed in found.items():
        assert {row["更新时间"].date().isoformat() for row in changed.values()} <= {day}
    # A complaint that goes on for days stands in several files, each time as it was.
    seen: dict[str, list[dict[str, Any]]] = {}
    for rows in found.values():
        for key, row in rows.items():
            seen.setdefault(key, []).append(row)
    assert any(rows[0]["更新时间"] < rows[-1]["更新时间"] and rows[0] != rows[-1] for rows in seen.values())
    newest = {key: row for day in days for key, row in found[day].items()}
    now = dict(
        ask(
            desk,
            "select complaint_id, updated_at at time zone 'Asia/Shanghai' from service_desk.complaints "
            "where updated_at >= '2026-04-01 00:00 Asia/Shanghai'",
        )
    )
    assert {key: row["更新时间"] for key, row in newest.items()} == now


def test_what_is_there_is_left_alone_and_what_is_not_comes_back_the_same(desk: str) -> None:
    erp.advance(1)
    before = files()
    stamps = {path.name: path.stat().st_mtime_ns for path in service_desk.folder().iterdir()}
    erp.ensure()
    assert {path.name: path.stat().st_mtime_ns for path in service_desk.folder().iterdir()} == stamps
    for path in service_desk.folder().iterdir():
        path.unlink()
    service_desk.folder().rmdir()
    erp.ensure()
    assert files() == before


def test_same_rows_same_bytes(desk: str) -> None:
    before = files()
    erp.create(making())
    assert files() == before
    erp.create(making(seed=7))
    assert files().keys() == before.keys()
    # The waves of the surveys follow the calendar.
    assert all(content != before[name] for name, content in files().items() if not name.startswith("crises"))


def test_another_company_s_files_go_and_other_files_stay(desk: str) -> None:
    erp.advance(1)
    (service_desk.folder() / "readme.txt").write_text("mine")
    erp.create(making(date(2026, 3, 30)))
    assert {name for name in files() if "2026-03-30" not in name} == {"readme.txt"}


def test_a_desk_that_is_down_drops_nothing_until_it_is_back(desk: str) -> None:
    run = CliRunner().invoke
    assert run(demo, ["stop", "service"], catch_exceptions=False).exit_code == 0
    erp.advance(2)
    erp.ensure()
    assert not [name for name in files() if "2026-04" in name]
    assert run(demo, ["start", "service"], catch_exceptions=False).exit_code == 0
    assert len([name for name in files() if "2026-04" in name]) == 2 * len(FILES)
    assert run(demo, ["stop", "erp"]).exit_code == 2


def test_a_half_written_file_is_never_seen(desk: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: Path, __: bytes) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", full)
        with pytest.raises(OSError, match="No space"):
            erp.advance(1)
    assert not [name for name in files() if "2026-04" in name]
    erp.ensure()
    assert len([name for name in files() if "2026-04-01" in name]) == len(FILES)

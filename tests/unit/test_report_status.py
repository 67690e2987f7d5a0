"""What is overdue, and what a shown URL keeps to itself."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from click.testing import CliRunner

from fupan.cli.status import status as command
from fupan.report import status as module
from fupan.report.status import LastNight, Status, masked, overdue
from fupan.report.visible import Visible

DAY = date(2026, 3, 20)


def seen(dimension: str, age_hours: float | None) -> Visible:
    return Visible(
        dimension=dimension,
        label_en=dimension,
        label_zh="",
        verdict="published" if age_hours is not None else "never_published",
        business_day=DAY if age_hours is not None else None,
        release_id=None,
        published_at=None,
        held_since=None,
        why=None,
        override_reason=None,
        no_data=(),
        age_hours=age_hours,
    )


def state(night_age: float | None, *ages: float | None) -> Status:
    night = night_age is not None and LastNight(
        build_id=1, business_day=DAY, kind="nightly", finished_at=datetime.now(UTC), age_hours=night_age, verdicts={}
    )
    dimensions = tuple(seen(f"dimension_{number}", age) for number, age in enumerate(ages))
    return Status(
        warehouse={"reader": "postgresql://h/d"}, airflow=None, last_night=night or None, dimensions=dimensions
    )


@pytest.mark.parametrize(
    ("found", "late"),
    [
        (state(5, 26, 26), []),
        (state(5, 26, 26.01), ["dimension_1 shows 2026-03-20, 1 d 2 h old"]),
        (state(26.5, 3), ["The last night that finished (2026-03-20) ended 1 d 2 h ago"]),
        (state(5, 3, None), []),
        (state(None), ["No night has finished yet"]),
        (state(None, 30), ["No night has finished yet", "dimension_0 shows 2026-03-20, 1 d 6 h old"]),
    ],
)
def test_overdue_names_the_night_and_every_dimension_that_is_too_old(found: Status, late: list[str]) -> None:
    assert overdue(found, timedelta(hours=26)) == late


@pytest.mark.parametrize(("age", "max_age", "code"), [(26.0, "26", 0), (26.5, "26", 1), (26.5, None, 0)])
def test_exit_code(monkeypatch: pytest.MonkeyPatch, age: float, max_age: str | None, code: int) -> None:
    monkeypatch.setattr(module, "status", lambda **_: state(1, age))
    arguments = ["--json", *(["--max-age", max_age] if max_age else [])]
    assert command.main(arguments, standalone_mode=False) == code


def test_a_negative_age_is_wrong_usage() -> None:
    assert CliRunner().invoke(command, ["--max-age", "-1"]).exit_code == 2


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://bi_reader:s3:cr@t@h:5432/d", "postgresql://bi_reader:***@h:5432/d"),
        ("postgresql://bi_reader@h/d?sslmode=require", "postgresql://bi_reader@h/d?sslmode=require"),
        (
            "postgresql://h/d?user=u&password=secret&sslmode=require",
            "postgresql://h/d?user=u&password=***&sslmode=require",
        ),
    ],
)
def test_a_shown_url_has_no_password(url: str, shown: str) -> None:
    assert masked(url) == shown

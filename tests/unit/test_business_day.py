"""Which day a run is for, and which night is the newest."""

from __future__ import annotations

from datetime import UTC, date, datetime
from types import SimpleNamespace

import pytest

from fupan.errors import ConfigurationError
from fupan.night.business_day import business_day, latest_business_day


def test_the_partition_key_is_the_business_day() -> None:
    assert business_day({"partition_key": "2026-01-31", "dag_run": SimpleNamespace(conf={})}) == date(2026, 1, 31)


def test_one_dag_passes_the_day_to_another_by_conf() -> None:
    run = SimpleNamespace(conf={"business_day": "2026-02-28"})
    assert business_day({"partition_key": None, "dag_run": run}) == date(2026, 2, 28)


@pytest.mark.parametrize("key", [None, "", "2026-02-30", "20260131", "2026-01-31T02:00:00"])
def test_a_run_without_a_day_says_what_to_do(key: str | None) -> None:
    with pytest.raises(ConfigurationError, match="partition key") as refused:
        business_day({"partition_key": key, "dag_run": SimpleNamespace(conf=None)})
    assert "fupan nightly --date" in (refused.value.remedy or "")


@pytest.mark.parametrize(
    ("now", "day"),
    [
        # Shanghai is eight hours ahead: 18:00 UTC is 02:00 of the next day there.
        (datetime(2026, 1, 31, 17, 59, tzinfo=UTC), date(2026, 1, 30)),
        (datetime(2026, 1, 31, 18, 0, tzinfo=UTC), date(2026, 1, 31)),
        (datetime(2026, 1, 31, 15, 59, tzinfo=UTC), date(2026, 1, 30)),
        (datetime(2026, 1, 31, 16, 1, tzinfo=UTC), date(2026, 1, 30)),
    ],
)
def test_the_newest_night_is_that_of_the_last_start(now: datetime, day: date) -> None:
    assert latest_business_day(now) == day


def test_an_installation_has_its_own_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FUPAN_TIME_ZONE", "Europe/London")
    monkeypatch.setenv("FUPAN_NIGHT_STARTS", "03:30")
    assert latest_business_day(datetime(2026, 7, 2, 2, 29, tzinfo=UTC)) == date(2026, 6, 30)
    assert latest_business_day(datetime(2026, 7, 2, 2, 30, tzinfo=UTC)) == date(2026, 7, 1)


@pytest.mark.parametrize(("variable", "value"), [("FUPAN_TIME_ZONE", "Mars/Olympus"), ("FUPAN_NIGHT_STARTS", "25:00")])
def test_a_wrong_clock_is_named(monkeypatch: pytest.MonkeyPatch, variable: str, value: str) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(ConfigurationError, match=f"{variable} is '{value}'"):
        latest_business_day(datetime(2026, 1, 1, tzinfo=UTC))

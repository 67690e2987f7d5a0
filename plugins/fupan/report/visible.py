"""What BI users see now, a dimension: the visible release, the business day it shows and how old that is."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict

from fupan.report.redact import redact
from fupan.warehouse.connection import Connection, rows


class Visible(BaseModel):
    """One review dimension as BI users see it. ``age_hours``: since the end of the business day shown; None: nothing public."""

    model_config = ConfigDict(frozen=True)

    dimension: str
    label_en: str
    label_zh: str
    verdict: str
    business_day: date | None
    release_id: int | None
    published_at: datetime | None
    held_since: date | None
    why: str | None
    override_reason: str | None
    no_data: tuple[str, ...]
    age_hours: float | None

    @property
    def age(self) -> str:
        """The age for people, or a dash."""
        return "–" if self.age_hours is None else humanise(timedelta(hours=self.age_hours))


def visible(connection: Connection, now: datetime | None = None) -> dict[str, Visible]:
    """Every dimension known to `status`, by name; ``now`` (aware) defaults to this moment."""
    now = now or datetime.now().astimezone()
    zones = [str(row["time_zone"]) for row in rows(connection, "select time_zone from ops.source_system")]
    found = rows(
        connection,
        """
        select dimension, label_en, label_zh, verdict, business_day, release_id, published_at, held_since, why,
            override_reason, no_data
        from status.dimension_status
        order by dimension
        """,
    )
    return {str(row["dimension"]): _state(row, zones, now) for row in found}


def end_of_day(business_day: date, zones: Sequence[str]) -> datetime:
    """The moment a business day ended; where sources stand in several zones, in the one where it ended first."""
    midnight = datetime.combine(business_day + timedelta(days=1), time())
    return min(midnight.replace(tzinfo=ZoneInfo(zone)) for zone in zones or ["UTC"])


def humanise(age: timedelta) -> str:
    """A duration in its two largest units: `45 s`, `12 min`, `3 h 20 min`, `2 d 4 h`, `14 y 351 d`."""
    seconds = max(int(age.total_seconds()), 0)
    units = (("y", 365 * 86400), ("d", 86400), ("h", 3600), ("min", 60), ("s", 1))
    for (name, size), (small_name, small_size) in itertools.pairwise(units):
        if seconds >= size:
            rest = seconds % size // small_size
            return f"{seconds // size} {name}" + (f" {rest} {small_name}" if rest else "")
    return f"{seconds} s"


def _state(row: dict[str, Any], zones: Sequence[str], now: datetime) -> Visible:
    day, why = row["business_day"], row["why"]
    age = round(max((now - end_of_day(day, zones)).total_seconds(), 0) / 3600, 2) if day else None
    return Visible(**row | {"why": redact(why) if why else None}, age_hours=age)

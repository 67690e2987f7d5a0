"""Quarters and months of the company's years, and the day on which what is said about them comes out."""

from __future__ import annotations

import calendar
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from fupan.demo.world import World, day_number


@dataclass(frozen=True)
class Period:
    """``name``: YYYY-Qn or YYYY-MM. ``first`` and ``last``: its days, numbers since 1970. ``number``: counted from year 0."""

    name: str
    number: int
    first: int
    last: int


def quarters(world: World) -> Iterator[Period]:
    """Quarters that touch the company's life."""
    for number in range(world.first.year * 4 + (world.first.month - 1) // 3, world.last.year * 4 + 4):
        year, quarter = divmod(number, 4)
        yield _period(f"{year}-Q{quarter + 1}", number, year, quarter * 3 + 1, quarter * 3 + 3)


def months(world: World) -> Iterator[Period]:
    """Months that touch the company's life."""
    for number in range(world.first.year * 12 + world.first.month - 1, world.last.year * 12 + 12):
        year, month = divmod(number, 12)
        yield _period(f"{year}-{month + 1:02d}", number, year, month + 1, month + 1)


def weeks(world: World) -> Iterator[Period]:
    """Weeks (from Monday) that begin in the company's life; ``name``: YYYY-Www by ISO 8601."""
    monday = day_number(world.first) + (-day_number(world.first) - 3) % 7
    for first in range(monday, day_number(world.last), 7):
        iso = date.fromordinal(first + date(1970, 1, 1).toordinal()).isocalendar()
        yield Period(f"{iso.year}-W{iso.week:02d}", first // 7, first, first + 6)


def _period(name: str, number: int, year: int, month: int, last_month: int) -> Period:
    last = date(year, last_month, calendar.monthrange(year, last_month)[1])
    return Period(name, number, day_number(date(year, month, 1)), day_number(last))


def published(periods: Iterator[Period], after: int, evening: date) -> list[Period]:
    """Those of which the news, so many days after their end, is out by the evening."""
    return [period for period in periods if period.last + after <= day_number(evening)]

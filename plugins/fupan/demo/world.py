"""What makes a reference company what it is: seed, scale, first day. All its rows follow from that, whatever day it is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from fupan.demo.tools.draws import Draws, Ints

ZONE = ZoneInfo("Asia/Shanghai")
YEAR = 365
#: Years of history before the last day of a company that is made anew, and for how many years from its first day it can live.
HISTORY_YEARS, LIFE_YEARS = 3, 8
EPOCH = date(1970, 1, 1)


@dataclass(frozen=True)
class World:
    """A company. ``scale`` 1: about a million order lines in three years. ``first``: the first day of its history.

    ``recent``: share of late changes (corrections, re-dated and deleted orders) that come within seven days of the order;
    the others lie anywhere in the year after it.
    """

    seed: int
    scale: float
    first: date
    recent: float = 0.8

    def draws(self, purpose: str) -> Draws:
        """Chance for one purpose."""
        return Draws(self.seed, purpose)

    def number(self, at_scale_one: float, least: int = 1) -> int:
        """How many of something there are that grows with the company."""
        return max(least, round(at_scale_one * self.scale))

    @property
    def last(self) -> date:
        """The last day that can be played."""
        return self.first + timedelta(days=LIFE_YEARS * YEAR)

    @property
    def review_year(self) -> tuple[date, date]:
        """First and last day of the third year: the year under review, whose figures the causes are set for."""
        return self.first + timedelta(days=2 * YEAR), self.first + timedelta(days=3 * YEAR - 1)

    def years(self, days: Ints) -> np.ndarray:
        """Days (since 1970) as years from the middle of the year under review."""
        return (days - day_number(self.first)) / YEAR - 2.5


@dataclass(frozen=True)
class Span:
    """What is to be told: rows that begin on the days ``first`` to ``last`` (inclusive), as they stand after ``evening``."""

    first: date
    last: date
    evening: date

    @property
    def days(self) -> Ints:
        """The days as numbers since 1970."""
        return np.arange(day_number(self.first), day_number(self.last) + 1, dtype=np.int64)


def day_number(day: date) -> int:
    """Days since 1970."""
    return (day - EPOCH).days


def midnight(day: date) -> datetime:
    """The moment at which a day of the company begins."""
    return datetime.combine(day, time(), ZONE)

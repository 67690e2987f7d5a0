"""How much more or less is bought on a day: building season, Spring Festival, shopping festivals, weekdays."""

from __future__ import annotations

from datetime import date

import numpy as np

from fupan.demo.tools.draws import Floats, Ints
from fupan.demo.world import day_number

#: First day of the Spring Festival.
SPRING_FESTIVALS = (
    date(2020, 1, 25), date(2021, 2, 12), date(2022, 2, 1), date(2023, 1, 22), date(2024, 2, 10), date(2025, 1, 29),
    date(2026, 2, 17), date(2027, 2, 6), date(2028, 1, 26), date(2029, 2, 13), date(2030, 2, 3), date(2031, 1, 23),
    date(2032, 2, 11), date(2033, 1, 31), date(2034, 2, 19), date(2035, 2, 8),
)  # fmt: skip

#: People do up their homes in spring and autumn; sites are built from March to November.
HOMES = (0.85, 0.75, 1.10, 1.12, 1.10, 1.00, 0.90, 0.88, 1.08, 1.12, 1.10, 0.98)
SITES = (0.70, 0.60, 1.00, 1.10, 1.18, 1.15, 1.05, 1.00, 1.12, 1.16, 1.12, 0.85)


def months(days: Ints) -> Ints:
    """Month (1 to 12) of each day."""
    return days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64) % 12 + 1


def days_of_month(days: Ints) -> Ints:
    """Day of the month (from 1)."""
    moments = days.astype("datetime64[D]")
    found: Ints = (moments - moments.astype("datetime64[M]")).astype(np.int64) + 1
    return found


def is_weekend(days: Ints) -> np.ndarray:
    """Saturday or Sunday (1970 began on a Thursday)."""
    found: np.ndarray = (days + 3) % 7 >= 5
    return found


def spring_festival(days: Ints) -> Floats:
    """What is left of trade: an eighth around the Spring Festival, half in the weeks beside it, all on other days."""
    found = np.ones(len(days))
    for first in SPRING_FESTIVALS:
        since = days - day_number(first)
        found[(since >= -12) & (since <= 14)] = 0.55
        found[(since >= -2) & (since <= 7)] = 0.12
    return found


def shopping_festival(days: Ints) -> Floats:
    """How much more than usual is bought online: 618, Double 11, Double 12; 0 on an ordinary day."""
    month, day = months(days), days_of_month(days)
    found = np.zeros(len(days))
    found[(month == 6) & (day <= 20)] = 0.5
    found[(month == 6) & (day >= 16) & (day <= 18)] = 2.6
    found[(month == 11) & (day <= 12)] = 0.7
    found[(month == 11) & (day >= 10) & (day <= 12)] = 3.6
    found[(month == 12) & (day >= 10) & (day <= 12)] = 1.0
    return found


def demand(days: Ints, by_month: tuple[float, ...], weekend: float, festival: float) -> Floats:
    """Demand on each day, 1 on an ordinary working day; ``weekend`` and ``festival`` say how a trade follows those."""
    usual = np.asarray(by_month)[months(days) - 1] * np.where(is_weekend(days), weekend, 1.0)
    return usual * (1 + festival * shopping_festival(days)) * spring_festival(days)


def mean_demand(by_month: tuple[float, ...], weekend: float, festival: float) -> float:
    """Mean of `demand` over the years 2020 to 2034, so that a year's volume can be set."""
    days = np.arange(day_number(date(2020, 1, 1)), day_number(date(2035, 1, 1)), dtype=np.int64)
    return float(demand(days, by_month, weekend, festival).mean())

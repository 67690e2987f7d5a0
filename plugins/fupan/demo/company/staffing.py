"""Who answers customers, and how much there is to do for each: queues grow on weekends, in festivals and in their wake."""

from __future__ import annotations

import numpy as np
import polars as pl

from fupan.demo.company import seasons
from fupan.demo.company.people import employees
from fupan.demo.tools.draws import Floats, Ints
from fupan.demo.world import World

#: Of the staff of a working day so much is there on weekends and at the Spring Festival; festivals bring temporary staff.
WEEKENDS, HOLIDAYS, TEMPORARY = 0.65, 0.30, 0.8
#: How much more there is to do in November and the first days of December, when what Double 11 sold is delivered.
WAKE = 1.35
_LEAST, _MOST = 0.6, 3.5


def load(days: Ints) -> Floats:
    """Cases that wait for each person at work, beside an ordinary working day: 0.6 to 3.5."""
    cases = seasons.demand(days, seasons.HOMES, weekend=1.1, festival=1.0)
    month = seasons.months(days)
    in_wake = (month == 11) | ((month == 12) & (seasons.days_of_month(days) <= 10))
    people = np.where(seasons.is_weekend(days), WEEKENDS, 1.0)
    people = people * (1 + TEMPORARY * np.minimum(1.0, seasons.shopping_festival(days)))
    people = people * np.where(seasons.spring_festival(days) < 0.5, HOLIDAYS, 1.0)
    return np.clip(cases * np.where(in_wake, WAKE, 1.0) / people, _LEAST, _MOST)


def agents(world: World, days: Ints, key: Ints) -> pl.Series:
    """Employee who takes each chat: any agent, or the next one who is employed on that day."""
    known = employees(world).filter(pl.col("role") == "service_agent").sort("emp_key")
    hired, left = known["hired_day"].to_numpy(), known["left_day"].to_numpy()
    chosen = world.draws("agents").integer(0, known.height - 1, key)
    for _ in range(known.height):
        absent = (hired[chosen] > days) | (left[chosen] <= days)
        if not absent.any():
            break
        chosen = np.where(absent, (chosen + 1) % known.height, chosen)
    return known["emp_id"].gather(chosen)

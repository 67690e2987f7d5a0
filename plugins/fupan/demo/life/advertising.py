"""Online advertising: who buys for the first time because of it, and the clicks that it takes to win such a customer."""

from __future__ import annotations

import numpy as np
import polars as pl

from fupan.demo.company import seasons
from fupan.demo.company.clientele import users
from fupan.demo.company.network import spread_over_places
from fupan.demo.tools.draws import Floats, Ints
from fupan.demo.world import World, day_number

CHANNELS, CHANNEL_SHARES = ("search_ads", "feed_ads"), (0.55, 0.45)
#: Share of clicks that win a customer, cost of a click (CNY) in the year under review, and its rise a year.
CLICK_TO_CUSTOMER, CLICK_COST, CLICK_COST_RISE = 0.102, 5.13, 1.08
#: Bids are higher when everybody advertises: by so much of what is bought more in a shopping festival.
FESTIVAL_BIDS = 0.15
#: Whoever clicks without buying does so at most so many days from those who buy.
_AROUND = 3
#: Clicks of one customer have numbers from his times this.
CLICKS_EACH = 16


def clicks(world: World, first_day: int, last_day: int) -> pl.DataFrame:
    """A row a paid click on the days ``first_day`` to ``last_day``, in the order of click_no.

    Columns: click_no, day, channel_no (index of CHANNELS), place_no, user_no (who registers and buys on that day by it; null
    for the others).
    """
    won = users(world).filter(
        pl.col("customer_no").is_not_null(),
        pl.col("acquisition_source") == "advertising",
        pl.col("registered_day") >= day_number(world.first),
        pl.col("registered_day").is_between(first_day - _AROUND, last_day + _AROUND),
    )
    draws, user_no = world.draws("paid clicks"), won["user_no"].to_numpy()
    # A whole number from six to twelve of clicks in vain, whose mean is what the share of clicks that win leaves over.
    least = 1 / CLICK_TO_CUSTOMER - 1 - 2.5
    count = 1 + np.floor(draws.between(least, least + 6, user_no, 1)).astype(np.int64)
    who = np.repeat(user_no, count)
    number = np.arange(len(who)) - np.repeat(np.cumsum(count) - count, count)
    wins = number == 0
    registered, home = (np.repeat(won[name].to_numpy(), count) for name in ("registered_day", "place_no"))
    key = who * CLICKS_EACH + number
    day = np.where(wins, registered, registered + draws.integer(-_AROUND, _AROUND, key, 2))
    return pl.DataFrame(
        {
            "click_no": key,
            "day": day,
            "channel_no": draws.pick(CHANNEL_SHARES, key, 3),
            "place_no": np.where(wins, home, spread_over_places(draws.of("places"), key)),
            "user_no": who,
        }
    ).filter(pl.col("day").is_between(first_day, last_day)).with_columns(
        user_no=pl.when(pl.col("click_no") % CLICKS_EACH == 0).then("user_no")
    )  # fmt: skip


def click_costs(world: World, days: Ints) -> Floats:
    """CNY a click on each day."""
    trend = np.power(CLICK_COST_RISE, world.years(days))
    bids = (1 + FESTIVAL_BIDS * seasons.shopping_festival(days)) / (1 + FESTIVAL_BIDS * _MEAN_FESTIVAL)
    return np.asarray(CLICK_COST * trend * bids)


#: Mean of seasons.shopping_festival over a year.
_MEAN_FESTIVAL = 0.1

"""Visits to the online shops: every order has its own, the others look and leave; how many buy depends on whence they come."""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from typing import Any

import numpy as np
import polars as pl

from fupan.demo.company.campaigns import campaigns
from fupan.demo.company.clientele import user_id, users
from fupan.demo.life.advertising import CHANNELS, clicks
from fupan.demo.life.sales import told
from fupan.demo.life.sales.arrivals import PLATFORMS
from fupan.demo.tools.columns import DAY_S, moment, named
from fupan.demo.tools.draws import Draws, Floats, Ints
from fupan.demo.tools.wording import text
from fupan.demo.world import World, day_number

#: Share of visits that end in an order, by platform (in the order of PLATFORMS), those by paid clicks aside: the company's own
#: shops are visited by who knows what he wants.
CONVERSION = (0.088, 0.083, 0.063, 0.168, 0.168)
#: So many more visits end in an order while a campaign is on.
CAMPAIGN_PULL = 1.25
SOURCES = (
    "platform_search",
    "content",
    "direct",
    "social_sharing",
    "live_stream",
    "referral",
    "search_engine",
    "ai_search",
)
#: Where visitors come from, who buy and who do not: on marketplaces, on Douyin, in the company's own shops.
_BUYING = ((0.52, 0.10, 0.22, 0.07, 0.05, 0.04, 0, 0), (0.12, 0.16, 0.08, 0.07, 0.55, 0.02, 0, 0),
           (0, 0.12, 0.40, 0.18, 0.04, 0.06, 0.20, 0))  # fmt: skip
_LOOKING = ((0.56, 0.17, 0.09, 0.11, 0.04, 0.03, 0, 0), (0.15, 0.30, 0.03, 0.10, 0.40, 0.02, 0, 0),
            (0, 0.20, 0.22, 0.22, 0.03, 0.03, 0.30, 0))  # fmt: skip
_SHOP_OF = (0, 0, 1, 2, 2)
#: Where a new account comes from, as a source of visits; advertising is told by its clicks.
_FIRST_SOURCES = {
    name: SOURCES.index(source)
    for name, source in (
        ("platform_search", "platform_search"), ("social_sharing", "social_sharing"), ("live_stream", "live_stream"),
        ("offline_store", "direct"), ("referral", "referral"),
    )
}  # fmt: skip
#: Share of visits that an AI engine sends to the company's own shops and to the others, and its growth a year.
AI_SHARES, AI_GROWTH = (0.004, 0.004, 0.004, 0.06, 0.02), 1.9
_MOBILE, _TABLET = (0.70, 0.64, 0.92, 0.42, 1.0), 0.03
#: How far visitors get who do not buy: landing page, item, cart, checkout.
_DEPTHS = (0.38, 0.47, 0.11, 0.04)
#: Share of visits by somebody who is logged in, of those that do not end in an order.
LOGGED_IN = 0.35
#: The landing page of the own shop is tested in the first weeks of each quarter of the company; the variant sells better.
_TEST_EVERY, _TEST_DAYS, _VARIANT_BUYERS = 91, 45, 0.53
_HOURS = (4, 2, 1, 1, 1, 2, 4, 7, 9, 11, 12, 12, 13, 12, 11, 11, 11, 12, 13, 16, 20, 21, 16, 6)
VISITS_EACH = 64
_CLICKED = 1 << 60


@lru_cache(maxsize=2)
def visits(world: World, first: date, last: date) -> pl.DataFrame:
    """A row a visit that begins from ``first`` to ``last`` (inclusive), by visit_key.

    Columns: those of web_sessions but updated_at; and visit_key, day, sku_no (of the order's first line; null without one).
    Visits end on the day on which they begin.
    """
    sold = told(world, first, last)
    bought = sold.orders.filter(pl.col("group") == "online").select(
        "order_key", "order_id", "order_day", "placed_at", "platform", "device_type", "user_no", "campaign_id"
    )
    items = sold.lines.filter(pl.col("line_no") == 1).select("order_key", "sku_no")
    clicked = clicks(world, day_number(first), day_number(last))
    won = clicked.filter(pl.col("user_no").is_not_null()).select("user_no", "click_no", "channel_no", order_day="day")
    bought = (
        bought.join(items, on="order_key", how="left", maintain_order="left")
        .join(won, on=["user_no", "order_day"], how="left", maintain_order="left")
        # Who has been won and orders twice on the day has clicked once.
        .with_columns(
            channel_no=pl.when(pl.struct("user_no", "order_day").is_first_distinct()).then("channel_no"),
            platform_no=pl.col("platform").replace_strict(
                {name: n for n, name in enumerate(PLATFORMS)}, return_dtype=pl.Int64
            ),
        )
    )
    parts = [_with_orders(world, bought), _without(world, bought), _by_clicks(world, clicked)]
    return _described(world, pl.concat(parts, how="diagonal").sort("visit_key"))


def _with_orders(world: World, bought: pl.DataFrame) -> pl.DataFrame:
    draws, key = world.draws("visits that buy"), bought["order_key"].to_numpy()
    day, platform_no = bought["order_day"].to_numpy(), bought["platform_no"].to_numpy()
    placed = (bought["placed_at"].dt.epoch("s") - bought["order_day"] * DAY_S).to_numpy()
    pages = draws.integer(6, 24, key, 1)
    duration = np.minimum(pages * draws.integer(20, 75, key, 2), placed)
    account = users(world)[bought["user_no"].to_numpy()]
    is_first = account["registered_day"].to_numpy() == day
    usual = _sources(world, key, day, platform_no, _BUYING)
    came = account["acquisition_source"].replace_strict(_FIRST_SOURCES, default=None, return_dtype=pl.Int64)
    return bought.select("order_id", "device_type", "user_no", "campaign_id", "sku_no", "channel_no").with_columns(
        visit_key=pl.Series(key * VISITS_EACH),
        day=pl.Series(day),
        second=pl.Series(placed - duration),
        platform_no=pl.Series(platform_no),
        source_no=pl.when(pl.Series(is_first)).then(came).fill_null(pl.Series(usual)),
        duration_s=pl.Series(duration),
        page_views=pl.Series(pages),
        max_depth=pl.lit(5, pl.Int64),
        is_new_visitor=pl.Series(is_first),
    )


def _without(world: World, bought: pl.DataFrame) -> pl.DataFrame:
    """Visits of who only looks: as many behind each order as its shop's conversion leaves, on the same day."""
    draws = world.draws("visits that look")
    around = bought.filter(pl.col("channel_no").is_null())
    pull = np.where(around["campaign_id"].is_not_null().to_numpy(), CAMPAIGN_PULL, 1.0)
    share = np.asarray(CONVERSION)[around["platform_no"].to_numpy()] * pull
    key = around["order_key"].to_numpy()
    count = np.minimum(draws.poisson(1 / share - 1, key, 0), VISITS_EACH - 1)
    at = np.repeat(np.arange(len(key)), count)
    number = 1 + np.arange(len(at)) - np.repeat(np.cumsum(count) - count, count)
    visit_key = key[at] * VISITS_EACH + number
    day, platform_no = around["order_day"].to_numpy()[at], around["platform_no"].to_numpy()[at]
    return _looking(world, draws, visit_key, day, platform_no).with_columns(
        source_no=pl.Series(_sources(world, visit_key, day, platform_no, _LOOKING)),
    )


def _by_clicks(world: World, clicked: pl.DataFrame) -> pl.DataFrame:
    """Visits of who has clicked on an advertisement and left."""
    lost = clicked.filter(pl.col("user_no").is_null())
    draws, key = world.draws("visits by clicks"), _CLICKED + lost["click_no"].to_numpy()
    platform_no = draws.pick([0.42, 0.36, 0.22], key, 1)
    return _looking(world, draws, key, lost["day"].to_numpy(), platform_no).with_columns(lost["channel_no"])


def _looking(world: World, draws: Draws, key: Ints, day: Ints, platform_no: Ints) -> pl.DataFrame:
    second = draws.pick(_HOURS, key, 2) * 3600 + draws.integer(0, 3599, key, 3)
    depth = 1 + draws.pick(_DEPTHS, key, 4)
    pages = np.where(depth == 1, 1, draws.integer(2, 6, key, 5) + (depth - 2) * draws.integer(1, 4, key, 6))
    duration = np.where(depth == 1, draws.integer(2, 25, key, 7), pages * draws.integer(10, 60, key, 8))
    even = draws.uniform(key, 9)
    mobile = np.asarray(_MOBILE)[platform_no]
    device = np.where(even < mobile, "mobile", np.where(even < mobile + _TABLET, "tablet", "desktop"))
    logged_in = draws.chance(LOGGED_IN, key, 10)
    return (
        pl.DataFrame(
            {
                "visit_key": key,
                "day": day,
                "second": second,
                "platform_no": platform_no,
                "device_type": device,
                "user_no": _somebody(world, draws.uniform(key, 11), day),
                "duration_s": np.minimum(duration, DAY_S - 1 - second),
                "page_views": pages,
                "max_depth": depth,
                "is_new_visitor": ~logged_in & draws.chance(0.55, key, 12),
                "logged_in": logged_in,
            }
        )
        .with_columns(user_no=pl.when("logged_in").then("user_no"))
        .drop("logged_in")
    )


def _somebody(world: World, even: Floats, day: Ints) -> Ints:
    """An account that has been registered by the day."""
    number, registered = accounts_by_day(world)
    return number[np.floor(even * np.searchsorted(registered, day, side="right")).astype(np.int64)]


@lru_cache(maxsize=4)
def accounts_by_day(world: World) -> tuple[Ints, Ints]:
    """Numbers of all accounts in the order in which they are registered, and the day of that."""
    known = users(world).select("user_no", "registered_day").sort("registered_day", "user_no")
    return known["user_no"].to_numpy(), known["registered_day"].to_numpy()


def _sources(world: World, key: Ints, day: Ints, platform_no: Ints, shares: Any) -> Ints:
    draws = world.draws("traffic sources")
    shop = np.asarray(_SHOP_OF)[platform_no]
    found = np.zeros(len(key), dtype=np.int64)
    for number, weights in enumerate(shares):
        rows = np.flatnonzero(shop == number)
        found[rows] = draws.pick(weights, key[rows], 20)
    by_ai = draws.chance(np.asarray(AI_SHARES)[platform_no] * np.power(AI_GROWTH, world.years(day)), key, 21)
    return np.where(by_ai, SOURCES.index("ai_search"), found)


def _described(world: World, found: pl.DataFrame) -> pl.DataFrame:
    draws, key = world.draws("visits"), found["visit_key"].to_numpy()
    day = found["day"].to_numpy()
    paid = pl.col("channel_no").is_not_null()
    source = pl.when(paid).then(named("channel_no", CHANNELS)).otherwise(named("source_no", SOURCES))
    anonymous = pl.Series(draws.integer(0, world.number(600_000), key, 1))
    found = found.with_columns(
        campaign_id=pl.coalesce("campaign_id", _campaign(world, draws, key, day)),
        platform=named("platform_no", PLATFORMS),
        traffic_source=source,
        is_paid=paid,
        started_at=moment(pl.col("day") * DAY_S + pl.col("second")),
        visitor_id=pl.when(pl.col("user_no").is_not_null())
        .then(text("V{}", pl.col("user_no").cast(pl.String).str.zfill(8)))
        .otherwise(text("VX{}", anonymous.cast(pl.String).str.zfill(8))),
        user_id=user_id(pl.col("user_no")),
        session_id=text("WS{}", pl.col("visit_key")),
    ).with_columns(
        is_ai_engine=pl.col("traffic_source") == "ai_search",
        landing_page_id=pl.when(pl.col("campaign_id").is_not_null()).then(text("LP-{}", "campaign_id"))
        .when(pl.col("traffic_source") == "live_stream").then(pl.lit("LP-LIVE"))
        .when(pl.col("traffic_source").is_in(["direct", "search_engine", "ai_search"])).then(pl.lit("LP-HOME"))
        .otherwise(pl.lit("LP-ITEM")),
    )  # fmt: skip
    tested = pl.Series((day - day_number(world.first)) % _TEST_EVERY < _TEST_DAYS)
    even = pl.Series(draws.uniform(key, 2))
    share = pl.when(pl.col("order_id").is_not_null()).then(_VARIANT_BUYERS).otherwise(0.5)
    is_test = tested & (pl.col("platform") == "own_site") & (pl.col("landing_page_id") == "LP-HOME")
    return found.with_columns(
        experiment_variant=pl.when(is_test).then(
            pl.when(even < share).then(pl.lit("variant")).otherwise(pl.lit("control"))
        )
    ).drop("second", "platform_no", "source_no", "channel_no", "user_no")


#: Share of visits on a day of a campaign that begin on its page.
_ON_CAMPAIGN_PAGE = 0.22


def _campaign(world: World, draws: Draws, key: Ints, day: Ints) -> pl.Series:
    """The campaign on whose page a visit begins, of those that run online; null: another page."""
    known = campaigns(world).filter("online")
    first, last = int(day.min(initial=0)), int(day.max(initial=0))
    running = np.full(last - first + 1, -1, dtype=np.int64)
    for number, begins, ends in known.select("campaign_no", "start_day", "end_day").iter_rows():
        running[max(0, begins - first) : max(0, ends - first + 1)] = number
    here = np.where(draws.chance(_ON_CAMPAIGN_PAGE, key, 3), running[day - first], -1)
    return campaigns(world)["campaign_id"].gather(pl.Series(here).replace(-1, None))

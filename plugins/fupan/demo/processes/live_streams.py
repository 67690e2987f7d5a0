"""Live streams: most of what Douyin sells, some of what the other shops sell, is bought while one is on."""

from __future__ import annotations

import numpy as np
import polars as pl

from fupan.demo.company.campaigns import promotions
from fupan.demo.life.sales import told
from fupan.demo.process import Frames, Process, changed
from fupan.demo.tools.columns import DAY_S, moment
from fupan.demo.tools.draws import Ints
from fupan.demo.tools.wording import text
from fupan.demo.world import Span, World

#: Platform -> the first hour of each stream of a day, and the share of the platform's orders that are bought in one.
STREAMS = {"douyin": ((10, 15, 19), 0.55), "tmall": ((20,), 0.08), "wechat": ((20,), 0.20)}
#: Streams last two hours and some more.
_SHORTEST_S, _LONGEST_S = 7_200, 12_600
#: Viewers, interactions and clicks on items for each order, before what host, script and prices do to them.
_VIEWERS, _INTERACTIONS, _CLICKS = 62.0, 0.34, 0.21
SCRIPTS, _SCRIPT_SELLS = ("scene_demo", "expert_review", "price_rush", "story"), (1.15, 1.05, 1.20, 0.80)
TAGS = ("smart_home", "living_room", "bedroom", "study", "light_sources")
HOSTS = 14


def tell(world: World, span: Span) -> Frames:
    """Streams of the span's days, with what is ordered on their platform on the day."""
    days = span.days
    streams = pl.concat(
        _streams(world, days, platform, slot) for platform, (hours, _) in STREAMS.items() for slot in range(len(hours))
    )
    bought = (
        _bought(world, span)
        .group_by("live_no")
        .agg(
            orders=pl.len().cast(pl.Int64),
            buyers=pl.col("user_no").n_unique().cast(pl.Int64),
            gmv=pl.col("order_net").sum().round(2),
        )
    )
    found = streams.join(bought, on="live_no", how="left", maintain_order="left").with_columns(
        pl.col("orders", "buyers").fill_null(0), pl.col("gmv").fill_null(0.0)
    )
    return {"web_live_sessions": changed(_watched(world, found), "ended_at").drop("live_no", "script_no", "host_no")}


def _live_no(day: Ints, platform_no: Ints | int, slot: Ints | int) -> Ints:
    return np.asarray(day * 100 + np.asarray(platform_no) * 10 + slot, dtype=np.int64)


def _streams(world: World, days: Ints, platform: str, slot: int) -> pl.DataFrame:
    hour = STREAMS[platform][0][slot]
    draws, key = world.draws("live streams"), _live_no(days, list(STREAMS).index(platform), slot)
    begins = days * DAY_S + hour * 3600 + draws.integer(0, 25, key, 1) * 60
    ends = begins + draws.integer(_SHORTEST_S, _LONGEST_S, key, 2)
    script, host = draws.pick([4, 2, 2, 2], key, 3), draws.integer(1, HOSTS, key, 4)
    return pl.DataFrame(
        {
            "live_no": key,
            "platform": [platform] * len(days),
            "started_at": pl.select(moment(pl.Series(begins))).to_series(),
            "ended_at": pl.select(moment(pl.Series(ends))).to_series(),
            "is_flash_sale": _flash_days(world, days, platform) & (draws.chance(0.6, key, 5) | (hour >= 19)),
            "script_no": script,
            "host_no": host,
            "script_type": np.asarray(SCRIPTS)[script],
            "assortment_tag": draws.choice(TAGS, key, 6, weights=[4, 3, 3, 2, 1]),
        }
    ).with_columns(
        live_id=text("LV{}", "live_no"), host_id=text("HO{}", pl.col("host_no").cast(pl.String).str.zfill(3))
    )


def _flash_days(world: World, days: Ints, platform: str) -> np.ndarray:
    """Days on which a flash sale runs on the platform."""
    known = promotions(world).filter(
        (pl.col("mechanism") == "flash_sale") & (pl.col("platform").is_null() | (pl.col("platform") == platform))
    )
    found = np.zeros(len(days), dtype=bool)
    for begins, ends in known.select("start_day", "end_day").unique().iter_rows():
        found |= (days >= begins) & (days <= ends)
    return found


def _bought(world: World, span: Span) -> pl.DataFrame:
    """Online orders that are bought in a stream: its live_no, user_no, order_net."""
    draws = world.draws("bought live")
    orders = told(world, span.first, span.last).orders.filter(pl.col("platform").is_in(list(STREAMS)))
    key, day = orders["order_key"].to_numpy(), orders["order_day"].to_numpy()
    platform = orders["platform"].replace_strict({name: n for n, name in enumerate(STREAMS)}, return_dtype=pl.Int64)
    number = platform.to_numpy()
    share = np.array([share for _, share in STREAMS.values()])[number]
    # The evening sells most.
    slot = np.where(number == 0, draws.pick([2, 3, 5], key, 1), 0)
    live = draws.chance(share, key, 2)
    return orders.select("user_no", "order_net", live_no=pl.Series(_live_no(day, number, slot))).filter(pl.Series(live))


def _watched(world: World, found: pl.DataFrame) -> pl.DataFrame:
    draws, key = world.draws("watched live"), found["live_no"].to_numpy()
    # How well a stream turns viewers into buyers is its script's, its host's and its prices' doing.
    talent = 0.75 + 0.5 * draws.of("talent").uniform(found["host_no"].to_numpy())
    sells = np.asarray(_SCRIPT_SELLS)[found["script_no"].to_numpy()] * talent
    sells = sells * np.where(found["is_flash_sale"].to_numpy(), 1.3, 1.0)
    years = world.years(key // 100)
    viewers = (found["orders"].to_numpy() + 0.6) * _VIEWERS * np.power(1.06, years) / sells
    viewers = np.rint(viewers * draws.spread(key, 1, sigma=0.2)).astype(np.int64)
    interactions = np.rint(viewers * _INTERACTIONS * draws.between(0.7, 1.3, key, 2)).astype(np.int64)
    clicks = np.rint(viewers * _CLICKS * draws.between(0.8, 1.2, key, 3)).astype(np.int64)
    return found.with_columns(
        viewers=pl.Series(viewers),
        interactions=pl.Series(interactions),
        product_clicks=pl.max_horizontal(pl.Series(clicks), "orders"),
    )


PROCESS = Process(("web_live_sessions",), tell, echoes=0)

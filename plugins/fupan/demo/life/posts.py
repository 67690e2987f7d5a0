"""Posts about the company's lamps: who publishes them where, what they cost, and how well they are read."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import polars as pl

from fupan.demo.company import seasons
from fupan.demo.company.campaigns import campaigns
from fupan.demo.tools.draws import Ints
from fupan.demo.tools.wording import text
from fupan.demo.world import World

PLATFORMS = ("xiaohongshu", "douyin", "wechat", "bilibili", "zhihu", "weibo")
PLATFORM_SHARES = (0.34, 0.26, 0.18, 0.08, 0.06, 0.08)
#: Reads of a post at scale 1, and enquiries for each read.
_READS, _INQUIRIES = (5200, 9000, 2600, 3400, 2100, 4200), (0.0075, 0.0035, 0.0110, 0.0040, 0.0090, 0.0020)
TYPES = ("article", "short_video", "picture_story", "live_clip")
_TYPE_SHARES = ((0.15, 0.25, 0.58, 0.02), (0, 0.80, 0.05, 0.15), (0.80, 0.12, 0.08, 0), (0.02, 0.96, 0.02, 0),
                (0.92, 0.06, 0.02, 0), (0.30, 0.30, 0.40, 0))  # fmt: skip
#: Interactions for each read.
_INTERACTIONS = (0.030, 0.062, 0.055, 0.040)
AUTHORS, AUTHOR_SHARES = ("brand", "kol", "designer", "user"), (0.48, 0.16, 0.16, 0.20)
#: Reads, orders for each enquiry, and cost of a post (CNY) by author.
_PULL, _ORDERS, _COSTS = (1.0, 3.6, 1.4, 0.4), (0.16, 0.22, 0.26, 0.12), (650, 5200, 1400, 0)
#: Authors there are of each kind.
_PEOPLE = (6, 40, 60, 900)
TOPICS = (
    "全屋智能灯光",
    "无主灯设计",
    "护眼台灯怎么选",
    "客厅灯光改造",
    "卧室氛围灯",
    "商业空间照明",
    "工厂照明节能",
    "新品开箱",
)
#: Posts a day at scale 1, reads of a day beside all that a post ever gets, and how reads grow in a year.
A_DAY, FOLLOWED_DAYS, GROWTH = 4.5, 14, 1.12
_POSTS_EACH_DAY = 1 << 12


@lru_cache(maxsize=8)
def published(world: World, first_day: int, last_day: int) -> pl.DataFrame:
    """A row a post of the days ``first_day`` to ``last_day``, by post_no.

    Columns: post_no, post_id, day, second (of the day), platform_no, type_no, author_no (indices of PLATFORMS, TYPES, AUTHORS),
    person, author_id, campaign_no (null: none), topic, is_new_product_launch, cost (CNY), reads (all it ever gets).
    """
    draws = world.draws("posts")
    days = np.arange(first_day, last_day + 1, dtype=np.int64)
    running, launching = _campaigns(world, days)
    # Most are published while a campaign is on; a small company posts some, too.
    rate = np.maximum(0.4, A_DAY * world.scale**0.7) * np.where(running >= 0, 1.25, 0.85)
    count = draws.poisson(rate, days, 0)
    day = np.repeat(days, count)
    number = np.arange(len(day)) - np.repeat(np.cumsum(count) - count, count)
    key = day * _POSTS_EACH_DAY + number
    platform = draws.pick(PLATFORM_SHARES, key, 1)
    kind = np.zeros(len(key), dtype=np.int64)
    for index, shares in enumerate(_TYPE_SHARES):
        rows = np.flatnonzero(platform == index)
        kind[rows] = draws.pick(shares, key[rows], 2)
    author = draws.pick(AUTHOR_SHARES, key, 3)
    person = draws.integer(1, np.asarray(_PEOPLE)[author], key, 4)
    launch = np.where(draws.chance(0.45, key, 5), launching[day - first_day], -1)
    campaign = np.where(launch >= 0, launch, np.where(draws.chance(0.35, key, 6), running[day - first_day], -1))
    topic = np.where(launch >= 0, len(TOPICS) - 1, draws.integer(0, len(TOPICS) - 2, key, 7))
    pull = np.asarray(_READS)[platform] * np.asarray(_PULL)[author] * np.power(GROWTH, world.years(day))
    reads = pull * np.where(campaign >= 0, 1.5, 1.0) * draws.spread(key, 8, sigma=0.9) * world.scale**0.3
    cost = np.asarray(_COSTS)[author] * draws.between(0.7, 1.5, key, 9) * np.power(1.05, world.years(day))
    return pl.DataFrame(
        {
            "post_no": key,
            "day": day,
            "second": 8 * 3600 + draws.integer(0, 13 * 3600, key, 10),
            "platform_no": platform,
            "type_no": kind,
            "author_no": author,
            "person": person,
            "campaign_no": pl.Series(campaign).replace(-1, None),
            "topic": np.asarray(TOPICS)[topic],
            "is_new_product_launch": launch >= 0,
            "cost": np.round(cost, 2),
            "reads": reads,
        }
    ).with_columns(
        post_id=text("PO{}", "post_no"),
        author_id=text("AU{}{}", "author_no", pl.col("person").cast(pl.String).str.zfill(4)),
    )


def daily(world: World, first_day: int, last_day: int) -> pl.DataFrame:
    """A row a post and day of the days ``first_day`` to ``last_day``, for two weeks after it is published.

    Columns: as `published`, and stat_day, reads (of the day), interactions, inquiries, orders, gmv (CNY), production_cost.
    """
    posts = published(world, first_day - FOLLOWED_DAYS + 1, last_day)
    at = np.repeat(np.arange(posts.height), FOLLOWED_DAYS)
    age = np.tile(np.arange(FOLLOWED_DAYS), posts.height)
    found = posts[at].with_columns(age=pl.Series(age), stat_day=pl.col("day") + pl.Series(age))
    found = found.filter(pl.col("stat_day").is_between(first_day, last_day))
    draws, key, day = world.draws("posts by day"), found["post_no"].to_numpy(), found["stat_day"].to_numpy()
    fading = np.exp(-found["age"].to_numpy() / 2.5)
    usual = found["reads"].to_numpy() * fading / np.exp(-np.arange(FOLLOWED_DAYS) / 2.5).sum()
    season = seasons.demand(day, seasons.HOMES, 1.1, 0.2)
    reads = np.rint(usual * season * draws.spread(key, day, 1, sigma=0.25)).astype(np.int64)
    kind, platform, author = (found[name].to_numpy() for name in ("type_no", "platform_no", "author_no"))
    interactions = draws.poisson(reads * np.asarray(_INTERACTIONS)[kind], key, day, 2)
    inquiries = draws.poisson(reads * np.asarray(_INQUIRIES)[platform], key, day, 3)
    orders = np.minimum(inquiries, draws.poisson(inquiries * np.asarray(_ORDERS)[author], key, day, 4))
    gmv = np.round(orders * 430 * draws.between(0.6, 1.6, key, day, 5), 2)
    return found.with_columns(
        reads=pl.Series(reads),
        interactions=pl.Series(interactions),
        inquiries=pl.Series(inquiries),
        orders=pl.Series(orders),
        gmv=pl.Series(gmv),
        production_cost=pl.when(pl.col("age") == 0).then("cost").otherwise(0.0),
    )


def _campaigns(world: World, days: Ints) -> tuple[Ints, Ints]:
    """The campaign that runs on each day, and the launch; -1: none."""
    running, launching = np.full(len(days), -1, dtype=np.int64), np.full(len(days), -1, dtype=np.int64)
    for number, begins, ends, launched in (
        campaigns(world).select("campaign_no", "start_day", "end_day", "sku_no").iter_rows()
    ):
        rows = slice(max(0, begins - int(days[0])), max(0, ends - int(days[0]) + 1))
        (running if launched is None else launching)[rows] = number
    return running, launching

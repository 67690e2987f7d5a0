"""Enquiries in the shops' chat windows, by bot or agent; wholesale and large orders have a queue of their own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import polars as pl

from fupan.demo.company import clientele, seasons
from fupan.demo.company.staffing import agents, load
from fupan.demo.life.deliveries import DAY, SECOND, moments
from fupan.demo.life.visits import accounts_by_day
from fupan.demo.process import CHANGED_ON, Frames, Process, as_of
from fupan.demo.tools.draws import Floats, Ints
from fupan.demo.tools.wording import text
from fupan.demo.world import YEAR, Span, World, day_number


@dataclass(frozen=True)
class Asking:
    """Why people ask: chats in the year under review at scale 1, their growth a year, who asks, topics and their weights."""

    number: int
    a_year: float
    growth: float
    business: bool
    topics: dict[str, float]


_ECO = {"recyclability": 45.0, "energy_grade": 55.0}
#: Ever more people ask how goods are recycled and how much energy they take, most of all companies before they buy.
ASKING = (
    Asking(0, 14_200, 1.12, False, {"presale": 40, "order": 21, "logistics": 18, "aftersale": 21}),
    Asking(1, 1_500, 1.08, True, {"presale": 45, "wholesale": 55}),
    Asking(2, 2_000, 1.08, True, {"order": 40, "logistics": 28, "aftersale": 32}),
    Asking(3, 1_300, 1.67, False, _ECO),
    Asking(4, 3_100, 1.67, True, _ECO),
)
#: Shares: households that ask before they buy anything and are not known, of their chats a bot answers alone, of agents' chats
#: that nobody answers, of wholesale and key accounts that are led to their own queue.
STRANGERS, BOT, NOBODY_REPLIED, LED_TO_VIP = 0.55, 0.45, 0.02, 0.90
#: Minutes until an agent replies on an ordinary day (in the middle), by queue; in the evening it takes longer.
WAIT_MINUTES, VIP_WAIT_MINUTES, SPREAD, EVENING = 4.5, 4.0, 1.05, 1.6
_MINUTE = 60 * SECOND
_COLUMNS = (
    "chat_id", "user_id", "customer_id", "topic", "agent_id", "handled_by_bot", "is_vip_queue", "queue_entered_at",
    "first_reply_at", "ended_at", "resolved_flag", "rating", CHANGED_ON,
)  # fmt: skip


def tell(world: World, span: Span) -> Frames:
    """Conversations that begin on the span's days; each stands when it has ended."""
    told = pl.concat([*_told(world, span.days)])
    return {"cs_chats": as_of(told, span.evening, ["ended_at"]).select(_COLUMNS)}


def _told(world: World, days: Ints) -> Iterator[pl.DataFrame]:
    for asking in ASKING:
        begun = _begun(world, asking.number)
        first = days[0] - day_number(world.first)
        count = np.diff(begun[first : first + len(days) + 1])
        day = np.repeat(days, count)
        number = np.arange(len(day)) - np.repeat(np.cumsum(count) - count, count)
        yield _chats(world, asking, day, (day * len(ASKING) + asking.number) * 1_000_000 + number)


@lru_cache(maxsize=32)
def _begun(world: World, number: int) -> Ints:
    """How many chats of this kind had begun before each day of the company's life (and one more): spread evenly, no dice."""
    asking = ASKING[number]
    days = np.arange(day_number(world.first), day_number(world.last) + 2, dtype=np.int64)
    season = seasons.demand(
        days, seasons.HOMES, weekend=0.3 if asking.business else 1.1, festival=0.0 if asking.business else 0.8
    )
    moved = world.draws("busy days").spread(days, number, sigma=0.25)
    mean = season * moved * np.power(asking.growth, world.years(days))
    # Each year of the company has its number of chats, whatever its days are like.
    year = (days - days[0]) // YEAR
    of_year = asking.a_year * world.scale * np.power(asking.growth, np.arange(year[-1] + 1) - 2.0)
    mean *= (of_year / np.bincount(year, weights=mean / np.bincount(year)[year] * YEAR))[year]
    return np.floor(np.concatenate([[0.0], np.cumsum(mean)]) + 0.5).astype(np.int64)


def _chats(world: World, asking: Asking, day: Ints, key: Ints) -> pl.DataFrame:
    draws = world.draws("chats")
    topic = draws.choice(list(asking.topics), key, 1, weights=list(asking.topics.values()))
    who = _businesses(world, day, key) if asking.business else _households(world, day, key, topic)
    second = np.where(
        draws.chance(0.72, key, 2),
        draws.integer(9 * 3600, 18 * 3600, key, 3),
        draws.integer(18 * 3600, 23 * 3600, key, 4),
    )
    entered = day * DAY + second * SECOND
    wants_vip = who["is_large"].to_numpy() | (topic == "wholesale")
    vip = wants_vip & draws.chance(LED_TO_VIP, key, 5)
    bot = ~vip & (not asking.business) & draws.chance(BOT, key, 6)
    unanswered = ~bot & draws.chance(NOBODY_REPLIED, key, 7)
    minutes = (
        np.where(vip, VIP_WAIT_MINUTES, WAIT_MINUTES) * load(day) ** 1.3 * np.where(second >= 18 * 3600, EVENING, 1.0)
    )
    waited = np.minimum(minutes * np.exp(SPREAD * draws.normal(key, 8)), 300.0)
    wait = np.where(bot, draws.integer(1, 6, key, 9), np.rint(waited * 60).astype(np.int64) + 5) * SECOND
    replied = entered + wait
    ended = np.where(unanswered, entered, replied) + draws.integer(_MINUTE, 25 * _MINUTE, key, 10)
    rates = ~unanswered & draws.chance(0.45, key, 11)
    return who.drop("is_large").with_columns(
        chat_id=text("CH{}", pl.Series(key)),
        topic=pl.Series(topic),
        agent_id=agents(world, day, key).set(pl.Series(bot | unanswered), None),
        handled_by_bot=pl.Series(bot),
        is_vip_queue=pl.Series(vip),
        queue_entered_at=moments("entered", entered),
        first_reply_at=moments("replied", replied, ~unanswered),
        ended_at=moments("ended", ended),
        resolved_flag=pl.Series(~unanswered & draws.chance(np.where(bot, 0.6, 0.87), key, 12)),
        rating=pl.Series(_rating(draws.normal(key, 13), waited, bot)).set(pl.Series(~rates), None),
    )


def _rating(bell: Floats, waited: Floats, bot: np.ndarray) -> Ints:
    """Stars for the conversation: the longer the wait, the fewer."""
    liking = 4.6 - np.where(bot, 0.5, np.minimum(2.0, waited / 25)) + 0.8 * bell
    return np.clip(np.rint(liking), 1, 5).astype(np.int64)


def _businesses(world: World, day: Ints, key: Ints) -> pl.DataFrame:
    """Companies that are customers on the day: they ask by customer number, without an account of a platform."""
    known = _known_businesses(world)
    chosen = _standing(world, known["created_day"].to_numpy(), day, key)
    return known[chosen].select(pl.lit(None, pl.String).alias("user_id"), "customer_id", "is_large")


@lru_cache(maxsize=4)
def _known_businesses(world: World) -> pl.DataFrame:
    # Dealers are wholesale customers, all of them.
    return (
        clientele.companies(world)
        .filter(pl.col("left_day") >= clientele.NEVER)
        .sort("created_day", "customer_no")
        .select("created_day", "customer_id", is_large=pl.col("is_large") | (pl.col("kind") == "dealer"))
    )


def _households(world: World, day: Ints, key: Ints, topic: np.ndarray) -> pl.DataFrame:
    accounts, registered = accounts_by_day(world)
    known = clientele.users(world).select("user_no", "customer_no")[accounts[_standing(world, registered, day, key)]]
    stranger = (topic == "presale") & world.draws("strangers").chance(STRANGERS, key)
    return known.select(
        user_id=clientele.user_id(pl.col("user_no")),
        customer_id=pl.when(~pl.Series(stranger)).then(clientele.customer_id(pl.col("customer_no"))),
        is_large=pl.lit(False),
    )


def _standing(world: World, since: Ints, day: Ints, key: Ints) -> Ints:
    """One of those that are there on each day, of a list in the order in which they came."""
    there = np.maximum(1, np.searchsorted(since, day, side="left"))
    return np.floor(world.draws("who asks").uniform(key) * there).astype(np.int64)


PROCESS = Process(("cs_chats",), tell, echoes=1)

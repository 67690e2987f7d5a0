"""Leads: people of companies who show interest. Some become customers or opportunities; most do not."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import polars as pl

from fupan.demo.company import clientele, network
from fupan.demo.company.campaigns import campaigns
from fupan.demo.company.clientele import BUSINESS_KINDS, KINDS
from fupan.demo.company.geography import DOMESTIC
from fupan.demo.company.seasons import SITES, demand, mean_demand
from fupan.demo.life import deals
from fupan.demo.tools.draws import Draws, Floats, Ints
from fupan.demo.tools.wording import text
from fupan.demo.world import YEAR, World, day_number

#: Source -> leads a year at scale 1 that come to nothing, growth a year, share that passes qualification.
SOURCES: dict[str, tuple[float, float, float]] = {
    "content": (1_700, 1.10, 0.34),
    "ai_search": (900, 1.45, 0.42),
    "paid": (2_100, 1.02, 0.18),
    "website": (1_500, 1.00, 0.26),
    "referral": (500, 1.05, 0.50),
    "designer": (450, 1.12, 0.46),
    "expo": (0, 1.00, 0.36),
}
NAMES = tuple(SOURCES)
#: Where leads come from that lead to something, in the order of SOURCES.
_GOOD = (0.16, 0.14, 0.12, 0.12, 0.18, 0.12, 0.16)
#: Contacts on a day of a show and of a dealers' fair at scale 1.
SHOWS = {"exhibition": 160.0, "dealer_fair": 35.0}
GRADES = ("A", "B", "C", "D")
_COLUMNS = ("lead_id", "key", "source_no", "campaign_no", "kind", "place_no", "created_day", "customer_no", "converted_minute",
            "is_good", "due_day")  # fmt: skip


def event_of(campaign_id: str) -> pl.Expr:
    """Event of a campaign that is an exhibition or a fair."""
    return text("EV{}", pl.col(campaign_id).str.slice(2))


@lru_cache(maxsize=2)
def shows(world: World) -> pl.DataFrame:
    """Exhibitions and fairs among the campaigns, by campaign_no."""
    return campaigns(world).filter(pl.col("campaign_type").is_in(list(SHOWS))).sort("campaign_no")


def leads(world: World, days: Ints) -> pl.DataFrame:
    """Leads that are recorded on ``days``.

    Columns: lead_id, key (a number of the lead's own), source_no, campaign_no (of the show; -1: none), kind, place_no,
    created_day, customer_no and converted_minute (-1: never), is_good (leads to a customer or an opportunity), due_day (by
    which a good one has been qualified).
    """
    first = day_number(world.first)
    span = (int(days[0]), int(days[-1]))
    good = pl.concat([_of_newcomers(world), _of_deals(world)])
    good = good[deals.rows_of(span, good["created_day"].to_numpy(), first)]
    return pl.concat([good, _idle(world, days), _visitors(world, days)])


def _frame(lead_id: pl.Series, known: dict[str, Ints]) -> pl.DataFrame:
    """Leads with what is ``known`` of them (key, source_no, campaign_no, kind_no, place_no, created_day; of good ones
    customer_no, converted_minute, due_day)."""
    nothing = np.full(len(lead_id), -1, dtype=np.int64)
    more = {name: known.get(name, nothing) for name in ("customer_no", "converted_minute", "due_day")}
    return (
        pl.DataFrame({"lead_id": lead_id, **known, **more})
        .with_columns(
            kind=pl.col("kind_no").replace_strict(dict(enumerate(KINDS)), return_dtype=pl.String),
            is_good=pl.lit("due_day" in known),
        )
        .select(_COLUMNS)
    )


@lru_cache(maxsize=2)
def _of_newcomers(world: World) -> pl.DataFrame:
    """The leads of business customers who came after the company's first day."""
    draws = world.draws("leads of newcomers")
    known = clientele.businesses(world).filter(pl.col("created_day") >= day_number(world.first))
    customer, came = known["customer_no"].to_numpy(), known["created_day"].to_numpy()
    created = came - np.clip(np.rint(28 * draws.spread(customer, 1, sigma=0.6)), 4, 85).astype(np.int64)
    source, campaign = _sources(world, draws, customer, created)
    kind = (
        known["kind"]
        .replace_strict({name: number for number, name in enumerate(KINDS)}, return_dtype=pl.Int64)
        .to_numpy()
    )
    return _frame(
        pl.select(text("LDC{}", pl.Series(customer))).to_series(),
        {
            "key": customer,
            "source_no": source,
            "campaign_no": campaign,
            "kind_no": kind,
            "place_no": known["place_no"].to_numpy(),
            "created_day": created,
            "customer_no": customer,
            "converted_minute": came * 1440 + 480,
            "due_day": came - 1,
        },
    )


@lru_cache(maxsize=2)
def _of_deals(world: World) -> pl.DataFrame:
    """The leads from which opportunities grew; those of won ones are converted with the order."""
    draws = world.draws("leads of deals")
    known = deals.deals(world).filter("has_lead")
    number, opened = known["opp_no"].to_numpy(), known["created_day"].to_numpy()
    created = opened - draws.integer(3, 20, number, 1)
    source, campaign = _sources(world, draws, number, created)
    won = known["is_won"].to_numpy()
    kind = known["kind"].replace_strict({name: n for n, name in enumerate(KINDS)}, return_dtype=pl.Int64).to_numpy()
    return _frame(
        known.select(deals.lead_id()).to_series(),
        {
            "key": (1 << 40) + number,
            "source_no": source,
            "campaign_no": campaign,
            "kind_no": kind,
            "place_no": known["place_no"].to_numpy(),
            "created_day": created,
            "customer_no": np.where(won, known["customer_no"].to_numpy(), -1),
            "converted_minute": np.where(won, deals.closed_minute(world, known), -1),
            "due_day": opened,
        },
    )


def _sources(world: World, draws: Draws, key: Ints, created: Ints) -> tuple[Ints, Ints]:
    """Where good leads come from; those of shows were met at the last one before, if that was within the quarter."""
    source = draws.pick(_GOOD, key, 8)
    known = shows(world)
    ends, number = known["end_day"].to_numpy(), known["campaign_no"].to_numpy()
    last = np.searchsorted(np.sort(ends), created, side="right") - 1
    order = np.argsort(ends, kind="stable")
    met = (last >= 0) & (created - np.sort(ends)[np.maximum(last, 0)] <= 90)
    expo = source == NAMES.index("expo")
    source = np.where(expo & ~met, NAMES.index("referral"), source)
    return source, np.where(expo & met, number[order[np.maximum(last, 0)]], -1)


def _idle(world: World, days: Ints) -> pl.DataFrame:
    """Leads that come to nothing, by chance: more in the season."""
    draws = world.draws("idle leads")
    season = demand(days, SITES, 0.35, 0.0) / mean_demand(SITES, 0.35, 0.0)
    years = world.years(days)
    mean = np.stack([size * rise**years * season * world.scale / YEAR for size, rise, _ in SOURCES.values()], axis=1)
    source = np.arange(len(NAMES), dtype=np.int64)
    count = draws.poisson(mean, days[:, None], source[None, :]).ravel()
    return _by_chance(draws, np.repeat(np.repeat(days, len(NAMES)), count), np.repeat(np.tile(source, len(days)), count),
                      np.full(int(count.sum()), -1, dtype=np.int64), _turns(count))  # fmt: skip


def _visitors(world: World, days: Ints) -> pl.DataFrame:
    """People met at shows who come to nothing."""
    draws, known = world.draws("show leads"), shows(world)
    parts_day, parts_show, counts = [], [], []
    for campaign_no, kind, start, end in known.select(
        "campaign_no", "campaign_type", "start_day", "end_day"
    ).iter_rows():
        open_days = days[(days >= start) & (days <= end)]
        parts_day.append(open_days)
        parts_show.append(np.full(len(open_days), campaign_no, dtype=np.int64))
        counts.append(draws.poisson(SHOWS[kind] * world.scale, open_days, campaign_no))
    day, show, count = (
        np.concatenate(parts) if parts else np.zeros(0, dtype=np.int64) for parts in (parts_day, parts_show, counts)
    )
    source = np.full(int(count.sum()), NAMES.index("expo"), dtype=np.int64)
    return _by_chance(draws, np.repeat(day, count), source, np.repeat(show, count), _turns(count))


def _turns(count: Ints) -> Ints:
    return np.asarray(np.arange(int(count.sum())) - np.repeat(np.cumsum(count) - count, count), dtype=np.int64)


def _by_chance(draws: Draws, day: Ints, source: Ints, campaign: Ints, turn: Ints) -> pl.DataFrame:
    kind = draws.pick([share for share, *_ in BUSINESS_KINDS.values()], day, source, campaign, turn, 1)
    key = (day * (len(NAMES) + 1000) + np.where(campaign >= 0, len(NAMES) + campaign, source)) * 4096 + turn
    place = network.spread_over_places(draws.of("places"), key, DOMESTIC)
    where = np.where(campaign >= 0, len(NAMES) + campaign, source)
    known = {
        "key": key,
        "source_no": source,
        "campaign_no": campaign,
        "kind_no": kind,
        "place_no": place,
        "created_day": day,
    }
    return _frame(pl.select(text("LDI{}-{}-{}", *(pl.Series(part) for part in (day, where, turn)))).to_series(), known)


def quality(draws: Draws, key: Ints, is_good: np.ndarray) -> Floats:
    """How promising a lead is, 0 to 1."""
    return np.clip(draws.uniform(key, 20) * 0.75 + np.where(is_good, 0.35, 0.0), 0, 0.999)

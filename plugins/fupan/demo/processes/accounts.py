"""Who looks after which customer, and the lists of target accounts, topped up as accounts on them are won."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from fupan.demo.company import network
from fupan.demo.company.assortment import date_of
from fupan.demo.company.clientele import NEVER, businesses, companies
from fupan.demo.company.geography import DOMESTIC, places
from fupan.demo.life import deals
from fupan.demo.process import Frames, Process, as_of
from fupan.demo.tools.stamps import at, minute
from fupan.demo.tools.wording import text
from fupan.demo.world import LIFE_YEARS, YEAR, Span, World, day_number

#: Share of key accounts that have a manager of their own, and of other business customers.
DEDICATED, DEDICATED_OTHERS = 0.86, 0.01


@dataclass(frozen=True)
class Target:
    """A segment on whose list accounts stand: ``listed`` at scale 1, of which a share is ``developed``."""

    segment: str
    industry: str
    listed: int
    developed: float
    smart: tuple[float, float, float, float]


TARGETS = (
    Target("mid_size_restaurant_chain", "restaurant_chain", 400, 0.35, (0.10, 0.25, 0.40, 0.25)),
    Target("boutique_hotel", "hotel", 300, 0.42, (0.05, 0.20, 0.40, 0.35)),
    Target("regional_retail_chain", "retail_chain", 320, 0.38, (0.20, 0.35, 0.30, 0.15)),
    Target("smart_home_integrator", "smart_home", 260, 0.50, (0.0, 0.05, 0.25, 0.70)),
    Target("private_hospital", "hospital", 180, 0.26, (0.25, 0.35, 0.30, 0.10)),
    Target("modern_warehouse", "warehousing", 200, 0.22, (0.30, 0.35, 0.25, 0.10)),
)
INTEREST = ("none", "low", "medium", "high")
#: Every so manieth newcomer of an industry was on its list.
ON_LIST = 4


def tell(world: World, span: Span) -> Frames:
    """All assignments and target accounts, as they stand on the evening."""
    return {
        "crm_assignments": _assignments(world, span.evening),
        "crm_target_accounts": pl.concat([_targets(world, number, span.evening) for number in range(len(TARGETS))]),
    }


def _assignments(world: World, evening: date) -> pl.DataFrame:
    """A row a customer and rep in a row of days: it ends when the rep leaves, or his successor comes, or the customer goes."""
    known = companies(world)
    customer = known["customer_no"].to_numpy()
    own = network.own_rep(world, customer, known["place_no"].to_numpy())
    spells = _spells(world)
    joined = (
        known.select("customer_no", "created_day", "left_day", "is_large")
        .with_columns(own=pl.Series(own))
        .join(spells, on="own")
        .with_columns(
            from_day=pl.max_horizontal("from_day", "created_day"),
            to_day=pl.min_horizontal("to_day", pl.col("left_day") - 1),
        )
        .filter(pl.col("from_day") <= pl.col("to_day"))
    )
    draws = world.draws("dedicated managers")
    likely = np.where(joined["is_large"].to_numpy(), DEDICATED, DEDICATED_OTHERS)
    told = joined.with_columns(
        is_dedicated=pl.Series(draws.chance(likely, joined["customer_no"].to_numpy())),
        to_day=pl.when(pl.col("to_day") < NEVER - 1).then("to_day"),
    ).select(
        "is_dedicated",
        customer_id=deals.customer_id(),
        rep_id=deals.owner_id(world),
        valid_from=date_of("from_day"),
        valid_to=date_of("to_day"),
        given_at=at("from_day"),
        ended_at=at("to_day", 20),
    )
    return as_of(told, evening, ["given_at", "ended_at"], reveals={"ended_at": ["valid_to"]}).drop(
        "given_at", "ended_at"
    )


def _spells(world: World) -> pl.DataFrame:
    """Of each rep's customers: who looks after them in which days (own, rep_no, from_day, to_day).

    Whoever is there on the company's first day has looked after them since he was hired."""
    known, end = network.reps(world), day_number(world.last)
    own, hired = known["emp_no"].to_numpy(), known["hired_day"].to_numpy()
    day = np.full(len(own), day_number(world.first))
    parts = []
    while len(own):
        rep, ends = network.spell(world, own, day)
        begins = np.where(day == day_number(world.first), hired[rep], day)
        parts.append(pl.DataFrame({"own": own, "rep_no": rep, "from_day": begins, "to_day": ends - 1}))
        going = ends <= end
        own, day = own[going], ends[going]
    return pl.concat(parts)


def _targets(world: World, number: int, evening: date) -> pl.DataFrame:
    """One list. Those that are won meanwhile were newcomers; the list is topped up so that its developed share holds."""
    target, draws = TARGETS[number], world.draws("target accounts").of(TARGETS[number].segment)
    first = day_number(world.first)
    of_industry = businesses(world).filter(pl.col("industry") == target.industry).sort("created_day", "customer_no")
    standing = of_industry.filter(pl.col("created_day") < first - 30).head(
        round(world.number(target.listed, 20) * target.developed)
    )
    newcomers = of_industry.filter(pl.col("created_day") >= first + 20).gather_every(ON_LIST)
    won = pl.concat([standing, newcomers])
    count = standing.height / target.developed
    listed = max(standing.height, round(count))
    added = max(newcomers.height, round(newcomers.height / target.developed))
    account = np.arange(listed + added, dtype=np.int64)
    late = np.maximum(account - listed, 0)
    # The list grows by as many as keep its share when one on it is won.
    due = np.minimum((late * target.developed).astype(np.int64), max(newcomers.height - 1, 0))
    growing = (
        newcomers["created_day"].to_numpy()[due]
        if newcomers.height
        else np.full(len(account), first + LIFE_YEARS * YEAR)
    )
    home = network.spread_over_places(draws.of("places"), account, DOMESTIC)
    # The accounts that are won: the first of the list, and of those open when a newcomer was won the next in line.
    winner = np.full(len(account), -1, dtype=np.int64)
    winner[: won.height] = np.arange(won.height)
    chosen = won[np.maximum(winner, 0)]
    home = np.where(winner >= 0, chosen["place_no"].to_numpy(), home)
    won_day = np.where(winner >= 0, chosen["created_day"].to_numpy() + draws.integer(3, 18, account, 1), -1)
    frame = pl.DataFrame(
        {
            "account": account,
            "place_no": home,
            "listed": np.where(account < listed, first - 400 + draws.integer(0, 380, account, 2), growing) * 1440 + 600,
            "potential_score": np.round(35 + 60 * draws.uniform(account, 3) ** 0.7, 1),
            "smart_interest": draws.choice(INTEREST, account, 4, weights=target.smart),
            "customer_no": np.where(winner >= 0, chosen["customer_no"].to_numpy(), -1),
            "won": won_day * 1440 + 640,
            "is_won": winner >= 0,
        }
    ).join(places().select("place_no", "province"), on="place_no", how="left", maintain_order="left")
    told = frame.select(
        text("TA{}{}", pl.lit(number + 1), pl.col("account").cast(pl.String).str.zfill(5)).alias("account_id"),
        "province", "potential_score", "smart_interest",
        segment=pl.lit(target.segment), industry=pl.lit(target.industry),
        listed_at=minute("listed"),
        customer_id=deals.customer_id(),
        first_won_at=pl.when("is_won").then(minute("won")),
    )  # fmt: skip
    return as_of(told, evening, ["listed_at", "first_won_at"], reveals={"first_won_at": ["customer_id"]}).drop(
        "listed_at"
    )


PROCESS = Process(tables=("crm_assignments", "crm_target_accounts"), tell=tell)

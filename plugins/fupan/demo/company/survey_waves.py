"""Surveys that the service desk runs: when which wave is in the field, and who answers."""

from __future__ import annotations

from datetime import date
from functools import lru_cache

import numpy as np
import polars as pl

from fupan.demo.company import clientele
from fupan.demo.company.campaigns import PLANS, campaigns
from fupan.demo.company.geography import places
from fupan.demo.tools.wording import text
from fupan.demo.world import World, day_number

#: Survey -> respondents of a wave at scale 1 (and at least), share of them that are companies, days in the field.
SURVEYS = {
    "satisfaction": (300, 24, 0.30, 13),
    "awareness": (220, 24, 0.0, 10),
    "needs": (360, 40, 0.55, 16),
    "campaign": (64, 20, 0.0, 10),
    "conjoint": (150, 24, 0.40, 14),
}
TYPES = tuple(SURVEYS)
#: Campaigns around which awareness is asked, before and after.
AWARENESS_PLANS = ("618", "1111")
#: Kinds of campaigns after which buyers are asked.
_ASKED_AFTER = ("shopping_festival", "home_season", "store_promotion", "live_commerce", "member_day")
_AGES = ("18-24", "25-34", "35-44", "45-54", "55+")


@lru_cache(maxsize=4)
def waves(world: World) -> pl.DataFrame:
    """A row a wave of all years, in the order of their beginning, by wave_no (0, 1, …).

    Columns: wave_no, survey_id, survey_type, wave (quarter, half-year, campaign, before or after one), campaign_id and
    campaign_no (null: none), first_day and last_day (in the field, numbers since 1970), respondents, invited.
    """
    rows: list[tuple[str, str, str, int | None, int]] = []
    for year in range(world.first.year, world.last.year + 1):
        for quarter in range(1, 5):
            name = f"{year}Q{quarter}"
            rows += [
                ("satisfaction", f"CSAT-{name}", name, None, day_number(date(year, quarter * 3 - 1, 8))),
                ("awareness", f"AWARE-{name}", name, None, day_number(date(year, quarter * 3, 5))),
            ]
        for half in (1, 2):
            name = f"{year}H{half}"
            rows += [
                ("needs", f"NEEDS-{name}", name, None, day_number(date(year, half * 6 - 2, 10))),
                ("conjoint", f"CONJ-{name}", name, None, day_number(date(year, half * 6 - 3, 12))),
            ]
    held = campaigns(world).filter(pl.col("plan_no") >= 0)
    for number, campaign, kind, phase, plan, start, end in held.select(
        "campaign_no", "campaign_id", "campaign_type", "phase", "plan_no", "start_day", "end_day"
    ).iter_rows():
        if phase == "main" and kind in _ASKED_AFTER:
            rows.append(("campaign", f"CAMP-{campaign}", campaign, number, end + 2))
        if PLANS[plan].key in AWARENESS_PLANS:
            rows.append(("awareness", f"AWARE-{campaign}-B", "before", number, start - 16))
            rows.append(("awareness", f"AWARE-{campaign}-A", "after", number, end + 3))
    first, last = day_number(world.first), day_number(world.last)
    rows = sorted((row for row in rows if first <= row[4] <= last), key=lambda row: (row[4], row[1]))
    kinds = [SURVEYS[row[0]] for row in rows]
    respondents = np.array([world.number(at_scale_one, least) for at_scale_one, least, _, _ in kinds], dtype=np.int64)
    number = np.arange(len(rows), dtype=np.int64)
    frame = pl.DataFrame(
        {
            "wave_no": number,
            "survey_id": [row[1] for row in rows],
            "survey_type": [row[0] for row in rows],
            "wave": [row[2] for row in rows],
            "campaign_no": pl.Series([row[3] for row in rows], dtype=pl.Int64),
            "first_day": [row[4] for row in rows],
            "last_day": [row[4] + days - 1 for row, (_, _, _, days) in zip(rows, kinds, strict=True)],
            "respondents": respondents,
            "invited": np.rint(respondents / world.draws("response rates").between(0.24, 0.38, number)).astype(
                np.int64
            ),
        }
    )
    known = campaigns(world).select("campaign_no", "campaign_id")
    return frame.join(known, on="campaign_no", how="left", maintain_order="left")


def respondents(world: World, first: int, last: int, types: tuple[str, ...]) -> pl.DataFrame:
    """A row a respondent of the waves of these surveys that are in the field on the days ``first`` to ``last``, whole waves.

    Columns: those of `waves`, key, respondent_id, responded_us (microseconds), customer_id (null: anonymous), segment,
    is_business, region_code, market, age_band, even (spread evenly over the wave), even_in_segment (over those of a segment in
    the wave).
    """
    known = waves(world).filter(
        pl.col("survey_type").is_in(types), pl.col("first_day") <= last, pl.col("last_day") >= first
    )
    count = known["respondents"].to_numpy()
    number = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    asked = known[np.repeat(np.arange(known.height), count)]
    key = asked["wave_no"].to_numpy() * 1_000_000 + number
    draws = world.draws("respondents")
    companies = asked["survey_type"].replace_strict(
        {name: share for name, (_, _, share, _) in SURVEYS.items()}, return_dtype=pl.Float64
    )
    is_business = number < np.rint(asked["respondents"].to_numpy() * companies.to_numpy())
    day = draws.integer(asked["first_day"].to_numpy(), asked["last_day"].to_numpy(), key, 1)
    who = _customers(world, asked["first_day"].to_numpy(), is_business, key)
    age = np.where(
        is_business, draws.integer(26, 58, key, 2), 1970 + day // 365 - who["birth_year"].fill_null(1985).to_numpy()
    )
    frame = asked.hstack(who.drop("birth_year")).with_columns(
        key=pl.Series(key),
        respondent_id=text("R{}", (pl.Series(number) + 1).cast(pl.String).str.zfill(5)),
        responded_us=pl.Series((day * 86_400 + draws.integer(8 * 3600, 22 * 3600, key, 3)) * 1_000_000),
        customer_id=pl.when(~pl.Series(draws.chance(0.25, key, 4))).then("customer_id"),
        is_business=pl.Series(is_business),
        age_band=pl.Series(np.asarray(_AGES)[np.searchsorted([25, 35, 45, 55], age, side="right")]),
    )
    rank = draws.hash(key, 5)
    return frame.with_columns(
        even=pl.Series(_evenly(rank, asked["wave_no"].to_numpy())),
        even_in_segment=pl.Series(
            _evenly(
                rank, asked["wave_no"].to_numpy() * 100 + frame["segment"].rank("dense").to_numpy().astype(np.int64)
            )
        ),
    )


def _customers(world: World, day: np.ndarray, is_business: np.ndarray, key: np.ndarray) -> pl.DataFrame:
    """One customer each of those that are known on the day the wave begins, with where he lives."""
    even = world.draws("who is asked").uniform(key)
    chosen = np.zeros(len(key), dtype=np.int64)
    households, businesses = _known(world)
    for group, offset, of_group in ((households, 0, ~is_business), (businesses, households.height, is_business)):
        there = np.maximum(1, np.searchsorted(group["created_day"].to_numpy(), day[of_group]))
        chosen[of_group] = offset + np.floor(even[of_group] * there).astype(np.int64)
    found = pl.concat([households, businesses], how="diagonal")[chosen]
    where = places().select("place_no", "region_code", "market")
    return found.join(where, on="place_no", how="left", maintain_order="left").select(
        "region_code", "market", "birth_year",
        customer_id=clientele.customer_id(pl.col("customer_no")), segment=pl.col("kind").fill_null("household"),
    )  # fmt: skip


@lru_cache(maxsize=4)
def _known(world: World) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Households and companies that stay, in the order in which they came."""
    companies = clientele.companies(world).filter(pl.col("left_day") >= clientele.NEVER)
    return (
        clientele.households(world)
        .select("created_day", "customer_no", "place_no", "birth_year")
        .sort("created_day", "customer_no"),
        companies.select("created_day", "customer_no", "place_no", "kind").sort("created_day", "customer_no"),
    )


def _evenly(rank: np.ndarray, group: np.ndarray) -> np.ndarray:
    """A number in [0, 1) spread evenly over each group, so that a share of a group is just that share."""
    order = np.lexsort((rank, group))
    found = np.empty(len(rank))
    _, begins, sizes = np.unique(group[order], return_index=True, return_counts=True)
    found[order] = (np.arange(len(rank)) - np.repeat(begins, sizes) + 0.5) / np.repeat(sizes, sizes)
    return found

"""The company's staff, and what makes the sales people among them good: talent, diligence, training."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import polars as pl

from fupan.demo.company.campaigns import campaigns
from fupan.demo.company.geography import places
from fupan.demo.company.network import NEVER, outlets, reps
from fupan.demo.tools.draws import Floats, Ints
from fupan.demo.tools.wording import text
from fupan.demo.world import LIFE_YEARS, YEAR, World, day_number

#: Role -> first number of its staff, department, how many at scale 1 (and at least), share that is replaced in a year.
ROLES: dict[str, tuple[int, str, int, int, float]] = {
    "service_agent": (10_000, "after_sales", 40, 6, 0.15),
    "service_engineer": (20_000, "after_sales", 24, 4, 0.08),
    "marketer": (30_000, "marketing", 20, 4, 0.10),
    "production_worker": (40_000, "production", 160, 12, 0.12),
    "manager": (60_000, "management", 16, 6, 0.05),
}
GUIDES, TEMPORARY = 50_000, 100_000
GUIDES_A_STORE, GUIDES_REPLACED = 3, 0.25
#: Campaigns for which promoters are hired, and how many.
STAFFED, PROMOTERS = ("home_season", "store_promotion"), 24
DEPARTMENTS = ("sales", "production", "logistics", "marketing", "engineering", "after_sales", "finance")
_LEVELS = ("junior", "regular", "senior")


@lru_cache(maxsize=4)
def employees(world: World) -> pl.DataFrame:
    """A row an employee of all years, by emp_key.

    Columns: emp_key, emp_id, role, dept, team, place_no (null: headquarters), level (index of junior, regular, senior when
    hired), promoted_day, hired_day, left_day (NEVER: not), is_temp, campaign_no (temporary staff).
    """
    sales = reps(world).select(
        emp_key="emp_no",
        role=pl.lit("sales_rep"),
        dept=pl.lit("sales"),
        team="market",
        place_no="place_no",
        hired_day="hired_day",
        left_day=pl.col("left_day").fill_null(NEVER),
        level=pl.col("seniority").replace_strict(dict(zip(_LEVELS, range(3), strict=True)), return_dtype=pl.Int64),
    )
    others = pl.concat([_staff(world, role) for role in ROLES])
    everyone = pl.concat([sales, others, _guides(world), _promoters(world)], how="diagonal")
    key, draws = everyone["emp_key"].to_numpy(), world.draws("careers")
    promoted = everyone["hired_day"].to_numpy() + draws.integer(700, 2600, key, 1)
    rises = (
        (everyone["level"].to_numpy() < 2) & (promoted < everyone["left_day"].to_numpy()) & draws.chance(0.6, key, 2)
    )
    return everyone.with_columns(
        emp_id=employee_id("emp_key"),
        promoted_day=pl.Series(np.where(rises, promoted, NEVER)),
        is_temp=pl.col("campaign_no").is_not_null(),
    ).sort("emp_key")


def employee_id(column: str) -> pl.Expr:
    """Employee of a key, as `network.reps` numbers its own."""
    return text("E{}", (pl.col(column) + 1).cast(pl.String).str.zfill(5))


def _staff(world: World, role: str) -> pl.DataFrame:
    """Standing staff of a role, and those who replace the ones that leave, one after the other."""
    begins, dept, at_scale_one, least, replaced = ROLES[role]
    standing = world.number(at_scale_one, least)
    return _hired(world, role, standing, max(1, round(standing * replaced)), begins).with_columns(
        dept=pl.lit(dept),
        team=text("{}-{}", pl.lit(dept), pl.col("emp_key") % 4 + 1),
        place_no=pl.lit(None, pl.Int64),
    )


def _guides(world: World) -> pl.DataFrame:
    """Guides of the company's own stores."""
    stores = outlets(world).filter(pl.col("dealer_no").is_null())
    standing = stores.height * GUIDES_A_STORE
    hired = _hired(world, "shop_guide", standing, max(1, round(standing * GUIDES_REPLACED)), GUIDES)
    number = hired["emp_key"].to_numpy() - GUIDES
    store = (number % standing) // GUIDES_A_STORE
    return hired.with_columns(
        dept=pl.lit("retail"), team=stores["outlet_id"].gather(store), place_no=stores["place_no"].gather(store)
    )


def _hired(world: World, role: str, standing: int, replaced: int, begins: int) -> pl.DataFrame:
    draws, first = world.draws(f"staff: {role}"), day_number(world.first)
    number = np.arange(standing + replaced * LIFE_YEARS, dtype=np.int64)
    joins = first + (number - standing) * YEAR // replaced
    # Whoever comes takes the place of the one who has been there longest.
    left = np.where(number < replaced * LIFE_YEARS, first + number * YEAR // replaced + 10, NEVER)
    return pl.DataFrame(
        {
            "emp_key": begins + number,
            "role": [role] * len(number),
            "hired_day": np.where(number < standing, first - draws.integer(60, 3600, number, 1), joins),
            "left_day": left,
            "level": draws.pick([5, 4, 1], number, 2),
        }
    )


def _promoters(world: World) -> pl.DataFrame:
    """Temporary promoters, hired for the days of a campaign in stores."""
    staffed = campaigns(world).filter(pl.col("campaign_type").is_in(STAFFED)).sort("campaign_no")
    number = np.arange(staffed.height * PROMOTERS, dtype=np.int64)
    of_campaign = staffed[number // PROMOTERS]
    homes = np.flatnonzero((places()["market"] != "overseas").to_numpy())
    weights = places()["households"].to_numpy()[homes]
    return pl.DataFrame(
        {
            "emp_key": TEMPORARY + of_campaign["campaign_no"].to_numpy() * PROMOTERS + number % PROMOTERS,
            "role": ["promoter"] * len(number),
            "hired_day": of_campaign["start_day"] - 2,
            "left_day": of_campaign["end_day"] + 1,
            "level": np.zeros(len(number), dtype=np.int64),
            "dept": ["marketing"] * len(number),
            "team": of_campaign["campaign_id"],
            "place_no": homes[world.draws("promoters").pick(weights, number)],
            "campaign_no": of_campaign["campaign_no"],
        }
    )


def on_duty(world: World, role: str, days: Ints, even: Floats) -> Ints:
    """Key of somebody of a standing role (of ROLES, or shop_guide) who is employed on each day, by an even draw.

    Those who were employed on the company's first day also did what was done before."""
    known = employees(world).filter(pl.col("role") == role)
    hired, left = np.sort(known["hired_day"].to_numpy()), np.sort(known["left_day"].to_numpy())
    days = np.maximum(days, day_number(world.first))
    # They come and go in the order of their keys, so that those who are there lie side by side.
    gone = np.searchsorted(left, days, side="right")
    come = np.searchsorted(hired, days, side="right")
    return np.asarray(known["emp_key"].to_numpy()[gone + np.floor(even * (come - gone)).astype(np.int64)])


def talent(world: World, emp_key: Ints) -> Floats:
    """From 0 to 1, for good."""
    return world.draws("talent").uniform(emp_key)


def diligence(world: World, rep_no: Ints) -> Floats:
    """How much a rep does beside a usual one, for good: 0.6 to 1.4."""
    return world.draws("diligence").between(0.6, 1.4, rep_no)


#: Share of planned courses that employees attend; a course helps a rep for so many days.
ATTENDED, HELPS_FOR = 0.88, 90


def course_day(quarter_first: Ints, emp_key: Ints) -> Ints:
    """Day of the course that is planned for an employee in the quarter that begins on a day."""
    return quarter_first + 17 + emp_key % 3 * 7


def attends(world: World, quarter: Ints, emp_key: Ints) -> np.ndarray:
    """Whether an employee attends the course of a quarter (counted from year 0)."""
    return world.draws("attendance").chance(ATTENDED, quarter, emp_key)


def is_trained(world: World, rep_no: Ints, days: Ints) -> np.ndarray:
    """Whether a rep has attended a course in the `HELPS_FOR` days before."""
    months = days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
    fresh = np.zeros(len(days), dtype=bool)
    for back in (0, 1):
        quarter = months // 3 - back
        begins = (quarter * 3).astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
        age = days - course_day(begins, rep_no)
        fresh |= (age >= 0) & (age < HELPS_FOR) & attends(world, quarter + 1970 * 4, rep_no)
    return fresh


def wins(world: World, rep_no: Ints, days: Ints) -> Floats:
    """Chance that a rep wins an opportunity that is decided on a day: talent, diligence and training make it."""
    skill = 0.22 + 0.20 * talent(world, rep_no) + 0.10 * (diligence(world, rep_no) - 0.6)
    return np.asarray(skill + 0.09 * is_trained(world, rep_no, days))

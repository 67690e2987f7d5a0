"""Events on site: the exhibition, dealers' fairs, days in the stores; where, when, with whom."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import polars as pl

from fupan.demo.company.campaigns import campaigns
from fupan.demo.company.geography import places
from fupan.demo.company.network import NEVER, outlets
from fupan.demo.company.people import PROMOTERS, STAFFED, TEMPORARY, employees
from fupan.demo.life.prospects import SHOWS, event_of
from fupan.demo.tools.wording import text
from fupan.demo.world import World

#: Event type -> visitors at scale 1 (and at least), share of a day's visitors that fit in at a time, opening and closing hour.
KINDS = {
    "exhibition": (6_300, 40, 0.5, 9, 17),
    "dealer_fair": (330, 12, 0.8, 9, 18),
    "store_event": (64, 6, 0.5, 10, 20),
}
#: Stores that take part in a campaign in stores.
STORES = 8
#: Staff of the company at an exhibition, and at a fair, at every scale.
TEAM = {"exhibition": 30, "dealer_fair": 12}
#: Role of an employee -> what he does at an event.
DUTIES = {
    "marketer": "planning", "manager": "planning", "production_worker": "design", "sales_rep": "sales",
    "service_agent": "service", "service_engineer": "service",
}  # fmt: skip
#: Of an event's team so many of ten are of each duty.
_SHARES = {"planning": 2, "design": 1, "sales": 5, "service": 2}


@lru_cache(maxsize=2)
def events(world: World) -> pl.DataFrame:
    """A row an event of all years: event_no, event_id, event_name, event_type, campaign_no, campaign_id, place_no, first_day,
    last_day, visitors (who come, over all days), outlet_no (null: not in a store)."""
    draws, known = world.draws("events"), campaigns(world)
    of_region = dict(places().select("region_code", "place_no").iter_rows())
    shows = known.filter(pl.col("campaign_type").is_in(list(SHOWS))).select(
        "campaign_no", "campaign_id", event_id=event_of("campaign_id"), event_name="campaign_name",
        event_type="campaign_type", first_day="start_day", last_day="end_day",
        place_no=pl.col("region_code").replace_strict(of_region, return_dtype=pl.Int64),
        outlet_no=pl.lit(None, pl.Int64),
    )  # fmt: skip
    stores = outlets(world).filter(pl.col("dealer_no").is_null()).sort("outlet_no")
    parts = [shows]
    for campaign_no, campaign_id, name, day in (
        known.filter(pl.col("campaign_type").is_in(STAFFED))
        .select("campaign_no", "campaign_id", "campaign_name", "start_day")
        .iter_rows()
    ):
        here = stores.filter(pl.col("opened_day") <= day, pl.col("closed_day").fill_null(NEVER) > day + 3)
        order = np.argsort(draws.uniform(here["outlet_no"].to_numpy(), campaign_no))[:STORES]
        parts.append(
            here[order].select(
                campaign_no=pl.lit(campaign_no, pl.Int64),
                campaign_id=pl.lit(campaign_id),
                event_id=text("EV{}-{}", pl.lit(campaign_id[2:]), "outlet_no"),
                event_name=text("{} {}", pl.lit(name), "outlet_id"),
                event_type=pl.lit("store_event"),
                first_day=pl.lit(day + 1, pl.Int64),
                last_day=pl.lit(day + 2, pl.Int64),
                place_no="place_no",
                outlet_no="outlet_no",
            )
        )
    found = pl.concat(parts).sort("first_day", "event_id").with_row_index("event_no")
    kind = found["event_type"].to_list()
    usual = np.array([world.number(*KINDS[name][:2]) for name in kind])
    factor = world.draws("visitors").between(0.92, 1.08, found["event_no"].to_numpy())
    return found.with_columns(
        pl.col("event_no").cast(pl.Int64), visitors=pl.Series(np.rint(usual * factor).astype(np.int64))
    )


@lru_cache(maxsize=2)
def teams(world: World) -> pl.DataFrame:
    """A row an event and person on duty: event_no, emp_key, emp_id, staff_role."""
    parts = []
    for event_no, kind, campaign_no, day, outlet_no in (
        events(world).select("event_no", "event_type", "campaign_no", "first_day", "outlet_no").iter_rows()
    ):
        team = _promoters(world, campaign_no, event_no) if outlet_no is not None else _team(world, kind, event_no, day)
        parts.append(team.with_columns(event_no=pl.lit(event_no, pl.Int64)))
    return pl.concat(parts)


def _team(world: World, kind: str, event_no: int, day: int) -> pl.DataFrame:
    """Employees of each duty by lot; where a small company has too few of one, those of another help out."""
    here = employees(world).filter(
        pl.col("role").is_in(list(DUTIES)), pl.col("hired_day") <= day, pl.col("left_day") > day, ~pl.col("is_temp")
    )
    key = here["emp_key"].to_numpy()
    here = here.select("emp_key", "emp_id", staff_role=pl.col("role").replace_strict(DUTIES)).with_columns(
        lot=pl.Series(world.draws("event teams").uniform(key, event_no))
    )
    place = pl.col("lot").rank("ordinal").over("staff_role")
    wanted = pl.col("staff_role").replace_strict({name: n * TEAM[kind] // 10 for name, n in _SHARES.items()})
    chosen = here.with_columns(helps=place > wanted).sort("helps", "lot").head(TEAM[kind])
    return chosen.select("emp_key", "emp_id", "staff_role")


def _promoters(world: World, campaign_no: int, event_no: int) -> pl.DataFrame:
    """Those who are hired for the campaign, shared out over its stores."""
    stores = events(world).filter(campaign_no=campaign_no)["event_no"].to_list()
    turn, each = stores.index(event_no), PROMOTERS // STORES
    begins = TEMPORARY + campaign_no * PROMOTERS + turn * each
    hired = employees(world).filter(pl.col("emp_key").is_between(begins, begins + each - 1))
    return hired.select("emp_key", "emp_id", staff_role=pl.lit("temporary_promoter"))

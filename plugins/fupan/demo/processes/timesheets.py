"""Hours worked, day by day: service, marketing, production and shops, and the overtime that festivals and the season bring."""

from __future__ import annotations

import numpy as np
import polars as pl

from fupan.demo.company.assortment import date_of
from fupan.demo.company.campaigns import campaigns
from fupan.demo.company.people import employees
from fupan.demo.company.seasons import HOMES, SITES, is_weekend, months, shopping_festival, spring_festival
from fupan.demo.process import Frames, Process
from fupan.demo.tools.draws import Floats, Ints
from fupan.demo.tools.stamps import at
from fupan.demo.world import Span, World

#: Role -> share of staff at work on a weekday, on a weekend, hours, chance of overtime on a usual day and its mean hours.
SHIFTS = {
    "service_agent": (0.78, 0.62, 8.0, 0.12, 1.4),
    "service_engineer": (0.88, 0.40, 8.0, 0.14, 1.6),
    "marketer": (0.93, 0.10, 8.0, 0.16, 1.8),
    "production_worker": (0.93, 0.35, 8.0, 0.18, 1.6),
    "shop_guide": (0.62, 0.92, 8.0, 0.06, 1.0),
    "promoter": (1.0, 1.0, 7.5, 0.05, 1.0),
}
#: Roles that work for online campaigns, and for others, while they run.
ONLINE, OFFLINE = ("service_agent", "marketer"), ("shop_guide", "promoter")


def tell(world: World, span: Span) -> Frames:
    """A row a person who works on a day of the span."""
    draws, days = world.draws("timesheets"), span.days
    staff = employees(world).filter(
        pl.col("role").is_in(list(SHIFTS)), pl.col("hired_day") <= int(days[-1]), pl.col("left_day") > int(days[0])
    )
    key, kind = (
        staff["emp_key"].to_numpy(),
        staff["role"].replace_strict({role: n for n, role in enumerate(SHIFTS)}).to_numpy(),
    )
    weekday, weekend, hours, chance, extra = (np.array(values) for values in zip(*SHIFTS.values(), strict=True))
    open_days = (spring_festival(days) > 0.2)[:, None]
    share = np.where(is_weekend(days)[:, None], weekend[kind][None, :], weekday[kind][None, :])
    here = (staff["hired_day"].to_numpy()[None, :] <= days[:, None]) & (
        days[:, None] < staff["left_day"].to_numpy()[None, :]
    )
    works = here & open_days & draws.chance(share, key[None, :], days[:, None], 1)
    row, column = np.nonzero(works)
    day, person, role = days[row], key[column], kind[column]
    busy = _busy(days)[row, role]
    longer = draws.chance(np.minimum(0.95, chance[role] * busy), person, day, 2)
    # Written in quarters of an hour.
    overtime = np.where(longer, np.minimum(5.0, extra[role] * busy**0.5 * draws.spread(person, day, 3, sigma=0.4)), 0.0)
    overtime = np.round(overtime * 4) / 4
    frame = pl.DataFrame(
        {
            "day": day,
            "emp_id": staff["emp_id"].gather(column),
            "campaign_no": _campaign(world, days)[row, role],
            "hours": hours[role] + overtime,
            "overtime_hours": overtime,
        }
    )
    ids = dict(enumerate(campaigns(world)["campaign_id"].to_list()))
    told = frame.select(
        "emp_id", "hours", "overtime_hours",
        work_date=date_of("day"),
        campaign_id=pl.col("campaign_no").replace_strict(ids, default=None, return_dtype=pl.String),
        updated_at=at("day", 22), _changed_on=date_of("day"),
    )  # fmt: skip
    return {"hr_timesheets": told}


def _busy(days: Ints) -> Floats:
    """Day x role: how much there is to do beside a usual day."""
    month, festival = months(days) - 1, shopping_festival(days)
    homes, sites = np.asarray(HOMES)[month], np.asarray(SITES)[month]
    by_role = {
        "service_agent": 1 + 1.6 * festival, "service_engineer": homes**2, "marketer": 1 + 1.2 * festival,
        "production_worker": sites**3, "shop_guide": homes**2, "promoter": np.ones(len(days)),
    }  # fmt: skip
    return np.stack([by_role[role] for role in SHIFTS], axis=1)


def _campaign(world: World, days: Ints) -> Ints:
    """Day x role: the campaign that people of the role work for, the one that began last; -1: none."""
    found = np.full((len(days), len(SHIFTS)), -1, dtype=np.int64)
    running = (
        campaigns(world)
        .filter(pl.col("start_day") <= int(days[-1]), pl.col("end_day") >= int(days[0]))
        .sort("start_day")
    )
    columns = {
        online: [n for n, role in enumerate(SHIFTS) if role in roles]
        for online, roles in ((True, ONLINE), (False, OFFLINE))
    }
    for number, online, start, end in running.select("campaign_no", "online", "start_day", "end_day").iter_rows():
        rows = np.flatnonzero((days >= start) & (days <= end))
        found[np.ix_(rows, np.array(columns[online]))] = number
    return found


PROCESS = Process(tables=("hr_timesheets",), tell=tell, echoes=0, history=800)

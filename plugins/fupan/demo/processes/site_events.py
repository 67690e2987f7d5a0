"""Events on site with their staff and incidents."""

from __future__ import annotations

import numpy as np
import polars as pl

from fupan.demo.company.assortment import date_of
from fupan.demo.company.geography import places
from fupan.demo.life.shows import KINDS, events, teams
from fupan.demo.process import CHANGED_ON, Frames, Process, as_of
from fupan.demo.tools.stamps import minute
from fupan.demo.tools.wording import text
from fupan.demo.world import Span, World

#: Events are planned so many days ahead; staff is scheduled, and hours are noted the day after.
PLANNED, SCHEDULED = 120, 7
#: Share of their hours in which promoters have nothing to do, by city tier: smaller cities were staffed like large ones. Not
#: every year one of the few stores in the smallest cities takes part, so those of the second tier show it as well.
IDLE = {"tier_1": 0.18, "new_tier_1": 0.24, "tier_2": 0.44, "tier_3": 0.47}
USUALLY_IDLE = 0.12
#: CNY an hour.
WAGE, TEMPORARY_WAGE = 85.0, 32.0
#: Incident -> how many an exhibition and a fair have on average, minutes until the backup runs (None: nothing is switched), and
#: until all is well.
INCIDENTS = {
    "equipment": (2.4, 0.35, (3, 14), (25, 120)),
    "medical": (0.7, 0.06, None, (20, 90)),
    "crowd": (0.5, 0.04, None, (15, 60)),
    "weather": (0.2, 0.08, None, (60, 300)),
}


def tell(world: World, span: Span) -> Frames:
    """All events that are planned by the evening."""
    return {
        "evt_events": _events(world, span),
        "evt_staffing": _staffing(world, span),
        "evt_incidents": _incidents(world, span),
    }


def _events(world: World, span: Span) -> pl.DataFrame:
    known = events(world).join(places().select("place_no", "city", "city_tier"), on="place_no", how="left")
    days = pl.col("last_day") - pl.col("first_day") + 1
    kinds = {name: at_a_time for name, (_, _, at_a_time, _, _) in KINDS.items()}
    venue = {"exhibition": "exhibition_hall", "dealer_fair": "hotel", "store_event": "store"}
    opens, closes = ({name: values[n] for name, values in KINDS.items()} for n in (3, 4))
    hour = pl.col("event_type").replace_strict(opens, return_dtype=pl.Int64)
    ends = pl.col("event_type").replace_strict(closes, return_dtype=pl.Int64)
    months_ahead = pl.when(pl.col("event_type") == "exhibition").then(pl.lit("-3mo")).otherwise(pl.lit("-14d"))
    found = known.with_columns(
        venue_type=pl.col("event_type").replace_strict(venue),
        start_at=minute(pl.col("first_day") * 1440 + hour * 60),
        end_at=minute(pl.col("last_day") * 1440 + ends * 60),
        capacity=(pl.col("visitors") / days * pl.col("event_type").replace_strict(kinds)).ceil().cast(pl.Int64),
        warmup_start=date_of("first_day").dt.offset_by(months_ahead),
        planned_at=minute((pl.col("first_day") - PLANNED) * 1440 + 540),
    )
    return as_of(found, span.evening, ["planned_at"]).select(
        "event_id", "event_name", "event_type", "campaign_id", "city", "city_tier", "venue_type", "start_at", "end_at",
        "capacity", "warmup_start", "updated_at", CHANGED_ON,
    )  # fmt: skip


def _staffing(world: World, span: Span) -> pl.DataFrame:
    draws = world.draws("hours at events")
    known = teams(world).join(events(world), on="event_no", how="left", maintain_order="left")
    known = known.join(places().select("place_no", "city_tier"), on="place_no", how="left", maintain_order="left")
    key = (known["event_no"].to_numpy(), known["emp_key"].to_numpy())
    temporary = (known["staff_role"] == "temporary_promoter").to_numpy()
    idle = known["city_tier"].replace_strict(IDLE, default=IDLE["tier_3"], return_dtype=pl.Float64).to_numpy()
    idle = np.where(temporary, idle, USUALLY_IDLE) * draws.between(0.85, 1.15, *key, 1)
    days = (known["last_day"] - known["first_day"] + 1).to_numpy()
    hours = days * 8.0
    found = known.with_columns(
        scheduled_hours=pl.Series(hours),
        active_hours=pl.Series(np.round(hours * (1 - idle), 1)),
        cost=pl.Series(np.round(hours * np.where(temporary, TEMPORARY_WAGE, WAGE), 2)),
        scheduled_at=minute((pl.col("first_day") - SCHEDULED) * 1440 + 900),
        noted_at=minute((pl.col("last_day") + 1) * 1440 + 960),
    )
    seen = as_of(found, span.evening, ["scheduled_at", "noted_at"], reveals={"noted_at": ["active_hours"]})
    return seen.select(
        "event_id", "emp_id", "staff_role", "scheduled_hours", "active_hours", "cost", "updated_at", CHANGED_ON
    )


def _incidents(world: World, span: Span) -> pl.DataFrame:
    draws = world.draws("incidents")
    known = events(world).filter(pl.col("event_type") != "store_event")
    number, parts = known["event_no"].to_numpy(), []
    large = (known["event_type"] == "exhibition").to_numpy()
    for kind_no, (kind, (often, seldom, switching, lasting)) in enumerate(INCIDENTS.items()):
        count = draws.poisson(np.where(large, often, seldom), number, kind_no)
        if kind == "equipment":
            count = np.where(large, np.maximum(1, count), count)
        row = np.repeat(np.arange(known.height), count)
        key = (number[row], kind_no, np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count))
        days = (known["last_day"] - known["first_day"]).to_numpy()[row]
        occurred = (known["first_day"].to_numpy()[row] + draws.integer(0, days, *key, 1)) * 1440
        occurred = occurred + 570 + draws.integer(0, 400, *key, 2)
        switched = occurred + draws.integer(*(switching or (0, 0)), *key, 3)
        affected = np.ceil(known["visitors"].to_numpy()[row] * draws.between(0.002, 0.03, *key, 4)).astype(np.int64)
        parts.append(
            known[row].select(
                "event_id", "campaign_id",
                incident_id=text("INC{}-{}-{}", "event_no", pl.lit(kind_no), pl.Series(key[2])),
                incident_type=pl.lit(kind),
                occurred_at=minute(pl.lit(pl.Series(occurred))),
                switched_at=minute(pl.lit(pl.Series(switched))) if switching else pl.lit(None, pl.Datetime("us")),
                resolved_at=minute(pl.lit(pl.Series(occurred + draws.integer(*lasting, *key, 5)))),
                affected_visitors=pl.Series(affected if kind != "medical" else np.ones(len(row), dtype=np.int64)),
            )
        )  # fmt: skip
    seen = as_of(pl.concat(parts), span.evening, ["occurred_at", "switched_at", "resolved_at"])
    return seen.select(
        "incident_id", "event_id", "campaign_id", "incident_type", "occurred_at", "switched_at", "resolved_at",
        "affected_visitors", "updated_at", CHANGED_ON,
    )  # fmt: skip


PROCESS = Process(("evt_events", "evt_staffing", "evt_incidents"), tell)

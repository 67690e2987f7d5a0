"""Events on site, who works there, and what goes wrong; told for all years, since there are few."""

from __future__ import annotations

import numpy as np
import polars as pl

from fupan.demo.assortment import date_of
from fupan.demo.geography import places
from fupan.demo.people import PROMOTERS, TEMPORARY, employee_id, on_duty
from fupan.demo.process import CHANGED_ON, Frames, Process, as_of
from fupan.demo.shows import ANNOUNCED, KINDS, shows
from fupan.demo.stamps import at, minute
from fupan.demo.world import Span, World

#: Standing staff of an event: role on duty -> role in the company, how many at an exhibition.
STAFF = {
    "planning": ("marketer", 4),
    "design": ("marketer", 5),
    "sales": ("shop_guide", 15),
    "service": ("service_agent", 6),
}
#: Temporary promoters: hours idle of those scheduled, where a store is off the main street and elsewhere.
IDLE, IDLE_AWAY = 0.24, 0.47
#: Incidents of an event day, and their kinds.
INCIDENTS = 0.16
INCIDENT_KINDS = {"equipment": 0.55, "medical": 0.15, "crowd": 0.20, "weather": 0.10}


def tell(world: World, span: Span) -> Frames:
    """Events that have been announced by the evening, staff and incidents of those that are over."""
    kinds = pl.DataFrame(
        [(kind, *values) for kind, values in KINDS.items()],
        schema=["campaign_type", "event_type", "venue_type", "usual", "capacity", "warmup"],
        orient="row",
    )
    known = (
        shows(world)
        .join(kinds, on="campaign_type", how="left", maintain_order="left")
        .join(places().select("place_no", "city", "city_tier"), on="place_no", how="left", maintain_order="left")
        .with_columns(
            announced_at=at(pl.col("start_day") - ANNOUNCED, 10),
            start_at=at("start_day", 9),
            end_at=at("end_day", 17),
            warmup_start=date_of("start_day") - pl.duration(days="warmup"),
            event_name=pl.concat_str("campaign_name", pl.col("outlet_id"), separator=" ", ignore_nulls=True),
        )
    )
    events = as_of(known, span.evening, ["announced_at"]).select(
        "event_id", "event_name", "event_type", "campaign_id", "city", "city_tier", "venue_type", "start_at", "end_at", "capacity",
        "warmup_start", "updated_at", CHANGED_ON,
    )  # fmt: skip
    return {
        "evt_events": events,
        "evt_staffing": _staffing(world, span, known),
        "evt_incidents": _incidents(world, span, known),
    }


def _staffing(world: World, span: Span, known: pl.DataFrame) -> pl.DataFrame:
    draws, parts = world.draws("event staff"), []
    days = (known["end_day"] - known["start_day"] + 1).to_numpy()
    is_store = known["outlet_id"].is_not_null().to_numpy()
    for number, (duty, (role, at_exhibition)) in enumerate(STAFF.items()):
        count = np.where(
            is_store, 1, np.where(known["event_type"] == "exhibition", at_exhibition, max(1, at_exhibition // 3))
        )
        rows = np.repeat(np.arange(known.height), count)
        turn = np.arange(len(rows)) - np.repeat(np.cumsum(count) - count, count)
        even = (draws.uniform(rows, number) + turn / count[rows]) % 1.0
        person = on_duty(world, role, known["start_day"].to_numpy()[rows], even)
        share = draws.between(0.82, 0.98, rows, turn, number)
        parts.append(_on_duty(known, rows, person, duty, 8.0 * days[rows], share, 65.0))
    rows = np.repeat(np.flatnonzero(is_store), 3)
    turn = np.tile(np.arange(3), int(is_store.sum()))
    shop = known["place_no"].to_numpy()[rows]
    person = TEMPORARY + known["campaign_no"].to_numpy()[rows] * PROMOTERS + (rows * 3 + turn) % PROMOTERS
    # In the third of the regions that is thinly visited promoters stand about.
    away = world.draws("quiet regions").chance(0.34, shop)
    idle = np.where(away, IDLE_AWAY, IDLE) * draws.between(0.85, 1.15, rows, turn, 9)
    parts.append(_on_duty(known, rows, person, "temporary_promoter", 8.0 * days[rows], 1 - idle, 28.0))
    found = pl.concat(parts).unique(["event_id", "emp_id"], keep="first", maintain_order=True)
    return as_of(
        found, span.evening, ["announced_at", "over_at"], reveals={"over_at": ["active_hours", "cost"]}
    ).select("event_id", "emp_id", "staff_role", "scheduled_hours", "active_hours", "cost", "updated_at", CHANGED_ON)


def _on_duty(
    known: pl.DataFrame,
    rows: np.ndarray,
    person: np.ndarray,
    duty: str,
    hours: np.ndarray,
    share: np.ndarray,
    wage: float,
) -> pl.DataFrame:
    return known[rows].select(
        "event_id",
        staff_role=pl.lit(duty),
        emp_key=pl.Series(person),
        scheduled_hours=pl.Series(hours),
        active_hours=pl.Series(np.round(hours * share, 1)),
        cost=pl.Series(np.round(hours * wage, 2)),
        announced_at=at(pl.col("start_day") - 10, 11),
        over_at=at("end_day", 20),
    ).with_columns(emp_id=employee_id("emp_key"))  # fmt: skip


def _incidents(world: World, span: Span, known: pl.DataFrame) -> pl.DataFrame:
    """Backups run within a quarter of an hour, now and then a little later."""
    draws = world.draws("incidents")
    show = known["show_no"].to_numpy()
    days = (known["end_day"] - known["start_day"] + 1).to_numpy()
    size = np.where(known["event_type"] == "exhibition", 3.0, 1.0)
    count = draws.poisson(INCIDENTS * days * size, show)
    rows = np.repeat(np.arange(known.height), count)
    turn = np.arange(len(rows)) - np.repeat(np.cumsum(count) - count, count)
    key = show[rows]
    day = known["start_day"].to_numpy()[rows] + draws.integer(0, days[rows] - 1, key, turn, 1)
    moment = day * 1440 + 9 * 60 + draws.integer(10, 470, key, turn, 2)
    kind = draws.choice(list(INCIDENT_KINDS), key, turn, 3, weights=list(INCIDENT_KINDS.values()))
    switched = moment + np.maximum(2, np.rint(9 * draws.spread(key, turn, 4, sigma=0.35))).astype(np.int64)
    resolved = switched + draws.integer(10, 120, key, turn, 5)
    found = known[rows].select(
        "event_id", "campaign_id",
        incident_id=pl.concat_str(pl.lit("INC"), "show_no", pl.Series(turn), separator="-"),
        incident_type=pl.Series(kind.astype(str)),
        occurred_at=minute(pl.lit(pl.Series(moment))),
        switched_at=pl.when(pl.Series(kind == "equipment")).then(minute(pl.lit(pl.Series(switched)))),
        resolved_at=minute(pl.lit(pl.Series(resolved))),
        affected_visitors=pl.Series(draws.integer(1, 60, key, turn, 6)),
    )  # fmt: skip
    return as_of(found, span.evening, ["occurred_at", "switched_at", "resolved_at"]).select(
        "incident_id", "event_id", "campaign_id", "incident_type", "occurred_at", "switched_at", "resolved_at",
        "affected_visitors", "updated_at", CHANGED_ON,
    )  # fmt: skip


PROCESS = Process(("evt_events", "evt_staffing", "evt_incidents"), tell)

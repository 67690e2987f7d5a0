"""Visitors of events: those who became leads there, and the others who looked on, longer where they were interested."""

from __future__ import annotations

import numpy as np
import polars as pl

from fupan.demo.clientele import customers
from fupan.demo.process import CHANGED_ON, Frames, Process
from fupan.demo.prospects import leads
from fupan.demo.shows import shows, visitors_expected
from fupan.demo.stamps import minute
from fupan.demo.world import Span, World

ZONES = ("smart_home", "commercial", "outdoor", "lounge")
TYPES = {"prospect": 0.62, "existing_user": 0.24, "dealer": 0.10, "media": 0.04}
#: Visitors who book a slot, and those of them who stay away.
BOOKED, ABSENT = 0.45, 0.12


def tell(world: World, span: Span) -> Frames:
    """Visitors of the span's days, recorded in the evening of each."""
    draws, known = world.draws("show visitors"), shows(world)
    open_days = known.filter(pl.col("end_day") >= int(span.days[0]), pl.col("start_day") <= int(span.days[-1]))
    parts = [_leads(world, span, known), _others(world, span, open_days)]
    found = pl.concat(parts, how="diagonal_relaxed")
    show, day, number = (found[name].to_numpy() for name in ("show_no", "day", "number"))
    is_lead = found["lead_id"].is_not_null().to_numpy()
    booked = draws.chance(BOOKED, show, day, number, 1)
    absent = booked & ~is_lead & draws.chance(ABSENT, show, day, number, 2)
    half = draws.chance(0.55, show, day, number, 3)
    moment = day * 1440 + np.where(half, 9 * 60, 13 * 60) + draws.integer(0, 210, show, day, number, 4)
    dwell = np.round(np.maximum(4, 55 * draws.spread(show, day, number, 5, sigma=0.6) * np.where(is_lead, 1.6, 1.0)), 1)
    kind = np.where(is_lead, "prospect", draws.choice(list(TYPES), show, day, number, 6, weights=list(TYPES.values())))
    came = ~pl.Series(absent)
    found = found.with_columns(
        visitor_id=pl.when(pl.col("lead_id").is_not_null())
        .then(pl.concat_str(pl.lit("V"), "lead_id"))
        .otherwise(pl.concat_str(pl.lit("V"), "show_no", "day", "number", separator="-")),
        visitor_type=pl.Series(kind.astype(str)),
        booked_slot=pl.when(pl.Series(booked)).then(
            pl.concat_str(
                pl.col("day").cast(pl.Int32).cast(pl.Date).dt.strftime("%Y-%m-%d"),
                pl.when(pl.Series(half)).then(pl.lit("am")).otherwise(pl.lit("pm")),
                separator=" ",
            )
        ),
        checked_in_at=pl.when(came).then(minute(pl.lit(pl.Series(moment)))),
        dwell_minutes=pl.when(came).then(pl.Series(dwell)),
        zone=pl.when(came).then(pl.Series(draws.choice(ZONES, show, day, number, 7, weights=[4, 3, 2, 1]).astype(str))),
        business_card_flag=pl.Series((is_lead | draws.chance(0.18, show, day, number, 8)) & ~absent),
        updated_at=minute(pl.col("day") * 1440 + 20 * 60),
    )
    return {
        "evt_attendance": found.select(
            "event_id", "visitor_id", "visitor_type", "booked_slot", "checked_in_at", "dwell_minutes", "zone",
            "business_card_flag", "lead_id", "customer_id", "updated_at", pl.col("updated_at").dt.date().alias(CHANGED_ON),
        )
    }  # fmt: skip


def _leads(world: World, span: Span, known: pl.DataFrame) -> pl.DataFrame:
    """Leads of the shows' days, each a visitor."""
    found = leads(world, span.days).filter(pl.col("campaign_no") >= 0)
    halls = known.filter(pl.col("outlet_id").is_null()).select(
        "show_no", "event_id", "campaign_no", "start_day", "end_day"
    )
    found = found.join(halls, on="campaign_no", how="inner", maintain_order="left").filter(
        pl.col("created_day").is_between(pl.col("start_day"), pl.col("end_day"))
    )
    ids = customers(world).select("customer_no", "customer_id")
    return found.join(ids, on="customer_no", how="left", maintain_order="left").select(
        "show_no", "event_id", "lead_id", "customer_id", day="created_day", number=pl.col("key") + (1 << 30)
    )


def _others(world: World, span: Span, open_days: pl.DataFrame) -> pl.DataFrame:
    length = (open_days["end_day"] - open_days["start_day"] + 1).to_numpy()
    usual = visitors_expected(world, open_days["campaign_type"].to_numpy()) / length
    rows = np.repeat(np.arange(open_days.height), length)
    day = open_days["start_day"].to_numpy()[rows] + np.arange(len(rows)) - np.repeat(np.cumsum(length) - length, length)
    inside = (day >= span.days[0]) & (day <= span.days[-1])
    rows, day = rows[inside], day[inside]
    show = open_days["show_no"].to_numpy()[rows]
    count = world.draws("show crowd").poisson(usual[rows], show, day)
    number = np.arange(int(count.sum())) - np.repeat(np.cumsum(count) - count, count)
    return open_days[np.repeat(rows, count)].select(
        "show_no", "event_id", lead_id=pl.lit(None, pl.String), customer_id=pl.lit(None, pl.String),
        day=pl.Series(np.repeat(day, count)), number=pl.Series(number),
    )  # fmt: skip


PROCESS = Process(("evt_attendance",), tell, echoes=0)

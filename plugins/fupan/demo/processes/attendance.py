"""Visitors of events, as the check-in hands them over in the evening; those who booked and did not come are on the list too."""

from __future__ import annotations

import numpy as np
import polars as pl

from fupan.demo.company import clientele
from fupan.demo.company.network import NEVER, dealers
from fupan.demo.life.prospects import leads
from fupan.demo.life.shows import KINDS, events
from fupan.demo.process import CHANGED_ON, Frames, Process
from fupan.demo.tools.columns import named
from fupan.demo.tools.draws import Ints
from fupan.demo.tools.stamps import at, minute
from fupan.demo.tools.wording import text
from fupan.demo.world import Span, World

TYPES, ZONES = ("prospect", "existing_user", "dealer", "media"), ("smart_home", "commercial", "outdoor", "lounge")
#: Event type -> shares of TYPES among those who are no leads.
MIXTURE = {"exhibition": (70, 14, 10, 6), "dealer_fair": (5, 0, 92, 3), "store_event": (62, 38, 0, 0)}
#: Share that books a slot, of those the share that does not come, and share that leaves a card who is no lead.
BOOKS, MISSING, CARDS = 0.6, 0.15, 0.12
#: Mean minutes of a visit, by TYPES.
DWELL = (46.0, 52.0, 130.0, 75.0)


def tell(world: World, span: Span) -> Frames:
    """Visitors who came, or should have come, on the span's days."""
    known = events(world)
    near = known.filter(pl.col("last_day") >= int(span.days[0]), pl.col("first_day") <= int(span.days[-1]))
    of_shows = leads(world, span.days).filter(pl.col("campaign_no") >= 0)
    parts = [
        _visitors(world, event, int(day), of_shows)
        for event in near.iter_rows(named=True)
        for day in span.days[(span.days >= event["first_day"]) & (span.days <= event["last_day"])]
    ]
    nobody = _visitors(world, {**known.row(0, named=True), "visitors": 0}, -1, of_shows.head(0))
    found = pl.concat([nobody, *parts])
    return {"evt_attendance": found.with_columns(updated_at=at("day", 22)).with_columns(
        pl.col("updated_at").dt.date().alias(CHANGED_ON)
    ).drop("day")}  # fmt: skip


def _visitors(world: World, event: dict[str, object], day: int, of_shows: pl.DataFrame) -> pl.DataFrame:
    """Of one event on one day: those who become leads, and the others."""
    draws, event_no, kind = world.draws("visits"), int(str(event["event_no"])), str(event["event_type"])
    days = int(str(event["last_day"])) - int(str(event["first_day"])) + 1
    met = (
        of_shows.filter(campaign_no=event["campaign_no"], created_day=day)
        if kind != "store_event"
        else of_shows.head(0)
    )
    number = np.arange(
        max(met.height, round(int(str(event["visitors"])) / days / (1 - BOOKS * MISSING))), dtype=np.int64
    )
    key = (np.full(len(number), event_no), np.full(len(number), day), number)
    is_lead = number < met.height
    visitor = np.where(is_lead, 0, draws.pick(MIXTURE[kind], *key, 1))
    books = draws.chance(BOOKS, *key, 2)
    comes = is_lead | ~(books & draws.chance(MISSING, *key, 3))
    dwell = np.round(np.array(DWELL)[visitor] * draws.spread(*key, 4, sigma=0.6) * np.where(is_lead, 1.6, 1.0), 1)
    _, _, _, opens, closes = KINDS[kind]
    came = day * 1440 + opens * 60 + draws.integer(0, (closes - opens) * 60 - 30, *key, 5)
    slot = draws.choice(["am", "pm"], *key, 7)
    lead = pl.concat([met["lead_id"], pl.Series([None] * (len(number) - met.height), dtype=pl.String)])
    return pl.DataFrame(
        {
            "day": key[1],
            "number": number,
            "visitor_no": visitor,
            "zone_no": draws.pick([4, 3, 2, 1], *key, 6),
            "slot": slot,
            "dwell": np.minimum(dwell, 480.0),
            "came": came,
            "customer_no": _customers(world, visitor, day, key),
        }
    ).select(
        "day",
        event_id=pl.lit(str(event["event_id"])),
        visitor_id=text("VIS{}-{}-{}", pl.lit(event_no), "day", "number"),
        visitor_type=named("visitor_no", TYPES),
        booked_slot=pl.when(pl.Series(books)).then(
            text("{} {}", pl.col("day").cast(pl.Int32).cast(pl.Date).dt.strftime("%Y-%m-%d"), "slot")
        ),
        checked_in_at=pl.when(pl.Series(comes)).then(minute("came")),
        dwell_minutes=pl.when(pl.Series(comes)).then("dwell"),
        zone=pl.when(pl.Series(comes)).then(named("zone_no", ZONES)),
        business_card_flag=pl.Series(comes & (is_lead | draws.chance(CARDS, *key, 8))),
        lead_id=lead,
        customer_id=pl.when(pl.col("customer_no") > 0).then(
            text("C{}", pl.col("customer_no").cast(pl.String).str.zfill(7))
        ),
    )


def _customers(world: World, visitor: Ints, day: int, key: tuple[Ints, Ints, Ints]) -> Ints:
    """Who users and dealers among the visitors are, as far as they show their card; -1: nobody knows."""
    draws = world.draws("known visitors")
    if not len(visitor):
        return np.zeros(0, dtype=np.int64)
    homes = clientele.households(world).filter(pl.col("created_day") < day)["customer_no"].to_numpy()
    trade = dealers(world).filter(pl.col("joined_day") <= day, pl.col("left_day").fill_null(NEVER) > day)
    traders = clientele.DEALERS + trade["dealer_no"].to_numpy()
    user = homes[draws.integer(0, len(homes) - 1, *key, 1)]
    dealer = traders[draws.integer(0, len(traders) - 1, *key, 2)]
    shown = draws.chance(0.7, *key, 3)
    found = np.where(
        visitor == TYPES.index("existing_user"), user, np.where(visitor == TYPES.index("dealer"), dealer, -1)
    )
    return np.where(shown, found, -1)


PROCESS = Process(("evt_attendance",), tell, echoes=0)

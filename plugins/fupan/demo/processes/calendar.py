"""What the calendar holds for the trade: holidays, shopping festivals, fairs, subsidies."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl

from fupan.demo.process import CHANGED_ON, Frames, Process
from fupan.demo.seasons import SPRING_FESTIVALS
from fupan.demo.world import Span, World

#: Name, type, category, region, first month and day, days.
YEARLY = (
    ("618 年中大促", "shopping_festival", "online", None, (6, 1), 20),
    ("双11", "shopping_festival", "online", None, (11, 1), 12),
    ("双12", "shopping_festival", "online", None, (12, 10), 3),
    ("国庆节", "holiday", "all", None, (10, 1), 7),
    ("劳动节", "holiday", "all", None, (5, 1), 5),
    ("广州国际照明展览会", "trade_fair", "all", "CN-GD", (6, 9), 4),
    ("春季开工季", "policy", "building", None, (3, 1), 75),
    ("家电以旧换新补贴", "policy", "smart_home", None, (9, 1), 90),
)


def tell(world: World, _: Span) -> Frames:
    """Entries of all years of the company's life; the calendar is known ahead."""
    rows = []
    for year in range(world.first.year, world.last.year + 1):
        for number, (name, kind, category, region, (month, day), days) in enumerate(YEARLY):
            first = date(year, month, day)
            rows.append((f"CAL{year}-{number}", kind, name, region, category, first, first + timedelta(days=days - 1)))
    for first in SPRING_FESTIVALS:
        if world.first.year <= first.year <= world.last.year:
            rows.append((f"CAL{first.year}-S", "holiday", "春节", None, "all", first, first + timedelta(days=7)))
    schema = dict.fromkeys(("calendar_id", "calendar_type", "name", "region_code", "category"), pl.String)
    frame = pl.DataFrame(rows, schema=schema | {"start_date": pl.Date, "end_date": pl.Date}, orient="row")
    return {"evt_calendar": frame.with_columns(pl.lit(world.first).alias(CHANGED_ON))}


PROCESS = Process(("evt_calendar",), tell)

"""What the calendar outside the company holds: holidays, shopping festivals, fairs, subsidies."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl

from fupan.demo.company.seasons import SPRING_FESTIVALS
from fupan.demo.process import CHANGED_ON, Frames, Process
from fupan.demo.world import Span, World

#: Of every year: type, name, region, what it moves, first day and last day (month, day).
YEARLY = (
    ("holiday", "劳动节", None, "all", (5, 1), (5, 5)),
    ("holiday", "国庆节", None, "all", (10, 1), (10, 7)),
    ("shopping_festival", "618", None, "online", (6, 1), (6, 20)),
    ("shopping_festival", "双11", None, "online", (11, 1), (11, 12)),
    ("shopping_festival", "双12", None, "online", (12, 10), (12, 12)),
    ("trade_fair", "广州国际照明展览会", "CN-GD", "all", (6, 9), (6, 12)),
    ("trade_fair", "广交会春季", "CN-GD", "all", (4, 15), (5, 5)),
    ("trade_fair", "广交会秋季", "CN-GD", "all", (10, 15), (11, 4)),
    ("policy", "绿色照明补贴", None, "building", (3, 1), (6, 30)),
    ("policy", "家装消费券", "CN-ZJ", "smart_home", (9, 1), (10, 31)),
)
_SPRING_FESTIVAL = ("holiday", "春节", None, "all")


def tell(world: World, span: Span) -> Frames:
    """Entries of all years of the company; calendars are known years ahead."""
    rows: list[tuple[str, str, str, str | None, str, date, date]] = []
    for year in range(world.first.year, world.last.year + 1):
        festival = next(day for day in SPRING_FESTIVALS if day.year == year)
        rows.append((f"CAL{year}-00", *_SPRING_FESTIVAL, festival - timedelta(days=1), festival + timedelta(days=6)))
        for number, (kind, name, region, category, begins, ends) in enumerate(YEARLY, start=1):
            rows.append(
                (f"CAL{year}-{number:02d}", kind, name, region, category, date(year, *begins), date(year, *ends))
            )
    columns = ["calendar_id", "calendar_type", "name", "region_code", "category", "start_date", "end_date"]
    found = pl.DataFrame(rows, schema=columns, orient="row", infer_schema_length=None)
    return {"evt_calendar": found.with_columns(pl.lit(world.first).alias(CHANGED_ON))}


PROCESS = Process(("evt_calendar",), tell)

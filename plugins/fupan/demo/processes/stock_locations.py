"""Where stock lies: own warehouses, dealers, own stores."""

from __future__ import annotations

import polars as pl

from fupan.demo.company.assortment import date_of
from fupan.demo.company.warehouses import locations
from fupan.demo.process import CHANGED_ON, Frames, Process
from fupan.demo.world import Span, World, day_number


def tell(world: World, span: Span) -> Frames:
    """Locations of all years up to the evening; one that is given up stays on the list."""
    begins = pl.col("from_day").fill_null(day_number(world.first))
    known = locations(world).with_columns(begins=begins).filter(pl.col("begins") <= day_number(span.evening))
    return {
        "inv_locations": known.select(
            "location_id", "location_type", "dealer_id", "outlet_id", "channel_id", "province", "serves_regions",
            date_of("begins").alias(CHANGED_ON),
        )
    }  # fmt: skip


PROCESS = Process(("inv_locations",), tell)

"""Carriers, as logistics has them."""

from __future__ import annotations

import polars as pl

from fupan.demo.process import CHANGED_ON, Frames, Process
from fupan.demo.processes.shipments import CARRIERS
from fupan.demo.world import Span, World


def tell(world: World, _: Span) -> Frames:
    """All carriers; they have been there since the first day."""
    rows = [(carrier_id, *carrier) for carrier_id, carrier in CARRIERS.items()]
    frame = pl.DataFrame(rows, schema=["carrier_id", "carrier_name", "service_provinces", "is_backup"], orient="row")
    return {"log_carriers": frame.with_columns(pl.lit(world.first).alias(CHANGED_ON))}


PROCESS = Process(("log_carriers",), tell)

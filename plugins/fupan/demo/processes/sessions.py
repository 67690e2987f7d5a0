"""Visits to the online shops, as the platform counts them."""

from __future__ import annotations

import polars as pl

from fupan.demo.life.visits import visits
from fupan.demo.process import Frames, Process, changed
from fupan.demo.world import Span, World


def tell(world: World, span: Span) -> Frames:
    """Visits that begin on the span's days; each ends on the day on which it begins."""
    found = visits(world, span.first, span.last).with_columns(
        ended_at=pl.col("started_at") + pl.duration(seconds="duration_s")
    )
    return {"web_sessions": changed(found, "ended_at").drop("visit_key", "day", "sku_no", "ended_at")}


PROCESS = Process(("web_sessions",), tell, echoes=0, history=400)

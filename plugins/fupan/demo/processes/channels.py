"""Sales channels, as the ERP has them."""

from __future__ import annotations

import polars as pl

from fupan.demo.company.network import CHANNELS
from fupan.demo.process import CHANGED_ON, Frames, Process
from fupan.demo.world import Span, World


def tell(world: World, _: Span) -> Frames:
    """All channels; they have been there since the first day."""
    return {"erp_channels": CHANNELS.with_columns(pl.lit(world.first).alias(CHANGED_ON))}


PROCESS = Process(("erp_channels",), tell)

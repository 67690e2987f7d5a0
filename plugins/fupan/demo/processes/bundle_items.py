"""What bundles are made of."""

from __future__ import annotations

import polars as pl

from fupan.demo.company.bundles import bundles
from fupan.demo.process import CHANGED_ON, Frames, Process
from fupan.demo.world import Span, World


def tell(world: World, span: Span) -> Frames:
    """All bundles; they are offered everywhere."""
    return {
        "erp_bundles": bundles(world).select(
            "bundle_id", "bundle_name", "bundle_type", "sku", "qty", "is_solution",
            region_code=pl.lit(None, pl.String), **{CHANGED_ON: pl.lit(world.first)},
        )
    }  # fmt: skip


PROCESS = Process(("erp_bundles",), tell)

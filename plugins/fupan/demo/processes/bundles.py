"""Bundles and complete solutions, as the ERP has them."""

from __future__ import annotations

import polars as pl

from fupan.demo.bundles import bundles
from fupan.demo.process import CHANGED_ON, Frames, Process
from fupan.demo.world import Span, World


def tell(world: World, _: Span) -> Frames:
    """All bundles; they have been there since the first day, and are offered everywhere."""
    columns = ("bundle_id", "bundle_name", "bundle_type", "region_code", "sku", "qty", "is_solution")
    everywhere = bundles(world).with_columns(region_code=pl.lit(None, pl.String))
    return {"erp_bundles": everywhere.select(*columns, pl.lit(world.first).alias(CHANGED_ON))}


PROCESS = Process(("erp_bundles",), tell)

"""Provinces and overseas markets, as the ERP has them."""

from __future__ import annotations

import polars as pl

from fupan.demo.company.geography import places
from fupan.demo.process import CHANGED_ON, Frames, Process
from fupan.demo.world import Span, World


def tell(world: World, _: Span) -> Frames:
    """All regions; they have been there since the first day."""
    columns = (
        "region_code", "province", "macro_region", "country", "city_tier", "area_km2", "households", "addressable_accounts",
        "market_potential_value", "market_group",
    )  # fmt: skip
    return {"erp_regions": places().select(*columns, pl.lit(world.first).alias(CHANGED_ON))}


PROCESS = Process(("erp_regions",), tell)

"""The ERP's products as they stand on an evening: price and cost of the day, line after a move, announced before the launch."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl

from fupan.demo.assortment import LINE_NAMES, cost_level, date_of, list_prices, price_factors, products
from fupan.demo.process import CHANGED_ON, Frames, Process
from fupan.demo.specifications import specifications
from fupan.demo.stamps import at
from fupan.demo.world import Span, World, day_number

#: Days before its launch and its end on which a SKU is announced.
ANNOUNCED, END_ANNOUNCED = 60, 90
_NEVER = 1 << 40


def tell(world: World, span: Span) -> Frames:
    """All SKUs that have been announced by the evening."""
    evening, first = day_number(span.evening), day_number(world.first)
    known = products(world).join(
        specifications(world).drop("power_w", "energy_limit_kwh"), on="sku_no", how="left", maintain_order="left"
    )
    known = known.filter(pl.col("launch_day") - ANNOUNCED <= evening)
    sku, launch = known["sku_no"].to_numpy(), known["launch_day"].to_numpy()
    leaves = known["discontinue_day"].fill_null(_NEVER).to_numpy()
    priced = np.minimum(np.full(len(sku), evening), leaves - 1)
    # Costs are set anew on the first day of each year.
    new_year = np.maximum(first, np.array([day_number(date(span.evening.year, 1, 1))] * len(sku)))
    costed = np.minimum(new_year, np.maximum(leaves - 1, first))
    moved = known["moved_day"].fill_null(_NEVER).to_numpy()
    changes = np.stack(
        [
            launch - ANNOUNCED,
            np.where(leaves - END_ANNOUNCED <= evening, leaves - END_ANNOUNCED, 0),
            np.where(moved <= evening, moved, 0),
            np.maximum(np.where(new_year < leaves, new_year, 0), first),
            _last_price_change(world, sku, priced, launch),
        ]
    ).max(axis=0)
    line_no = np.where(moved <= evening, known["moved_line_no"].to_numpy(), known["line_no"].to_numpy())
    cost = np.round(known["base_cost"].to_numpy() * cost_level(world, costed), 4)
    ends = pl.Series(leaves - END_ANNOUNCED <= evening)
    found = known.with_columns(
        product_line=pl.Series(np.asarray(LINE_NAMES)[line_no]),
        is_smart=pl.col("line_no") == 0,
        list_price=pl.Series(list_prices(world, sku, priced)),
        standard_cost=pl.Series(cost).fill_nan(None),
        launch_date=date_of("launch_day"),
        discontinue_date=pl.when(ends).then(date_of("discontinue_day")),
        power_w=pl.col("power_w").cast(pl.Float64),
        changed_day=pl.Series(changes),
    ).with_columns(updated_at=at("changed_day", 7))
    columns = (
        "sku", "product_name", "product_line", "category", "series", "item_role", "list_price", "standard_cost", "launch_date",
        "discontinue_date", "is_smart", "model_no", "scene", "is_seasonal", "season_tag", "is_custom", "is_modular",
        "is_consumable", "light_source_tech", "power_w", "luminous_efficacy_lm_w", "cct_min_k", "cct_max_k", "ip_rating", "cri",
        "dimming_interface", "protocols", "substrate_type", "energy_class", "energy_use_kwh", "eco_certified", "noise_db",
        "function_modules", "ecosystem_certs", "target_user_group", "technology_tag", "warranty_years", "has_bim_model",
        "updated_at",
    )  # fmt: skip
    return {"erp_products": found.select(*columns, pl.col("updated_at").dt.date().alias(CHANGED_ON))}


def _last_price_change(world: World, sku: np.ndarray, day: np.ndarray, launch: np.ndarray) -> np.ndarray:
    """The last day up to ``day`` on which the list price became another one, 0 where it is that of the launch."""
    first = day_number(world.first)
    factors = price_factors(world)[sku]
    steps = np.diff(factors, axis=1, prepend=factors[:, :1]) != 0
    days = first + np.arange(steps.shape[1])
    counts = steps & (days[None, :] <= day[:, None]) & (days[None, :] > launch[:, None])
    return np.asarray(np.where(counts, days[None, :], 0).max(axis=1))


PROCESS = Process(("erp_products",), tell)

"""Demand forecasts, made on the first of a month for the next but one and again for the next: of all, and of two regions."""

from __future__ import annotations

import numpy as np
import polars as pl

from fupan.demo.assortment import products
from fupan.demo.campaigns import campaigns
from fupan.demo.geography import MARKETS, places
from fupan.demo.process import CHANGED_ON, Frames, Process
from fupan.demo.seasons import days_of_month
from fupan.demo.stamps import at
from fupan.demo.supply import units_a_month
from fupan.demo.world import Span, World

REGIONS = (None, "CN-GD", "CN-JS")
#: Relative error of the first version and of the second.
ERRORS = {1: 0.18, 2: 0.09}


def tell(world: World, span: Span) -> Frames:
    """Forecasts that were made on the span's days."""
    draws, known = world.draws("forecasts"), products(world)
    firsts = span.days[days_of_month(span.days) == 1]
    parts = [pl.DataFrame(schema=_SCHEMA)]
    for day in firsts.tolist():
        for version, ahead in ((1, 2), (2, 1)):
            month = np.datetime64(day, "D").astype("datetime64[M]") + np.timedelta64(ahead, "M")
            middle = int(month.astype("datetime64[D]").astype(np.int64)) + 14
            expected = units_a_month(world, np.array([middle]))[0]
            sku = np.flatnonzero(expected > 0)
            # Last year's hits are the last that planners get wrong: everybody looks at them.
            spread = np.where(known["is_hit"].to_numpy()[sku], 0.02, ERRORS[version])
            for number, region in enumerate(REGIONS):
                share = 1.0 if region is None else _share(region)
                guess = expected[sku] * share * (1 + spread * draws.normal(sku, middle, version, number))
                parts.append(_frame(sku, guess, day, str(month), version, region, None))
    for campaign in (
        campaigns(world)
        .filter(pl.col("campaign_type") == "shopping_festival", pl.col("phase") == "main")
        .iter_rows(named=True)
    ):
        day = campaign["start_day"] - 45
        if not span.days[0] <= day <= span.days[-1]:
            continue
        expected = units_a_month(world, np.array([campaign["start_day"]]))[0]
        sku = np.flatnonzero(expected > 0)
        guess = expected[sku] * 0.35 * (1 + 0.15 * draws.normal(sku, day, 9))
        month = str(np.datetime64(campaign["start_day"], "D").astype("datetime64[M]"))
        parts.append(_frame(sku, guess, day, month, 1, None, campaign["campaign_id"]))
    found = pl.concat(parts)
    found = found.with_columns(
        forecast_id=pl.concat_str(
            pl.lit("FC"),
            "period",
            "version",
            pl.col("region_code").fill_null("ALL"),
            pl.col("campaign_id").fill_null("0"),
            "sku_no",
            separator="-",
        ),
        sku=known["sku"].gather(found["sku_no"]),
        created_at=at("day", 12),
    )
    return {
        "inv_demand_forecasts": found.select(
            "forecast_id", "sku", "region_code", "campaign_id", "period", "version", "forecast_qty", "created_at",
            pl.col("created_at").alias("updated_at"), pl.col("created_at").dt.date().alias(CHANGED_ON),
        )
    }  # fmt: skip


_SCHEMA = {
    "sku_no": pl.Int64, "forecast_qty": pl.Float64, "day": pl.Int64, "period": pl.String, "version": pl.Int32,
    "region_code": pl.String, "campaign_id": pl.String,
}  # fmt: skip


def _frame(
    sku: np.ndarray, guess: np.ndarray, day: int, period: str, version: int, region: str | None, campaign: str | None
) -> pl.DataFrame:
    return pl.DataFrame({"sku_no": sku, "forecast_qty": np.round(np.maximum(0, guess), 1)}).with_columns(
        day=pl.lit(day, pl.Int64), period=pl.lit(period), version=pl.lit(version, pl.Int32),
        region_code=pl.lit(region, pl.String), campaign_id=pl.lit(campaign, pl.String),
    ).select(list(_SCHEMA))  # fmt: skip


def _share(region: str) -> float:
    known = places().filter(pl.col("region_code") == region)
    return float(MARKETS[known["market"].item()][1] * known["population_share"].item())


PROCESS = Process(("inv_demand_forecasts",), tell, echoes=0, history=400)

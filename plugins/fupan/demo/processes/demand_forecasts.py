"""Forecasts: on the 25th of a month planners say what each region will want in the next month, and in the third one from now;
and before a campaign what it will add."""

from __future__ import annotations

import numpy as np
import polars as pl

from fupan.demo.company.assortment import products
from fupan.demo.company.campaigns import campaigns, lift, promotions
from fupan.demo.company.geography import places
from fupan.demo.company.seasons import days_of_month
from fupan.demo.company.warehouses import MARKETS
from fupan.demo.life.planning import demand, months, whole_demand
from fupan.demo.process import CHANGED_ON, Frames, Process
from fupan.demo.tools.draws import Floats, Ints
from fupan.demo.tools.stamps import at
from fupan.demo.tools.wording import text
from fupan.demo.world import Span, World

#: Version -> months ahead, and the error (standard deviation) of a forecast of one SKU in one region.
VERSIONS = {1: (3, 0.30), 2: (1, 0.18)}
#: Day of the month on which forecasts are made, and days before a campaign.
MADE_ON, BEFORE_CAMPAIGN = 25, 21
#: Below so many pieces a month nobody makes a forecast.
_LEAST = 0.05


def tell(world: World, span: Span) -> Frames:
    """Forecasts that are made on the span's days."""
    made = span.days[days_of_month(span.days) == MADE_ON]
    parts = [_of_months(world, int(day), version) for day in made for version in VERSIONS]
    parts.append(_of_campaigns(world, span.days))
    found = pl.concat(parts)
    return {
        "inv_demand_forecasts": found.select(
            forecast_id="forecast_id",
            sku=products(world)["sku"].gather(found["sku_no"]),
            region_code="region_code",
            campaign_id="campaign_id",
            period=pl.col("month").cast(pl.Int32).cast(pl.Date).dt.strftime("%Y-%m"),
            version="version",
            forecast_qty=pl.col("qty").round(2),
            created_at=at("made", 16),
            updated_at=at("made", 16),
            **{CHANGED_ON: pl.col("made").cast(pl.Int32).cast(pl.Date)},
        )
    }


def _of_months(world: World, made: int, version: int) -> pl.DataFrame:
    ahead, sigma = VERSIONS[version]
    first = months(world)
    month = int(np.searchsorted(first, made, side="right")) - 1 + ahead
    monthly = whole_demand(world)[month] * (first[month + 1] - first[month])
    known = places()
    market = known["market"].replace_strict({name: n for n, name in enumerate(MARKETS)}).to_numpy()
    local = monthly[market] * known["population_share"].to_numpy()[:, None]
    place, sku = np.nonzero(local >= _LEAST)
    error = world.draws("forecasts").spread(place, sku, first[month], version, sigma=sigma)
    qty, region = local[place, sku] * error, known["region_code"].gather(place)
    # What was launched big is planned as a whole and then split: regions err, their sum does not.
    whole = np.bincount(sku, local[place, sku], len(monthly[0])) / np.maximum(
        np.bincount(sku, qty, len(monthly[0])), 1e-12
    )
    qty = qty * np.where(products(world)["is_hit"].to_numpy(), whole, 1.0)[sku]
    return _dated(_wanted(sku, qty, region), made, int(first[month]), version, None)


def _of_campaigns(world: World, days: Ints) -> pl.DataFrame:
    """What a campaign is expected to add to the sales of what it offers."""
    known = campaigns(world).filter((pl.col("start_day") - BEFORE_CAMPAIGN).is_between(int(days[0]), int(days[-1])))
    parts, first, draws = [], months(world), world.draws("campaign forecasts")
    for campaign_no, campaign_id, online, start, end in known.select(
        "campaign_no", "campaign_id", "online", "start_day", "end_day"
    ).iter_rows():
        offers = promotions(world).filter(campaign_no=campaign_no).unique("sku_no", keep="first", maintain_order=True)
        sku = offers["sku_no"].to_numpy()
        month = int(np.searchsorted(first, start, side="right")) - 1
        daily = demand(world, "online" if online else "store")[month].sum(axis=0)[sku]
        extra = lift(offers["line_no"].to_numpy(), offers["discount_rate"].to_numpy()) - 1
        qty = daily * extra * (end - start + 1) * draws.spread(sku, campaign_no, sigma=0.25)
        everywhere = pl.Series([None] * len(sku), dtype=pl.String)
        parts.append(_dated(_wanted(sku, qty, everywhere), start - BEFORE_CAMPAIGN, int(first[month]), 1, campaign_id))
    nothing = _wanted(np.zeros(0, dtype=np.int64), np.zeros(0), pl.Series([], dtype=pl.String))
    return pl.concat(parts or [_dated(nothing, 0, 0, 1, None)])


def _wanted(sku: Ints, qty: Floats, region: pl.Series) -> pl.DataFrame:
    return pl.DataFrame({"sku_no": sku, "qty": qty, "region_code": region})


def _dated(wanted: pl.DataFrame, made: int, month: int, version: int, campaign_id: str | None) -> pl.DataFrame:
    return wanted.with_columns(
        made=pl.lit(made, pl.Int64),
        month=pl.lit(month, pl.Int64),
        version=pl.lit(version, pl.Int64),
        campaign_id=pl.lit(campaign_id, pl.String),
        forecast_id=text(
            "FC{}-{}-{}-{}",
            pl.lit(month),
            pl.lit(version),
            "sku_no",
            pl.col("region_code").fill_null(campaign_id or ""),
        ),
    )


PROCESS = Process(("inv_demand_forecasts",), tell, echoes=0, history=400)

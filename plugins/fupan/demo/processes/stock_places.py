"""Where stock lies, and how much of each SKU should lie there at least and at most."""

from __future__ import annotations

import numpy as np
import polars as pl

from fupan.demo.assortment import date_of, products
from fupan.demo.geography import places
from fupan.demo.network import WAREHOUSES, dealers, outlets
from fupan.demo.process import CHANGED_ON, Frames, Process, as_of
from fupan.demo.stamps import at
from fupan.demo.stock import provinces_of, shares, warehouses
from fupan.demo.supply import units_a_month
from fupan.demo.world import YEAR, Span, World, day_number

PLANT = "PLANT1"
_COLUMNS = ("location_id", "location_type", "dealer_id", "outlet_id", "channel_id", "province", "serves_regions")


def tell(world: World, span: Span) -> Frames:
    """Locations that there are by the evening, and the limits that hold or have held."""
    return {"inv_locations": _locations(world, span), "inv_thresholds": _thresholds(world, span)}


def _locations(world: World, span: Span) -> pl.DataFrame:
    evening, first = day_number(span.evening), day_number(world.first)
    province = dict(zip(places()["region_code"], places()["province"], strict=True))
    rows = [(PLANT, "plant", None, None, None, "广东省", None, first)]
    for location in warehouses(world):
        market, region = WAREHOUSES[location]
        kind = "overseas" if market == "overseas" else "central" if location in ("WH01", "WH03") else "regional"
        rows.append((location, kind, None, None, None, province[region], provinces_of(market), first))
    own = pl.DataFrame(rows, schema=[*_COLUMNS, "since"], orient="row")
    where = places().select("place_no", "province")
    trade = dealers(world).join(where, on="place_no", how="left", maintain_order="left").select(
        location_id=pl.concat_str(pl.lit("L"), "dealer_id"), location_type=pl.lit("dealer"), dealer_id="dealer_id",
        channel_id=pl.lit("DEALER"), province="province", since="joined_day",
    )  # fmt: skip
    shops = (
        outlets(world).filter(pl.col("dealer_no").is_null())
        .join(where, on="place_no", how="left", maintain_order="left")
        .select(
            location_id=pl.concat_str(pl.lit("L"), "outlet_id"), location_type=pl.lit("store"), outlet_id="outlet_id",
            channel_id=pl.lit("STORE"), province="province", since="opened_day",
        )
    )  # fmt: skip
    everywhere = pl.concat([own, trade, shops], how="diagonal_relaxed").filter(pl.col("since") <= evening)
    return everywhere.with_columns(date_of("since").clip(world.first, None).alias(CHANGED_ON)).select(
        *_COLUMNS, CHANGED_ON
    )


def _thresholds(world: World, span: Span) -> pl.DataFrame:
    """Set anew each year, from what is expected to be sold in it."""
    known, first = products(world), day_number(world.first)
    evening, parts = day_number(span.evening), []
    for year in range((evening - first) // YEAR + 1):
        begins = first + year * YEAR
        launch, leaves = known["launch_day"].to_numpy(), known["discontinue_day"].fill_null(1 << 40).to_numpy()
        since = np.maximum(begins, launch)
        until = np.minimum(begins + YEAR, leaves)
        usual = units_a_month(world, np.array([begins + 90, begins + 200, begins + 300])).mean(axis=0)
        rows = (since < until) & (usual > 0)
        for location, share in zip(warehouses(world), shares(world), strict=True):
            here = usual[rows] * share
            parts.append(
                pl.DataFrame(
                    {
                        "sku_no": known["sku_no"].to_numpy()[rows],
                        "safety_stock_qty": np.maximum(1, np.rint(here * 0.8)).astype(np.int64),
                        "max_stock_qty": np.maximum(3, np.rint(here * 3.5)).astype(np.int64),
                        "sales_warning_line_qty": np.maximum(1, np.rint(here * 0.35)).astype(np.int64),
                        "since": since[rows],
                        "until": until[rows],
                    }
                ).with_columns(location_id=pl.lit(location))
            )
    found = pl.concat(parts)
    found = found.with_columns(
        sku=known["sku"].gather(found["sku_no"]),
        valid_from=date_of("since"),
        valid_to=date_of("until") - pl.duration(days=1),
        begun_at=at("since", 6),
        ended_at=at("until", 6),
    )
    return as_of(found, span.evening, ["begun_at", "ended_at"], reveals={"ended_at": ["valid_to"]}).select(
        "sku", "location_id", "safety_stock_qty", "max_stock_qty", "sales_warning_line_qty", "valid_from", "valid_to",
        "updated_at", CHANGED_ON,
    )  # fmt: skip


PROCESS = Process(("inv_locations", "inv_thresholds"), tell)

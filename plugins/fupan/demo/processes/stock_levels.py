"""What lies where at the end of a day.

The warehouses' system was introduced ninety days before the end of the year under review, the dealers' portal ten months
earlier: until then own stock was noted at the end of a month only, and dealers' not at all.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from fupan.demo.company.assortment import date_of, products, unit_costs
from fupan.demo.company.warehouses import ABROAD, IDS, PLANT, locations
from fupan.demo.life.components import components, consumption
from fupan.demo.life.planning import at_warehouses, on_days, whole_demand
from fupan.demo.life.shelves import dealer_shelves, store_shelves
from fupan.demo.life.stock import stock
from fupan.demo.process import CHANGED_ON, Frames, Process
from fupan.demo.tools.draws import Ints
from fupan.demo.tools.stamps import at
from fupan.demo.world import Span, World, day_number

DAILY_FOR, REPORTED_FOR = 90, 396
#: Days of demand that are half made at the plant, at sea, and of components in the store.
HALF_MADE, AT_SEA, COMPONENTS = 6, 28, 24
#: Oldest pieces: nothing is older than that, since it is written off.
_OLDEST = 1400
_OF_COMPONENTS = {"component_sku": pl.String, "component_cost": pl.Float64}


def tell(world: World, span: Span) -> Frames:
    """Stock at the end of those of the span's days on which it is noted."""
    days = noted(world, span.days)
    parts = [_finished(world, span, days), *(_at_plant(world, int(day)) for day in days)]
    reported = month_ends(days[days > day_number(world.review_year[1]) - REPORTED_FOR])
    parts += [_on_shelves(world, int(day)) for day in reported]
    # On a day without a note there is no plant's part to tell which columns it has.
    found = pl.concat([*parts, pl.DataFrame(schema=_OF_COMPONENTS)], how="diagonal")
    no, day = found["sku_no"].fill_null(0).to_numpy(), found["day"].to_numpy()
    cost = pl.Series(unit_costs(world, no, day)).fill_nan(None)
    share = pl.when(pl.col("stock_stage") == "semi_finished").then(0.6).otherwise(1.0)
    return {
        "inv_snapshots": found.with_columns(
            sku=pl.coalesce("component_sku", products(world)["sku"].gather(no)),
            unit_cost=pl.coalesce("component_cost", (cost * share).round(4)),
            snapshot_date=date_of("day"),
            oldest_receipt_date=(pl.col("day") - pl.col("age")).cast(pl.Int32).cast(pl.Date),
            updated_at=at("day", 23),
        ).select(
            "snapshot_date", "location_id", "sku", "stock_stage", on_hand_qty="qty", allocated_qty="allocated",
            unit_cost="unit_cost", oldest_receipt_date="oldest_receipt_date", updated_at="updated_at",
            **{CHANGED_ON: "snapshot_date"},
        )
    }  # fmt: skip


def noted(world: World, days: Ints) -> Ints:
    """Those of the days at whose end own stock is noted."""
    return days[(days > day_number(world.review_year[1]) - DAILY_FOR) | np.isin(days, month_ends(days))]


def month_ends(days: Ints) -> Ints:
    """Last days of months."""
    following = (days + 1).astype("datetime64[D]")
    return np.asarray(days[following == following.astype("datetime64[M]")])


def _finished(world: World, span: Span, days: Ints) -> pl.DataFrame:
    known = stock(world, span)
    at_day = days - known.first
    on_hand, allocated = known.on_hand[at_day], known.allocated[at_day]
    daily = at_warehouses(on_days(world, whole_demand(world), days))
    launched = products(world)["launch_day"].to_numpy()[None, :] <= days[:, None]
    wanted_at = (daily > 0.02) & launched[:, None, :]
    day, warehouse, sku = np.nonzero((on_hand > 0) | wanted_at)
    qty = on_hand[day, warehouse, sku]
    # First in, first out: the oldest piece came in as many days ago as the stock lasts.
    lasts = qty / np.maximum(daily[day, warehouse, sku], 1e-4)
    return pl.DataFrame(
        {
            "day": days[day],
            "location_id": np.asarray(IDS)[warehouse],
            "sku_no": sku,
            "stock_stage": np.full(len(day), "finished"),
            "qty": qty,
            "allocated": allocated[day, warehouse, sku],
            "age": np.clip(np.rint(lasts), 0, _OLDEST).astype(np.int64),
        }
    )


def _at_plant(world: World, day: int) -> pl.DataFrame:
    """What is half made, at sea or not yet built in."""
    days, draws = np.array([day]), world.draws("stock of the plant")
    demand = on_days(world, whole_demand(world), days + 10)[0]
    sku = np.arange(demand.shape[1])
    half_made = demand.sum(axis=0) * HALF_MADE * draws.between(0.6, 1.4, day // 7, sku, 1)
    at_sea = demand[-1] * 0.5 * AT_SEA * draws.between(0.5, 1.5, day // 7, sku, 2)
    parts = [
        pl.DataFrame(
            {
                "day": np.full(len(sku), day),
                "location_id": [IDS[warehouse]] * len(sku),
                "sku_no": sku,
                "stock_stage": [stage] * len(sku),
                "qty": np.rint(qty).astype(np.int64),
                "allocated": np.zeros(len(sku), dtype=np.int64),
                "age": draws.integer(1, 9 if stage == "semi_finished" else 34, day // 7, sku, 3),
            }
        ).filter(pl.col("qty") > 0)
        for warehouse, stage, qty in ((PLANT, "semi_finished", half_made), (ABROAD, "in_transit", at_sea))
    ]
    parts_of = components(world)
    number = parts_of["component_no"].to_numpy()
    lying = consumption(world, day) * COMPONENTS * draws.between(0.6, 1.4, day // 7, number, 4)
    raw = pl.DataFrame(
        {
            "day": np.full(len(number), day),
            "location_id": [IDS[PLANT]] * len(number),
            "component_sku": parts_of["component_sku"],
            "component_cost": parts_of["price"].cast(pl.Float64),
            "stock_stage": ["raw"] * len(number),
            "qty": np.rint(lying).astype(np.int64),
            "allocated": np.zeros(len(number), dtype=np.int64),
            "age": draws.integer(5, 60, day // 7, number, 5),
        }
    )
    return pl.concat([*parts, raw], how="diagonal")


def _on_shelves(world: World, day: int) -> pl.DataFrame:
    known = locations(world)
    parts = [
        held.join(known.filter(pl.col(holder).is_not_null()).select(holder, "location_id"), on=holder, how="left")
        .select("location_id", "sku_no", "qty", "age")
        for held, holder in ((dealer_shelves(world, day), "dealer_no"), (store_shelves(world, day), "outlet_no"))
    ]  # fmt: skip
    return pl.concat(parts).with_columns(
        day=pl.lit(day, pl.Int64), stock_stage=pl.lit("finished"), allocated=pl.lit(0, pl.Int64)
    )


PROCESS = Process(("inv_snapshots",), tell, echoes=0)

"""Stock at the end of days: of all warehouses each month, since the last year also each week, of dealers each month of it."""

from __future__ import annotations

import numpy as np
import polars as pl

from fupan.demo.assortment import date_of, products, unit_costs
from fupan.demo.draws import Ints
from fupan.demo.process import CHANGED_ON, Frames, Process
from fupan.demo.processes.stock_places import PLANT
from fupan.demo.seasons import days_of_month
from fupan.demo.stamps import at
from fupan.demo.stock import dealer_stock, on_hand, shares, warehouses
from fupan.demo.world import YEAR, Span, World, day_number

#: Of what is on hand so much is promised to orders; stock of the plant beside all of it, half-made.
ALLOCATED, HALF_MADE = 0.12, 0.10


def tell(world: World, span: Span) -> Frames:
    """Stock at the end of the span's days, as far as it is taken on them."""
    parts = [_own(world, _taken(world, span.days)), _at_dealers(world, _month_ends(span.days))]
    found = pl.concat(parts, how="diagonal_relaxed")
    found = found.with_columns(
        snapshot_date=date_of("day"),
        sku=products(world)["sku"].gather(found["sku_no"]),
        updated_at=at(pl.col("day"), 23),
    )
    return {
        "inv_snapshots": found.select(
            "snapshot_date", "location_id", "sku", "stock_stage", "on_hand_qty", "allocated_qty", "unit_cost",
            "oldest_receipt_date", "updated_at", pl.col("snapshot_date").alias(CHANGED_ON),
        )
    }  # fmt: skip


def _month_ends(days: Ints) -> Ints:
    return days[days_of_month(days + 1) == 1]


def _taken(world: World, days: Ints) -> Ints:
    weekly = (days >= day_number(world.first) + 2 * YEAR) & ((days + 4) % 7 == 0)
    return days[weekly | (days_of_month(days + 1) == 1)]


def _own(world: World, days: Ints) -> pl.DataFrame:
    draws, whole = world.draws("stock levels"), on_hand(world, days)
    parts = []
    places = [
        *zip(warehouses(world), shares(world), ["finished"] * 99, strict=False),
        (PLANT, HALF_MADE, "semi_finished"),
    ]
    for number, (location, share, stage) in enumerate(places):
        row, sku = np.nonzero(whole > 0)
        day = days[row]
        uneven = draws.between(0.9, 1.1, sku, day // 7, number)
        # The few pieces that lie nowhere in particular lie in the first warehouse, so that the sum is the whole.
        qty = np.rint(whole[row, sku] * share * uneven).astype(np.int64)
        cost = unit_costs(world, sku, day)
        age = draws.integer(10, 120, sku, day // 30, number)
        parts.append(
            pl.DataFrame(
                {
                    "day": day,
                    "sku_no": sku,
                    "on_hand_qty": qty,
                    "allocated_qty": np.rint(qty * ALLOCATED * draws.uniform(sku, day, number) * 2)
                    .astype(np.int64)
                    .clip(0, qty),
                    "unit_cost": cost,
                    "oldest": day - age,
                }
            ).with_columns(
                location_id=pl.lit(location), stock_stage=pl.lit(stage), unit_cost=pl.col("unit_cost").fill_nan(None)
            )
        )
    return pl.concat(parts).with_columns(oldest_receipt_date=date_of("oldest")).drop("oldest")


def _at_dealers(world: World, days: Ints) -> pl.DataFrame:
    days = days[days >= day_number(world.first) + 2 * YEAR - 31]
    if not len(days):
        return pl.DataFrame()
    held = dealer_stock(world, days)
    sku, day = held["sku_no"].to_numpy(), held["day"].to_numpy()
    age = world.draws("dealer ages").integer(20, 400, sku, held["pieces"].to_numpy() % 97, day // 30)
    return held.select(
        "day", "sku_no", location_id=pl.concat_str(pl.lit("L"), "dealer_id"), stock_stage=pl.lit("finished"),
        on_hand_qty="pieces", allocated_qty=pl.lit(0, pl.Int64), unit_cost="unit_cost",
        oldest_receipt_date=(pl.col("day") - pl.Series(age)).cast(pl.Int32).cast(pl.Date),
    )  # fmt: skip


PROCESS = Process(("inv_snapshots",), tell, echoes=0)

"""Counts of stock: every week a thirteenth of each warehouse's SKUs, with what is lost and what is broken."""

from __future__ import annotations

import numpy as np
import polars as pl

from fupan.demo.assortment import date_of, is_on_sale, products
from fupan.demo.process import CHANGED_ON, Frames, Process, as_of
from fupan.demo.stamps import at
from fupan.demo.stock import on_hand, shares, warehouses
from fupan.demo.world import Span, World

LOST, BROKEN = 0.004, 0.003
#: Of a week's counts so many are done within it.
DONE = 0.97


def tell(world: World, span: Span) -> Frames:
    """Counts that were planned for the span's Mondays."""
    draws, mondays = world.draws("stock counts"), span.days[(span.days + 3) % 7 == 0]
    sku = products(world)["sku_no"].to_numpy()
    here, turn = on_hand(world, mondays), (mondays[:, None] // 7 + sku[None, :]) % 13 == 0
    row, column = np.nonzero(turn & is_on_sale(world, mondays))
    parts = []
    for number, (location, share) in enumerate(zip(warehouses(world), shares(world), strict=True)):
        day = mondays[row]
        book = np.maximum(1, np.rint(here[row, column] * share)).astype(np.int64)
        lost = draws.poisson(book * LOST * 0.5, column, day, number)
        broken = np.minimum(draws.poisson(book * BROKEN * 0.5, column, day, number, 1), book)
        done = draws.chance(DONE, day // 7, number)
        after = draws.integer(0, 3, column, day, number, 2)
        parts.append(
            pl.DataFrame(
                {
                    "day": day,
                    "sku_no": column,
                    "book_qty": book,
                    "counted_qty": np.maximum(0, book - lost),
                    "damaged_qty": np.minimum(broken, np.maximum(0, book - lost)),
                    "counted": np.where(done, day + after, day + 7 + after),
                    "cause": draws.integer(0, 2, column, day, number, 3),
                }
            ).with_columns(location_id=pl.lit(location))
        )
    found = pl.concat(parts)
    found = found.with_columns(
        count_id=pl.concat_str(pl.lit("CNT"), "day", "location_id", separator="-"),
        sku=products(world)["sku"].gather(found["sku_no"]),
        planned_date=date_of("day"),
        planned_at=at("day", 7),
        counted_at=at("counted", 16),
        damage_cause=pl.when(pl.col("damaged_qty") > 0).then(
            pl.col("cause").replace_strict({0: "handling", 1: "moisture", 2: "packaging"}, return_dtype=pl.String)
        ),
    )
    reveals = {"counted_at": ["counted_qty", "damaged_qty", "damage_cause"]}
    return {
        "inv_stock_counts": as_of(found, span.evening, ["planned_at", "counted_at"], reveals=reveals).select(
            "count_id", "planned_date", "counted_at", "location_id", "sku", "book_qty", "counted_qty", "damaged_qty",
            "damage_cause", "updated_at", CHANGED_ON,
        )
    }  # fmt: skip


PROCESS = Process(("inv_stock_counts",), tell, echoes=12, history=400)

"""Stock is counted every week in every warehouse, a part of the SKUs each time, dear ones more often."""

from __future__ import annotations

import numpy as np
import polars as pl

from fupan.demo.company.assortment import date_of, products
from fupan.demo.company.warehouses import IDS
from fupan.demo.life.stock import stock
from fupan.demo.process import CHANGED_ON, Frames, Process, as_of
from fupan.demo.tools.stamps import at
from fupan.demo.tools.wording import text
from fupan.demo.world import Span, World

#: Counts are planned for Fridays; of ordinary SKUs one in so many is counted in a week, of dear ones one in so many.
_FRIDAY, EVERY, EVERY_DEAR, DEAR = 1, 16, 6, 500.0
#: Share of counts that find less than the books say, and of SKUs of which some pieces are damaged.
SHORT, DAMAGED = 0.10, 0.04
_CAUSES = ("handling", "moisture", "packaging")


def tell(world: World, span: Span) -> Frames:
    """Counts that were planned for the span's days."""
    known, draws = stock(world, span), world.draws("stock counts")
    days = span.days[span.days % 7 == _FRIDAY]
    number, price = np.arange(products(world).height), products(world)["base_price"].to_numpy()
    every = np.where(price >= DEAR, EVERY_DEAR, EVERY)
    turn = (days // 7)[:, None, None] + np.arange(len(IDS))[None, :, None] * 3 + number[None, None, :]
    day, warehouse, sku = np.nonzero((turn % every == 0) & (known.on_hand[days - known.first] > 0))
    day = days[day]
    book = known.on_hand[day - known.first, warehouse, sku]
    key = (day, warehouse, sku)
    lost = np.ceil(book * draws.between(0.002, 0.02, *key, 2)).astype(np.int64) * draws.chance(SHORT, *key, 1)
    damaged = np.ceil(book * draws.between(0.002, 0.01, *key, 4)).astype(np.int64) * draws.chance(DAMAGED, *key, 3)
    hour = draws.integer(9, 21, day, warehouse, 5)
    # A tenth of the counts is finished on the Saturday.
    counted = day + draws.chance(0.1, day, warehouse, 6)
    found = pl.DataFrame(
        {
            "day": day,
            "warehouse": warehouse,
            "sku_no": sku,
            "book_qty": book,
            "counted_qty": book - lost,
            "damaged_qty": np.minimum(damaged, book - lost),
            "damage_cause": draws.choice(_CAUSES, *key, 7, weights=[5, 2, 3]),
            "minute": counted * 1440 + hour * 60,
        }
    ).with_columns(
        count_id=text("CNT{}-{}", "day", "warehouse"),
        planned_date=date_of("day"),
        planned_at=at("day", 8),
        counted_at=pl.from_epoch(pl.col("minute") * 60, time_unit="s").cast(pl.Datetime("us")),
        location_id=pl.Series(np.asarray(IDS)[warehouse]),
        sku=products(world)["sku"].gather(sku),
        damage_cause=pl.when(pl.col("damaged_qty") > 0).then("damage_cause"),
    )
    reveals = {"counted_at": ["book_qty", "counted_qty", "damaged_qty", "damage_cause"]}
    seen = as_of(found, span.evening, ["planned_at", "counted_at"], reveals=reveals)
    return {
        "inv_stock_counts": seen.select(
            "count_id", "planned_date", "counted_at", "location_id", "sku", "book_qty", "counted_qty", "damaged_qty",
            "damage_cause", "updated_at", CHANGED_ON,
        )
    }  # fmt: skip


PROCESS = Process(("inv_stock_counts",), tell, echoes=2, history=400)

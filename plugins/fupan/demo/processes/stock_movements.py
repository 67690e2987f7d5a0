"""What came into each warehouse and what left it in a week, booked on Sunday evening, so that stock and movements agree."""

from __future__ import annotations

import numpy as np
import polars as pl

from fupan.demo.assortment import products
from fupan.demo.process import Frames, Process
from fupan.demo.stamps import at
from fupan.demo.stock import on_hand, shares, warehouses
from fupan.demo.supply import units_a_month
from fupan.demo.world import Span, World

_WEEKS_A_MONTH = 30.4 / 7


def tell(world: World, span: Span) -> Frames:
    """Movements of the weeks that end on the span's days."""
    draws, sundays = world.draws("movements"), span.days[(span.days + 4) % 7 == 0]
    after, before = on_hand(world, sundays), on_hand(world, sundays - 7)
    sold = units_a_month(world, sundays) / _WEEKS_A_MONTH
    parts = []
    for number, (location, share) in enumerate(zip(warehouses(world), shares(world), strict=True)):
        issued = np.rint(
            sold * share * draws.between(0.9, 1.1, np.arange(sold.shape[1])[None, :], sundays[:, None], number)
        )
        received = np.rint(after * share) - np.rint(before * share) + issued
        for kind, qty in (
            ("issue", -issued), ("receipt", np.maximum(received, 0)), ("transfer_out", np.minimum(received, 0)),
        ):  # fmt: skip
            row, sku = np.nonzero(qty)
            parts.append(
                pl.DataFrame({"day": sundays[row], "sku_no": sku, "qty": qty[row, sku].astype(np.int64)}).with_columns(
                    location_id=pl.lit(location), movement_type=pl.lit(kind)
                )
            )
    found = pl.concat(parts)
    found = found.with_columns(
        movement_id=pl.concat_str(
            pl.lit("MV"), "day", "location_id", "sku_no", pl.col("movement_type").str.slice(0, 1), separator="-"
        ),
        sku=products(world)["sku"].gather(found["sku_no"]),
        moved_at=at("day", 21),
    )
    return {
        "inv_movements": found.select(
            "movement_id", "location_id", "sku", "movement_type", "qty", "moved_at", updated_at="moved_at",
            _changed_on=pl.col("moved_at").dt.date(),
        )
    }  # fmt: skip


PROCESS = Process(("inv_movements",), tell, echoes=0, history=182)

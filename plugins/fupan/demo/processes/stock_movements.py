"""What goes into the company's warehouses and out of them: deliveries on Mondays, surplus taken back, shipments of a day."""

from __future__ import annotations

import numpy as np
import polars as pl

from fupan.demo.company.assortment import products
from fupan.demo.company.warehouses import IDS
from fupan.demo.life.stock import stock
from fupan.demo.process import CHANGED_ON, Frames, Process
from fupan.demo.tools.stamps import at
from fupan.demo.tools.wording import text
from fupan.demo.world import Span, World


def tell(world: World, span: Span) -> Frames:
    """Movements of the span's days."""
    known = stock(world, span)
    kinds = {
        "receipt": np.maximum(known.moved_in, 0),
        "transfer_out": np.minimum(known.moved_in, 0),
        "issue": -known.issued,
    }
    parts = []
    for number, (name, qty) in enumerate(kinds.items()):
        day, warehouse, sku = np.nonzero(qty)
        parts.append(
            pl.DataFrame(
                {
                    "day": known.first + day,
                    "warehouse": warehouse,
                    "sku_no": sku,
                    "movement_type": pl.Series([name] * len(day), dtype=pl.String),
                    "number": np.full(len(day), number),
                    "qty": qty[day, warehouse, sku],
                }
            )
        )
    found = pl.concat(parts)
    moved_at = pl.when(pl.col("movement_type") == "issue").then(at("day", 19)).otherwise(at("day", 7))
    return {
        "inv_movements": found.select(
            movement_id=text("MV{}-{}-{}-{}", "day", "warehouse", "sku_no", "number"),
            location_id=pl.Series(np.asarray(IDS)[found["warehouse"].to_numpy()]),
            sku=products(world)["sku"].gather(found["sku_no"]),
            movement_type="movement_type",
            qty="qty",
            moved_at=moved_at,
            updated_at=moved_at,
            **{CHANGED_ON: moved_at.dt.date()},
        )
    }


PROCESS = Process(("inv_movements",), tell, echoes=0, history=120)

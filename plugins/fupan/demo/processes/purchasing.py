"""Purchase lines of components, week by week; more and more of them urgent, since plans change more often."""

from __future__ import annotations

import numpy as np
import polars as pl

from fupan.demo.assortment import date_of
from fupan.demo.process import CHANGED_ON, Frames, Process, as_of
from fupan.demo.processes.suppliers import EACH
from fupan.demo.stamps import at
from fupan.demo.supply import CLASSES, component_sku
from fupan.demo.world import Span, World

#: Purchase lines of a component in a week, share of urgent ones in the middle of the year under review, and its rise a year.
URGENT, URGENT_RISE = 0.08, 1.20
#: Days until a line comes, in time and late; late ones of a usual supplier.
LEAD, LATE = (9, 24), 0.14
REJECTED = 0.012
_COUNT = sum(variants for _, _, variants in CLASSES.values())


def tell(world: World, span: Span) -> Frames:
    """Lines that were ordered on the span's days."""
    draws, days = world.draws("purchasing"), span.days
    component = np.arange(_COUNT, dtype=np.int64)
    class_no = np.repeat(np.arange(len(CLASSES)), [variants for _, _, variants in CLASSES.values()])
    due = (days[:, None] + component[None, :]) % 7 == 0
    at_day, column = np.nonzero(due)
    day = days[at_day]
    kind = class_no[column]
    supplier = kind * EACH + draws.pick([5, 3, 2, 1], column, day, 1)
    # A line is urgent as often as the year asks for, spread evenly over the weeks.
    expected = URGENT * np.power(URGENT_RISE, world.years(day))
    place = (draws.hash(column).view(np.int64) % 997 / 997 + (day // 7) * 0.6180339887) % 1.0
    urgent = place < expected
    weak = 0.5 + draws.uniform(supplier, 2)
    late = draws.chance(LATE * weak, column, day, 3)
    lead = np.where(urgent, draws.integer(2, 6, column, day, 4), draws.integer(*LEAD, column, day, 5))
    slip = np.where(late, draws.integer(1, 15, column, day, 6), -draws.integer(0, 2, column, day, 7))
    qty = np.maximum(50, np.rint(4_000 * world.scale * draws.spread(column, day, 8))).astype(np.int64)
    rejected = np.rint(qty * REJECTED * weak * draws.spread(column, day, 9, sigma=0.8)).astype(np.int64)
    price = np.round(
        2 + 30 * draws.uniform(column, 10) * np.where(urgent, 1.12, 1.0) * np.power(1.03, world.years(day)), 4
    )
    codes = pl.concat([component_sku(n, np.arange(v)) for n, (_, _, v) in enumerate(CLASSES.values())])
    frame = pl.DataFrame(
        {
            "day": day,
            "column": column,
            "supplier": supplier + 1,
            "qty_ordered": qty,
            "qty_received": np.where(draws.chance(0.06, column, day, 11), np.rint(qty * 0.95).astype(np.int64), qty),
            "qty_rejected": rejected,
            "unit_price": price,
            "promised": day + lead,
            "received": day + lead + slip,
            "is_urgent": urgent,
            "contract_flex_pct": np.round(0.05 + 0.05 * draws.integer(0, 3, supplier, 12), 4),
        }
    ).with_columns(
        po_id=pl.concat_str(pl.lit("PO"), "day", "column", separator="-"),
        supplier_id=pl.concat_str(pl.lit("SUP"), pl.col("supplier").cast(pl.String).str.zfill(3)),
        component_sku=codes.gather(column),
        ordered_at=at("day", 11),
        promised_date=date_of("promised"),
        received_at=at("received", 14),
    )
    lines = as_of(
        frame, span.evening, ["ordered_at", "received_at"], reveals={"received_at": ["qty_received", "qty_rejected"]}
    )
    return {
        "erp_purchase_orders": lines.select(
            "po_id", "supplier_id", "component_sku", "qty_ordered", "qty_received", "qty_rejected", "unit_price", "ordered_at",
            "promised_date", "received_at", "is_urgent", "contract_flex_pct", "updated_at", CHANGED_ON,
        )
    }  # fmt: skip


PROCESS = Process(("erp_purchase_orders",), tell, echoes=45)

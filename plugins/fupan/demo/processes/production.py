"""Production orders, one a SKU and month, what is scrapped on the way, and the lots of chips and drivers that went into them."""

from __future__ import annotations

import numpy as np
import polars as pl

from fupan.demo.assortment import date_of, is_on_sale, products
from fupan.demo.process import CHANGED_ON, Frames, Process, as_of
from fupan.demo.processes.suppliers import EACH
from fupan.demo.stamps import at
from fupan.demo.supply import CLASSES, component_sku, units_a_month
from fupan.demo.world import Span, World

#: Share of semi-finished units that is scrapped by cause (of orders of that cause); design changes cost 15 % more each year.
SCRAP = {
    "design_change": (0.030, 1.15),
    "plan_change": (0.015, 1.0),
    "process_defect": (0.012, 0.98),
    "material_defect": (0.010, 1.0),
}
_CAUSES = (0.42, 0.22, 0.22, 0.14)
#: Lots that nobody wrote down.
UNTRACED = 0.05
TRACED = ("led_chip", "driver")


def tell(world: World, span: Span) -> Frames:
    """Orders that were planned on the span's days, and their lots."""
    draws, known = world.draws("production"), products(world)
    sku, days = known["sku_no"].to_numpy(), span.days
    # Each SKU has its day of the month.
    due = (days[:, None] - draws.integer(0, 29, sku)[None, :]) % 30 == 0
    at_day, column = np.nonzero(due & is_on_sale(world, days))
    day = days[at_day]
    units = units_a_month(world, days)[at_day, column]
    planned = np.maximum(10, np.rint(units * 30 / 30.4 * draws.between(0.85, 1.2, column, day, 1))).astype(np.int64)
    cause_no = draws.pick(_CAUSES, column, day, 2)
    rate = np.array([share for share, _ in SCRAP.values()])[cause_no]
    growth = np.array([growth for _, growth in SCRAP.values()])[cause_no]
    scrapped = np.rint(
        planned * rate * np.power(growth, world.years(day)) * draws.between(0.7, 1.3, column, day, 3)
    ).astype(np.int64)
    takes = draws.integer(6, 16, column, day, 4)
    late = np.where(draws.chance(0.15, column, day, 5), draws.integer(1, 9, column, day, 6), 0)
    frame = pl.DataFrame(
        {
            "sku_no": column,
            "day": day,
            "planned_qty": planned,
            "finished_qty": planned - scrapped,
            "semi_finished_qty": planned,
            "scrapped_semi_qty": scrapped,
            "planned_finish": day + takes,
            "finished": day + takes + late,
        }
    ).with_columns(
        wo_id=pl.concat_str(pl.lit("WO"), "day", "sku_no", separator="-"),
        sku=known["sku"].gather(column),
        scrap_cause=pl.Series(np.asarray(list(SCRAP))[cause_no]),
        planned_at=at("day", 8),
        planned_finish=date_of("planned_finish"),
        finished_at=at("finished", 17),
    )
    reveals = {"finished_at": ["finished_qty", "semi_finished_qty", "scrapped_semi_qty", "scrap_cause"]}
    orders = as_of(frame, span.evening, ["planned_at", "finished_at"], reveals=reveals)
    return {
        "erp_work_orders": orders.select(
            "wo_id", "sku", "planned_qty", "finished_qty", "semi_finished_qty", "scrapped_semi_qty", "scrap_cause",
            "planned_finish", "finished_at", "updated_at", CHANGED_ON,
        ),
        "erp_trace_lots": _lots(world, span, frame),
    }  # fmt: skip


def _lots(world: World, span: Span, frame: pl.DataFrame) -> pl.DataFrame:
    draws, parts = world.draws("component lots"), []
    sku, day = frame["sku_no"].to_numpy(), frame["day"].to_numpy()
    for name in TRACED:
        class_no = list(CLASSES).index(name)
        number = world.draws("bills of material").integer(0, CLASSES[name][2] - 1, sku, 10 + class_no)
        supplier = class_no * EACH + draws.pick([5, 3, 2, 1], sku, day, class_no) + 1
        known = ~draws.chance(UNTRACED, sku, day, class_no, 1)
        supplier_id = pl.Series(supplier).cast(pl.String).str.zfill(3)
        parts.append(
            frame.with_columns(
                lot_id=pl.concat_str(pl.lit(f"LOT{class_no}"), "day", "sku_no", separator="-"),
                component_sku=component_sku(class_no, number),
                component_class=pl.lit(name),
                supplier_id=pl.when(pl.Series(known)).then(pl.concat_str(pl.lit("SUP"), supplier_id)),
                serial_from=_serial(pl.lit(0)),
                serial_to=_serial(pl.col("planned_qty") - 1),
            )
        )
    return as_of(pl.concat(parts), span.evening, ["planned_at"]).select(
        "lot_id",
        "component_sku",
        "component_class",
        "supplier_id",
        "wo_id",
        "serial_from",
        "serial_to",
        "updated_at",
        CHANGED_ON,
    )


def _serial(number: pl.Expr) -> pl.Expr:
    parts = ((pl.col("sku_no"), 4), (pl.col("day") // 28, 4), (number % 1_000_000, 6))
    return pl.concat_str(pl.lit("SN"), *(part.cast(pl.String).str.zfill(digits) for part, digits in parts))


PROCESS = Process(("erp_work_orders", "erp_trace_lots"), tell, echoes=30)

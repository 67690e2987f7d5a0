"""Production: every SKU is made every other week, as much as is expected to be sold; lots of key components are noted."""

from __future__ import annotations

import numpy as np
import polars as pl

from fupan.demo.company.assortment import date_of, products
from fupan.demo.company.workmanship import LOT_DAYS, serial_numbers
from fupan.demo.life.components import SIZES, bills, components, suppliers
from fupan.demo.life.planning import on_days, whole_demand
from fupan.demo.process import CHANGED_ON, Frames, Process, as_of
from fupan.demo.tools.draws import Ints
from fupan.demo.tools.stamps import at, minute
from fupan.demo.tools.wording import text
from fupan.demo.world import Span, World

#: Days from batch to batch, and from the order to its planned end.
EVERY, TAKES = 14, 10
#: Cause of scrap -> share of the orders whose main cause it is, scrap of semi-finished units in the middle of the year under
#: review, and its rise a year: design changes come more and more often while production runs.
CAUSES = {
    "design_change": (0.30, 0.046, 1.15),
    "plan_change": (0.20, 0.030, 1.00),
    "process_defect": (0.30, 0.022, 0.98),
    "material_defect": (0.20, 0.020, 1.00),
}
#: Key components whose lots are traced, and share of lots that nobody noted the supplier of.
TRACED, UNTRACED = ("led_chip", "driver"), 0.035


def tell(world: World, span: Span) -> Frames:
    """Production orders of the span's days, and the lots that went into them."""
    orders = _orders(world, span.days)
    seen = as_of(
        orders,
        span.evening,
        ["ordered_at", "finished_at"],
        reveals={"finished_at": ["finished_qty", "semi_finished_qty", "scrapped_semi_qty", "scrap_cause"]},
    )
    return {
        "erp_work_orders": seen.select(
            "wo_id", "sku", "planned_qty", "finished_qty", "semi_finished_qty", "scrapped_semi_qty", "scrap_cause",
            "planned_finish", "finished_at", "updated_at", CHANGED_ON,
        ),
        "erp_trace_lots": _lots(world, orders),
    }  # fmt: skip


def _orders(world: World, days: Ints) -> pl.DataFrame:
    known, draws = products(world), world.draws("production")
    number = known["sku_no"].to_numpy()
    due = (days[:, None] + number[None, :] * 5) % EVERY == 0
    made = (known["launch_day"].to_numpy()[None, :] - 30 <= days[:, None]) & (
        days[:, None] < known["discontinue_day"].fill_null(1 << 40).to_numpy()[None, :] - 20
    )
    row, sku = np.nonzero(due & made)
    day = days[row]
    wanted = on_days(world, whole_demand(world), days + 25).sum(axis=1)[row, sku] * EVERY
    planned = np.maximum(1, np.rint(wanted * draws.between(0.92, 1.12, sku, day, 1))).astype(np.int64)
    semi = np.ceil(planned * 1.04).astype(np.int64)
    cause_no = _causes(sku, day)
    share, rise = (np.array([cause[at] for cause in CAUSES.values()])[cause_no] for at in (1, 2))
    lost = semi * share * np.power(rise, world.years(day)) * draws.between(0.93, 1.07, sku, day, 2)
    scrapped = np.minimum(semi - 1, np.floor(lost + draws.uniform(sku, day, 3)).astype(np.int64))
    late = np.where(
        draws.chance(0.14, sku, day, 4), draws.integer(1, 6, sku, day, 5), -draws.integer(0, 2, sku, day, 6)
    )
    finished = (day + TAKES + late) * 1440 + 480 + draws.integer(0, 590, sku, day, 7)
    return pl.DataFrame(
        {
            "day": day,
            "sku_no": sku,
            "planned_qty": planned,
            "finished_qty": np.minimum(semi - scrapped, planned),
            "semi_finished_qty": semi,
            "scrapped_semi_qty": scrapped,
            "scrap_cause": np.asarray(list(CAUSES))[cause_no],
            "planned": day + TAKES,
            "finished": finished,
        }
    ).with_columns(
        wo_id=text("WO{}-{}", "day", pl.col("sku_no").cast(pl.String).str.zfill(4)),
        sku=known["sku"].gather(sku),
        planned_finish=date_of("planned"),
        ordered_at=at("day", 8),
        finished_at=minute("finished"),
    )


def _causes(sku: Ints, day: Ints) -> Ints:
    """The main causes take turns, so that each has just its share of the batches of every SKU."""
    limits = np.cumsum([share for share, _, _ in CAUSES.values()])
    turn = (((day // EVERY) * 3 + sku * 7) % 10 + 0.5) / 10
    return np.searchsorted(limits, turn).astype(np.int64)


def _lots(world: World, orders: pl.DataFrame) -> pl.DataFrame:
    """A lot a key component of an order; an order has half of the serial numbers of its model's lot."""
    draws, parts = world.draws("lots"), components(world)
    traced = parts.filter(pl.col("component_class").is_in(TRACED)).select("component_no", "component_class")
    key = bills(world).filter(bom_version=1).join(traced, on="component_no", maintain_order="left")
    key = key.select("sku_no", "component_no", "component_class")
    lots = orders.select("wo_id", "sku_no", "day", "planned", "ordered_at").join(
        key, on="sku_no", maintain_order="left"
    )
    sku, day, component = (lots[name].to_numpy() for name in ("sku_no", "day", "component_no"))
    half = lots["planned"].to_numpy() // EVERY % (LOT_DAYS // EVERY)
    size = 1_000_000 // (LOT_DAYS // EVERY)
    lot_no = lots["planned"].to_numpy() // LOT_DAYS
    first_source = parts["supplier_no"].to_numpy()[component]
    backup = parts["backup_no"].fill_null(-1).to_numpy()[component]
    source = np.where((backup >= 0) & draws.chance(0.15, sku, day, component, 1), backup, first_source)
    known = ~draws.chance(UNTRACED, sku, day, component, 2)
    supplier = suppliers(world)["supplier_id"].gather(source)
    return lots.select(
        lot_id=text("LOT{}-{}", pl.col("wo_id").str.slice(2), pl.col("component_no") // SIZES),
        component_sku=parts["component_sku"].gather(component),
        component_class="component_class",
        supplier_id=pl.when(pl.Series(known)).then(supplier),
        wo_id="wo_id",
        serial_from=serial_numbers(sku, lot_no, half * size),
        serial_to=serial_numbers(sku, lot_no, half * size + size - 1),
        updated_at="ordered_at",
        **{CHANGED_ON: pl.col("ordered_at").dt.date()},
    )


#: Finished at the latest six days after the plan.
PROCESS = Process(("erp_work_orders", "erp_trace_lots"), tell, echoes=TAKES + 7)

"""Products as the ERP has them on an evening: list price and cost of the day, the line after a move, what is announced."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import polars as pl

from fupan.demo.company.assortment import LINE_NAMES, date_of, list_prices, price_factors, products, unit_costs
from fupan.demo.company.phase_out import phase_outs
from fupan.demo.life.specifications import specifications
from fupan.demo.process import CHANGED_ON, Frames, Process
from fupan.demo.tools.stamps import at
from fupan.demo.tools.wording import text
from fupan.demo.world import YEAR, Span, World, day_number

#: A SKU is in the ERP so many days before it is launched.
ANNOUNCED = 60
#: Standard costs are set anew once a year, on the company's own new year's day.
_COLUMNS = (
    "sku", "product_name", "product_line", "category", "series", "item_role", "list_price", "standard_cost", "launch_date",
    "discontinue_date", "is_smart",
)  # fmt: skip


def tell(world: World, span: Span) -> Frames:
    """Every SKU that is announced by the evening."""
    evening = day_number(span.evening)
    known = products(world).join(specifications(world).drop("energy_limit_kwh", "power_w"), on="sku_no")
    known = known.join(_last_changes(world, evening), on="sku_no", how="left", maintain_order="left")
    known = known.filter(pl.col("launch_day") - ANNOUNCED <= evening)
    no = known["sku_no"].to_numpy()
    moved = pl.col("moved_day").fill_null(1 << 40) <= evening
    is_old_tube = pl.col("light_source_tech") == "fluorescent_t8"
    costed = np.full(len(no), _costed(world, evening))
    found = known.with_columns(
        product_name=pl.when(is_old_tube).then(text("{} T8 荧光灯管 {}W", "series", "power_w"))
        .otherwise("product_name"),
        product_line=pl.when(moved).then("moved_line_no").otherwise("line_no").replace_strict(
            dict(enumerate(LINE_NAMES)), return_dtype=pl.String
        ),
        list_price=pl.Series(list_prices(world, no, np.full(len(no), evening))),
        standard_cost=pl.Series(unit_costs(world, no, costed)).fill_nan(None),
        launch_date=date_of("launch_day"),
        discontinue_date=pl.when(pl.col("decided_day") <= evening).then(date_of("discontinue_day")),
        is_smart=pl.col("line_no") == LINE_NAMES.index("smart_luminaires"),
        updated_at=at("last_day", 7),
    )  # fmt: skip
    specified = [name for name in specifications(world).columns if name not in ("sku_no", "energy_limit_kwh")]
    return {
        "erp_products": found.select(
            *_COLUMNS, *specified, "updated_at", pl.col("updated_at").dt.date().alias(CHANGED_ON)
        )
    }


def _costed(world: World, evening: int) -> int:
    """The day on which standard costs were last set: the first of a year of the company."""
    first = day_number(world.first)
    return first + max(0, evening - first) // YEAR * YEAR


@lru_cache(maxsize=4)
def _last_changes(world: World, evening: int) -> pl.DataFrame:
    """SKU -> day of its last change by the evening, and the day on which its end was decided."""
    known = products(world)
    first = day_number(world.first)
    factors = price_factors(world)
    last = min(evening - first, factors.shape[1] - 1)
    changed = np.diff(factors[:, : last + 1], axis=1, prepend=1.0) != 0
    priced = np.where(changed.any(axis=1), first + last - np.argmax(changed[:, ::-1], axis=1), -1)
    decided = (
        known.select("sku_no")
        .join(phase_outs(world).filter(decision="phase_out"), on="sku_no", how="left", maintain_order="left")
        .select(pl.coalesce("decided_day", known["discontinue_day"] - ANNOUNCED))["decided_day"]
    )
    announced = known["launch_day"].to_numpy() - ANNOUNCED
    moments = [announced, priced, known["moved_day"].fill_null(-1).to_numpy(), decided.fill_null(-1).to_numpy(),
               np.full(len(announced), _costed(world, evening))]  # fmt: skip
    # Costs and prices of what is not announced yet are nobody's news.
    past = [np.where((moment <= evening) & (moment >= announced), moment, announced) for moment in moments]
    return pl.DataFrame({"sku_no": known["sku_no"], "last_day": np.max(past, axis=0), "decided_day": decided})


PROCESS = Process(("erp_products",), tell)

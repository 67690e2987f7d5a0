"""Bills of material, and the versions that made some products cheaper: high bays got housings of sheet metal."""

from __future__ import annotations

import numpy as np
import polars as pl

from fupan.demo.assortment import date_of, products
from fupan.demo.process import CHANGED_ON, Frames, Process, as_of
from fupan.demo.stamps import at
from fupan.demo.supply import CLASSES, component_sku
from fupan.demo.world import YEAR, Span, World, day_number

#: What the new housing of a high bay takes off the cost of all its material; of other products that were redesigned, a little.
HIGH_BAY_SAVING, OTHER_SAVING, REDESIGNED = 0.18, (0.02, 0.07), 0.12
_NEVER = 1 << 40


def tell(world: World, span: Span) -> Frames:
    """All lines that have been effective by the evening."""
    draws, known = world.draws("bills of material"), products(world)
    sku, first = known["sku_no"].to_numpy(), day_number(world.first)
    total = known["base_cost"].fill_null(20.0).to_numpy() * 0.72
    high_bay = (known["category"] == "high_bay").to_numpy() & (known["launch_day"].to_numpy() < first)
    redesigned = high_bay | draws.chance(REDESIGNED, sku, 1)
    saving = np.where(high_bay, HIGH_BAY_SAVING, draws.between(*OTHER_SAVING, sku, 2))
    changed = np.maximum(known["launch_day"].to_numpy() + 200, first + 2 * YEAR + draws.integer(20, 200, sku, 3))
    parts = []
    for class_no, (name, (material, share, variants)) in enumerate(CLASSES.items()):
        code = component_sku(class_no, draws.integer(0, variants - 1, sku, 10 + class_no))
        qty = draws.integer(1, 12, sku, 20) if name == "led_chip" else np.ones(len(sku), dtype=np.int64)
        before = np.round(total * share / qty, 4)
        # All that is saved is saved on the housing.
        after = before - np.round(total * saving / qty, 4) if name == "housing" else before
        for version, since, until, cost, made_of in (
            (
                1,
                known["launch_day"].to_numpy() - 30,
                np.where(redesigned, changed, _NEVER),
                before,
                np.full(len(sku), material),
            ),
            (
                2,
                changed,
                np.full(len(sku), _NEVER),
                after,
                np.where(high_bay & (name == "housing"), "sheet_metal", material),
            ),
        ):
            rows = np.ones(len(sku), dtype=bool) if version == 1 else redesigned
            parts.append(
                pl.DataFrame(
                    {"sku_no": sku, "since": since, "until": until, "unit_cost": cost, "material": made_of, "qty": qty}
                )
                .with_columns(component_sku=code, bom_version=pl.lit(version))
                .filter(pl.Series(rows))
            )
    found = pl.concat(parts).with_columns(
        sku=known["sku"].gather(pl.concat(parts)["sku_no"]),
        valid_from=date_of("since"),
        begun_at=at("since", 8),
        ended_at=pl.when(pl.col("until") < _NEVER).then(at("until", 8)),
    )
    found = found.with_columns(valid_to=pl.col("ended_at").dt.date() - pl.duration(days=1))
    return {
        "erp_bom_lines": as_of(
            found, span.evening, ["begun_at", "ended_at"], reveals={"ended_at": ["valid_to"]}
        ).select(
            "sku",
            "bom_version",
            "component_sku",
            "material",
            "qty",
            "unit_cost",
            "valid_from",
            "valid_to",
            "updated_at",
            CHANGED_ON,
        )
    }


PROCESS = Process(("erp_bom_lines",), tell)

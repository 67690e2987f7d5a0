"""Panels that decide whether a SKU goes: of each that leaves five months ahead, and of some that stay."""

from __future__ import annotations

import numpy as np
import polars as pl

from fupan.demo.assortment import date_of, products
from fupan.demo.process import CHANGED_ON, Frames, Process, as_of
from fupan.demo.stamps import at
from fupan.demo.world import LIFE_YEARS, YEAR, Span, World, day_number

AHEAD, KEPT = 150, 0.25


def tell(world: World, span: Span) -> Frames:
    """Panels that have been called by the evening."""
    draws, known = world.draws("sku reviews"), products(world)
    going = known.filter(pl.col("discontinue_day").is_not_null()).select(
        "sku_no", "sku", day=pl.col("discontinue_day") - AHEAD, goes=pl.lit(True)
    )
    number = known["sku_no"].to_numpy()
    doubted = known.filter(pl.Series(draws.chance(KEPT, number)))
    when = day_number(world.first) + draws.integer(0, LIFE_YEARS * YEAR, doubted["sku_no"].to_numpy(), 1)
    leaves = doubted["discontinue_day"].fill_null(1 << 40).to_numpy()
    staying = doubted.select("sku_no", "sku", day=pl.Series(when), goes=pl.lit(False)).filter(
        pl.Series((when < leaves - 2 * AHEAD) & (when > doubted["launch_day"].to_numpy() + YEAR))
    )
    found = pl.concat([going, staying]).filter(pl.col("day") >= day_number(world.first) - AHEAD)
    key, day = found["sku_no"].to_numpy(), found["day"].to_numpy()
    goes = found["goes"].to_numpy()
    votes = {
        name: draws.chance(np.where(goes, 0.85, 0.3), key, day, number).astype(np.int64)
        for number, name in enumerate(("tech_vote", "production_vote", "sales_vote"))
    }
    found = found.with_columns(
        triggered_on=date_of("day"),
        triggered_at=at("day", 10),
        decided_at=at(pl.lit(pl.Series(day + draws.integer(7, 28, key, day, 9))), 16),
        decision=pl.when("goes").then(pl.lit("phase_out")).otherwise(pl.lit("keep")),
        **{name: pl.Series(values) for name, values in votes.items()},
    ).with_columns(decided_on=pl.col("decided_at").dt.date())
    reveals = {"decided_at": ["tech_vote", "production_vote", "sales_vote", "decided_on", "decision"]}
    return {
        "hr_sku_reviews": as_of(found, span.evening, ["triggered_at", "decided_at"], reveals=reveals).select(
            "sku",
            "triggered_on",
            "tech_vote",
            "production_vote",
            "sales_vote",
            "decided_on",
            "decision",
            "updated_at",
            CHANGED_ON,
        )
    }


PROCESS = Process(("hr_sku_reviews",), tell)

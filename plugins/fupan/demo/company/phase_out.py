"""Votes on items that sell too little: three departments decide together, and what is phased out ends months later."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import polars as pl

from fupan.demo.company.assortment import products
from fupan.demo.world import LIFE_YEARS, YEAR, World, day_number

#: Days before its end on which an item is called up, and how long the decision takes.
CALLED, DECIDED = (105, 150), (12, 35)
#: Items a year that are called up and stay, as a share of those that go.
SPARED = 0.4
_DELAYS = ("tech_day", "production_day", "sales_day")


@lru_cache(maxsize=4)
def phase_outs(world: World) -> pl.DataFrame:
    """A row an item and vote: sku_no, called_day, tech_day, production_day and sales_day (when each department votes),
    decided_day, decision (phase_out, keep, improve), and the votes (1: phase out) tech_vote, production_vote, sales_vote."""
    draws, known = world.draws("phase-out"), products(world)
    going = known.filter(pl.col("discontinue_day").is_not_null()).select("sku_no", "discontinue_day")
    number = going["sku_no"].to_numpy()
    leaving = pl.DataFrame(
        {
            "sku_no": number,
            "called_day": going["discontinue_day"].to_numpy() - draws.integer(*CALLED, number, 1),
            "decision": ["phase_out"] * len(number),
        }
    )
    staying = known.filter(pl.col("discontinue_day").is_null(), pl.col("launch_day") < day_number(world.first))
    # The least popular of those that stay are called up again and again.
    staying = staying.sort("popularity", "sku_no").head(max(1, round(going.height / LIFE_YEARS * SPARED)))
    spared = staying.select("sku_no").join(pl.DataFrame({"year": np.arange(LIFE_YEARS)}), how="cross")
    key, year = spared["sku_no"].to_numpy(), spared["year"].to_numpy()
    called = day_number(world.first) + year * YEAR + draws.integer(30, 320, key, year, 2)
    kept = pl.DataFrame(
        {
            "sku_no": key,
            "called_day": called,
            "decision": draws.choice(["keep", "improve"], key, year, 3, weights=[2, 1]),
        }
    )
    votes = pl.concat([leaving, kept.with_columns(pl.col("decision").cast(pl.String))]).sort("called_day", "sku_no")
    key, day = votes["sku_no"].to_numpy(), votes["called_day"].to_numpy()
    takes = draws.integer(*DECIDED, key, day, 4)
    goes = (votes["decision"] == "phase_out").to_numpy()
    dissents = draws.integer(0, 5, key, day, 6)
    return votes.with_columns(
        decided_day=pl.Series(day + takes),
        **{
            name: pl.Series(day + np.rint(takes * draws.between(0.15, 0.95, key, day, 10 + at)).astype(np.int64))
            for at, name in enumerate(_DELAYS)
        },
        # Two of three decide; now and then one department sees it otherwise.
        **{
            name.replace("_day", "_vote"): pl.Series(np.where(dissents == at, ~goes, goes).astype(np.int64))
            for at, name in enumerate(_DELAYS)
        },
    )

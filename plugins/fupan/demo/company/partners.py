"""What the company thinks of its dealers: quarters in which they stand, their assessments, and the tier that follows."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl

from fupan.demo.company.network import NEVER, dealer_sizes, dealers, offences
from fupan.demo.company.periods import quarters
from fupan.demo.tools.stamps import at
from fupan.demo.world import World, day_number

#: Share of its purchases that a tier earns back, and the score that it takes.
REBATES = {"gold": 0.06, "silver": 0.04, "bronze": 0.02}
LIMITS = {"gold": 84.0, "silver": 73.0}
#: A dealer that has not been assessed yet.
NEWCOMER = "bronze"


def by_quarter(world: World, evening: date) -> pl.DataFrame:
    """A row a dealer and whole quarter in which it stands, of those that have begun by the evening.

    Columns: those of `network.dealers`, size, quarter (YYYY-Qn), quarter_no, begins, ends (days)."""
    begun = [
        (it.name, it.number, it.first, it.last)
        for it in quarters(world)
        if day_number(world.first) <= it.first <= day_number(evening)
    ]
    frame = pl.DataFrame(
        begun, schema={"quarter": pl.String, "quarter_no": pl.Int64, "begins": pl.Int64, "ends": pl.Int64}, orient="row"
    )
    return (
        dealers(world)
        .with_columns(size=pl.Series(dealer_sizes(world)))
        .join(frame, how="cross")
        .filter(pl.col("joined_day") <= pl.col("begins"), pl.col("left_day").fill_null(NEVER) > pl.col("ends"))
    )


def assessed(world: World, standing: pl.DataFrame) -> pl.DataFrame:
    """The same rows with their assessment in the second week of the quarter: financial_score, service_score, technical_score,
    tier, rebate_pct, assessed_at. How good a dealer is stays its own and moves a little; who breaks rules is marked down."""
    draws = world.draws("assessments")
    who, when = standing["dealer_no"].to_numpy(), standing["quarter_no"].to_numpy()
    level = 64 + 28 * draws.uniform(who) - 1.5 * offences(world)[who]
    scores = {
        name: np.round(np.clip(level + shift + 4 * draws.normal(who, when, number), 20, 100), 2)
        for number, (name, shift) in enumerate((("financial_score", 0), ("service_score", 2), ("technical_score", -3)))
    }
    total = 0.4 * scores["financial_score"] + 0.35 * scores["service_score"] + 0.25 * scores["technical_score"]
    tier = np.where(total >= LIMITS["gold"], "gold", np.where(total >= LIMITS["silver"], "silver", "bronze"))
    return standing.with_columns(
        **{name: pl.Series(values) for name, values in scores.items()},
        tier=pl.Series(tier),
        rebate_pct=pl.Series(tier).replace_strict(REBATES, return_dtype=pl.Float64),
        assessed_at=at(pl.col("begins") + 9, 11),
    )

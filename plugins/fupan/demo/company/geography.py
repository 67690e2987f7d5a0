"""Where the company sells: 31 provinces (households and areas near the census of 2020) and six overseas markets."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

import polars as pl

#: Macro regions as the review speaks of them -> those of the ERP, their share of revenue in the year under review, and their
#: growth a year.
MARKETS = {
    "east": (("华东",), 0.42, 1.15),
    "south": (("华南",), 0.28, 1.06),
    "central_west": (("华中", "西南", "西北"), 0.15, 1.28),
    "north": (("华北", "东北"), 0.09, 1.10),
    "overseas": (("North America", "Europe", "Middle East", "Southeast Asia", "South America", "Oceania"), 0.06, 1.02),
}
DOMESTIC = tuple(market for market in MARKETS if market != "overseas")


@cache
def places() -> pl.DataFrame:
    """A row a region: the ERP's columns, largest city, where it lies (latitude, longitude), `place_no`, `market` (a key of
    MARKETS), `population_share` (of its market's households)."""
    text = files("fupan.demo.company").joinpath("regions.csv").read_text(encoding="utf-8")
    market_of = {macro: market for market, (macros, _, _) in MARKETS.items() for macro in macros}
    per_household = pl.when(pl.col("city_tier").is_in(["tier_1", "new_tier_1"])).then(260).otherwise(180)
    return (
        pl.read_csv(text.encode(), schema_overrides={"area_km2": pl.Int64, "households": pl.Int64})
        .with_row_index("place_no")
        .with_columns(
            pl.col("place_no").cast(pl.Int64),
            market=pl.col("macro_region").replace_strict(market_of),
            addressable_accounts=pl.col("households") // 900,
            market_potential_value=pl.col("households") * per_household,
        )
        .with_columns(population_share=pl.col("households") / pl.col("households").sum().over("market"))
    )

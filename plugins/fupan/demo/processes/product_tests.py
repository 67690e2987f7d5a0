"""Tests of specifications: three rounds before a launch, and once a year in the laboratory while a SKU is made."""

from __future__ import annotations

import numpy as np
import polars as pl

from fupan.demo.company.assortment import date_of, products
from fupan.demo.life.specifications import BEST_SELLERS, bestseller_ranks, specifications
from fupan.demo.process import CHANGED_ON, Frames, Process, as_of
from fupan.demo.tools.draws import Ints
from fupan.demo.tools.stamps import minute
from fupan.demo.tools.wording import text
from fupan.demo.world import YEAR, Span, World

#: Round -> what is tested, and days before the launch. A test is planned so many days ahead, and put off by some at most.
ROUNDS = {
    1: (("luminous_flux", "power", "cct", "noise_db", "energy_use"), 75),
    2: (("luminous_flux", "power", "cct"), 45),
    3: (("user_score",), 20),
}
AHEAD, PUT_OFF = 14, 10
#: Deviation from the rated value: of best sellers, of others; what deviates by more fails.
DEVIATION, ALLOWED = (0.016, 0.026), 0.05
#: Users' score out of 100 that a new product should reach.
SCORE = 75.0
_NUMBER = {"luminous_flux": 1, "power": 2, "cct": 3, "noise_db": 4, "energy_use": 5, "user_score": 6}


def tell(world: World, span: Span) -> Frames:
    """Tests that are entered on the span's days, `AHEAD` days before they are planned for."""
    parts = [_tests(world, *due) for due in _due(world, span.days)]
    found = pl.concat(parts).with_columns(
        test_id=text("TST{}-{}-{}-{}", "planned", "sku_no", "test_round", "number"),
        planned_date=date_of("planned"),
        entered_at=minute((pl.col("planned") - AHEAD) * 1440 + 540),
        tested_at=minute("tested"),
    )
    seen = as_of(found, span.evening, ["entered_at", "tested_at"], reveals={"tested_at": ["measured_value", "result"]})
    return {
        "erp_product_tests": seen.select(
            "test_id", "sku", "test_round", "parameter", "nominal_value", "measured_value", "standard_limit", "planned_date",
            "tested_at", "result", "updated_at", CHANGED_ON,
        )
    }  # fmt: skip


def _due(world: World, days: Ints) -> list[tuple[int, Ints, Ints]]:
    """Rounds that are entered on the days: number of the round, SKUs, days they are planned for."""
    known = products(world)
    number, launch = known["sku_no"].to_numpy(), known["launch_day"].to_numpy()
    leaves = known["discontinue_day"].fill_null(1 << 40).to_numpy()
    found = []
    for test_round, (_, before) in ROUNDS.items():
        planned = launch - before
        mine = np.isin(planned - AHEAD, days)
        found.append((test_round, number[mine], planned[mine]))
    planned = days + AHEAD
    age = planned[:, None] - launch[None, :]
    row, sku = np.nonzero((age > 0) & (age % YEAR == 180) & (planned[:, None] < leaves[None, :]))
    found.append((1, sku, planned[row]))
    return found


def _tests(world: World, test_round: int, sku: Ints, planned: Ints) -> pl.DataFrame:
    known, draws = specifications(world), world.draws("product tests")
    at_sku = known[sku] if len(sku) else known.head(0)
    nominal_of = {
        "luminous_flux": pl.col("luminous_efficacy_lm_w") * pl.col("power_w"),
        "power": pl.col("power_w"),
        "cct": pl.col("cct_max_k").cast(pl.Float64),
        "noise_db": pl.col("noise_db"),
        "energy_use": pl.col("energy_use_kwh"),
        "user_score": pl.lit(SCORE),
    }
    limit_of = {"noise_db": pl.lit(38.0), "energy_use": pl.col("energy_limit_kwh"), "user_score": pl.lit(SCORE)}
    sigma = np.where(bestseller_ranks(world)[sku] < BEST_SELLERS, *DEVIATION) if len(sku) else np.zeros(0)
    quality = products(world)["quality"].to_numpy()[sku]
    parts = []
    for parameter in ROUNDS[test_round][0]:
        number = _NUMBER[parameter]
        key = (sku, planned, test_round, number)
        off = np.clip(sigma * draws.normal(*key, 1), -0.12, 0.12)
        if parameter == "user_score":
            off = (66 + 26 * quality + 5 * draws.normal(*key, 1)) / SCORE - 1
        elif parameter == "energy_use":
            off = off / 4
        tested = (planned + draws.integer(0, PUT_OFF, *key, 2) // 3) * 1440 + 600 + draws.integer(0, 420, *key, 3)
        part = at_sku.select(
            sku_no="sku_no",
            nominal_value=nominal_of[parameter],
            standard_limit=limit_of.get(parameter, pl.lit(None, pl.Float64)),
        ).with_columns(
            sku=products(world)["sku"].gather(sku),
            measured_value=(pl.col("nominal_value") * (1 + pl.Series(off))).round(2),
            parameter=pl.lit(parameter),
            number=pl.lit(number, pl.Int64),
            test_round=pl.lit(test_round, pl.Int64),
            planned=pl.Series(planned),
            tested=pl.Series(tested),
        )
        parts.append(part.filter(pl.col("nominal_value").is_not_null()).with_columns(result=_verdict(parameter)))
    return pl.concat(parts)


def _verdict(parameter: str) -> pl.Expr:
    measured, nominal = pl.col("measured_value"), pl.col("nominal_value")
    if parameter == "user_score":
        passes = measured >= pl.col("standard_limit")
    elif parameter in ("noise_db", "energy_use"):
        passes = measured <= pl.col("standard_limit")
    else:
        passes = (measured / nominal - 1).abs() <= ALLOWED
    return pl.when(passes).then(pl.lit("pass")).otherwise(pl.lit("fail"))


PROCESS = Process(("erp_product_tests",), tell, echoes=AHEAD + PUT_OFF)

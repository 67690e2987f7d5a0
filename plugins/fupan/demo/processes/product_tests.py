"""Tests before a launch, in three rounds: the laboratory, the scene, the users; and energy use against the norm."""

from __future__ import annotations

import numpy as np
import polars as pl

from fupan.demo.assortment import date_of, products
from fupan.demo.process import CHANGED_ON, Frames, Process, as_of
from fupan.demo.specifications import expected_rank, specifications
from fupan.demo.stamps import at
from fupan.demo.world import Span, World

#: Round: parameters, days before the launch on which it is planned.
ROUNDS = {
    1: (("luminous_flux", "power", "cct", "energy_use"), 120),
    2: (("luminous_flux", "noise_db"), 80),
    3: (("user_score",), 45),
}
#: Relative deviation of measured values: of what sells best less than 5 %, of the rest now and then more.
BEST, OTHERS = 0.014, 0.028


def tell(world: World, span: Span) -> Frames:
    """Tests that have been planned by the evening."""
    draws, known = world.draws("product tests"), products(world).join(
        specifications(world).drop("power_w"), on="sku_no", how="left", maintain_order="left"
    )  # fmt: skip
    sku = known["sku_no"].to_numpy()
    spread = np.where(expected_rank(world) < 60, BEST, OTHERS)
    power = known["power_w"].to_numpy().astype(np.float64)
    rated = {
        "luminous_flux": power * known["luminous_efficacy_lm_w"].fill_null(0.0).to_numpy(),
        "power": power,
        "cct": known["cct_max_k"].fill_null(0).to_numpy().astype(np.float64),
        "energy_use": known["energy_use_kwh"].to_numpy(),
        "noise_db": known["noise_db"].fill_null(0.0).to_numpy(),
        "user_score": np.full(len(sku), 4.0),
    }
    parts = []
    for round_no, (parameters, ahead) in ROUNDS.items():
        for number, parameter in enumerate(parameters):
            key = round_no * 10 + number
            nominal = np.round(rated[parameter], 4)
            off = np.clip(spread * draws.normal(sku, key), -0.045, 0.045 if parameter == "energy_use" else 0.3)
            measured = np.round(np.where(parameter == "energy_use", nominal, nominal * (1 + off)), 4)
            limit = known["energy_limit_kwh"].to_numpy() if parameter == "energy_use" else np.full(len(sku), np.nan)
            planned = known["launch_day"].to_numpy() - ahead
            tested = planned + draws.integer(-2, 6, sku, key, 1)
            passed = (measured <= limit) if parameter == "energy_use" else (np.abs(off) <= 0.05)
            parts.append(
                pl.DataFrame(
                    {"sku_no": sku, "nominal_value": nominal, "measured_value": measured, "standard_limit": limit,
                     "planned": planned, "tested": tested, "passed": passed}
                )
                .with_columns(test_round=pl.lit(round_no), parameter=pl.lit(parameter), sku=known["sku"])
                .filter(pl.Series(nominal > 0))
            )  # fmt: skip
    found = pl.concat(parts).with_columns(
        test_id=pl.concat_str(pl.lit("T"), "sku", "test_round", "parameter", separator="-"),
        standard_limit=pl.col("standard_limit").fill_nan(None),
        planned_date=date_of("planned"),
        planned_at=at(pl.col("planned") - 14, 9),
        tested_at=at("tested", 15),
        result=pl.when("passed").then(pl.lit("pass")).otherwise(pl.lit("fail")),
    )
    told = as_of(found, span.evening, ["planned_at", "tested_at"], reveals={"tested_at": ["measured_value", "result"]})
    return {
        "erp_product_tests": told.select(
            "test_id", "sku", "test_round", "parameter", "nominal_value", "measured_value", "standard_limit", "planned_date",
            "tested_at", "result", "updated_at", CHANGED_ON,
        )
    }  # fmt: skip


PROCESS = Process(("erp_product_tests",), tell)

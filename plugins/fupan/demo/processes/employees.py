"""Staff records: who works here, where and as what."""

from __future__ import annotations

import polars as pl

from fupan.demo.company.assortment import date_of
from fupan.demo.company.geography import places
from fupan.demo.company.network import NEVER
from fupan.demo.company.people import employees
from fupan.demo.process import Frames, Process, as_of
from fupan.demo.tools.stamps import at
from fupan.demo.world import Span, World

_LEVELS = {0: "junior", 1: "regular", 2: "senior"}


def tell(world: World, span: Span) -> Frames:
    """Everybody who has been hired by the evening."""
    known = employees(world).join(
        places().select("place_no", "region_code"), on="place_no", how="left", maintain_order="left"
    )
    happens = {name: pl.when(pl.col(name) < NEVER).then(pl.col(name)) for name in ("promoted_day", "left_day")}
    stamped = known.with_columns(**happens).with_columns(
        hired_at=at("hired_day"),
        promoted_at=at("promoted_day"),
        left_at=at("left_day", 18),
        left_on=date_of("left_day"),
    )
    seen = as_of(stamped, span.evening, ["hired_at", "promoted_at", "left_at"], reveals={"left_at": ["left_on"]})
    level = pl.col("level") + pl.col("promoted_at").is_not_null().cast(pl.Int64)
    return {
        "hr_employees": seen.select(
            "emp_id", "role", "dept", "team", "region_code",
            level.replace_strict(_LEVELS, return_dtype=pl.String).alias("seniority"),
            date_of("hired_day").alias("hired_on"),
            "left_on", "is_temp", "updated_at", "_changed_on",
        )
    }  # fmt: skip


PROCESS = Process(tables=("hr_employees",), tell=tell)

"""Designers who refer customers to the company."""

from __future__ import annotations

import numpy as np
import polars as pl

from fupan.demo.company.network import DESIGNERS
from fupan.demo.process import CHANGED_ON, Frames, Process
from fupan.demo.world import YEAR, Span, World, day_number

_FIRMS = ("木言设计", "一方空间", "素山设计", "光域设计", "合造社", "大界设计", "未然空间", "宽度设计")


def tell(world: World, span: Span) -> Frames:
    """All designers; those that are certified by the evening with the time of it."""
    draws, number = world.draws("designers"), np.arange(1, DESIGNERS + 1)
    first, evening = day_number(world.first), day_number(span.evening)
    certified = first - 800 + draws.integer(0, 800 + 3 * YEAR, number, 1)
    seconds = certified * 86_400 + 10 * 3600
    known = draws.chance(0.6, number, 2) & (certified <= evening)
    frame = pl.DataFrame(
        {
            "designer_id": [f"DSG{n:04d}" for n in number],
            "firm": draws.choice(_FIRMS, number, 3).astype(str),
            "certified_at": pl.Series(seconds * 1_000_000).cast(pl.Datetime("us")),
            "active_flag": draws.chance(0.85, number, 4),
            "is_known": known,
            "day": np.where(known, np.maximum(certified, first), first),
        }
    ).with_columns(certified_at=pl.when("is_known").then("certified_at"))
    return {
        "crm_designers": frame.select(
            "designer_id",
            "firm",
            "certified_at",
            "active_flag",
            pl.col("day").cast(pl.Int32).cast(pl.Date).alias(CHANGED_ON),
        )
    }


PROCESS = Process(("crm_designers",), tell)

"""Conflicts between dealers and channels: goods in foreign territory, undercut prices, shops that lose to the web."""

from __future__ import annotations

import numpy as np
import polars as pl

from fupan.demo.assortment import is_on_sale, products
from fupan.demo.network import dealers
from fupan.demo.process import CHANGED_ON, Frames, Process, as_of
from fupan.demo.seasons import shopping_festival
from fupan.demo.wording import text
from fupan.demo.world import Span, World

#: Kind of conflict: share, and how it is noticed.
KINDS = {
    "diversion": (0.34, "serial_scan"),
    "price_undercut": (0.28, "price_robot"),
    "online_price": (0.26, "complaint"),
    "territory": (0.12, "visit"),
}
#: Cases a day at scale 1 in the year under review, and their growth a year.
CASES, GROWTH = 0.9, 1.2
_DAY, _US = 86_400, 1_000_000


def tell(world: World, span: Span) -> Frames:
    """Cases that were noticed on the span's days."""
    draws, days = world.draws("conflicts"), span.days
    mean = CASES * world.scale * np.power(GROWTH, world.years(days)) * (1 + shopping_festival(days))
    count = draws.poisson(mean, days)
    day = np.repeat(days, count)
    number = np.arange(len(day)) - np.repeat(np.cumsum(count) - count, count)
    kind = draws.choice(list(KINDS), day, number, 1, weights=[share for share, _ in KINDS.values()])
    severity = draws.choice(["minor", "major", "severe"], day, number, 2, weights=[6, 3, 1])
    known = dealers(world)
    who = draws.integer(0, known.height - 1, day, number, 3)
    whom = (who + draws.integer(1, known.height - 1, day, number, 4)) % known.height
    on_sale = is_on_sale(world, days)
    sku = np.array([
        int(np.flatnonzero(row)[int(even * row.sum())])
        for row, even in zip(on_sale[day - days[0]], draws.uniform(day, number, 5), strict=True)
    ], dtype=np.int64)  # fmt: skip
    weight = np.select([severity == "severe", severity == "major"], [3.0, 1.6], 1.0)
    open_days = np.maximum(2, 9 * weight * draws.spread(day, number, 6, sigma=0.6)).astype(np.int64).clip(2, 120)
    resolution = np.where(
        severity == "severe",
        draws.choice(["penalty", "arbitration", "compensation"], day, number, 7),
        draws.choice(["mediation", "area_adjustment", "compensation", "penalty"], day, number, 8, weights=[5, 2, 2, 2]),
    )
    penalty = np.where(resolution == "penalty", np.round(2_000 * weight * draws.spread(day, number, 9), -2), 0.0)
    seconds = day * _DAY + 9 * 3600 + draws.integer(0, 8 * 3600, day, number, 10)
    found = pl.DataFrame(
        {
            "day": day,
            "number": number,
            "conflict_type": kind.astype(str),
            "severity": severity.astype(str),
            "dealer_id": known["dealer_id"].gather(who),
            "counter_dealer_id": known["dealer_id"].gather(whom),
            "sku": products(world)["sku"].gather(sku),
            "region_code": known["authorised_region"].gather(whom),
            "detected_at": pl.Series(seconds * _US).cast(pl.Datetime("us")),
            "resolved_at": pl.Series((seconds + open_days * _DAY) * _US).cast(pl.Datetime("us")),
            "resolution_type": resolution.astype(str),
            "penalty_amount": penalty,
        }
    ).with_columns(
        conflict_id=text("CF{}-{}", "day", "number"),
        # Against the company's own shops on the web there is no dealer at fault.
        dealer_id=pl.when(pl.col("conflict_type") != "online_price").then("dealer_id"),
        detection_source=pl.col("conflict_type").replace_strict(
            {name: how for name, (_, how) in KINDS.items()}, return_dtype=pl.String
        ),
    )
    cases = as_of(
        found,
        span.evening,
        ["detected_at", "resolved_at"],
        reveals={"resolved_at": ["resolution_type", "penalty_amount"]},
    )
    return {
        "crm_channel_conflicts": cases.select(
            "conflict_id", "conflict_type", "severity", "dealer_id", "counter_dealer_id", "sku", "region_code", "detected_at",
            "detection_source", "resolved_at", "resolution_type", "penalty_amount", "updated_at", CHANGED_ON,
        )
    }  # fmt: skip


PROCESS = Process(("crm_channel_conflicts",), tell, echoes=121)

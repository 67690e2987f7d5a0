"""What dealers are paid back, three weeks after a quarter: for what they bought, for display, for paying in time."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import polars as pl

from fupan.demo.company.clientele import DEALERS
from fupan.demo.company.geography import places
from fupan.demo.company.network import dealers, offences
from fupan.demo.company.partners import assessed, by_quarter
from fupan.demo.life.expectation import months
from fupan.demo.life.sales import arrivals
from fupan.demo.life.sales.fate import NEVER, fate
from fupan.demo.process import CHANGED_ON, Frames, Process, as_of
from fupan.demo.tools.draws import Floats
from fupan.demo.tools.stamps import at
from fupan.demo.world import Span, World

#: Programme: share of dealers that take part in a quarter, and how much of the tier's rebate it pays.
PROGRAMMES = {"volume": (1.0, 1.0), "display": (0.35, 0.3), "payment_discipline": (0.25, 0.2)}
#: A dealer's target beside what it may be expected to buy; who reaches some of it gets half, who reaches less gets nothing.
TARGET, SOME, HALF = 0.95, 0.7, 0.5


def tell(world: World, span: Span) -> Frames:
    """All rebates that have been paid by the evening."""
    standing = assessed(world, by_quarter(world, span.evening))
    standing = standing.with_columns(paid_at=at(pl.col("ends") + 21, 15))
    standing = as_of(standing, span.evening, ["paid_at"])
    bought, target = _purchases(world, standing)
    part = np.where(bought >= target, 1.0, np.where(bought >= SOME * target, HALF, 0.0))
    draws, found = world.draws("rebates"), []
    who, when = standing["dealer_no"].to_numpy(), standing["quarter_no"].to_numpy()
    # Who breaks the rules is found out for a part of it.
    compliance = np.round(np.clip(1 - 0.05 * offences(world)[who] * draws.uniform(who, when, 10), 0.5, 1), 4)
    for number, (programme, (share, rate)) in enumerate(PROGRAMMES.items()):
        earned = bought * standing["rebate_pct"].to_numpy() * rate * compliance
        if programme == "volume":
            earned = earned * part
        paid = standing.with_columns(
            rebate_id=pl.concat_str(pl.lit(f"RB{number}"), "quarter", "dealer_no", separator="-"),
            program_type=pl.lit(programme),
            period=pl.col("quarter"),
            amount=pl.Series(np.round(earned, 2)),
            compliance_score=pl.Series(compliance),
            target_attained=pl.Series(bought >= target),
        )
        found.append(paid.filter(pl.Series(draws.chance(share, who, when, number)), pl.col("amount") > 0))
    return {
        "erp_dealer_rebates": pl.concat(found).select(
            "rebate_id", "dealer_id", "program_type", "period", "amount", "compliance_score", "target_attained", "updated_at",
            CHANGED_ON,
        )
    }  # fmt: skip


def _purchases(world: World, standing: pl.DataFrame) -> tuple[Floats, Floats]:
    """What each dealer bought in the quarter (CNY), and its target: its part, by size, of what its market should buy."""
    who = standing["dealer_no"].to_numpy()
    bought, target = np.zeros(len(who)), np.zeros(len(who))
    market = places()["market"].gather(standing["place_no"]).to_numpy()
    for (begins, ends), rows in standing.with_row_index("at").group_by("begins", "ends", maintain_order=True):
        here = rows["at"].to_numpy()
        bought[here] = _bought(world, int(begins), int(ends))[who[here]]
        expected = (
            months(world)
            .filter(pl.col("group") == "dealer", pl.col("month").is_between(int(begins), int(ends)))
            .group_by("market")
            .agg(pl.col("revenue").sum())
        )
        size = rows["size"].to_numpy()
        for name, revenue in expected.iter_rows():
            mine = market[here] == name
            target[here[mine]] = TARGET * revenue * size[mine] / max(size[mine].sum(), 1e-9)
    return bought, target


@lru_cache(maxsize=64)
def _bought(world: World, begins: int, ends: int) -> Floats:
    """By dealer_no: value of the orders of these days that were not cancelled."""
    came = arrivals.dealer(world, np.arange(begins, ends + 1, dtype=np.int64))
    kept = fate(world, came, np.zeros(len(came.day), dtype=bool)).cancelled == NEVER
    value = np.bincount((came.customer_no - DEALERS)[kept], np.asarray(came.value)[kept], dealers(world).height)
    return np.asarray(value, dtype=np.float64)


PROCESS = Process(("erp_dealer_rebates",), tell)

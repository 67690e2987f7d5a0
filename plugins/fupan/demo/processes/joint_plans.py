"""What is planned with dealers quarter by quarter, and what comes of it."""

from __future__ import annotations

import numpy as np
import polars as pl

from fupan.demo.company.assortment import date_of
from fupan.demo.company.partners import by_quarter
from fupan.demo.process import CHANGED_ON, Frames, Process, as_of
from fupan.demo.tools.stamps import at
from fupan.demo.world import Span, World

#: Milestones of a quarter's plan: days after its beginning on which they are due, and share of the money that is committed.
MILESTONES = {"alignment_meeting": (14, 0.05), "display": (40, 0.45), "training": (60, 0.15), "sell_out": (88, 0.35)}


def tell(world: World, span: Span) -> Frames:
    """Agreed when the quarter begins; four in five milestones are reached in time, most others late, some never."""
    standing, draws, found = by_quarter(world, span.evening), world.draws("joint plans"), []
    who, when = standing["dealer_no"].to_numpy(), standing["quarter_no"].to_numpy()
    for number, (milestone, (due, share)) in enumerate(MILESTONES.items()):
        committed = np.round(standing["size"].to_numpy() * 12_000 * share, -2)
        fate = draws.uniform(who, when, number)
        delay = np.where(
            fate < 0.8, -draws.integer(0, 10, who, when, number, 1), draws.integer(1, 25, who, when, number, 2)
        )
        done = standing["begins"].to_numpy() + due + delay
        found.append(
            standing.with_columns(
                plan_id=pl.concat_str(pl.lit(f"JP{number}"), "quarter", "dealer_no", separator="-"),
                milestone=pl.lit(milestone),
                due_date=date_of("begins") + pl.duration(days=due),
                agreed_at=at("begins"),
                done_at=pl.when(pl.Series(fate < 0.95)).then(at(pl.lit(pl.Series(done)), 16)),
                committed_amount=pl.Series(committed),
                spent_amount=pl.Series(np.round(committed * draws.between(0.7, 1.15, who, when, number, 3), 2)),
            )
        )
    return {
        "crm_joint_plans": as_of(
            pl.concat(found), span.evening, ["agreed_at", "done_at"], reveals={"done_at": ["spent_amount"]}
        ).select(
            "plan_id", "dealer_id", "quarter", "milestone", "due_date", "done_at", "committed_amount", "spent_amount",
            "updated_at", CHANGED_ON,
        )
    }  # fmt: skip


PROCESS = Process(("crm_joint_plans",), tell)

"""Dealers, what they are paid back, how they are assessed, and what is planned with them quarter by quarter."""

from __future__ import annotations

import numpy as np
import polars as pl

from fupan.demo.assortment import date_of
from fupan.demo.draws import Ints
from fupan.demo.geography import places
from fupan.demo.network import dealer_sizes, dealers
from fupan.demo.process import CHANGED_ON, Frames, Process, as_of
from fupan.demo.sales.arrivals import DEALER_BASKET, DEALER_ORDERS
from fupan.demo.world import Span, World

#: Share of its purchases that a tier earns back, and what an assessment takes to reach it.
REBATES = {"gold": 0.06, "silver": 0.04, "bronze": 0.02}
#: Programme: share of dealers that get it in a quarter, and how much of the tier's rebate.
PROGRAMMES = {"volume": (0.70, 1.0), "display": (0.35, 0.3), "payment_discipline": (0.25, 0.2)}
_LIMITS = {"gold": 82.0, "silver": 68.0}
#: Milestones of a quarter's plan: days after its beginning on which they are due, and share of the money that is committed.
MILESTONES = {"alignment_meeting": (14, 0.05), "display": (40, 0.45), "training": (60, 0.15), "sell_out": (88, 0.35)}
_DAY, _US = 86_400, 1_000_000


def tell(world: World, span: Span) -> Frames:
    """Everything of all dealers by the evening."""
    standing = _by_quarter(world, span)
    return {
        "erp_dealers": _records(world, span),
        "erp_dealer_rebates": _rebates(world, span, standing),
        "crm_partners": _assessments(world, span, standing),
        "crm_joint_plans": _plans(world, span, standing),
    }


def _at(day: pl.Expr, hour: int) -> pl.Expr:
    return ((day * _DAY + hour * 3600) * _US).cast(pl.Datetime("us"))


def _records(world: World, span: Span) -> pl.DataFrame:
    known = dealers(world).join(
        places().select("place_no", "region_code", "province"), on="place_no", how="left", maintain_order="left"
    )
    known = known.with_columns(joined_at=_at(pl.col("joined_day"), 10), left_at=_at(pl.col("left_day"), 17))
    return as_of(known, span.evening, ["joined_at", "left_at"]).select(
        "dealer_id", "dealer_name", "region_code", "province", "city_tier", "authorised_region", "partner_tier", "joined_at",
        "left_at", "updated_at", CHANGED_ON,
    )  # fmt: skip


def _by_quarter(world: World, span: Span) -> pl.DataFrame:
    """A row a dealer and quarter in which it stands: dealer, size, quarter's name, first and last day, and number."""
    begins = np.arange(
        np.datetime64(world.first, "M"),
        np.datetime64(span.evening, "M") + np.timedelta64(1, "M"),
        dtype="datetime64[M]",
    )
    begins = begins[(begins.astype(np.int64) % 3) == 0]
    ends = (begins + np.timedelta64(3, "M")).astype("datetime64[D]").astype(np.int64) - 1
    number = begins.astype(np.int64) // 3
    quarters = pl.DataFrame(
        {
            "quarter_no": number,
            "quarter": [f"{1970 + n // 4}-Q{n % 4 + 1}" for n in number.tolist()],
            "begins": begins.astype("datetime64[D]").astype(np.int64),
            "ends": ends,
        }
    )
    return (
        dealers(world)
        .with_columns(size=pl.Series(dealer_sizes(world)))
        .join(quarters, how="cross")
        .filter(pl.col("joined_day") <= pl.col("begins"), pl.col("left_day").fill_null(1 << 40) > pl.col("ends"))
    )


def _keys(frame: pl.DataFrame) -> tuple[Ints, Ints]:
    return frame["dealer_no"].to_numpy(), frame["quarter_no"].to_numpy()


def _rebates(world: World, span: Span, standing: pl.DataFrame) -> pl.DataFrame:
    """Paid three weeks after the quarter: for volume where the target is attained, some for display and for paying in time."""
    draws, found = world.draws("rebates"), []
    for number, (programme, (share, rate)) in enumerate(PROGRAMMES.items()):
        who, when = _keys(standing)
        taken = standing.filter(pl.Series(draws.chance(share, who, when, number)))
        who, when = _keys(taken)
        bought = (
            taken["size"].to_numpy() * DEALER_ORDERS * DEALER_BASKET / 400 / 4 * draws.between(0.8, 1.2, who, when, 9)
        )
        compliance = np.round(1 - 0.35 * draws.uniform(who, when, 10) ** 3, 4)
        of_tier = taken["partner_tier"].replace_strict(REBATES).to_numpy()
        found.append(
            taken.with_columns(
                rebate_id=pl.concat_str(pl.lit(f"RB{number}"), "quarter", "dealer_no", separator="-"),
                program_type=pl.lit(programme),
                period=pl.col("quarter"),
                amount=pl.Series(np.round(bought * of_tier * rate * compliance, 2)),
                compliance_score=pl.Series(compliance),
                target_attained=pl.lit(programme == "volume") | pl.Series(draws.chance(0.6, who, when, 11)),
                paid_at=_at(pl.col("ends") + 21, 15),
            )
        )
    return as_of(pl.concat(found), span.evening, ["paid_at"]).select(
        "rebate_id", "dealer_id", "program_type", "period", "amount", "compliance_score", "target_attained", "updated_at",
        CHANGED_ON,
    )  # fmt: skip


def _assessments(world: World, span: Span, standing: pl.DataFrame) -> pl.DataFrame:
    """In the second week of a quarter; a dealer's standing is its own for good, and moves a little."""
    draws = world.draws("assessments")
    who, when = _keys(standing)
    level = 58 + 32 * draws.uniform(who)
    scores = {
        name: np.round(np.clip(level + shift + 6 * draws.normal(who, when, number), 20, 100), 2)
        for number, (name, shift) in enumerate((("financial_score", 0), ("service_score", 2), ("technical_score", -3)))
    }
    total = 0.4 * scores["financial_score"] + 0.35 * scores["service_score"] + 0.25 * scores["technical_score"]
    tier = np.where(total >= _LIMITS["gold"], "gold", np.where(total >= _LIMITS["silver"], "silver", "bronze"))
    assessed = standing.with_columns(
        **{name: pl.Series(values) for name, values in scores.items()},
        tier=pl.Series(tier),
        rebate_pct=pl.Series(tier).replace_strict(REBATES, return_dtype=pl.Float64),
        assessed_at=_at(pl.col("begins") + 9, 11),
    )
    return as_of(assessed, span.evening, ["assessed_at"]).select(
        "dealer_id", "assessed_at", "financial_score", "service_score", "technical_score", "tier", "rebate_pct", "updated_at",
        CHANGED_ON,
    )  # fmt: skip


def _plans(world: World, span: Span, standing: pl.DataFrame) -> pl.DataFrame:
    """Agreed when the quarter begins; four in five milestones are reached in time, most others late, some never."""
    draws, found = world.draws("joint plans"), []
    for number, (milestone, (due, share)) in enumerate(MILESTONES.items()):
        who, when = _keys(standing)
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
                agreed_at=_at(pl.col("begins"), 9),
                done_at=pl.when(pl.Series(fate < 0.95)).then(_at(pl.lit(pl.Series(done)), 16)),
                committed_amount=pl.Series(committed),
                spent_amount=pl.Series(np.round(committed * draws.between(0.7, 1.15, who, when, number, 3), 2)),
            )
        )
    return as_of(
        pl.concat(found), span.evening, ["agreed_at", "done_at"], reveals={"done_at": ["spent_amount"]}
    ).select(
        "plan_id", "dealer_id", "quarter", "milestone", "due_date", "done_at", "committed_amount", "spent_amount", "updated_at",
        CHANGED_ON,
    )  # fmt: skip


PROCESS = Process(("erp_dealers", "erp_dealer_rebates", "crm_partners", "crm_joint_plans"), tell)

"""Campaigns, what they put on offer, their budgets, printed material and reserve, as the ERP has them on an evening."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl

from fupan.demo.company.assortment import date_of, products
from fupan.demo.company.budgets import (
    CAMPAIGN_SPLIT,
    GROWTH_QUARTER,
    GROWTH_SPLIT,
    RESERVES,
    RESOURCE_SPLIT,
    RESOURCE_YEAR,
    campaign_budgets,
    rise,
)
from fupan.demo.company.campaigns import campaigns, promotions
from fupan.demo.process import Frames, Process, as_of
from fupan.demo.tools.columns import DAY_S, moment
from fupan.demo.tools.wording import text
from fupan.demo.world import Span, World, day_number

#: Days before its first day on which a campaign, its budget and its offers are entered.
PLANNED, BUDGETED, OFFERED = 60, 45, 21
#: Steps that a buyer has to take, by mechanism.
_STEPS = {"discount": 1, "coupon": 3, "flash_sale": 2, "bundle": 2, "presale": 4}
#: Planned share of revenue of a promotion by role of its items.
_MIX = {"traffic": 0.30, "profit": 0.50, "image": 0.20}
#: Material -> pieces for 1,000 CNY of budget, cost of a piece, lowest and highest share used. Nobody counts before he prints.
_MATERIALS = {
    "poster": (9.0, 6.5, (0.42, 0.66)),
    "flyer": (90.0, 0.45, (0.40, 0.62)),
    "display_stand": (0.15, 180.0, (0.75, 0.98)),
    "banner": (0.30, 95.0, (0.70, 0.95)),
    "gift": (4.0, 18.0, (0.62, 0.93)),
    "sample": (1.5, 42.0, (0.66, 0.95)),
}
_COUNTED_AFTER = 4
#: Share of campaigns whose reserve is drawn on, why, and revenue and gross profit for each CNY drawn.
DRAWN = 0.42
_TRIGGERS = ("competitor_price_cut", "traffic_shortfall", "stock_out", "bad_weather", "venue_change")
_RETURNS = (6.0, 5.2, 3.4, 2.2, 1.6)
_MARGIN = 0.36


def tell(world: World, span: Span) -> Frames:
    """All that has been entered by the evening."""
    evening = span.evening
    return {
        "mkt_campaigns": _campaigns(world, evening),
        "mkt_promotions": _promotions(world, evening),
        "mkt_budgets": _budgets(world, evening),
        "mkt_materials": _materials(world, evening),
        "mkt_contingency_draws": _draws_on_reserves(world, evening),
    }


def _at(column: str, before: int, hour: int = 10) -> pl.Expr:
    """So many days before a day, at an hour."""
    return moment((pl.col(column) - before) * DAY_S + hour * 3600)


def _campaigns(world: World, evening: date) -> pl.DataFrame:
    known = campaigns(world).with_columns(entered_at=_at("start_day", PLANNED))
    return as_of(known, evening, ["entered_at"]).select(
        "campaign_id", "campaign_name", "campaign_type", "phase", "region_code", "objective", "updated_at", "_changed_on",
        online_flag="online", start_date=date_of("start_day"), end_date=date_of("end_day"),
    )  # fmt: skip


def _promotions(world: World, evening: date) -> pl.DataFrame:
    known = promotions(world)
    known = known.with_columns(
        entered_at=_at("start_day", OFFERED, 15), sku=products(world)["sku"].gather(known["sku_no"])
    )
    return as_of(known, evening, ["entered_at"]).select(
        "promo_id", "campaign_id", "sku", "mechanism", "phase", "item_role", "discount_rate", "updated_at", "_changed_on",
        rule_step_count=pl.col("mechanism").replace_strict(_STEPS),
        target_mix_pct=pl.col("item_role").replace_strict(_MIX),
        start_at=_at("start_day", 0, 0),
        end_at=_at("end_day", -1, 0),
    )  # fmt: skip


def _budgets(world: World, evening: date) -> pl.DataFrame:
    plans = pl.concat([_of_campaigns(world), _of_periods(world)], how="diagonal")
    return as_of(plans, evening, ["entered_at"]).drop("entered_at")


def _of_campaigns(world: World) -> pl.DataFrame:
    known = campaigns(world).join(campaign_budgets(world), on="campaign_no", maintain_order="left")
    line = pl.col("sku_no").is_not_null()
    return pl.concat(
        known.select(
            "campaign_id",
            "region_code",
            budget_id=text("BG-{}-{}", "campaign_id", pl.lit(bucket)),
            period=date_of("start_day").dt.strftime("%Y-%m"),
            plan_name=pl.lit("campaign"),
            bucket=pl.lit(bucket),
            product_tier=pl.when(line).then(pl.lit("new")),
            channel=pl.when("online").then(pl.lit("online")).otherwise(pl.lit("offline")),
            planned_amount=(pl.col("budget") * share).round(2),
            is_contingency=pl.lit(bucket in RESERVES),
            entered_at=_at("start_day", BUDGETED),
        )
        for bucket, share in CAMPAIGN_SPLIT.items()
    )


def _of_periods(world: World) -> pl.DataFrame:
    """Plans of quarters and of years, entered a month before they begin."""
    rows = []
    for year in range(world.first.year, world.last.year + 1):
        periods = [(f"{year}", "resources", date(year, 1, 1), RESOURCE_YEAR)]
        periods += [(f"{year}-Q{q + 1}", "growth", date(year, 3 * q + 1, 1), GROWTH_QUARTER) for q in range(4)]
        for period, plan, begins, usual in periods:
            day = day_number(begins)
            total = usual * world.scale * float(rise(world, np.array([day]))[0])
            total = max(1000, round(total / 1000) * 1000)
            split = GROWTH_SPLIT if plan == "growth" else {name: (s, None, None) for name, s in RESOURCE_SPLIT.items()}
            rows += [
                (f"BG-{period}-{bucket}", period, plan, bucket, tier, channel, round(total * share, 2), day)
                for bucket, (share, tier, channel) in split.items()
            ]
    columns = ("budget_id", "period", "plan_name", "bucket", "product_tier", "channel", "planned_amount", "begins")
    return pl.DataFrame(rows, schema=columns, orient="row").with_columns(
        is_contingency=pl.col("bucket").is_in(RESERVES), product_line=pl.lit(None, pl.String), entered_at=_at("begins", 30)
    ).drop("begins")  # fmt: skip


def _materials(world: World, evening: date) -> pl.DataFrame:
    """What is printed and bought for campaigns in stores and at fairs; used pieces are counted some days after."""
    draws = world.draws("campaign materials")
    known = (
        campaigns(world)
        .filter(~pl.col("online"))
        .join(campaign_budgets(world), on="campaign_no", maintain_order="left")
    )
    number = known["campaign_no"].to_numpy()
    parts = []
    for index, (kind, (pieces, cost, (least, most))) in enumerate(_MATERIALS.items()):
        made = np.maximum(
            1, np.rint(known["budget"].to_numpy() / 1000 * pieces * draws.between(0.8, 1.25, number, index, 1))
        )
        used = np.floor(made * draws.between(least, most, number, index, 2))
        parts.append(
            known.select(
                "campaign_id",
                material_id=text("MT{}-{}", "campaign_no", pl.lit(index + 1)),
                material_type=pl.lit(kind),
                qty_produced=pl.Series(made.astype(np.int64)),
                qty_used=pl.Series(used.astype(np.int64)),
                unit_cost=pl.Series(np.round(cost * draws.between(0.9, 1.1, number, index, 3), 2)),
                made_at=_at("start_day", 10, 14),
                counted_at=_at("end_day", -_COUNTED_AFTER, 17),
            )
        )
    found = as_of(pl.concat(parts), evening, ["made_at", "counted_at"], reveals={"counted_at": ["qty_used"]})
    return found.drop("made_at", "counted_at")


def _draws_on_reserves(world: World, evening: date) -> pl.DataFrame:
    """Money out of a campaign's reserve while it is on; what it brought is known ten days later."""
    draws = world.draws("reserves")
    known = campaigns(world).join(campaign_budgets(world), on="campaign_no", maintain_order="left")
    known = known.filter(pl.Series(draws.chance(DRAWN, known["campaign_no"].to_numpy(), 0)))
    number = known["campaign_no"].to_numpy()
    why = draws.pick([3, 3, 2, 1, 1], number, 1)
    reserve = CAMPAIGN_SPLIT["contingency"] * known["budget"].to_numpy()
    amount = np.round(reserve * draws.between(0.35, 0.95, number, 2), 2)
    # What is spent late brings less.
    days = known["end_day"].to_numpy() - known["start_day"].to_numpy()
    triggered = (known["start_day"].to_numpy() + draws.integer(0, np.maximum(days - 1, 0), number, 3)) * DAY_S
    triggered = triggered + 9 * 3600 + draws.integer(0, 8 * 3600, number, 4)
    approved = triggered + draws.integer(1800, 10 * 3600, number, 5)
    deployed = approved + draws.integer(3600, 30 * 3600, number, 6)
    late = np.clip((deployed - triggered) / (40 * 3600), 0, 1)
    revenue = np.round(amount * np.asarray(_RETURNS)[why] * (1.25 - 0.6 * late) * draws.spread(number, 7, sigma=0.3), 2)
    found = known.select(
        "campaign_id",
        draw_id=text("CD{}", pl.col("campaign_no").cast(pl.String).str.zfill(5)),
        trigger_event=pl.Series(np.asarray(_TRIGGERS)[why]),
        triggered_at=moment(pl.Series(triggered)),
        approved_at=moment(pl.Series(approved)),
        deployed_at=moment(pl.Series(deployed)),
        known_at=moment(pl.Series(deployed + 10 * DAY_S)),
        amount=pl.Series(amount),
        attributed_revenue=pl.Series(revenue),
        attributed_margin=pl.Series(np.round(revenue * _MARGIN * draws.between(0.9, 1.1, number, 8), 2)),
    )
    stamps = ["triggered_at", "approved_at", "deployed_at", "known_at"]
    told = as_of(found, evening, stamps, reveals={"known_at": ["attributed_revenue", "attributed_margin"]})
    return told.drop("known_at")


PROCESS = Process(("mkt_campaigns", "mkt_promotions", "mkt_budgets", "mkt_materials", "mkt_contingency_draws"), tell)

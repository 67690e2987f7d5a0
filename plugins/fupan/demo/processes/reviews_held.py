"""Reviews that the company holds, what they find, and the actions that follow from it."""

from __future__ import annotations

from datetime import date
from functools import lru_cache

import numpy as np
import polars as pl

from fupan.demo.company.assortment import date_of, is_on_sale, products
from fupan.demo.company.people import employee_id, on_duty
from fupan.demo.company.reviews_held import stages
from fupan.demo.process import Frames, Process, as_of
from fupan.demo.tools.draws import Ints
from fupan.demo.tools.stamps import at
from fupan.demo.tools.wording import text
from fupan.demo.world import Span, World, day_number

#: Findings of a review on average, by type.
FINDINGS = {"sales_data_weekly": 1.2, "sales_weekly": 0.6, "performance_monthly": 4.0, "market_quarterly": 11.0,
            "campaign_stand_up": 0.8, "post_campaign": 3.0}  # fmt: skip
#: Metric -> dimension, category of issue, theme of the action, its value at first and the aim.
METRICS = {
    "target_attainment_rate": ("sales_performance", "market", "target_gap", 0.93, 1.0),
    "gross_margin_rate": ("sales_performance", "price", "low_margin_exit", 0.37, 0.39),
    "new_product_revenue_share": ("sales_performance", "product", "new_product_launch", 0.08, 0.12),
    "order_lead_time_days": ("product_structure", "supply", "target_gap", 45.0, 32.0),
    "lost_order_amount": ("product_structure", "supply", "target_gap", 2_000_000.0, 800_000.0),
    "inventory_turnover": ("inventory_supply", "supply", "inventory", 2.7, 3.5),
    "slow_moving_product_flag": ("product_structure", "product", "low_margin_exit", 24.0, 10.0),
    "response_sla_attainment_rate": ("after_sales", "service", "service_quality", 0.86, 0.95),
    "return_rate_by_rating_band": ("after_sales", "product", "service_quality", 0.07, 0.05),
    "channel_price_conflict_flag": ("channel", "channel", "channel_order", 15.0, 4.0),
    "opportunity_win_rate": ("sales_team", "team", "crm_upgrade", 0.42, 0.48),
    "crm_proficiency_score": ("sales_team", "team", "crm_upgrade", 62.0, 75.0),
    "competitor_response_lag_days": ("competition", "market", "target_gap", 9.0, 4.0),
    "cross_system_data_latency_hours": ("diagnosis", "team", "bi_platform", 18.0, 8.0),
    "service_agent_productivity": ("sales_team", "service", "ai_service_agent", 5.5, 7.5),
    "competitor_booth_benchmark": ("competition", "channel", "exhibition_idea", 2.8, 3.8),
}
WITH_SKU = ("low_margin_exit", "new_product_launch")
LEVELS, LEVEL_SHARES = ("surface", "operational", "deep"), (0.4, 0.4, 0.2)
CAUSES = ("demand", "competitor_move", "delivery", "quality", "price_gap", "staffing", "data", "process")
CAUSE_SHARES = (0.18, 0.16, 0.16, 0.12, 0.14, 0.08, 0.06, 0.10)
#: Share of findings that are adopted (the deeper, the likelier), and of their actions that are done and that are given up.
ADOPTED, DONE, GIVEN_UP = (0.45, 0.60, 0.75), 0.86, 0.05


def tell(world: World, span: Span) -> Frames:
    """All reviews on the calendar, findings and actions, as they stand on the evening."""
    return {
        "hr_review_cycles": _cycles(world, span.evening),
        "hr_review_findings": _found(world, span.evening),
        "hr_action_items": _actions(world, span.evening),
    }


def _cycles(world: World, evening: date) -> pl.DataFrame:
    today = day_number(evening)
    known = stages(world).filter(pl.col("planned_end") >= day_number(world.first) - 14)
    # A series of daily sessions goes on; everything else is held when it ends.
    so_far = pl.min_horizontal("actual_end", pl.lit(today)) - pl.col("actual_start") + 1
    held = (
        pl.when("daily")
        .then(so_far.clip(0))
        .when(pl.col("actual_end") <= today)
        .then("held_sessions")
        .otherwise(0)
        .fill_null(0)
    )
    last_session = pl.when("daily").then(pl.min_horizontal("actual_end", pl.lit(today)))
    told = known.select(
        "review_id", "review_type", "stage", "period", "planned_sessions",
        planned_start=date_of("planned_start"), planned_end=date_of("planned_end"),
        known_at=at("known_day"), started_at=at("actual_start", 10), ended_at=at("actual_end", 17),
        met_at=pl.when("daily").then(at("actual_start", 8) + pl.duration(days=last_session - pl.col("actual_start"))),
        actual_start=date_of("actual_start"), actual_end=date_of("actual_end"),
        held_sessions=held, invited_depts="invited", attended_depts="attended",
    )  # fmt: skip
    reveals = {"started_at": ["actual_start"], "ended_at": ["actual_end", "attended_depts"]}
    seen = as_of(told, evening, ["known_at", "started_at", "ended_at", "met_at"], reveals=reveals)
    return seen.drop("known_at", "started_at", "ended_at", "met_at")


@lru_cache(maxsize=2)
def _findings(world: World) -> pl.DataFrame:
    """Findings of all years with their actions, by finding_no; days are numbers since 1970 (null: never)."""
    draws = world.draws("findings")
    held = stages(world).filter(pl.col("actual_end").is_not_null(), pl.col("stage").is_in(["session", "report"]))
    held = held.filter(pl.col("actual_end") >= day_number(world.first))
    review = held["review_no"].to_numpy()
    count = draws.poisson(held["review_type"].replace_strict(FINDINGS, return_dtype=pl.Float64).to_numpy(), review)
    at_row = np.repeat(np.arange(held.height), count)
    turn = np.arange(len(at_row)) - np.repeat(np.cumsum(count) - count, count)
    review, day = review[at_row], held["actual_end"].to_numpy()[at_row]
    metric = draws.integer(0, len(METRICS) - 1, review, turn, 1)
    level = draws.pick(LEVEL_SHARES, review, turn, 2)
    adopted = draws.chance(np.array(ADOPTED)[level], review, turn, 3)
    size = np.array([30_000, 90_000, 260_000])[level] * world.scale
    impact = np.round(size * draws.spread(review, turn, 4, sigma=0.8), -2)
    due = day + draws.integer(2, 13, review, turn, 5) * 7
    is_done, given_up = draws.chance(DONE, review, turn, 6), draws.chance(GIVEN_UP, review, turn, 7)
    start = day + draws.integer(1, 7, review, turn, 12)
    done = np.maximum(due + np.rint(-4 + 9 * draws.normal(review, turn, 8)).astype(np.int64), start + 2)
    first, aim = (np.array([values[place] for values in METRICS.values()])[metric] for place in (3, 4))
    first = first * draws.between(0.92, 1.08, review, turn, 9)
    reached = first + (aim - first) * draws.between(0.1, 1.15, review, turn, 10)
    decimals = np.where(np.abs(first) < 2, 4, 1)
    return pl.DataFrame(
        {
            "review_id": held["review_id"].gather(at_row),
            "turn": turn,
            "metric": metric,
            "level": np.asarray(LEVELS)[level],
            "cause": draws.choice(CAUSES, review, turn, 11, weights=CAUSE_SHARES),
            "impact": impact,
            "adopted": adopted,
            "day": day,
            "start": start,
            "due": due,
            "done": np.where(is_done & ~given_up, done, -1),
            "given_up": np.where(given_up, due - 2, -1),
            "owner": on_duty(world, "manager", day, draws.uniform(review, turn, 13)),
            "sku": products(world)["sku"].gather(_items(world, draws.uniform(review, turn, 14), day)),
            "baseline": np.where(decimals == 4, np.round(first, 4), np.round(first, 1)),
            "aim": aim,
            "closing": np.where(decimals == 4, np.round(reached, 4), np.round(reached, 1)),
        }
    ).with_columns(
        *(pl.when(pl.col(name) >= 0).then(name).alias(name) for name in ("done", "given_up")),
        finding_id=text("FD-{}-{}", pl.col("review_id").str.strip_prefix("RV-"), "turn"),
        action_id=pl.when("adopted").then(text("AC-{}-{}", pl.col("review_id").str.strip_prefix("RV-"), "turn")),
    )  # fmt: skip


def _items(world: World, even: np.ndarray, days: Ints) -> Ints:
    """An item on sale on each day."""
    whole = np.unique(days)
    sums = np.cumsum(is_on_sale(world, whole), axis=1)
    mine = sums[np.searchsorted(whole, days)]
    return np.asarray((np.floor(even * mine[:, -1])[:, None] >= mine).sum(axis=1), dtype=np.int64)


def _of_metric(place: int | None = None) -> pl.Expr:
    names = list(METRICS)
    known = {number: name if place is None else METRICS[name][place] for number, name in enumerate(names)}
    return pl.col("metric").replace_strict(known, return_dtype=pl.String)


def _found(world: World, evening: date) -> pl.DataFrame:
    known = _findings(world).filter(pl.col("day") <= day_number(evening))
    return known.select(
        "finding_id", "review_id",
        dimension=_of_metric(0), issue_category=_of_metric(1), root_cause_level="level", root_cause="cause",
        impact_amount="impact", adopted_flag="adopted", linked_action_id="action_id",
        updated_at=at("day", 18), _changed_on=date_of("day"),
    )  # fmt: skip


def _actions(world: World, evening: date) -> pl.DataFrame:
    """An action begins with the finding that was adopted, and moves on until it is done or given up."""
    today = day_number(evening)
    known = _findings(world).filter("adopted")
    is_done, is_given_up = pl.col("done") <= today, pl.col("given_up") <= today
    begun = (pl.col("start") <= today) & ~is_done.fill_null(False) & ~is_given_up.fill_null(False)
    # Reported every week.
    week = pl.min_horizontal(pl.lit(today), pl.col("due") + 60).sub(pl.col("start")).floordiv(7).clip(0)
    length = (pl.max_horizontal("due", "done") - pl.col("start") + 1).clip(1)
    on_the_way = (pl.when(pl.col("done").is_null()).then(0.6).otherwise(0.95) * (week * 7 / length).clip(0, 1)).round(2)
    theme = _of_metric(2)
    told = known.select(
        "action_id", "review_id",
        dimension=_of_metric(0), theme=theme, linked_metric_id=_of_metric(),
        linked_sku=pl.when(theme.is_in(list(WITH_SKU))).then("sku"),
        owner_id=employee_id("owner"),
        created_on=date_of("day"), start_on=date_of("start"), due_on=date_of("due"), done_on=date_of("done"),
        status=pl.when(is_done).then(pl.lit("done")).when(is_given_up).then(pl.lit("cancelled"))
        .when(begun).then(pl.lit("in_progress")).otherwise(pl.lit("open")),
        progress_pct=pl.when(is_done).then(1.0).when(begun | is_given_up).then(on_the_way).otherwise(0.0),
        baseline_value="baseline", target_value="aim", closing_value="closing",
        created_at=at("day", 18), started_at=at("start"), done_at=at("done", 17), given_up_at=at("given_up", 17),
        reported_at=pl.when(begun).then(at("start") + pl.duration(days=week * 7)),
    )  # fmt: skip
    reveals = {"done_at": ["done_on", "closing_value"]}
    stamps = ["created_at", "started_at", "reported_at", "done_at", "given_up_at"]
    return as_of(told, evening, stamps, reveals=reveals).drop(stamps)


PROCESS = Process(tables=("hr_review_cycles", "hr_review_findings", "hr_action_items"), tell=tell)

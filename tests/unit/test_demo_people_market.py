"""People and the market of the reference company: what they do follows from causes, and fits what is sold."""

from __future__ import annotations

from datetime import date
from functools import cache
from itertools import pairwise

import numpy as np
import polars as pl

from fupan.demo.company.clientele import customers
from fupan.demo.company.people import wins
from fupan.demo.company.rivals import OWN_BRAND
from fupan.demo.life.sales import told
from fupan.demo.process import Frames, processes
from fupan.demo.world import Span, World, day_number

WORLD = World(20, 0.1, date(2023, 11, 29))
FIRST, LAST = WORLD.review_year


@cache
def tables(process: str) -> Frames:
    """All that a process has told by the end of the year under review."""
    return processes()[process].tell(WORLD, Span(WORLD.first, LAST, LAST))


def orphans(frame: pl.DataFrame, column: str, known: pl.Series) -> pl.DataFrame:
    return frame.filter(pl.col(column).is_not_null() & ~pl.col(column).is_in(known.to_list()))


def test_every_order_of_a_key_account_is_an_opportunity_that_its_rep_won() -> None:
    orders = told(WORLD, FIRST, LAST).orders.filter(pl.col("opp_id").is_not_null())
    won = tables("opportunities")["crm_opportunities"].filter(pl.col("outcome") == "won", pl.col("closed_at") >= FIRST)
    both = orders.join(won, on="opp_id", suffix="_won")
    assert both.height == orders.height == won.height > 50
    assert (both["rep_id"] == both["owner_id"]).all()
    assert (both["customer_id"] == both["customer_id_won"]).all()
    assert (both["closed_at"] < both["placed_at"]).all()
    assert ((both["order_net"] / both["won_amount"] - 1).abs() < 0.02).all()


def test_who_is_talented_and_trained_wins_more() -> None:
    reps = np.arange(60)
    day = np.full(60, day_number(date(2026, 6, 1)))
    world = World(20, 1, WORLD.first)
    span = Span(world.first, LAST, LAST)
    closed = processes()["opportunities"].tell(world, span)["crm_opportunities"].filter(pl.col("outcome").is_not_null())
    rates = closed.group_by("owner_id").agg(rate=(pl.col("outcome") == "won").mean(), size=pl.len())
    expected = pl.DataFrame({"owner_id": [f"E{n + 1:05d}" for n in reps], "chance": wins(world, reps, day)})
    met = rates.filter(pl.col("size") > 40).join(expected, on="owner_id")
    assert met.select(pl.corr("rate", "chance")).item() > 0.6
    assert 0.38 < (closed["outcome"] == "won").mean() < 0.48


def test_stages_follow_each_other_and_end_with_the_decision() -> None:
    history = tables("opportunities")["crm_stage_history"].sort("opp_id", "entered_at")
    after = history.with_columns(next=pl.col("entered_at").shift(-1).over("opp_id"))
    assert after.filter(pl.col("next").is_not_null() & (pl.col("next") != pl.col("left_at"))).is_empty()
    assert history.filter(pl.col("left_at") <= pl.col("entered_at")).is_empty()
    deals = tables("opportunities")["crm_opportunities"]
    last = history.group_by("opp_id").last().join(deals, on="opp_id", suffix="_deal")
    assert (last["stage"] == last["stage_deal"]).all()
    assert (last["left_at"].is_null() == last["closed_at"].is_null()).all()


def test_ids_of_others_exist() -> None:
    staff = tables("employees")["hr_employees"]["emp_id"]
    clients = customers(WORLD)["customer_id"]
    deals, leads = tables("opportunities")["crm_opportunities"], tables("leads")["crm_leads"]
    assert orphans(deals, "lead_id", leads["lead_id"]).is_empty()
    cases = (
        (deals, "owner_id", staff), (leads, "owner_id", staff), (tables("field_work")["crm_activities"], "rep_id", staff),
        (tables("accounts")["crm_assignments"], "rep_id", staff), (tables("timesheets")["hr_timesheets"], "emp_id", staff),
        (tables("training")["hr_skill_checks"], "emp_id", staff), (tables("cooperation")["hr_project_roles"], "emp_id", staff),
        (tables("cooperation")["hr_collab_cases"], "raised_by", staff),
        (tables("cooperation")["hr_collab_cases"], "opp_id", deals["opp_id"]),
        (tables("cooperation")["hr_knowledge_posts"], "author_id", staff),
        (tables("reviews_held")["hr_action_items"], "owner_id", staff),
        (tables("reviews_held")["hr_action_items"], "review_id", tables("reviews_held")["hr_review_cycles"]["review_id"]),
        (tables("reviews_held")["hr_review_findings"], "linked_action_id",
         tables("reviews_held")["hr_action_items"]["action_id"]),
        (deals, "customer_id", clients), (leads, "customer_id", clients),
        (tables("field_work")["crm_activities"], "customer_id", clients),
        (tables("accounts")["crm_target_accounts"], "customer_id", clients),
        (tables("opportunities")["crm_quotes"], "opp_id", deals["opp_id"]),
    )  # fmt: skip
    for frame, column, known in cases:
        assert frame.height, column
        assert orphans(frame, column, known).is_empty(), column


def test_nobody_works_before_he_is_hired_or_after_he_has_left() -> None:
    staff = tables("employees")["hr_employees"]
    for frame, who, day in (
        (tables("timesheets")["hr_timesheets"], "emp_id", "work_date"),
        (tables("field_work")["crm_usage"], "rep_id", "used_on"),
        (tables("training")["hr_skill_checks"], "emp_id", "assessed_on"),
    ):
        met = frame.join(staff, left_on=who, right_on="emp_id")
        assert met.filter((pl.col(day) < pl.col("hired_on")) | (pl.col(day) > pl.col("left_on"))).is_empty(), who


def test_a_customer_has_one_rep_at_a_time() -> None:
    spells = tables("accounts")["crm_assignments"].sort("customer_id", "valid_from")
    after = spells.with_columns(next=pl.col("valid_from").shift(-1).over("customer_id"))
    assert after.filter(
        pl.col("next").is_not_null(), pl.col("valid_to").is_null() | (pl.col("valid_to") >= pl.col("next"))
    ).is_empty()


def test_plans_are_about_what_is_sold() -> None:
    sold = told(WORLD, date(2026, 1, 1), date(2026, 9, 30)).orders.filter(pl.col("cancelled_at").is_null())
    plan = tables("targets")["hr_targets"].filter(
        pl.col("measure_id") == "revenue",
        pl.col("version") == 1,
        pl.col("period").is_between(pl.lit("2026-01"), pl.lit("2026-09")),
    )
    scope = ("product_line", "region_code", "channel_id", "rep_id", "campaign_id")
    whole = plan.filter(*(pl.col(name).is_null() for name in scope))
    assert whole.height == 9
    assert 0.8 < sold["order_net"].sum() / whole["target_value"].sum() < 1.25
    of_channels = plan.filter(
        pl.col("channel_id").is_not_null(), *(pl.col(name).is_null() for name in scope if name != "channel_id")
    )
    assert of_channels["channel_id"].n_unique() == 9
    of_reps = plan.filter(pl.col("rep_id").is_not_null(), pl.col("product_line").is_null())
    served = sold.filter(pl.col("rep_id").is_not_null())
    assert 0.8 < served["order_net"].sum() / of_reps["target_value"].sum() < 1.25


def test_planners_know_where_the_few_customers_of_a_small_company_are() -> None:
    world = World(20, 0.02, WORLD.first)
    plan = (
        processes()["targets"]
        .tell(world, Span(FIRST, LAST, LAST))["hr_targets"]
        .filter(
            pl.col("measure_id") == "revenue",
            pl.col("version") == 1,
            pl.col("region_code").is_not_null(),
            pl.col("product_line").is_null(),
        )
    )
    month = pl.col("order_date").dt.strftime("%Y-%m")
    sold = told(world, FIRST, LAST).orders.group_by("region_code", period=month).agg(pl.col("order_net").sum())
    attained = plan.join(sold, on=["region_code", "period"]).select(pl.col("order_net") / pl.col("target_value"))
    # One large order is many times what a province sells in a month; a hundred times would be a plan for somebody else.
    assert attained.height > 300
    assert attained.max().item() < 20


def test_a_plan_is_approved_in_december_and_a_draft_never() -> None:
    plan = tables("targets")["hr_targets"]
    first = plan.filter(pl.col("version") == 1, pl.col("period") == "2026-03")
    assert (first["approved_at"].dt.date() == date(2025, 12, 20)).all()
    draft = plan.filter(pl.col("change_reason").str.contains("草案"))
    assert draft["approved_at"].null_count() == draft.height > 0
    revised = plan.filter(pl.col("change_reason") == "年中滚动修订")
    assert set(revised["approved_at"].dt.strftime("%m-%d")) == {"06-25"}


def test_the_panel_knows_our_brand_and_the_squeezed_middle() -> None:
    panel = tables("market_panel")["cmp_market_panel"].filter(pl.col("sales_value").is_not_null())
    own = panel.filter(pl.col("brand") == OWN_BRAND)["sales_value"].sum() / panel["sales_value"].sum()
    assert 0.02 < own < 0.06
    middle = panel.group_by("period").agg(
        share=pl.col("sales_value").filter(pl.col("price_tier") == "mid").sum() / pl.col("sales_value").sum()
    )
    shares = middle.sort("period")["share"].to_list()
    assert all(later < earlier for earlier, later in pairwise(shares))


def test_price_cuts_show_in_the_prices_that_are_observed() -> None:
    moves = tables("rivals")["cmp_actions"].filter(
        pl.col("action_type") == "price_cut", pl.col("region_code").is_null(), pl.col("started_on") > date(2025, 3, 1)
    )
    prices = tables("rival_prices")["cmp_price_observations"].filter(~pl.col("is_promo"))
    fallen = []
    for rival, started, depth in moves.select("competitor_id", "started_on", "depth_pct").iter_rows():
        mine = prices.filter(pl.col("competitor_id") == rival)
        before = mine.filter(pl.col("obs_date") == pl.lit(started).dt.offset_by("-1d"))
        after = mine.filter(pl.col("obs_date") == started)
        both = before.join(after, on=["comp_sku", "platform"], suffix="_after")
        fallen.append(both.filter(pl.col("price_after") < pl.col("price") * (1 - 0.6 * depth)).height > 0)
    assert len(fallen) > 20
    assert np.mean(fallen) > 0.6

"""Marketing of the reference company: what it shows follows from its causes, and rows speak of what exists."""

from __future__ import annotations

from datetime import date, timedelta
from functools import cache

import numpy as np
import polars as pl
import pytest

from fupan.demo.company import seasons
from fupan.demo.company.assortment import is_on_sale, products
from fupan.demo.company.campaigns import campaigns, promotions
from fupan.demo.company.clientele import users
from fupan.demo.life.sales import told
from fupan.demo.process import processes
from fupan.demo.world import Span, World, day_number

WORLD = World(20, 0.1, date(2023, 11, 28))
FIRST, LAST = date(2026, 4, 1), date(2026, 7, 31)


@cache
def rows(process: str, table: str, first: date = FIRST, last: date = LAST, evening: date = LAST) -> pl.DataFrame:
    return processes()[process].tell(WORLD, Span(first, last, evening))[table]


def sessions() -> pl.DataFrame:
    return rows("sessions", "web_sessions")


def total(of: pl.DataFrame, column: str) -> float:
    return float(of[column].sum())


def conversion(of: pl.DataFrame) -> float:
    return float(of["order_id"].count()) / of.height


def test_each_online_order_has_its_visit_and_no_visit_has_another() -> None:
    orders = told(WORLD, FIRST, LAST).orders.filter(pl.col("group") == "online")
    bought = sessions().filter(pl.col("order_id").is_not_null())
    assert sorted(bought["order_id"]) == sorted(orders["order_id"])
    joined = bought.join(orders, on="order_id", suffix="_of_order")
    for name in ("platform", "device_type", "user_id"):
        assert (joined[name] == joined[f"{name}_of_order"]).all(), name
    assert (joined["started_at"] <= joined["placed_at"]).all()
    assert (sessions()["updated_at"].dt.date() == sessions()["started_at"].dt.date()).all()


def test_who_knows_what_he_wants_buys_more_often() -> None:
    own = pl.col("platform").is_in(["own_site", "wechat"])
    assert conversion(sessions().filter(own)) == pytest.approx(0.18, abs=0.015)
    assert conversion(sessions().filter(~own)) == pytest.approx(0.08, abs=0.01)
    by_source = {
        source: conversion(visits) for (source,), visits in sessions().group_by("traffic_source") if visits.height > 500
    }
    assert by_source["direct"] > by_source["platform_search"] > by_source["content"]


def test_clicks_paid_for_are_visits_and_win_customers() -> None:
    spend = rows("spend", "mkt_spend").filter("is_paid_media")
    visits = sessions().filter("is_paid")
    won = users(WORLD).filter(
        (pl.col("acquisition_source") == "advertising") & pl.col("customer_no").is_not_null(),
        pl.col("registered_day").is_between(day_number(FIRST), day_number(LAST)),
    )
    assert total(spend, "clicks") == visits.height
    assert total(spend, "new_customers") == won.height
    assert visits["order_id"].count() == won.height
    assert total(spend, "new_customers") / total(spend, "clicks") == pytest.approx(0.102, abs=0.01)


def test_clicks_cost_more_each_year() -> None:
    def cost(year: int) -> float:
        paid = rows("spend", "mkt_spend", date(year, 4, 1), date(year, 7, 31), date(year, 7, 31)).filter(
            "is_paid_media"
        )
        return total(paid, "amount") / total(paid, "clicks")

    assert cost(2026) / cost(2025) == pytest.approx(1.08, abs=0.03)


def test_bookings_are_corrected_once_and_then_stand() -> None:
    first, last = date(2026, 5, 1), date(2026, 5, 20)
    early, late = (rows("spend", "mkt_spend", first, last, last + timedelta(days=n)) for n in (0, 3))
    both = early.join(late, on="spend_id", suffix="_late")
    assert both.height == early.height == late.height
    corrected = both.filter(pl.col("amount") != pl.col("amount_late"))
    assert corrected.height > 0
    assert corrected["is_paid_media"].all()
    assert (corrected["amount_late"] < corrected["amount"]).all()
    assert (corrected["updated_at_late"] > corrected["updated_at"]).all()


def test_funnel_narrows_and_ends_with_the_orders() -> None:
    first = LAST - timedelta(days=29)
    events = rows("events", "web_events", first)
    visited = rows("sessions", "web_sessions", first)
    assert events.join(visited, on="session_id", how="anti").is_empty()
    steps = [
        events.filter(pl.col("funnel_step") == step)["session_id"].n_unique()
        for step in ("visit", "view", "cart", "checkout", "pay")
    ]
    assert steps == sorted(steps, reverse=True)
    assert steps[0] == visited.height
    assert steps[-1] == visited["order_id"].count()
    within = events.join(visited, on="session_id").with_columns(
        ends=pl.col("started_at") + pl.duration(seconds="duration_s")
    )
    assert within.filter(
        (pl.col("occurred_at") < pl.col("started_at")) | (pl.col("occurred_at") > pl.col("ends"))
    ).is_empty()
    assert set(events["sku"].drop_nulls()) <= set(products(WORLD)["sku"])


def test_promotions_are_of_skus_on_sale() -> None:
    offered = promotions(WORLD).join(campaigns(WORLD).select("campaign_no", "plan_no"), on="campaign_no")
    offered = offered.filter(pl.col("plan_no") >= 0)
    day, sku = offered["start_day"].to_numpy(), offered["sku_no"].to_numpy()
    assert is_on_sale(WORLD, np.unique(day))[np.searchsorted(np.unique(day), day), sku].all()
    assert (offered["end_day"] >= offered["start_day"]).all()


def test_every_year_has_its_campaigns() -> None:
    known = campaigns(WORLD).with_columns(year=pl.col("start_day").cast(pl.Int32).cast(pl.Date).dt.year())
    assert all(23 <= known.filter(pl.col("year") == year).height <= 30 for year in range(2024, 2031))
    for name in (
        "618",
        "双11",
        "双12",
        "春季家装节",
        "秋季家装节",
        "光亚展",
        "开学季",
        "年货节",
        "分享有礼",
        "华东经销商订货会",
    ):
        assert known.filter(pl.col("campaign_name").str.contains(name))["start_day"].n_unique() >= 7, name


def test_budgets_are_split_as_planned() -> None:
    budgets = rows("campaigns", "mkt_budgets")
    for plan, shares in {
        "campaign": {"publicity": 0.6, "on_site_execution": 0.3, "contingency": 0.1},
        "growth": {"core_joint_promotion": 0.5, "new_products": 0.2, "channel_support": 0.15, "risk_reserve": 0.15},
        "resources": {
            "marketing_promotion": 0.4,
            "digital_tools": 0.3,
            "supply_chain": 0.2,
            "training_incentives": 0.1,
        },
    }.items():
        of_plan = budgets.filter(pl.col("plan_name") == plan)
        found = of_plan.group_by("bucket").agg(pl.col("planned_amount").sum() / of_plan["planned_amount"].sum())
        assert dict(found.iter_rows()) == pytest.approx(shares)


def test_campaigns_spend_about_what_they_may() -> None:
    plan = rows("campaigns", "mkt_budgets").filter(pl.col("plan_name") == "campaign", pl.col("bucket") != "contingency")
    ended = campaigns(WORLD).filter(
        (pl.col("start_day") >= day_number(FIRST)) & (pl.col("end_day") <= day_number(LAST)),
        pl.col("region_code").is_not_null(),
    )
    assert ended.height > 1
    for campaign_id in ended["campaign_id"]:
        spent = rows("spend", "mkt_spend").filter(
            pl.col("campaign_id") == campaign_id, pl.col("spend_id").str.starts_with("SPC")
        )
        planned = plan.filter(pl.col("campaign_id") == campaign_id)
        assert total(spent, "amount") / total(planned, "planned_amount") == pytest.approx(0.98, abs=0.09)
        assert set(spent["cost_type"]) == {"media", "content", "field", "material", "staff"}


def test_streams_sell_what_their_platform_sells() -> None:
    streams = rows("live_streams", "web_live_sessions")
    orders = told(WORLD, FIRST, LAST).orders
    for platform, share in (("douyin", 0.55), ("tmall", 0.08)):
        sold = orders.filter(pl.col("platform") == platform)
        live = streams.filter(pl.col("platform") == platform)
        assert total(live, "orders") / sold.height == pytest.approx(share, abs=0.07)
    assert (streams["buyers"] <= streams["orders"]).all()
    assert (streams["orders"] <= streams["product_clicks"]).all()
    assert (streams["product_clicks"] <= streams["viewers"]).all()


def test_posts_fade_and_ranks_rise() -> None:
    posts = rows("posts", "web_content_posts").with_columns(
        age=(pl.col("stat_date") - pl.col("published_at").dt.date()).dt.total_days()
    )
    by_age = posts.group_by("age").agg(pl.col("reads").mean()).sort("age")["reads"].to_list()
    assert len(by_age) == 14
    assert by_age[0] > 3 * by_age[5] > 6 * by_age[13]

    def position(year: int) -> float:
        ranks = rows("keyword_ranks", "web_keyword_ranks", date(year, 5, 1), date(year, 6, 30), date(year, 6, 30))
        return float(ranks.filter("is_ai_engine")["rank_position"].to_numpy().mean())

    assert position(2026) < position(2025) - 2


def test_coupons_are_redeemed_by_their_holder_with_an_order_that_exists() -> None:
    coupons = rows("coupons", "crm_coupons")
    orders = told(WORLD, FIRST, LAST).orders
    redeemed = coupons.filter(pl.col("order_id").is_not_null())
    joined = redeemed.join(orders, on="order_id")
    assert joined.height == redeemed.height > 100
    assert (joined["user_id"] == joined["user_id_right"]).all()
    assert (joined["redeemed_at"] == joined["placed_at"]).all()
    assert (redeemed["redeemed_at"] > redeemed["issued_at"]).all()
    assert ((redeemed["redeemed_at"] - redeemed["issued_at"]).dt.total_days() <= 30).all()


def test_two_campaigns_that_begin_on_a_day_send_an_account_one_coupon() -> None:
    day = date(2024, 3, 4)
    small = World(20, 0.02, date(2023, 11, 22))
    begun = campaigns(small).filter("online", pl.col("start_day") == day_number(day))
    assert begun.height == 2
    coupons = processes()["coupons"].tell(small, Span(day, day, day))["crm_coupons"]
    assert coupons["coupon_id"].is_unique().all()


def test_who_gets_a_recall_has_bought_nothing_for_half_a_year() -> None:
    day = date(2026, 7, 5)
    recalled = rows("coupons", "crm_coupons", day, day, LAST).filter(pl.col("coupon_type").str.starts_with("recall"))
    before = told(WORLD, day - timedelta(days=180), day).orders
    assert recalled.height > 100
    assert recalled.join(before, on="user_id", how="semi").is_empty()


def test_messages_that_led_to_an_order_come_before_it() -> None:
    pushes = rows("pushes", "crm_pushes")
    led = pushes.filter(pl.col("order_id").is_not_null()).join(told(WORLD, FIRST, LAST).orders, on="order_id")
    assert led.height > 50
    assert (led["user_id"] == led["user_id_right"]).all()
    assert ((led["sent_at"] <= led["opened_at"]) & (led["opened_at"] <= led["clicked_at"])).all()
    assert (led["clicked_at"] <= led["placed_at"]).all()
    unseen = pushes.filter(pl.col("opened_at").is_null())
    assert unseen["clicked_at"].null_count() == unseen.height


def test_who_is_invited_knows_somebody_who_was_there_before() -> None:
    accounts = rows("online_accounts", "web_users")
    invited = accounts.filter(pl.col("referrer_user_id").is_not_null())
    joined = invited.join(
        accounts.select(referrer_user_id="user_id", there_since="registered_at"), on="referrer_user_id"
    )
    assert joined.height == invited.height > 100
    assert (joined["there_since"] < joined["registered_at"]).all()


def test_traffic_follows_the_shopping_festivals() -> None:
    by_day = sessions().group_by(day=pl.col("started_at").dt.date()).len().sort("day")
    festival = seasons.shopping_festival(np.array([day_number(day) for day in by_day["day"]]))
    visits = by_day["len"].to_numpy()
    assert visits[festival > 2].mean() > 1.8 * visits[festival == 0].mean()


def test_posters_and_flyers_are_printed_in_vain() -> None:
    counted = rows("campaigns", "mkt_materials").filter(
        pl.col("qty_used").is_not_null() & pl.col("material_type").is_in(["poster", "flyer"])
    )
    assert 0.4 < total(counted, "qty_used") / total(counted, "qty_produced") < 0.6
    not_yet = rows("campaigns", "mkt_materials", evening=date(2026, 3, 25)).filter(pl.col("qty_used").is_null())
    assert not_yet.height > 0

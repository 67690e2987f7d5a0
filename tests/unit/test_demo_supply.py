"""Supply, stock and events of the reference company: rows follow from shipments, plans and people, and fit each other."""

from __future__ import annotations

from datetime import date, timedelta
from functools import cache

import numpy as np
import polars as pl
import pytest

from fupan.demo.company.assortment import products
from fupan.demo.company.clientele import customers
from fupan.demo.company.people import employees
from fupan.demo.company.warehouses import IDS
from fupan.demo.life import planning
from fupan.demo.life.components import REDESIGN_SAVES
from fupan.demo.life.prospects import leads
from fupan.demo.life.sales import told
from fupan.demo.life.shelves import dealer_shelves, dealer_stock_value
from fupan.demo.life.shows import events
from fupan.demo.life.specifications import specifications
from fupan.demo.process import Frames, processes
from fupan.demo.world import Span, World, day_number

WORLD = World(20, 0.1, date(2023, 11, 29))
FIRST, LAST = WORLD.review_year
_KEY = ("location_id", "sku")
#: Companies of full size whose figures must be the same.
SEEDS = (20, 33, 7, 99)


@cache
def tables(process: str, days: int = 21, world: World = WORLD) -> Frames:
    """What a process has told of the last days of the year under review."""
    return processes()[process].tell(world, Span(LAST - timedelta(days=days - 1), LAST, LAST))


def own_stock() -> pl.DataFrame:
    return tables("stock_levels")["inv_snapshots"].filter(
        pl.col("location_id").is_in(list(IDS)), pl.col("stock_stage") == "finished"
    )


def test_stock_of_an_evening_is_that_of_the_day_before_and_what_moved() -> None:
    moved = (
        tables("stock_movements")["inv_movements"]
        .group_by(*_KEY, snapshot_date=pl.col("moved_at").dt.date())
        .agg(pl.col("qty").sum())
    )
    stock = own_stock().select("snapshot_date", *_KEY, "on_hand_qty")
    before = stock.with_columns(pl.col("snapshot_date") + pl.duration(days=1))
    both = (
        stock.join(before, on=["snapshot_date", *_KEY], suffix="_before")
        .join(moved, on=["snapshot_date", *_KEY], how="left")
        .with_columns(pl.col("qty").fill_null(0))
    )
    assert both.height > 10_000
    assert both["qty"].ne(0).sum() > 1_000
    assert (both["on_hand_qty"] == both["on_hand_qty_before"] + both["qty"]).all()
    assert (stock["on_hand_qty"] >= 0).all()
    assert (own_stock()["allocated_qty"] <= own_stock()["on_hand_qty"]).all()


def test_no_more_leaves_the_warehouses_than_is_shipped() -> None:
    issued = (
        tables("stock_movements")["inv_movements"]
        .filter(movement_type="issue")
        .group_by("sku", day=pl.col("moved_at").dt.date())
        .agg(issued=-pl.col("qty").sum())
    )
    sold = told(WORLD, LAST - timedelta(days=40), LAST)
    shipped = (
        sold.lines.filter(~pl.col("is_custom_line"))
        .join(sold.orders.select("order_key", "shipped_at"), on="order_key")
        .group_by("sku", day=pl.col("shipped_at").dt.date())
        .agg(shipped=pl.col("qty").sum())
    )
    both = issued.join(shipped, on=["sku", "day"], how="left")
    assert both["shipped"].null_count() == 0
    assert (both["issued"] <= both["shipped"]).all()
    # Most is there when it is wanted, but for the leftovers of a fashion, which only households get.
    known = products(WORLD)
    faded = planning.is_faded(WORLD, known["sku_no"].to_numpy(), np.array(day_number(LAST)))
    current = pl.col("sku").is_in(known.filter(~pl.Series(faded))["sku"].to_list())
    in_span = shipped.filter(current, pl.col("day") > LAST - timedelta(days=21), pl.col("day") <= LAST)
    assert 0.5 < issued.filter(current)["issued"].sum() / in_span["shipped"].sum() <= 1


def test_counts_find_what_the_books_say_or_a_little_less() -> None:
    counts = tables("stock_counts")["inv_stock_counts"].filter(pl.col("counted_at").is_not_null())
    books = counts.join(own_stock(), left_on=["planned_date", *_KEY], right_on=["snapshot_date", *_KEY])
    assert books.height == counts.height > 500
    assert (books["book_qty"] == books["on_hand_qty"]).all()
    assert 0.99 < counts["counted_qty"].sum() / counts["book_qty"].sum() < 1
    assert counts.group_by("count_id").len().height >= 2 * len(IDS)


@pytest.mark.parametrize("seed", [20, 7])
def test_what_sells_best_is_equipped_best(seed: int) -> None:
    world = World(seed, 1, WORLD.first)
    best = (
        told(world, FIRST, LAST)
        .lines.group_by("sku_no")
        .agg(pl.col("qty").sum())
        .sort("qty", descending=True)
        .head(50)
        .join(specifications(world), on="sku_no", how="left", maintain_order="left")
    )
    top = best.head(10)
    assert (best["dimming_interface"].fill_null("").is_in(["DALI", "0-10V"])).mean() == pytest.approx(0.78, abs=0.021)
    assert ((top["cct_min_k"] <= 3000) & (top["cct_max_k"] >= 6500)).all()
    assert (top["ip_rating"] >= "IP54").sum() == 8
    assert best["luminous_efficacy_lm_w"].drop_nulls().ge(115).mean() > 0.9


def test_traditional_dealers_show_the_whole_range_and_turn_it_slowly() -> None:
    day = day_number(LAST)
    held = dealer_shelves(WORLD, day).join(
        processes()["dealers"].tell(WORLD, Span(WORLD.first, LAST, LAST))["erp_dealers"].select(
            "dealer_id", dealer_no=pl.col("dealer_id").str.slice(1).cast(pl.Int64) - 1
        ),
        on="dealer_no",
    )  # fmt: skip
    kinds = tables("stock_locations")["inv_locations"].select("dealer_id", "location_type")
    of_dealer = (
        held.join(kinds, on="dealer_id").group_by("dealer_id", "location_type").agg(pl.len(), pl.col("age").mean())
    )
    traditional = of_dealer.filter(location_type="traditional_dealer")
    modern = of_dealer.filter(location_type="dealer")
    assert traditional["len"].min() >= 200 > modern["len"].max()
    assert traditional["age"].mean() > 1.3 * modern["age"].mean()
    reported = tables("stock_levels", 60)["inv_snapshots"].filter(pl.col("location_id").str.starts_with("DL"))
    newest = reported.filter(pl.col("snapshot_date") == reported["snapshot_date"].max())
    value = dealer_stock_value(WORLD, day_number(newest["snapshot_date"].max()))["value"].sum()
    assert (newest["on_hand_qty"] * newest["unit_cost"]).sum() == pytest.approx(value, rel=0.001)


@pytest.mark.parametrize("seed", SEEDS)
def test_an_old_tube_is_still_made_and_tested_in_the_year_under_review(seed: int) -> None:
    world = World(seed, 1, WORLD.first)
    old = specifications(world).filter(light_source_tech="fluorescent_t8").select("sku_no")
    tested = processes()["product_tests"].tell(world, Span(FIRST, LAST, LAST))["erp_product_tests"]
    tested = tested.filter(pl.col("tested_at").is_not_null(), parameter="energy_use")
    assert tested.join(products(world).join(old, on="sku_no"), on="sku").height >= 1


@pytest.mark.parametrize("seed", SEEDS)
def test_three_launches_a_year_are_made_big_and_no_other_one_sells_as_well(seed: int) -> None:
    world = World(seed, 1, WORLD.first)
    month = np.searchsorted(planning.months(world), day_number(LAST) - 30, side="right") - 1
    launch = products(world)["launch_day"].to_numpy()
    new = (launch > day_number(FIRST)) & (launch <= day_number(LAST))
    hit = products(world)["is_hit"].to_numpy()
    pieces = planning.whole_demand(world)[month].sum(axis=0) * 30
    assert (new & hit).sum() == 3
    assert pieces[new & hit].min() > 20_000
    assert pieces[new & ~hit].max() < 8_500
    # Half a year before the year ends all of them are on sale.
    assert launch[new & hit].max() < day_number(LAST) - 180


@pytest.mark.parametrize("seed", SEEDS)
def test_of_a_faded_hit_there_is_half_as_much_again_as_is_needed(seed: int) -> None:
    world = World(seed, 1, WORLD.first)
    faded = np.flatnonzero(planning.is_faded(world, np.arange(products(world).height), np.array(day_number(LAST))))
    names = products(world)["sku"].gather(faded)
    made = [date(LAST.year, month, 25) for month in (9, 10, 11)]
    told_of = processes()["demand_forecasts"].tell
    forecasts = pl.concat([told_of(world, Span(day, day, LAST))["inv_demand_forecasts"] for day in made])
    ahead = pl.col("period").is_in([f"{LAST:%Y}-12", f"{LAST.year + 1}-01", f"{LAST.year + 1}-02"])
    newest = (
        forecasts.filter(ahead, pl.col("sku").is_in(names.to_list()), pl.col("campaign_id").is_null())
        .sort("version")
        .unique(["sku", "region_code", "period"], keep="last", maintain_order=True)
    )
    wanted = planning.wanted(world, np.array([day_number(LAST) - 4]))[0].sum(axis=0)[faded]
    assert len(faded) >= 3
    assert wanted.sum() / newest["forecast_qty"].sum() == pytest.approx(1.54, abs=0.03)


def test_who_buys_in_bulk_takes_nothing_from_the_leftovers_of_a_fashion() -> None:
    day, known = day_number(LAST), products(WORLD)
    leftovers = known.filter(pl.Series(planning.is_faded(WORLD, known["sku_no"].to_numpy(), np.array(day))))[
        "sku"
    ].to_list()
    sold = told(WORLD, LAST - timedelta(days=27), LAST).lines.filter(
        ~pl.col("is_custom_line"), pl.col("sku").is_in(leftovers)
    )
    to_households = pl.col("group").is_in(["online", "store"])
    few, many = (sold.filter(which)["qty"].sum() for which in (to_households, ~to_households))
    issued = tables("stock_movements")["inv_movements"].filter(pl.col("sku").is_in(leftovers), movement_type="issue")
    assert 0 < -issued["qty"].sum() <= few < many


@pytest.mark.parametrize("seed", SEEDS)
def test_promoters_in_smaller_cities_have_little_to_do(seed: int) -> None:
    world = World(seed, 1, WORLD.first)
    told_of = processes()["site_events"].tell(world, Span(FIRST, LAST, LAST))
    idle = (
        told_of["evt_staffing"]
        .filter(pl.col("active_hours").is_not_null(), staff_role="temporary_promoter")
        .join(told_of["evt_events"].filter(pl.col("start_at").dt.date() >= FIRST), on="event_id")
        .group_by("city_tier")
        .agg(idle=1 - pl.col("active_hours").sum() / pl.col("scheduled_hours").sum())
    )
    share = dict(idle.iter_rows())
    assert share["tier_2"] > 0.4
    assert share["tier_1"] < 0.25


def test_winter_goods_are_built_up_a_month_earlier_with_presale() -> None:
    winter = planning.season_tags(WORLD) == "winter_warm"
    begins = np.datetime64(planning.presale_begins(WORLD), "D")
    assert winter.any()
    for ended, peak in ((begins, 10), (begins - np.timedelta64(365, "D"), 11)):
        days = (ended.astype("datetime64[M]") + np.arange(5)).astype("datetime64[D]").astype(np.int64) + 27
        level = planning.wanted(WORLD, days)[:, :, winter].sum(axis=(1, 2))
        usual = planning.wanted(WORLD, days)[:, :, ~winter].sum(axis=(1, 2))
        month = (ended.astype("datetime64[M]").astype(int) % 12 + np.argmax(level / usual)) % 12 + 1
        assert month == peak


def test_a_new_housing_saves_its_share_of_the_bill_and_nothing_else_changes() -> None:
    lines = tables("bills_of_materials")["erp_bom_lines"]
    cost = lines.group_by("sku", "bom_version").agg(cost=(pl.col("qty") * pl.col("unit_cost")).sum())
    both = cost.filter(bom_version=1).join(cost.filter(bom_version=2), on="sku", suffix="_after")
    assert both.height >= 1
    assert (1 - both["cost_after"] / both["cost"] - REDESIGN_SAVES).abs().max() < 0.002
    bought = tables("purchasing", 60)["erp_purchase_orders"].filter(~pl.col("is_urgent"))
    price = lines.select("component_sku", "unit_cost").unique()
    assert price.height == price["component_sku"].n_unique()
    paid = bought.join(price, on="component_sku").select(pl.col("unit_price") / pl.col("unit_cost")).to_series()
    assert 0.9 < np.median(paid.to_numpy()) < 1.15


def test_what_rows_refer_to_exists() -> None:
    suppliers = set(tables("suppliers")["erp_suppliers"]["supplier_id"])
    orders = tables("production", 60)
    lots = orders["erp_trace_lots"]
    assert set(lots["wo_id"]) <= set(orders["erp_work_orders"]["wo_id"])
    assert set(lots["supplier_id"].drop_nulls()) <= suppliers
    assert 0.01 < lots["supplier_id"].null_count() / lots.height < 0.08
    assert set(tables("purchasing")["erp_purchase_orders"]["supplier_id"]) <= suppliers
    places = set(tables("stock_locations")["inv_locations"]["location_id"])
    assert set(tables("stock_levels", 60)["inv_snapshots"]["location_id"]) <= places
    assert set(tables("site_events")["evt_staffing"]["emp_id"]) <= set(employees(WORLD)["emp_id"])


def test_visitors_of_the_exhibition_are_its_leads_and_more() -> None:
    expo = (
        events(WORLD).filter(event_type="exhibition").filter(pl.col("first_day") > day_number(FIRST)).row(0, named=True)
    )
    first, last = (date(1970, 1, 1) + timedelta(days=expo[name]) for name in ("first_day", "last_day"))
    came = (
        processes()["attendance"]
        .tell(WORLD, Span(first, last, last))["evt_attendance"]
        .filter(event_id=expo["event_id"])
    )
    met = leads(WORLD, Span(first, last, last).days).filter(campaign_no=expo["campaign_no"])
    assert set(came["lead_id"].drop_nulls()) == set(met["lead_id"])
    assert came.filter(pl.col("lead_id").is_not_null())["checked_in_at"].null_count() == 0
    assert came["checked_in_at"].count() > 5 * met.height
    assert set(came["customer_id"].drop_nulls()) <= set(customers(WORLD)["customer_id"])


def test_an_item_that_goes_was_voted_on_before() -> None:
    reviews = tables("sku_reviews")["hr_sku_reviews"].filter(decision="phase_out")
    gone = tables("products")["erp_products"].filter(
        pl.col("discontinue_date").is_between(WORLD.first + timedelta(days=160), LAST)
    )
    both = gone.join(reviews, on="sku", how="left")
    assert gone.height > 50
    assert both["decided_on"].null_count() == 0
    assert (both["decided_on"] < both["discontinue_date"]).all()
    votes = both.select(pl.sum_horizontal("tech_vote", "production_vote", "sales_vote")).to_series()
    assert (votes >= 2).all()

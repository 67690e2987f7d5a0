"""Dealers, shops, prices, receivables, shipments and conflicts of the reference company: rows fit and have causes."""

from __future__ import annotations

from datetime import date, timedelta
from functools import cache

import numpy as np
import polars as pl
import pytest

from fupan.demo.company.geography import places
from fupan.demo.company.network import offences
from fupan.demo.life.sales import told
from fupan.demo.life.shelves import dealer_stock_value
from fupan.demo.process import processes
from fupan.demo.systems.relations import standing
from fupan.demo.world import Span, World, day_number

WORLD = World(20, 0.2, date(2023, 11, 29))
FIRST, LAST = WORLD.review_year


@cache
def table(process: str, name: str) -> pl.DataFrame:
    """A table of the year under review (the ledger: and of the one before) as its last evening has it."""
    span = Span(FIRST - timedelta(days=365) if process == "ledger" else FIRST, LAST, LAST)
    return standing(processes()[process].tell(WORLD, span)[name], LAST)


def dealers() -> pl.DataFrame:
    return table("dealers", "erp_dealers")


@cache
def dealer_shipments() -> pl.DataFrame:
    """Shipments of dealers' orders, and whether they went out of the dealer's region."""
    orders = told(WORLD, FIRST, LAST).orders.filter(group="dealer").select("order_id", "dealer_no", "dealer_id")
    region = places().select(dest_province="province", went_to="region_code")
    return (
        table("shipments", "log_shipments")
        .join(orders, on="order_id")
        .join(dealers().select("dealer_id", "authorised_region"), on="dealer_id")
        .join(region, on="dest_province")
        .with_columns(is_diverted=pl.col("went_to") != pl.col("authorised_region"))
    )


def test_some_dealers_divert_goods_again_and_again_and_to_where_people_live() -> None:
    shipped = dealer_shipments()
    assert 0.012 < shipped["is_diverted"].to_numpy().mean() < 0.05
    often = pl.Series(offences(WORLD))
    of_dealer = shipped.group_by("dealer_no").agg(pl.col("is_diverted").mean(), pl.len()).filter(pl.col("len") > 10)
    offends = often.gather(of_dealer["dealer_no"]) > 1
    assert of_dealer.filter(~offends)["is_diverted"].to_numpy().mean() < 0.01
    assert of_dealer.filter(offends)["is_diverted"].to_numpy().mean() > 0.05
    gone = shipped.filter("is_diverted")["went_to"]
    assert gone.is_in(["CN-GD", "CN-SD", "CN-JS", "CN-ZJ"]).mean() > 0.3


def test_conflicts_are_between_dealers_who_were_there() -> None:
    cases = table("channel_conflicts", "crm_channel_conflicts")
    assert cases.height > 30
    for column in ("dealer_id", "counter_dealer_id"):
        named = cases.filter(pl.col(column).is_not_null())
        known = named.join(dealers(), left_on=column, right_on="dealer_id")
        assert known.height == named.height > 0, column
        assert (known["joined_at"] <= known["detected_at"]).all()
        # Goods may be found some weeks after the dealer who ordered them has gone.
        late = known["detected_at"] - pl.duration(days=45)
        assert known.select((pl.col("left_at").is_null() | (pl.col("left_at") > late)).all()).item()
    assert (cases["dealer_id"] != cases["counter_dealer_id"]).all()


def test_cases_of_diversion_are_of_goods_that_were_diverted() -> None:
    cases = table("channel_conflicts", "crm_channel_conflicts").filter(conflict_type="diversion")
    lines = told(WORLD, FIRST, LAST).lines.select("order_id", "sku")
    diverted = dealer_shipments().filter("is_diverted").join(lines, on="order_id")
    found = cases.join(
        diverted.select("dealer_id", "sku", "went_to", "delivered_at"),
        left_on=["dealer_id", "sku", "region_code"],
        right_on=["dealer_id", "sku", "went_to"],
    ).filter(pl.col("delivered_at") < pl.col("detected_at"))
    assert cases.height > 5
    assert found["conflict_id"].n_unique() == cases.height
    assert cases.height < dealer_shipments()["is_diverted"].sum()


def test_every_kind_of_conflict_is_there_and_few_dealers_have_most() -> None:
    cases = table("channel_conflicts", "crm_channel_conflicts")
    assert set(cases["conflict_type"]) == {
        "diversion", "price_undercut", "territory", "rebate_dispute", "online_price"
    }  # fmt: skip
    by_dealer = cases.drop_nulls("dealer_id").group_by("dealer_id").len().sort("len", descending=True)["len"]
    assert by_dealer.head(dealers().height // 5).sum() > 0.7 * by_dealer.sum()
    assert cases.filter(pl.col("conflict_type").is_in(["online_price", "rebate_dispute"]))["dealer_id"].null_count() > 0


def test_the_tier_of_a_dealer_is_that_of_its_newest_assessment() -> None:
    newest = table("dealers", "crm_partners").sort("assessed_at").group_by("dealer_id").last()
    both = dealers().join(newest, on="dealer_id")
    assert both.height > 70
    assert (both["partner_tier"] == both["tier"]).all()
    assert both["partner_tier"].n_unique() == 3
    assert (both["updated_at"] >= both["joined_at"]).all()


def test_rebates_follow_what_dealers_bought() -> None:
    orders = told(WORLD, FIRST, LAST).orders.filter(pl.col("group") == "dealer", pl.col("cancelled_at").is_null())
    bought = (
        orders.with_columns(
            period=pl.concat_str(pl.col("order_date").dt.year(), pl.lit("-Q"), pl.col("order_date").dt.quarter())
        )
        .group_by("dealer_id", "period")
        .agg(pl.col("order_net").sum())
    )
    paid = table("rebates", "erp_dealer_rebates").filter(
        pl.col("program_type") == "volume", pl.col("period").is_in(["2026-Q1", "2026-Q2", "2026-Q3"])
    )
    both = paid.join(bought, on=["dealer_id", "period"])
    assert both.height == paid.height > 100
    rate = both["amount"] / both["order_net"]
    assert (rate < 0.065).all()
    attained = both["target_attained"]
    assert 0.3 < attained.to_numpy().mean() < 0.9
    assert rate.filter(attained).to_numpy().mean() > 1.5 * rate.filter(~attained).to_numpy().mean()
    assert both.select(pl.corr("amount", "order_net")).item() > 0.6


def test_shops_stand_in_their_cities() -> None:
    shops = table("outlets", "erp_outlets").join(
        places().select("city", centre_lat="latitude", centre_lon="longitude"), on="city"
    )
    assert shops.height > 100
    assert (shops["latitude"] - shops["centre_lat"]).abs().to_numpy().max() < 0.3
    assert (shops["longitude"] - shops["centre_lon"]).abs().to_numpy().max() < 0.5
    assert shops.filter(city="哈尔滨")["latitude"].to_numpy().min() > 45
    assert shops.select("latitude", "longitude").is_unique().all()


def test_carriers_serve_the_regions_they_deliver_to() -> None:
    carriers = table("carriers", "log_carriers")
    served = carriers.select("carrier_id", region_code=pl.col("service_provinces").str.split(";")).explode(
        "region_code", empty_as_null=True
    )
    everywhere = set(served.filter(region_code="ALL")["carrier_id"])
    home = table("shipments", "log_shipments").filter(
        ~pl.col("carrier_id").is_in(list(everywhere)), pl.col("dest_country") == "CN"
    )
    home = home.join(places().select("region_code", dest_province="province"), on="dest_province")
    assert home.height > 1_000
    assert home.join(served, on=["carrier_id", "region_code"], how="anti").is_empty()


@pytest.mark.parametrize(("channel", "tier"), [("DEALER", "tier_1"), ("STORE", "tier_3"), ("TMALL", "ALL")])
def test_a_few_lines_in_a_hundred_are_below_the_control_price(channel: str, tier: str) -> None:
    orders = told(WORLD, FIRST, LAST).orders.filter(channel_id=channel).select("order_id", "order_date")
    prices = table("price_lists", "erp_price_lists").filter(channel_id=channel, city_tier=tier)
    priced = (
        told(WORLD, FIRST, LAST)
        .lines.filter(~pl.col("is_gift"))
        .join(orders, on="order_id")
        .join(prices, on="sku")
        .filter(pl.col("order_date").is_between("valid_from", pl.col("valid_to").fill_null(LAST)))
    )
    assert priced.height > 500
    below = priced["unit_price"] < priced["min_control_price"]
    assert 0.01 < below.to_numpy().mean() < 0.12


def test_most_invoices_are_paid_in_time_and_none_more_than_once() -> None:
    bills, payments = table("invoices", "erp_invoices"), table("invoices", "erp_payments")
    paid = payments.group_by("invoice_id").agg(pl.col("amount").sum().round(2).alias("paid"), pl.col("paid_date").max())
    old = bills.filter(pl.col("due_date") < LAST - timedelta(days=160)).join(paid, on="invoice_id", how="left")
    assert old.height > 500
    assert (old["paid"].fill_null(0) <= old["amount"].round(2)).all()
    in_time = (old["paid_date"] <= old["due_date"]) & (old["paid"] == old["amount"].round(2))
    assert in_time.fill_null(False).mean() == pytest.approx(0.8, abs=0.04)
    both = payments.join(bills, on="invoice_id")
    assert (both["paid_date"] >= both["invoice_date"]).all()


def test_the_ledger_s_freight_is_that_of_the_shipments() -> None:
    booked = table("ledger", "erp_gl_costs").filter(
        pl.col("cost_type") == "freight", pl.col("period").is_between(pl.lit("2026-01"), pl.lit("2026-10"))
    )
    orders = told(WORLD, FIRST, LAST).orders.select("order_id", "channel_id", "order_date")
    sent = (
        table("shipments", "log_shipments")
        .join(orders, on="order_id")
        .filter(pl.col("order_date").dt.strftime("%Y-%m").is_between(pl.lit("2026-01"), pl.lit("2026-10")))
    )
    assert booked["amount"].sum() == pytest.approx(sent["freight_cost"].sum(), rel=0.12)


def test_wages_rise_by_12_percent_a_year_and_rents_are_18_percent_of_what_stores_sell() -> None:
    costs, months = table("ledger", "erp_gl_costs"), [f"{month:02d}" for month in range(1, 11)]
    wages = dict(costs.filter(cost_type="labour").group_by("period").agg(pl.col("amount").sum()).iter_rows())
    assert np.mean([wages[f"2026-{m}"] / wages[f"2025-{m}"] for m in months]) == pytest.approx(1.12, abs=0.01)
    period = pl.col("order_date").dt.strftime("%Y-%m").is_in([f"2026-{m}" for m in months])
    sold = told(WORLD, FIRST, LAST).orders.filter(period, group="store")["order_net"].sum()
    rents = costs.filter(pl.col("cost_type") == "rent", pl.col("period").is_in([f"2026-{m}" for m in months]))
    assert rents["amount"].sum() / sold == pytest.approx(0.18, abs=0.03)


def test_storage_costs_dealers_more_than_an_eighth_of_their_stock_and_is_booked_on_shops_that_are_open() -> None:
    booked = table("ledger", "erp_gl_costs").filter(cost_type="storage", period="2026-10")
    value = dealer_stock_value(WORLD, day_number(date(2026, 10, 31)))["value"].sum()
    assert 0.12 < 12 * booked["amount"].sum() / value < 0.14
    shops = booked.join(table("outlets", "erp_outlets"), on="outlet_id")
    assert shops.height == booked.height == booked["outlet_id"].n_unique() > 70
    assert (shops["opened_on"] <= date(2026, 10, 1)).all()

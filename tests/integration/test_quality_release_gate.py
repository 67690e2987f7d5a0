"""The release gate over marts made by hand: which are judged, by which rules, where they stand."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from fupan.quality import release_gate
from fupan.quality.suites import mart_suites
from fupan.server.postgres import EmbeddedPostgres
from fupan.transform import dbt
from fupan.transform.manifest import Manifest
from fupan.warehouse.bootstrap import bootstrap

DAY = date(2026, 7, 21)
MARTS = ("trend", "trend_period", "target_attainment", "region", "product_line", "price_band", "product_flags")

# Three months of every day, two product lines in two regions, everything else computed from them.
SOUND = """
drop schema if exists {schema} cascade;
create schema {schema} authorization fupan_builder;
set search_path = {schema};

create table trend as
select
    day::date as day, line as product_line, region as region_code, 'C1' as channel_id, 'none' as platform,
    'CNY' as currency, 100.00 as revenue, 10 as units, 3 as line_count, 0.4 as gross_margin_rate,
    0.5 as mobile_sales_share, 0.1 as yoy_sales_growth_rate, 5.00 as refund_amount, 40.00 as gross_profit, 2 as order_count
from generate_series(date '2026-05-01', date '2026-07-21', interval '1 day') as day,
    unnest(array['indoor', 'outdoor']) as line, unnest(array['R1', 'R2']) as region;

create table trend_period as
select
    period_type, date_trunc(period_type, day)::date as period_start, product_line, region_code, channel_id, platform,
    currency, sum(revenue) as revenue, sum(refund_amount) as refund_amount, sum(gross_profit) as gross_profit,
    sum(order_count) as order_count, max(day) as last_day, 0.1 as yoy_sales_growth_rate,
    0.1 as period_on_period_growth_rate, 0.4 as gross_margin_rate
from trend, unnest(array['month', 'quarter', 'year']) as period_type
group by 1, 2, 3, 4, 5, 6, 7;

create table target_attainment as
select
    period_start as month_start, 'revenue' as measure_id, product_line, region_code, channel_id, currency,
    revenue as target_value, revenue as actual_value, 1.0 as target_attainment_rate
from trend_period where period_type = 'month';

create table region as
select
    period_start as month_start, region_code, currency, sum(revenue) as revenue, sum(refund_amount) as refund_amount,
    sum(gross_profit) as gross_profit, 0.4 as gross_margin_rate,
    sum(revenue) / sum(sum(revenue)) over (partition by period_start, currency) as region_sales_share
from trend_period where period_type = 'month' group by 1, 2, 3;

create table product_line as
select
    date_trunc('month', day)::date as month_start, product_line, currency, sum(revenue) as revenue, sum(units) as units,
    sum(refund_amount) as refund_amount, sum(gross_profit) as gross_profit, 0.4 as gross_margin_rate,
    sum(revenue) / sum(sum(revenue)) over (partition by date_trunc('month', day), currency) as product_line_sales_share
from trend group by 1, 2, 3, date_trunc('month', day);

create table price_band as
select
    month_start, 'low' as price_band, product_line, 'C1' as channel_id, currency, revenue, units, gross_profit,
    product_line_sales_share as price_band_sales_share, 0.5 as price_band_unit_share
from product_line;

create table product_flags as
select
    month_start, 'S-' || product_line as sku, currency, revenue, refund_amount, gross_profit,
    1 as revenue_quartile, true as star_product_flag
from product_line;

grant select on all tables in schema {schema} to fupan_builder;
reset search_path;
"""


def manifest() -> Manifest:
    nodes = {
        f"model.fupan.sales_performance__{mart}": {
            "resource_type": "model",
            "name": f"sales_performance__{mart}",
            "fqn": ["fupan", "marts", "sales_performance", f"sales_performance__{mart}"],
            "depends_on": {"nodes": []},
        }
        for mart in MARTS
    }
    meta = {"label_en": "Sales", "label_zh": "销售"}
    group = {"name": "sales_performance", "owner": {"name": "sales-operations"}, "config": {"meta": meta}}
    return Manifest({"nodes": nodes, "sources": {}, "groups": {"group.sales": group}})


class Marts:
    """One warehouse with a build in charge and its marts."""

    def __init__(self, url: str) -> None:
        self.connection = psycopg2.connect(url)
        self.connection.autocommit = True
        self.run(
            "insert into ops.source_table (system, table_name, is_delivered, freshness) "
            "values ('erp', 'hr_targets', true, null), ('erp', 'erp_sales_orders', true, interval '2 days')"
        )
        self.run("insert into ops.run (kind, business_day) values ('build', %s)", [DAY])
        self.run(
            "insert into ops.build (run_id, business_day, kind) select run_id, business_day, 'nightly' from ops.run"
        )
        self.build = int(self.run("select build_id from ops.build")[0][0])
        self.run("insert into ops.clock (business_day, build_id) values (%s, %s)", [DAY, self.build])
        self.make("sales_performance__r1")
        self.run("analyze sales_performance__r1.trend")
        self.run(
            "insert into ops.release (dimension, business_day, schema_name, state, columns) "
            "values ('sales_performance', %s, 'sales_performance__r1', 'current', '{}')",
            [DAY],
        )
        self.make("build_sales_performance")

    def run(self, statement: str, parameters: object = None) -> list[Any]:
        with self.connection.cursor() as cursor:
            cursor.execute(statement, parameters)
            return cursor.fetchall() if cursor.description else []

    def make(self, schema: str) -> None:
        self.run(SOUND.replace("{schema}", schema))


@pytest.fixture(scope="module")
def marts(server: EmbeddedPostgres, state: Path) -> Iterator[Marts]:
    with pytest.MonkeyPatch.context() as patch:
        url = server.ensure_database("quality_marts")
        patch.setenv("FUPAN_WAREHOUSE_URL", url)
        patch.setattr(dbt, "manifest", manifest)
        bootstrap()
        there = Marts(url)
        yield there
        there.connection.close()


@pytest.fixture
def sound(marts: Marts) -> Iterator[Marts]:
    yield marts
    marts.make("build_sales_performance")


def failed(results: list[Any]) -> set[str]:
    return {result.rule for result in results if not result.passed}


def test_sound_marts_pass_every_rule(sound: Marts) -> None:
    results = release_gate.run(sound.build)
    assert failed(results) == set()
    assert {result.rule for result in results} == {rule.id for rule in mart_suites()["sales_performance"].rules}
    assert sound.run("select count(*) from ops.validation where gate = 'release' and build_id = %s", [sound.build]) == [
        (len(results),)
    ]
    release_gate.run(sound.build)
    assert sound.run("select count(*) from ops.validation where gate = 'release'") == [(len(results),)]


def test_failing_rows_of_a_mart_are_named_by_its_grain(sound: Marts) -> None:
    sound.run("update build_sales_performance.trend set revenue = -1 where day = '2026-07-02' and region_code = 'R1'")
    (result,) = [one for one in release_gate.judge(sound.build) if one.rule == "trend_revenue_not_negative"]
    assert (result.holds, result.unexpected, result.dimensions) == (True, 2, ("sales_performance",))
    assert [key["product_line"] for key in result.sample_keys] == ["indoor", "outdoor"]
    assert set(result.sample_keys[0]) == set(mart_suites()["sales_performance"].grain["trend"])


def test_a_closed_history_is_not_stale(sound: Marts) -> None:
    sound.run("update build_sales_performance.trend set line_count = 0 where day = '2026-07-21'")
    assert failed(release_gate.judge(sound.build)) == {"trend_fresh"}
    sound.run("update ops.source_table set freshness = null")
    try:
        assert failed(release_gate.judge(sound.build)) == set()
    finally:
        sound.run("update ops.source_table set freshness = interval '2 days' where table_name = 'erp_sales_orders'")


def test_a_mart_that_was_not_built_holds(sound: Marts) -> None:
    sound.run("drop table build_sales_performance.region")
    results = release_gate.judge(sound.build)
    assert [(r.rule, r.table, r.holds) for r in results if not r.passed] == [("mart_built", "region", True)]
    assert "trend_revenue_ties" not in {result.rule for result in results}, "what reads the missing mart is not judged"


def test_targets_that_are_not_delivered_are_not_missed(sound: Marts) -> None:
    sound.run("update ops.source_table set is_delivered = false")
    sound.run("delete from build_sales_performance.target_attainment")
    try:
        assert failed(release_gate.judge(sound.build)) == set()
    finally:
        sound.run("update ops.source_table set is_delivered = true")


def test_only_the_dimensions_of_the_build_are_judged(sound: Marts) -> None:
    sound.run("update ops.build set dimensions = array['after_sales']")
    try:
        assert release_gate.judge(sound.build) == []
    finally:
        sound.run("update ops.build set dimensions = null")


def test_the_gate_of_one_mart_leaves_what_was_found_on_others(sound: Marts) -> None:
    every = release_gate.run(sound.build)
    sound.run("update build_sales_performance.region set region_sales_share = 2")
    assert {result.table for result in release_gate.run(sound.build, ["region"])} == {"region"}
    written = "select count(*), count(*) filter (where not passed) from ops.validation where gate = 'release'"
    assert sound.run(written) == [(len(every), 2)]


def test_a_published_build_is_judged_where_it_went(sound: Marts) -> None:
    sound.run("update ops.release set build_id = %s", [sound.build])
    sound.run("drop schema build_sales_performance cascade")
    try:
        assert failed(release_gate.judge(sound.build)) == set()
    finally:
        sound.run("update ops.release set build_id = null")


def test_no_connection_holds_a_mart_afterwards(sound: Marts) -> None:
    release_gate.run(sound.build)
    sound.run("set lock_timeout = '1s'")
    sound.run("alter schema build_sales_performance rename to elsewhere")
    sound.run("drop schema elsewhere cascade")

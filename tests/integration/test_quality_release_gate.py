"""The release gate over marts made by hand: sound ones pass, and every committed rule is proven by a fault."""

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
    0.5 as mobile_sales_share
from generate_series(date '2026-05-01', date '2026-07-21', interval '1 day') as day,
    unnest(array['indoor', 'outdoor']) as line, unnest(array['R1', 'R2']) as region;

create table trend_period as
select
    period_type, date_trunc(period_type, day)::date as period_start, product_line, region_code, channel_id, platform,
    currency, sum(revenue) as revenue
from trend, unnest(array['month', 'quarter', 'year']) as period_type
group by 1, 2, 3, 4, 5, 6, 7;

create table target_attainment as
select
    period_start as month_start, 'revenue' as measure_id, product_line, region_code, channel_id, currency,
    revenue as target_value, 1.0 as target_attainment_rate
from trend_period where period_type = 'month';

create table region as
select
    period_start as month_start, region_code, currency, sum(revenue) as revenue,
    sum(revenue) / sum(sum(revenue)) over (partition by period_start, currency) as region_sales_share
from trend_period where period_type = 'month' group by 1, 2, 3;

create table product_line as
select
    date_trunc('month', day)::date as month_start, product_line, currency, sum(revenue) as revenue, sum(units) as units,
    sum(revenue) / sum(sum(revenue)) over (partition by date_trunc('month', day), currency) as product_line_sales_share
from trend group by 1, 2, 3, date_trunc('month', day);

create table price_band as
select
    month_start, 'low' as price_band, product_line, 'C1' as channel_id, currency, revenue, units,
    product_line_sales_share as price_band_sales_share, 0.5 as price_band_unit_share
from product_line;

create table product_flags as
select
    month_start, 'S-' || product_line as sku, currency, revenue, 1 as revenue_quartile, true as star_product_flag
from product_line;

grant select on all tables in schema {schema} to fupan_builder;
reset search_path;
"""

# Every committed rule, and an act on the sound marts that breaks it and no other.
JULY = "month_start = '2026-07-01'"
FAULTS: dict[str, str] = {
    "trend_grain": "insert into {s}.trend select * from {s}.trend where day = '2026-07-02' and region_code = 'R1' "
    "and product_line = 'indoor'; update {s}.trend set revenue = 50, units = 5 where day = '2026-07-02' "
    "and region_code = 'R1' and product_line = 'indoor'",
    "trend_keys": "update {s}.trend set region_code = null where day = '2026-07-02' and region_code = 'R1' "
    "and product_line = 'indoor'",
    "trend_volume": "delete from {s}.trend where region_code = 'R2'; update {s}.trend set revenue = 200, units = 20",
    "trend_not_after_business_day": "update {s}.trend set day = '2026-07-22' where day = '2026-07-02'",
    "trend_fresh": "update {s}.trend set line_count = 0 where day = '2026-07-21'",
    "trend_months_complete": "update {s}.trend set line_count = 0 where day between '2026-06-01' and '2026-06-30'",
    "trend_calendar_gap": "update {s}.trend set line_count = 0 where day between '2026-06-05' and '2026-06-25'",
    "trend_revenue_not_negative": "update {s}.trend set revenue = revenue + case region_code when 'R1' then 101 else -101 "
    "end where day = '2026-07-02' and product_line = 'indoor'",
    "trend_units_not_negative": "update {s}.trend set units = units + case region_code when 'R1' then 11 else -11 end "
    "where day = '2026-07-02' and product_line = 'indoor'",
    "trend_margin_bounds": "update {s}.trend set gross_margin_rate = 1.01 where day = '2026-07-02'",
    "trend_mobile_share_bounds": "update {s}.trend set mobile_sales_share = -0.1 where day = '2026-07-02'",
    "trend_revenue_ties": "update {s}.region set revenue = revenue + 0.02 where " + JULY + " and region_code = 'R1'",
    "trend_units_tie": "update {s}.product_line set units = units + 1 where " + JULY + " and product_line = 'indoor'",
    "trend_not_empty": "delete from {s}.trend",
    "trend_period_grain": "insert into {s}.trend_period select * from {s}.trend_period where period_type = 'year' "
    "and region_code = 'R1' and product_line = 'indoor'; update {s}.trend_period set revenue = revenue / 2 "
    "where period_type = 'year' and region_code = 'R1' and product_line = 'indoor'",
    "trend_period_keys": "update {s}.trend_period set platform = null where period_type = 'year' and region_code = 'R1' "
    "and product_line = 'indoor'",
    "trend_period_types": "insert into {s}.trend_period select 'week', period_start, product_line, region_code, "
    "channel_id, platform, currency, revenue from {s}.trend_period where period_type = 'quarter'",
    "trend_period_rolls_up": "update {s}.trend_period set revenue = revenue + 1 where period_type = 'quarter'",
    "target_attainment_grain": "insert into {s}.target_attainment select * from {s}.target_attainment limit 1",
    "target_attainment_keys": "update {s}.target_attainment set currency = null where " + JULY,
    "target_attainment_target_not_negative": "update {s}.target_attainment set target_value = -1 where " + JULY,
    "target_attainment_not_empty": "delete from {s}.target_attainment",
    "target_attainment_rate_plausible": "update {s}.target_attainment set target_attainment_rate = 11 where " + JULY,
    "region_grain": "insert into {s}.region select month_start, region_code, currency, 0, 0 from {s}.region where "
    + JULY,
    "region_keys": "update {s}.region set region_code = null where " + JULY + " and region_code = 'R1'",
    "region_shares_sum": "update {s}.region set region_sales_share = 0.6 where " + JULY + " and region_code = 'R1'",
    "region_share_bounds": "update {s}.region set region_sales_share = case region_code when 'R1' then 1.5 else -0.5 end "
    "where " + JULY,
    "product_line_grain": "insert into {s}.product_line select month_start, product_line, currency, 0, 0, 0 "
    "from {s}.product_line where " + JULY,
    "product_line_keys": "update {s}.product_line set product_line = null where "
    + JULY
    + " and product_line = 'indoor'",
    "product_line_shares_sum": "update {s}.product_line set product_line_sales_share = 0.4 where " + JULY,
    "product_line_share_bounds": "update {s}.product_line set product_line_sales_share = case product_line "
    "when 'indoor' then 1.5 else -0.5 end where " + JULY,
    "price_band_grain": "insert into {s}.price_band select month_start, price_band, product_line, channel_id, currency, "
    "0, 0, 0, 0 from {s}.price_band where " + JULY,
    "price_band_keys": "update {s}.price_band set channel_id = null where " + JULY,
    "price_band_shares_sum": "update {s}.price_band set price_band_sales_share = 0.4 where " + JULY,
    "price_band_share_bounds": "update {s}.price_band set price_band_sales_share = case product_line "
    "when 'indoor' then 1.5 else -0.5 end where " + JULY,
    "price_band_units_share_sum": "update {s}.price_band set price_band_unit_share = 0.4 where " + JULY,
    "price_band_known": "update {s}.price_band set price_band = 'unbanded' where " + JULY,
    "product_flags_grain": "insert into {s}.product_flags select month_start, sku, currency, 0, 1, false "
    "from {s}.product_flags where " + JULY,
    "product_flags_keys": "update {s}.product_flags set sku = null where " + JULY + " and sku = 'S-indoor'",
    "product_flags_quartile": "update {s}.product_flags set revenue_quartile = 5 where " + JULY,
    "product_flags_star_sells": "insert into {s}.product_flags values ('2026-07-01', 'S-new', 'CNY', 0, 4, true)",
}

#: Faults that break more than their own rule by nature: an empty mart has no totals to tie either.
ALSO = {
    "trend_not_empty": {"trend_volume", "trend_revenue_ties", "trend_units_tie"},
    "trend_months_complete": {"trend_calendar_gap"},
}


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
        self.run("insert into ops.source_table values ('erp', 'hr_targets', true)")
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


@pytest.mark.parametrize("rule", [rule.id for rule in mart_suites()["sales_performance"].rules])
def test_every_rule_is_proven_by_a_fault(sound: Marts, rule: str) -> None:
    sound.run(FAULTS[rule].replace("{s}", "build_sales_performance"))
    results = release_gate.judge(sound.build)
    assert failed(results) == {rule} | ALSO.get(rule, set())
    (found,) = [result for result in results if result.rule == rule]
    assert found.dimensions == ("sales_performance",)
    assert found.observed is not None


def test_every_committed_rule_has_a_fault() -> None:
    assert {rule.id for rule in mart_suites()["sales_performance"].rules} == set(FAULTS)


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

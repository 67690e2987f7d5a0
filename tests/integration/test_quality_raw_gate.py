"""The raw gate over small rows written straight into raw: every committed rule proven by a fault, quarantine, gate passes."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import psycopg2
import pytest
import yaml

from fupan import settings
from fupan.contracts.contract import contracts
from fupan.errors import ConfigurationError
from fupan.extract.raw_tables import ensure
from fupan.quality import quarantine, raw_gate
from fupan.quality.suites import raw_suites
from fupan.server.postgres import EmbeddedPostgres
from fupan.transform import dbt
from fupan.transform.manifest import Manifest
from fupan.warehouse.bootstrap import bootstrap
from fupan.warehouse.connection import connect

DAY = date(2026, 7, 21)
TABLES = tuple(sorted(contracts()))

GOOD = """
insert into raw.erp_regions (region_code, country, area_km2, households, addressable_accounts, market_potential_value,
    market_group, _batch_id)
select 'R' || g, 'CN', 1000, 500, 50, 1e6, 'domestic', {batch} from generate_series(1, 10) as g;

insert into raw.erp_channels (channel_id, channel_name, channel_group, online_flag, is_emerging, _batch_id)
select 'C' || g, 'Channel ' || g, 'dealer', false, false, {batch} from generate_series(1, 10) as g;

insert into raw.erp_products (sku, product_name, item_role, list_price, standard_cost, launch_date, discontinue_date,
    updated_at, _batch_id)
select 'S' || g, 'Lamp ' || g, 'profit', 20, 9, '2020-01-01', '2030-01-01', now(), {batch} from generate_series(1, 10) as g;

insert into raw.erp_customers (customer_id, contact_phone, contact_email, region_code, account_class, credit_days,
    created_at, updated_at, _batch_id)
select 'K' || g, md5('p' || g), md5('e' || g), 'R' || g, 'A', 30, '2020-01-01', '2021-01-01', {batch}
from generate_series(1, 10) as g;

insert into raw.erp_sales_orders (order_id, order_date, customer_id, channel_id, country, currency, status, updated_at,
    _batch_id)
select 'O' || g, '2026-07-01', 'K' || 1 + g % 10, 'C' || 1 + g % 10, 'CN', 'CNY', 'completed', now(), {batch}
from generate_series(1, 1000) as g;

insert into raw.erp_sales_order_lines (order_id, line_no, sku, qty, list_price, unit_price, discount_amount, net_amount,
    cost_amount, is_gift, updated_at, _batch_id)
select 'O' || g, 1, 'S' || 1 + g % 10, 2, 20, 18, 4, 36, 18, false, now(), {batch} from generate_series(1, 1000) as g
union all
select 'O1', 2, 'S1', 1, 20, 0, 20, 0, 9, true, now(), {batch};

insert into raw.erp_returns (return_id, order_id, line_no, sku, return_type, requested_at, completed_at, qty,
    refund_amount, currency, updated_at, _batch_id)
select 'T' || g, 'O' || g, 1, 'S' || 1 + g % 10, 'return', '2026-07-05', '2026-07-08', 1, 18, 'CNY', now(), {batch}
from generate_series(1, 100) as g;

insert into raw.hr_targets (target_id, period, measure_id, region_code, channel_id, target_value, currency, version,
    _batch_id)
select 'G' || g, '2026-07', 'revenue', 'R' || g, 'C' || g, 1000, 'CNY', 1, {batch} from generate_series(1, 10) as g;
"""

_COMPLETE = "update ops.load set state = 'succeeded', rows_read = rows_inserted + rows_updated where load_id = any(%s)"


def manifest() -> Manifest:
    """One dimension with one mart that is computed from every raw table."""
    sources = {
        f"source.fupan.erp.{table}": {"resource_type": "source", "schema": "raw", "name": table} for table in TABLES
    }
    mart = {
        "resource_type": "model",
        "name": "sales_performance__trend",
        "fqn": ["fupan", "marts", "sales_performance", "sales_performance__trend"],
        "depends_on": {"nodes": list(sources)},
    }
    group = {
        "name": "sales_performance",
        "owner": {"name": "sales-operations"},
        "config": {"meta": {"label_en": "Sales", "label_zh": "销售"}},
    }
    return Manifest(
        {"nodes": {"model.fupan.sales_performance__trend": mart}, "sources": sources, "groups": {"group.sales": group}}
    )


@dataclass
class Installation:
    """A warehouse under test, as its superuser sees it."""

    connection: Any
    loads: dict[str, int] = field(default_factory=dict)

    def run(self, statement: str, parameters: object = None) -> list[Any]:
        with self.connection.cursor() as cursor:
            cursor.execute(statement, parameters)
            return cursor.fetchall() if cursor.description else []

    def value(self, statement: str, parameters: object = None) -> Any:
        return self.run(statement, parameters)[0][0]

    def load(self, table: str, *, inserted: int = 0, deleted: int = 0) -> int:
        run_id = self.value(
            "insert into ops.run (kind, system, business_day) values ('extract', 'erp', %s) returning run_id", [DAY]
        )
        load_id = self.value(
            "insert into ops.load (run_id, system, table_name, business_day, mode, rows_inserted, rows_deleted) "
            "values (%s, 'erp', %s, %s, 'incremental', %s, %s) returning load_id",
            [run_id, table, DAY, inserted, deleted],
        )
        self.run(_COMPLETE, [[load_id]])
        return int(load_id)

    def build(self, *loads: int, state: str = "running") -> int:
        """A build in charge that takes up these loads; earlier ones that run are over."""
        self.run("update ops.build set state = 'finished', core_built_at = now() where state = 'running'")
        run_id = self.value("insert into ops.run (kind, business_day) values ('build', %s) returning run_id", [DAY])
        build_id = self.value(
            "insert into ops.build (run_id, business_day, kind, state) values (%s, %s, 'nightly', %s) returning build_id",
            [run_id, DAY, state],
        )
        for load in loads:
            self.run("insert into ops.build_load values (%s, %s)", [build_id, load])
        self.run(
            "insert into ops.clock (business_day, build_id) values (%s, %s) on conflict (only_row) do update "
            "set business_day = excluded.business_day, build_id = excluded.build_id",
            [DAY, build_id],
        )
        return int(build_id)

    def first_night(self) -> int:
        """Good rows in every table, landed by one load each and taken up by a build."""
        with self.connection.cursor() as cursor:
            for part in GOOD.strip().split(";\n\n"):
                table = part.split("raw.")[1].split(" ")[0]
                self.loads[table] = self.load(table)
                cursor.execute(part.replace("{batch}", str(self.loads[table])))
        return self.build(*self.loads.values())


def installation(url: str) -> Installation:
    connection = psycopg2.connect(url)
    connection.autocommit = True
    with connect("loader", "test") as loader:
        ensure(loader, contracts().values())
        loader.commit()
    there = Installation(connection)
    for table in TABLES:
        there.run("insert into ops.source_table values ('erp', %s, true)", [table])
    return there


@pytest.fixture(autouse=True)
def _lineage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dbt, "manifest", manifest)


@pytest.fixture
def night(warehouse: str) -> Iterator[Installation]:
    there = installation(warehouse)
    yield there
    there.connection.close()


def failed(results: list[Any]) -> set[str]:
    return {result.rule for result in results if not result.passed}


# Every committed rule, and an act that breaks it and no other. {load} is the table's load of tonight.
FAULTS: dict[str, str] = {
    "line_no_positive": "update raw.erp_sales_order_lines set line_no = 0 where order_id = 'O500'",
    "line_sku_present": "update raw.erp_sales_order_lines set sku = null where order_id = 'O500'",
    "line_qty_present": "update raw.erp_sales_order_lines set qty = null where order_id = 'O500'",
    "line_qty_positive": "update raw.erp_sales_order_lines set qty = 0, net_amount = 0 where order_id = 'O500'",
    "line_unit_price_present": "update raw.erp_sales_order_lines set unit_price = null where order_id = 'O500'",
    "line_unit_price_positive": "update raw.erp_sales_order_lines set unit_price = 0, net_amount = 0 where order_id = 'O500'",
    "line_net_amount_present": "update raw.erp_sales_order_lines set net_amount = null where order_id = 'O500'",
    "line_net_amount_consistent": "update raw.erp_sales_order_lines set net_amount = 35.98 where order_id = 'O500'",
    "line_discount_not_negative": "update raw.erp_sales_order_lines set discount_amount = -1 where order_id = 'O500'",
    "line_cost_not_negative": "update raw.erp_sales_order_lines set cost_amount = -1 where order_id = 'O500'",
    "line_order_exists": "update raw.erp_sales_orders set _deleted_at = now() where order_id = 'O500'",
    "line_product_exists": "update raw.erp_sales_order_lines set sku = 'S99' where order_id = 'O500'",
    "line_volume": "update ops.load set rows_inserted = 1, rows_read = 1 where load_id = {load}",
    "order_id_filled": "update raw.erp_sales_orders set order_id = ' ' where order_id = 'O500'; "
    "update raw.erp_sales_order_lines set order_id = ' ' where order_id = 'O500'",
    "order_date_not_future": "update raw.erp_sales_orders set order_date = current_date + 3 where order_id = 'O500'",
    "order_date_plausible": "update raw.erp_sales_orders set order_date = '2008-12-31' where order_id = 'O500'",
    "order_status_known": "update raw.erp_sales_orders set status = 'lost' where order_id = 'O500'",
    "order_currency_valid": "update raw.erp_sales_orders set currency = 'Yuan' where order_id = 'O500'",
    "order_cancellation_consistent": "update raw.erp_sales_orders set status = 'cancelled' where order_id = 'O500'",
    "order_channel_present": "update raw.erp_sales_orders set channel_id = null where order_id = 'O500'",
    "order_channel_exists": "update raw.erp_sales_orders set channel_id = 'C99' where order_id = 'O500'",
    "order_customer_exists": "update raw.erp_sales_orders set customer_id = 'K99' where order_id = 'O500'",
    "order_has_lines": "delete from raw.erp_sales_order_lines where order_id = 'O500'",
    "order_volume": "update ops.load set rows_inserted = 9999, rows_read = 9999 where load_id = {load}",
    "return_sku_present": "update raw.erp_returns set sku = null where return_id = 'T50'",
    "return_qty_present": "update raw.erp_returns set qty = null where return_id = 'T50'",
    "return_qty_positive": "update raw.erp_returns set qty = 0 where return_id = 'T50'",
    "return_refund_not_negative": "update raw.erp_returns set refund_amount = -0.01 where return_id = 'T50'",
    "return_type_known": "update raw.erp_returns set return_type = 'gift' where return_id = 'T50'",
    "return_requested_present": "update raw.erp_returns set requested_at = null where return_id = 'T50'",
    "return_requested_not_future": "update raw.erp_returns set requested_at = now() + interval '3 days', "
    "completed_at = null where return_id = 'T50'",
    "return_completed_after_request": "update raw.erp_returns set completed_at = '2026-07-04' where return_id = 'T50'",
    "return_currency_valid": "update raw.erp_returns set currency = '' where return_id = 'T50'",
    "return_line_exists": "update raw.erp_returns set line_no = 9 where return_id = 'T50'",
    "return_product_exists": "update raw.erp_returns set sku = 'S99' where return_id = 'T50'",
    "return_volume": "update ops.load set rows_inserted = 1, rows_read = 1 where load_id = {load}",
    "product_sku_filled": "update raw.erp_products set sku = '' where sku = 'S5'",
    "product_list_price_positive": "update raw.erp_products set list_price = 0, standard_cost = 0 where sku = 'S5'",
    "product_cost_not_negative": "update raw.erp_products set standard_cost = -1 where sku = 'S5'",
    "product_cost_below_list_price": "update raw.erp_products set standard_cost = 21 where sku = 'S5'",
    "product_role_known": "update raw.erp_products set item_role = 'hero' where sku = 'S5'",
    "product_discontinued_after_launch": "update raw.erp_products set discontinue_date = '2019-12-31' where sku = 'S5'",
    "product_deletions": "update ops.load set rows_deleted = 3 where load_id = {load}",
    "customer_id_filled": "update raw.erp_customers set customer_id = '' where customer_id = 'K5'",
    "customer_email_hashed": "update raw.erp_customers set contact_email = 'li@example.com' where customer_id = 'K5'",
    "customer_phone_hashed": "update raw.erp_customers set contact_phone = '+86 138-0013-8000' where customer_id = 'K5'",
    "customer_class_known": "update raw.erp_customers set account_class = 'D' where customer_id = 'K5'",
    "customer_credit_days_plausible": "update raw.erp_customers set credit_days = 3650 where customer_id = 'K5'",
    "customer_updated_after_creation": "update raw.erp_customers set updated_at = '2019-01-01' where customer_id = 'K5'",
    "customer_region_exists": "update raw.erp_customers set region_code = 'R99' where customer_id = 'K5'",
    "customer_deletions": "update ops.load set rows_deleted = 3 where load_id = {load}",
    "region_country_present": "update raw.erp_regions set country = null where region_code = 'R5'",
    "region_market_group_known": "update raw.erp_regions set market_group = 'lunar' where region_code = 'R5'",
    "region_area_positive": "update raw.erp_regions set area_km2 = 0 where region_code = 'R5'",
    "region_households_not_negative": "update raw.erp_regions set households = -1 where region_code = 'R5'",
    "region_accounts_not_negative": "update raw.erp_regions set addressable_accounts = -1 where region_code = 'R5'",
    "region_potential_not_negative": "update raw.erp_regions set market_potential_value = -1 where region_code = 'R5'",
    "region_deletions": "update ops.load set rows_deleted = 3 where load_id = {load}",
    "channel_name_present": "update raw.erp_channels set channel_name = null where channel_id = 'C5'",
    "channel_group_present": "update raw.erp_channels set channel_group = null where channel_id = 'C5'",
    "channel_online_flag_present": "update raw.erp_channels set online_flag = null where channel_id = 'C5'",
    "channel_name_unique": "update raw.erp_channels set channel_name = 'Channel 4' where channel_id = 'C5'",
    "channel_deletions": "update ops.load set rows_deleted = 3 where load_id = {load}",
    "target_period_valid": "update raw.hr_targets set period = '2026-13' where target_id = 'G5'",
    "target_measure_known": "update raw.hr_targets set measure_id = 'smiles' where target_id = 'G5'",
    "target_value_present": "update raw.hr_targets set target_value = null where target_id = 'G5'",
    "target_value_not_negative": "update raw.hr_targets set target_value = -1 where target_id = 'G5'",
    "target_version_positive": "update raw.hr_targets set version = 0 where target_id = 'G5'",
    "target_money_has_currency": "update raw.hr_targets set currency = null where target_id = 'G5'",
    "target_scope_unique": "update raw.hr_targets set region_code = 'R4', channel_id = 'C4' where target_id = 'G5'",
    "target_region_exists": "update raw.hr_targets set region_code = 'R99' where target_id = 'G5'",
    "target_channel_exists": "update raw.hr_targets set channel_id = 'C99' where target_id = 'G5'",
}


@pytest.fixture(scope="module")
def good(server: EmbeddedPostgres, state: Path) -> Iterator[Installation]:
    """Six good nights in one warehouse for all faults; a copy of raw puts each fault right again."""
    with pytest.MonkeyPatch.context() as patch:
        url = server.ensure_database("quality_faults")
        patch.setenv("FUPAN_WAREHOUSE_URL", url)
        bootstrap()
        there = installation(url)
        there.first_night()
        for _ in range(6):
            nightly = {table: there.load(table, inserted=100) for table in TABLES}
            there.build(*nightly.values())
        there.loads = nightly
        for table in TABLES:
            there.run(f'create table public."{table}" as table raw."{table}"')
        yield there
        there.connection.close()


def restore(there: Installation, fault: str) -> None:
    for table in set(re.findall(r"raw\.(\w+)", fault)):
        there.run(f'delete from raw."{table}"; insert into raw."{table}" table public."{table}"')
    there.run(
        "update ops.load set rows_inserted = 100, rows_read = 100, rows_deleted = 0 where load_id = any(%s)",
        [list(there.loads.values())],
    )


def test_good_rows_pass_every_rule(good: Installation) -> None:
    results = raw_gate.judge_history()
    assert failed(results) == set()
    assert {result.rule for result in results} == {rule.id for suite in raw_suites().values() for rule in suite.rules}
    lines = [result for result in results if result.rule == "line_qty_positive"]
    assert [line.evaluated for line in lines] == [1001]


@pytest.mark.parametrize(
    ("table", "rule"), [(suite.table, rule.id) for suite in raw_suites().values() for rule in suite.rules]
)
def test_every_rule_is_proven_by_a_fault(good: Installation, table: str, rule: str) -> None:
    try:
        good.run(FAULTS[rule].replace("{load}", str(good.loads[table])))
        results = raw_gate.judge_history([table])
    finally:
        restore(good, FAULTS[rule])
    assert failed(results) == {rule}
    (found,) = [result for result in results if result.rule == rule]
    assert found.unexpected == 1
    assert found.observed, "the owner must see what is wrong"
    assert found.dimensions == ("sales_performance",)
    if found.evaluated is not None:
        assert len(found.sample_keys) == 1


def test_all_committed_rules_have_a_fault() -> None:
    assert {rule.id for suite in raw_suites().values() for rule in suite.rules} == set(FAULTS)


def spoil(night: Installation, orders: str, load: int | None = None) -> None:
    night.run(
        f"update raw.erp_sales_order_lines set qty = 0, net_amount = 0, _batch_id = coalesce(%s, _batch_id) "
        f"where order_id in ({orders}) and line_no = 1",
        [load],
    )


def open_keys(night: Installation) -> set[tuple[str, str]]:
    return set(night.run("select rule, array_to_string(row_key, '/') from ops.quarantine where released_at is null"))


def passes(night: Installation) -> dict[str, int]:
    return dict(night.run("select table_name, load_id from ops.gate_pass"))


def test_first_night_judges_everything_and_moves_every_pass(night: Installation) -> None:
    build = night.first_night()
    results = raw_gate.run(build)
    assert failed(results) == set()
    assert passes(night) == night.loads
    written = night.run(
        "select rule, passed, evaluated from ops.validation where build_id = %s and gate = 'raw'", [build]
    )
    assert len(written) == len(results)
    assert ("line_qty_positive", True, 1001) in written
    assert night.value("select count(*) from pg_tables where schemaname = 'ops' and tablename like 'gate_erp%'") == 0


def test_no_connection_is_left_behind(night: Installation) -> None:
    raw_gate.run(night.first_night())
    left = "select count(*) from pg_stat_activity where datname = current_database() and application_name = 'fupan quality'"
    patience = time.monotonic() + 5
    while night.value(left) and time.monotonic() < patience:
        time.sleep(0.05)
    assert night.value(left) == 0


def test_second_night_judges_only_what_landed_since(night: Installation) -> None:
    raw_gate.run(night.first_night())
    load = night.load("erp_sales_order_lines")
    night.run("update raw.erp_sales_order_lines set _batch_id = %s where order_id in ('O1', 'O2')", [load])
    results = raw_gate.run(night.build(load))
    evaluated = {result.table: result.evaluated for result in results if result.evaluated is not None}
    assert evaluated["erp_sales_order_lines"] == 3
    assert evaluated["erp_sales_orders"] == 0
    assert passes(night)["erp_sales_order_lines"] == load


def test_bad_rows_are_quarantined_and_return_when_fixed_or_deleted(night: Installation) -> None:
    build = night.first_night()
    spoil(night, "'O1', 'O2', 'O3'")
    results = raw_gate.run(build)
    assert failed(results) == {"line_qty_positive"}
    assert open_keys(night) == {("line_qty_positive", f"O{n}/1") for n in (1, 2, 3)}
    assert passes(night) == night.loads, "quarantined rows hold nothing"
    content = night.value("select row_content from ops.quarantine where row_key = array['O1', '1']")
    assert content["qty"] == 0
    assert set(content) == {column.name for column in contracts()["erp_sales_order_lines"].columns}

    load = night.load("erp_sales_order_lines")
    night.run(
        "update raw.erp_sales_order_lines set qty = 1, net_amount = 18, _batch_id = %s "
        "where order_id = 'O1' and line_no = 1",
        [load],
    )
    night.run("update raw.erp_sales_order_lines set _deleted_at = now() where order_id = 'O2'")
    second = night.build(load)
    (quantity,) = [result for result in raw_gate.run(second) if result.rule == "line_qty_positive"]
    assert (quantity.passed, quantity.unexpected) == (False, 1), "the row that nobody fixed is judged again"
    assert open_keys(night) == {("line_qty_positive", "O3/1")}
    released = night.run(
        "select row_key[1], release_reason, released_build_id from ops.quarantine where released_at is not null order by 1"
    )
    assert released == [("O1", "passes", second), ("O2", "deleted at the source", second)]


def test_quarantined_rows_alone_do_not_exhaust_the_share(night: Installation) -> None:
    build = night.first_night()
    spoil(night, ", ".join(f"'O{n}'" for n in range(1, 16)))
    raw_gate.run(build)
    again = raw_gate.run(night.build())
    (quantity,) = [result for result in again if result.rule == "line_qty_positive"]
    assert (quantity.unexpected, quantity.evaluated, quantity.on_fail) == (15, 15, "quarantine")
    assert len(open_keys(night)) == 15


def test_above_its_share_a_rule_holds_and_quarantines_nothing(night: Installation) -> None:
    build = night.first_night()
    spoil(night, ", ".join(f"'O{n}'" for n in range(1, 31)))
    held = raw_gate.run(build)
    assert [(r.rule, r.severity, r.on_fail, r.unexpected) for r in held if not r.passed] == [
        ("line_qty_positive", "critical", "hold", 30)
    ]
    assert open_keys(night) == set()
    assert "erp_sales_order_lines" not in passes(night)
    assert passes(night)["erp_sales_orders"] == night.loads["erp_sales_orders"]

    # Tomorrow the same rows are judged again, though nothing landed, and pass once they are fixed.
    assert failed(raw_gate.run(night.build())) == {"line_qty_positive"}
    load = night.load("erp_sales_order_lines")
    night.run("update raw.erp_sales_order_lines set qty = 1, net_amount = 18, _batch_id = %s where qty = 0", [load])
    assert failed(raw_gate.run(night.build(load))) == set()
    assert passes(night)["erp_sales_order_lines"] == load


def test_a_failed_hold_rule_keeps_the_pass(night: Installation) -> None:
    build = night.first_night()
    night.run("update raw.erp_regions set country = null where region_code = 'R1'")
    (result,) = [result for result in raw_gate.run(build) if not result.passed]
    assert result.holds
    assert result.sample_keys == [["R1"]]
    assert "erp_regions" not in passes(night)


def snapshot(night: Installation) -> list[Any]:
    return [
        night.run("select rule, passed, evaluated, unexpected, message from ops.validation order by table_name, rule"),
        night.run("select rule, row_key, released_at is null, release_reason from ops.quarantine order by 1, 2, 3"),
        night.run("select table_name, load_id, previous_load_id, build_id from ops.gate_pass order by 1"),
    ]


def test_running_again_for_the_same_build_changes_nothing(night: Installation) -> None:
    build = night.first_night()
    spoil(night, "'O1', 'O2'")
    raw_gate.run(build)
    once = snapshot(night)
    raw_gate.run(build)
    assert snapshot(night) == once


def test_killed_before_the_end_nothing_has_happened(night: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    build = night.first_night()
    spoil(night, "'O1', 'O2'")
    with monkeypatch.context() as patch:
        patch.setattr(raw_gate, "record", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            raw_gate.run(build)
    assert snapshot(night) == [[], [], []]
    raw_gate.run(build)
    assert open_keys(night) == {("line_qty_positive", "O1/1"), ("line_qty_positive", "O2/1")}


def test_a_build_that_never_reached_core_is_judged_again_by_the_next(night: Installation) -> None:
    build = night.first_night()
    raw_gate.run(build)
    night.run("update ops.build set state = 'failed' where build_id = %s", [build])
    again = raw_gate.run(night.build(*night.loads.values()))
    assert {result.evaluated for result in again if result.rule == "line_qty_positive"} == {1001}


def test_undelivered_tables_and_what_needs_them_are_not_judged(night: Installation) -> None:
    build = night.first_night()
    night.run("update ops.source_table set is_delivered = false where table_name = 'erp_regions'")
    night.run("truncate raw.erp_regions")
    results = raw_gate.run(build)
    assert failed(results) == set()
    judged = {result.rule for result in results}
    assert not judged & {"customer_region_exists", "target_region_exists", "region_country_present"}
    assert "customer_class_known" in judged


def test_rows_return_when_their_rule_is_withdrawn(
    night: Installation, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    build = night.first_night()
    spoil(night, "'O1'")
    raw_gate.run(build)
    folder = tmp_path / "raw"
    folder.mkdir()
    content = yaml.safe_load((settings.EXPECTATIONS / "raw" / "erp__erp_sales_order_lines.yml").read_text())
    content["rules"] = [rule for rule in content["rules"] if rule["id"] != "line_qty_positive"]
    (folder / "erp__erp_sales_order_lines.yml").write_text(yaml.safe_dump(content))
    monkeypatch.setattr(settings, "EXPECTATIONS", tmp_path)
    raw_gate.run(night.build())
    assert night.run("select release_reason from ops.quarantine") == [("rule withdrawn",)]


@pytest.mark.parametrize(
    "broken",
    [
        {"expectation": "expect_column_values_to_be_in_set", "kwargs": {"column": "no_such_column", "value_set": [1]}},
        {"expectation": "expect_column_values_to_be_tidy", "kwargs": {"column": "qty"}},
        {"expectation": "expect_column_values_to_be_between", "kwargs": {"min": 1}},
        {
            "expectation": "unexpected_rows_expectation",
            "kwargs": {"unexpected_rows_query": "select from where {batch}"},
        },
    ],
)
def test_a_broken_rule_is_an_error_that_names_it(
    night: Installation, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, broken: dict[str, Any]
) -> None:
    rule = broken | {
        "id": "broken_one",
        "severity": "warning",
        "meta": {"label": "Broken 坏规则", "owner": "x", "runbook": "#runbook-x", "on_fail": "warn"},
    }
    folder = tmp_path / "raw"
    folder.mkdir()
    suite = {"system": "erp", "table": "erp_sales_order_lines", "rules": [rule]}
    (folder / "erp__erp_sales_order_lines.yml").write_text(yaml.safe_dump(suite))
    monkeypatch.setattr(settings, "EXPECTATIONS", tmp_path)
    with pytest.raises(ConfigurationError, match=r"broken_one of erp__erp_sales_order_lines\.yml"):
        raw_gate.run(night.first_night())


def test_history_is_judged_without_effect_unless_asked(night: Installation) -> None:
    raw_gate.run(night.first_night())
    spoil(night, "'O7'")
    assert failed(raw_gate.judge_history()) == {"line_qty_positive"}
    assert open_keys(night) == set()
    assert failed(raw_gate.judge_history(["erp_sales_order_lines"], to_quarantine=True)) == {"line_qty_positive"}
    assert open_keys(night) == {("line_qty_positive", "O7/1")}
    assert night.value("select count(*) from ops.validation where gate = 'full'") > 0
    with connect("builder", "test") as connection:
        assert [row["rows"] for row in quarantine.counts(connection)] == [1]
        assert [row["row_key"] for row in quarantine.open_rows(connection, "erp_sales_order_lines")] == [["O7", "1"]]
    with pytest.raises(ConfigurationError, match="No delivered raw table is named nothing"):
        raw_gate.judge_history(["nothing"])


def test_replay_returns_what_passes_and_judges_nothing_else(night: Installation) -> None:
    build = night.first_night()
    spoil(night, "'O1', 'O2'")
    raw_gate.run(build)
    spoil(night, "'O3'")
    night.run("update raw.erp_sales_order_lines set qty = 1, net_amount = 18 where order_id = 'O1' and line_no = 1")
    (quantity,) = [result for result in raw_gate.replay() if result.rule == "line_qty_positive"]
    assert (quantity.evaluated, quantity.unexpected) == (2, 1)
    assert open_keys(night) == {("line_qty_positive", "O2/1")}
    assert night.run(
        "select row_key[1], release_reason, released_build_id from ops.quarantine where released_at is not null"
    ) == [("O1", "passes", None)]


def test_judging_again_acts_on_nothing(night: Installation) -> None:
    build = night.first_night()
    raw_gate.run(build)
    before = snapshot(night)
    spoil(night, "'O1'")
    assert failed(raw_gate.judge(build)) == {"line_qty_positive"}
    assert snapshot(night) == before


def test_percent_signs_and_quotes_in_rules_are_plain_text(
    night: Installation, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    rule = {
        "id": "order_number_form",
        "expectation": "expect_column_values_to_match_like_pattern",
        "kwargs": {"column": "order_id", "like_pattern": "O%"},
        "severity": "warning",
        "meta": {
            "label": "Form 格式",
            "owner": "x",
            "runbook": "#runbook-x",
            "on_fail": "quarantine",
            "quarantine_share": 0.5,
        },
    }
    folder = tmp_path / "raw"
    folder.mkdir()
    suite = {"system": "erp", "table": "erp_sales_orders", "rules": [rule]}
    (folder / "erp__erp_sales_orders.yml").write_text(yaml.safe_dump(suite))
    monkeypatch.setattr(settings, "EXPECTATIONS", tmp_path)
    build = night.first_night()
    night.run("update raw.erp_sales_orders set order_id = 'it''s %s' where order_id = 'O9'")
    (result,) = raw_gate.run(build)
    assert result.sample_keys == [["it's %s"]]
    assert open_keys(night) == {("order_number_form", "it's %s")}

"""The raw gate over small rows written straight into raw: windows, quarantine, gate passes, freshness."""

from __future__ import annotations

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
from fupan.quality import freshness, quarantine, raw_gate
from fupan.quality.quarantine import Chosen
from fupan.quality.suites import raw_suites
from fupan.transform import dbt
from fupan.transform.manifest import Manifest
from fupan.warehouse.connection import connect

DAY = date(2026, 7, 21)
TABLES = tuple(sorted(contracts("erp")))
LINES = ["erp_sales_order_lines"]

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


def test_good_rows_pass_every_rule(night: Installation) -> None:
    night.first_night()
    results = raw_gate.judge_history()
    assert failed(results) == set()
    assert {result.rule for result in results} == {
        rule.id for table, suite in raw_suites().items() if table in TABLES for rule in suite.rules
    }
    lines = [result for result in results if result.rule == "line_qty_positive"]
    assert [line.evaluated for line in lines] == [1001]


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
    raw_gate.run(night.first_night(), [*LINES, "erp_sales_orders"])
    load = night.load("erp_sales_order_lines")
    night.run("update raw.erp_sales_order_lines set _batch_id = %s where order_id in ('O1', 'O2')", [load])
    results = raw_gate.run(night.build(load), [*LINES, "erp_sales_orders"])
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
    (quantity,) = [result for result in raw_gate.run(second, LINES) if result.rule == "line_qty_positive"]
    assert (quantity.passed, quantity.unexpected) == (False, 1), "the row that nobody fixed is judged again"
    assert open_keys(night) == {("line_qty_positive", "O3/1")}
    released = night.run(
        "select row_key[1], release_reason, released_build_id from ops.quarantine where released_at is not null order by 1"
    )
    assert released == [("O1", "passes", second), ("O2", "deleted at the source", second)]


def test_quarantined_rows_alone_do_not_exhaust_the_share(night: Installation) -> None:
    build = night.first_night()
    spoil(night, ", ".join(f"'O{n}'" for n in range(1, 16)))
    raw_gate.run(build, LINES)
    again = raw_gate.run(night.build(), LINES)
    (quantity,) = [result for result in again if result.rule == "line_qty_positive"]
    assert (quantity.unexpected, quantity.evaluated, quantity.on_fail) == (15, 15, "quarantine")
    assert len(open_keys(night)) == 15


def test_above_its_share_a_rule_holds_and_quarantines_nothing(night: Installation) -> None:
    build = night.first_night()
    spoil(night, ", ".join(f"'O{n}'" for n in range(1, 31)))
    held = raw_gate.run(build, [*LINES, "erp_sales_orders"])
    assert [(r.rule, r.severity, r.on_fail, r.unexpected) for r in held if not r.passed] == [
        ("line_qty_positive", "critical", "hold", 30)
    ]
    assert open_keys(night) == set()
    assert "erp_sales_order_lines" not in passes(night)
    assert passes(night)["erp_sales_orders"] == night.loads["erp_sales_orders"]

    # Tomorrow the same rows are judged again, though nothing landed, and pass once they are fixed.
    assert failed(raw_gate.run(night.build(), LINES)) == {"line_qty_positive"}
    load = night.load("erp_sales_order_lines")
    night.run("update raw.erp_sales_order_lines set qty = 1, net_amount = 18, _batch_id = %s where qty = 0", [load])
    assert failed(raw_gate.run(night.build(load), LINES)) == set()
    assert passes(night)["erp_sales_order_lines"] == load


def test_a_failed_hold_rule_keeps_the_pass(night: Installation) -> None:
    build = night.first_night()
    night.run("update raw.erp_regions set country = null where region_code = 'R1'")
    (result,) = [result for result in raw_gate.run(build, ["erp_regions"]) if not result.passed]
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
    raw_gate.run(build, LINES)
    once = snapshot(night)
    raw_gate.run(build, LINES)
    assert snapshot(night) == once


def test_killed_before_the_end_nothing_has_happened(night: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    build = night.first_night()
    spoil(night, "'O1', 'O2'")
    with monkeypatch.context() as patch:
        patch.setattr(raw_gate, "record", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            raw_gate.run(build, LINES)
    assert snapshot(night) == [[], [], []]
    raw_gate.run(build, LINES)
    assert open_keys(night) == {("line_qty_positive", "O1/1"), ("line_qty_positive", "O2/1")}


def test_a_build_that_never_reached_core_is_judged_again_by_the_next(night: Installation) -> None:
    build = night.first_night()
    raw_gate.run(build, LINES)
    night.run("update ops.build set state = 'failed' where build_id = %s", [build])
    again = raw_gate.run(night.build(*night.loads.values()), LINES)
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
    raw_gate.run(build, LINES)
    folder = tmp_path / "raw"
    folder.mkdir()
    content = yaml.safe_load((settings.EXPECTATIONS / "raw" / "erp__erp_sales_order_lines.yml").read_text())
    content["rules"] = [rule for rule in content["rules"] if rule["id"] != "line_qty_positive"]
    (folder / "erp__erp_sales_order_lines.yml").write_text(yaml.safe_dump(content))
    monkeypatch.setattr(settings, "EXPECTATIONS", tmp_path)
    raw_gate.run(night.build(), LINES)
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
    raw_gate.run(night.first_night(), LINES)
    spoil(night, "'O7'")
    assert failed(raw_gate.judge_history(LINES)) == {"line_qty_positive"}
    assert open_keys(night) == set()
    assert failed(raw_gate.judge_history(LINES, to_quarantine=True)) == {"line_qty_positive"}
    assert open_keys(night) == {("line_qty_positive", "O7/1")}
    assert night.value("select count(*) from ops.validation where gate = 'full'") > 0
    with connect("builder", "test") as connection:
        assert [row["rows"] for row in quarantine.counts(connection)] == [1]
        assert [one.row_key for one in quarantine.kept(connection, Chosen(table="erp_sales_order_lines"))] == [
            ["O7", "1"]
        ]
        assert quarantine.counts(connection, Chosen(table="erp_returns")) == []
    with pytest.raises(ConfigurationError, match="No delivered raw table is named nothing"):
        raw_gate.judge_history(["nothing"])


def test_replay_returns_what_passes_and_judges_nothing_else(night: Installation) -> None:
    build = night.first_night()
    spoil(night, "'O1', 'O2'")
    night.run("update raw.erp_returns set qty = 0 where return_id = 'T1'")
    raw_gate.run(build, [*LINES, "erp_returns"])
    spoil(night, "'O3'")
    night.run("update raw.erp_sales_order_lines set qty = 1, net_amount = 18 where order_id = 'O1' and line_no = 1")
    night.run("update raw.erp_returns set qty = 1 where return_id = 'T1'")

    lines = Chosen(rule="line_qty_positive")
    expected = [(["O1", "1"], "passes"), (["O2", "1"], None)]
    assert [(one.row_key, one.returns) for one in raw_gate.replay(lines, act=False)] == expected
    assert len(open_keys(night)) == 3, "only looked at"
    assert [(one.row_key, one.returns) for one in raw_gate.replay(lines)] == expected
    assert open_keys(night) == {("line_qty_positive", "O2/1"), ("return_qty_positive", "T1")}
    assert night.run(
        "select row_key[1], release_reason, released_build_id from ops.quarantine where released_at is not null"
    ) == [("O1", "passes", None)]


def test_judging_again_acts_on_nothing(night: Installation) -> None:
    build = night.first_night()
    raw_gate.run(build, LINES)
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


def fresh(build: int) -> dict[str, Any]:
    with connect("builder", "test") as connection:
        return {result.table: result for result in freshness.judge(connection, build, TABLES)}


def test_freshness_is_judged_by_stamp_or_by_the_last_load_that_brought_something(night: Installation) -> None:
    build = night.first_night()
    assert fresh(build) == {}, "nobody expects news"
    night.run(
        "update ops.source_table set freshness = interval '2 days' "
        "where table_name in ('erp_sales_orders', 'erp_returns', 'hr_targets')"
    )
    night.run(
        "insert into ops.watermark (system, table_name, position, load_id) values "
        "('erp', 'erp_sales_orders', '{\"updated_at\": \"2026-07-20 00:30:00+08\"}', %(orders)s), "
        "('erp', 'erp_returns', '{\"updated_at\": \"2026-07-19 23:30:00+08\"}', %(returns)s)",
        {"orders": night.loads["erp_sales_orders"], "returns": night.loads["erp_returns"]},
    )
    found = fresh(build)
    assert {table: result.passed for table, result in found.items()} == {
        "erp_sales_orders": True,
        "erp_returns": False,
        "hr_targets": False,
    }
    assert found["erp_returns"].message.endswith(
        "nothing new since 2026-07-19 23:30, 2 days 30 minutes before the day ended"
    )
    assert found["hr_targets"].message.endswith("nothing has ever arrived"), "its load brought no row"
    assert (found["erp_returns"].owner, found["erp_returns"].severity) == ("after-sales", "warning")

    night.run("update ops.load set rows_inserted = 5, rows_read = 5 where table_name = 'hr_targets'")
    assert fresh(build)["hr_targets"].passed
    (judged,) = [one for one in raw_gate.judge(build) if one.rule == "hr_targets_fresh"]
    assert judged.dimensions == ("sales_performance",)
    night.run("update ops.load set business_day = '2026-07-18' where table_name = 'hr_targets'")
    assert not fresh(build)["hr_targets"].passed


def test_the_gate_of_one_table_leaves_what_was_found_on_others(night: Installation) -> None:
    build = night.first_night()
    every = raw_gate.run(build)
    spoil(night, "'O1'")
    lines = raw_gate.run(build, LINES)
    assert {result.table for result in lines} == {"erp_sales_order_lines"}
    assert failed(lines) == {"line_qty_positive"}
    written = night.run("select count(*), count(*) filter (where not passed) from ops.validation where gate = 'raw'")
    assert written == [(len(every), 1)]

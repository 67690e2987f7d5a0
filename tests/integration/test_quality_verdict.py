"""Verdicts: every kind of reason, what it does to the dimension, and that nothing unproven is published."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from typing import Any

import psycopg2
import pytest

from fupan.quality import verdict
from fupan.quality.suites import mart_suites, raw_suites
from fupan.quality.verdict import Reason, Verdict
from fupan.transform import dbt
from fupan.transform.manifest import Manifest

DAY, BEFORE = date(2026, 7, 21), date(2026, 7, 20)


def node(kind: str, name: str, *parents: str, **more: Any) -> dict[str, Any]:
    return {"resource_type": kind, "name": name, "fqn": ["fupan", *more.pop("fqn", ["core"]), name], **more} | {
        "depends_on": {"nodes": list(parents)}
    }


def manifest() -> Manifest:
    """sales_performance <- fct <- orders; after_sales <- returns; a test on the fact and one on nothing of theirs."""
    sources = {
        f"source.fupan.erp.{name}": {"resource_type": "source", "schema": "raw", "name": name}
        for name in ("erp_sales_orders", "erp_returns", "hr_targets")
    }
    nodes = {
        "model.fupan.fct": node("model", "fct", "source.fupan.erp.erp_sales_orders", "source.fupan.erp.hr_targets"),
        "model.fupan.other": node("model", "other"),
        "model.fupan.sales_performance__trend": node(
            "model", "sales_performance__trend", "model.fupan.fct", fqn=["marts", "sales_performance"]
        ),
        "model.fupan.after_sales__returns": node(
            "model", "after_sales__returns", "source.fupan.erp.erp_returns", fqn=["marts", "after_sales"]
        ),
        "test.fupan.unique_fct.1": node("test", "unique_fct", "model.fupan.fct", attached_node="model.fupan.fct"),
        "test.fupan.fct_refers.2": node("test", "fct_refers", "model.fupan.other", "model.fupan.fct"),
        "test.fupan.unique_other.3": node(
            "test", "unique_other", "model.fupan.other", attached_node="model.fupan.other"
        ),
    }
    groups = {
        f"group.{name}": {
            "name": name,
            "owner": {"name": owner},
            "config": {"meta": {"label_en": "x", "label_zh": "销"}},
        }
        for name, owner in (("sales_performance", "sales-operations"), ("after_sales", "after-sales"))
    }
    return Manifest({"nodes": nodes, "sources": sources, "groups": groups})


class Night:
    """A build after which everything is well, until a test breaks it."""

    def __init__(self, url: str) -> None:
        self.connection = psycopg2.connect(url)
        self.connection.autocommit = True
        self.build = self.new_build()
        for table in raw_suites():
            self.run("insert into ops.source_table values ('erp', %s, true)", [table])
            self.load(table)
            self.validation(table=table, passed=True)
        for dimension in mart_suites():
            self.validation(gate="release", table="trend", passed=True, dimensions=[dimension])
        self.landing("landed")
        for unique_id, status in {
            "model.fupan.fct": "success",
            "model.fupan.other": "success",
            "model.fupan.sales_performance__trend": "success",
            "model.fupan.after_sales__returns": "success",
            "test.fupan.unique_fct.1": "pass",
        }.items():
            self.dbt(unique_id, status)

    def run(self, statement: str, parameters: object = None) -> list[Any]:
        with self.connection.cursor() as cursor:
            cursor.execute(statement, parameters)
            return cursor.fetchall() if cursor.description else []

    def new_build(self) -> int:
        run = self.run("insert into ops.run (kind, business_day) values ('build', %s) returning run_id", [DAY])[0][0]
        return int(
            self.run(
                "insert into ops.build (run_id, business_day, kind) values (%s, %s, 'nightly') returning build_id",
                [run, DAY],
            )[0][0]
        )

    def load(self, table: str, *, state: str = "succeeded", mode: str = "incremental", day: date = DAY) -> int:
        run = self.run("insert into ops.run (kind, business_day) values ('extract', %s) returning run_id", [day])[0][0]
        load = self.run(
            "insert into ops.load (run_id, system, table_name, business_day, mode, state, error) "
            "values (%s, 'erp', %s, %s, %s, %s, 'disk full') returning load_id",
            [run, table, day, mode, state],
        )[0][0]
        if state == "succeeded":
            self.run("insert into ops.build_load values (%s, %s)", [self.build, load])
        return int(load)

    def landing(self, state: str) -> None:
        self.run("delete from ops.landing")
        self.run(
            "insert into ops.landing (system, business_day, state, error) values ('erp', %s, %s, 'no route to host')",
            [DAY, state],
        )

    def validation(
        self,
        *,
        gate: str = "raw",
        table: str = "erp_sales_orders",
        passed: bool = False,
        severity: str = "warning",
        on_fail: str = "warn",
        dimensions: list[str] | None = None,
    ) -> None:
        self.run(
            "insert into ops.validation (build_id, gate, suite, rule, expectation, table_name, dimensions, severity, "
            "on_fail, owner, passed, evaluated, unexpected, sample_keys, message, runbook) values (%s, %s, 's', 'a_rule', "
            "'e', %s, %s, %s, %s, 'orders-owner', %s, 500, 3, %s, '3 of 500 rows fail', '#runbook-x')",
            [
                self.build,
                gate,
                table,
                dimensions or ["sales_performance"],
                severity,
                on_fail,
                passed,
                json.dumps([["O1"]]),
            ],
        )

    def dbt(self, node_id: str, status: str, failures: int | None = None) -> None:
        self.run(
            "insert into ops.dbt_node (build_id, stage, node_id, resource_type, status, failures, seconds, message) "
            "values (%s, 'core', %s, %s, %s, %s, 1, 'why') on conflict (build_id, stage, node_id) do update "
            "set status = excluded.status, failures = excluded.failures",
            [self.build, node_id, node_id.partition(".")[0], status, failures],
        )

    def total(self, load: int, agrees: bool, day: date | None = DAY) -> None:
        self.run(
            "insert into ops.control_total values (%s, 'erp', 'erp_sales_orders', %s, 'rows', 100, %s, %s)",
            [load, day, 100 if agrees else 99, agrees],
        )

    def decide(self) -> dict[str, Verdict]:
        return verdict.decide(self.build)

    def sales(self) -> tuple[str, list[Reason]]:
        found = self.decide()
        assert found["after_sales"] == Verdict("published", []), "what is not concerned is published"
        return found["sales_performance"].verdict, found["sales_performance"].reasons


@pytest.fixture
def night(warehouse: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Night]:
    monkeypatch.setattr(dbt, "manifest", manifest)
    there = Night(warehouse)
    yield there
    there.connection.close()


def test_a_good_night_is_published_without_a_reason(night: Night) -> None:
    assert night.decide() == {"after_sales": Verdict("published", []), "sales_performance": Verdict("published", [])}
    assert night.run("select dimension, verdict, reasons, business_day from ops.verdict order by 1") == [
        ("after_sales", "published", [], DAY),
        ("sales_performance", "published", [], DAY),
    ]


@pytest.mark.parametrize(
    ("gate", "severity", "on_fail", "outcome"),
    [
        ("raw", "critical", "hold", "held"),
        ("release", "critical", "hold", "held"),
        ("raw", "warning", "warn", "published_with_warnings"),
        ("release", "warning", "warn", "published_with_warnings"),
        ("raw", "warning", "quarantine", "published_with_warnings"),
        ("raw", "info", "warn", "published"),
        ("full", "critical", "hold", None),
    ],
)
def test_what_gates_found(night: Night, gate: str, severity: str, on_fail: str, outcome: str | None) -> None:
    night.validation(gate=gate, severity=severity, on_fail=on_fail)
    found, reasons = night.sales()
    if outcome is None:
        assert (found, reasons) == ("published", [])
        return
    assert found == outcome
    (reason,) = reasons
    assert (reason.kind, reason.rule, reason.table) == (f"{gate}_gate", "a_rule", "erp_sales_orders")
    assert (reason.severity, reason.owner, reason.evaluated, reason.unexpected) == (severity, "orders-owner", 500, 3)
    assert (reason.sample_keys, reason.runbook) == ([["O1"]], "#runbook-x")


def test_critical_reasons_come_first_and_all_are_kept(night: Night) -> None:
    night.validation()
    night.validation(severity="critical", on_fail="hold")
    outcome, reasons = night.sales()
    assert outcome == "held"
    assert [reason.severity for reason in reasons] == ["critical", "warning"]
    written = night.run("select reasons from ops.verdict where dimension = 'sales_performance'")[0][0]
    assert [reason["severity"] for reason in written] == ["critical", "warning"]
    assert set(written[0]) >= {"kind", "severity", "message", "owner", "rule", "table", "evaluated", "unexpected"}


@pytest.mark.parametrize(
    ("node_id", "status", "outcome"),
    [
        ("model.fupan.fct", "error", "held"),
        ("model.fupan.sales_performance__trend", "error", "held"),
        ("model.fupan.sales_performance__trend", "skipped", "held"),
        ("test.fupan.unique_fct.1", "fail", "held"),
        ("test.fupan.fct_refers.2", "fail", "held"),
        ("test.fupan.unique_fct.1", "warn", "published_with_warnings"),
        ("test.fupan.unique_other.3", "fail", "published"),
        ("model.fupan.other", "error", "published"),
    ],
)
def test_what_dbt_found(night: Night, node_id: str, status: str, outcome: str) -> None:
    night.dbt(node_id, status, 7 if status in ("fail", "warn") else None)
    found, reasons = night.sales()
    assert found == outcome
    assert [reason.kind for reason in reasons] == ([] if outcome == "published" else ["dbt"])
    if reasons:
        assert node_id.split(".")[2] in reasons[0].message


def test_a_mart_that_never_ran_is_held(night: Night) -> None:
    night.run("delete from ops.dbt_node where node_id like '%%trend'")
    outcome, reasons = night.sales()
    assert outcome == "held"
    assert "not run: sales_performance__trend" in reasons[0].message


@pytest.mark.parametrize("landing", [None, "failed"])
def test_a_system_that_has_not_landed_holds_what_depends_on_it(night: Night, landing: str | None) -> None:
    if landing:
        night.landing(landing)
    else:
        night.run("delete from ops.landing")
    for found in night.decide().values():
        assert found.verdict == "held"
        assert [reason.kind for reason in found.reasons] == ["landing"]
        assert f"erp of business day {DAY}" in found.reasons[0].message


def test_a_failed_load_holds_until_one_succeeds(night: Night) -> None:
    night.load("erp_sales_orders", state="failed")
    outcome, reasons = night.sales()
    assert outcome == "held"
    assert (reasons[0].kind, reasons[0].table) == ("load", "erp_sales_orders")
    assert "disk full" in reasons[0].message
    night.load("erp_sales_orders")
    assert night.sales() == ("published", [])


def test_a_load_that_was_killed_holds(night: Night) -> None:
    night.load("erp_sales_orders", state="running")
    assert night.sales()[0] == "held"


def test_failures_of_another_day_and_of_the_search_for_deletions_do_not_hold(night: Night) -> None:
    night.load("erp_sales_orders", state="failed", day=BEFORE)
    assert night.sales() == ("published", [])
    night.load("erp_sales_orders", state="failed", mode="reconcile")
    assert night.sales()[0] == "published_with_warnings"


def test_control_totals_that_disagree_hold_until_they_agree(night: Night) -> None:
    load = night.load("erp_sales_orders")
    night.total(load, agrees=False)
    night.total(load, agrees=True, day=BEFORE)
    outcome, reasons = night.sales()
    assert outcome == "held"
    assert (reasons[0].kind, reasons[0].unexpected) == ("control_total", 1)
    assert f"rows of {DAY} is 100 there and 99 in raw" in reasons[0].message

    # The night after reads other days: the difference is still there.
    night.total(night.load("erp_sales_orders"), agrees=True, day=BEFORE)
    assert night.sales()[0] == "held"
    night.total(night.load("erp_sales_orders"), agrees=True)
    assert night.sales() == ("published", [])


def test_what_was_not_judged_is_held(night: Night) -> None:
    night.run("delete from ops.validation where gate = 'raw' and table_name = 'erp_sales_orders'")
    outcome, reasons = night.sales()
    assert (outcome, reasons[0].kind, reasons[0].table) == ("held", "not_judged", "erp_sales_orders")
    night.validation(table="erp_sales_orders", passed=True)
    night.run("delete from ops.validation where gate = 'release' and 'sales_performance' = any(dimensions)")
    outcome, reasons = night.sales()
    assert (outcome, reasons[0].kind) == ("held", "not_judged")


def test_undelivered_tables_never_hold(night: Night) -> None:
    night.run("update ops.source_table set is_delivered = false where table_name = 'hr_targets'")
    night.run("delete from ops.validation where table_name = 'hr_targets'")
    night.load("hr_targets", state="failed")
    assert night.sales() == ("published", [])


def test_a_late_build_decides_only_what_it_may_publish(night: Night) -> None:
    night.run("update ops.build set dimensions = array['after_sales']")
    assert night.decide() == {"after_sales": Verdict("published", [])}
    assert night.run("select dimension from ops.verdict") == [("after_sales",)]


def test_deciding_again_replaces_the_verdict_and_keeps_its_release(night: Night) -> None:
    night.validation(severity="critical", on_fail="hold")
    night.decide()
    night.run(
        "insert into ops.release (dimension, business_day, schema_name, state, columns) "
        "values ('sales_performance', %s, 'r1', 'current', '{}')",
        [DAY],
    )
    night.run("update ops.verdict set release_id = (select release_id from ops.release)")
    night.run("delete from ops.validation where rule = 'a_rule' and not passed")
    night.decide()
    assert night.run(
        "select verdict, reasons, release_id is not null from ops.verdict where dimension = 'sales_performance'"
    ) == [("published", [], True)]

"""The reference company's ERP: sound, the same every time, alive, and never half."""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from typing import Any

import psycopg2
import pytest
from click.testing import CliRunner
from tests.databases import drop_database

from fupan import settings
from fupan.cli.demo import demo
from fupan.contracts.installation import effective, systems
from fupan.demo import erp, founding
from fupan.demo.relations import FEEDBACK, RELATIONS
from fupan.errors import ConfigurationError
from fupan.server.postgres import EmbeddedPostgres

UNTIL = date(2026, 3, 31)
_names = itertools.count(1)


@pytest.fixture(scope="module")
def full(server: EmbeddedPostgres) -> Iterator[str]:
    """The ERP in its real size, to be looked at and not changed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(erp, "DATABASE", "erp_full")
        url = erp.ensure(UNTIL)
        yield url
    drop_database(server, url)


@pytest.fixture
def empty(server: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A place for an ERP of the test's own, with a short history."""
    monkeypatch.setattr(founding, "DAYS_OF_HISTORY", 120)
    _elsewhere(monkeypatch)
    yield
    drop_database(server, settings.embedded_url(erp.DATABASE))


@pytest.fixture
def small(empty: None) -> str:
    """An ERP of the test's own."""
    return erp.ensure(UNTIL)


def _elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(erp, "DATABASE", f"erp_{next(_names)}")


def _query(url: str, sql: str) -> list[tuple[Any, ...]]:
    with contextlib.closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchall()


def _digests(url: str) -> dict[str, str]:
    """One digest a relation over all its rows."""
    return {
        relation: _query(url, f"select md5(string_agg(it::text, '|' order by it::text)) from {relation} as it")[0][0]
        for relation in [*RELATIONS, "demo.exports"]
    }


def _rows(url: str, relation: str, key: str) -> dict[Any, dict[str, Any]]:
    return dict(_query(url, f"select ({key})::text, to_jsonb(it) from erp.{relation} as it"))


# -------------------------------------------------------------------------------------------------------- as it is made


def test_it_is_as_large_as_promised(full: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(erp, "DATABASE", "erp_full")
        sizes = erp.sizes()
    assert sizes["erp.products"] == 120
    assert sizes["erp.regions"] == 37
    assert sizes["erp.channels"] == 8
    assert sizes["erp.customers"] == 1_500
    assert 18_000 < sizes["erp.sales_orders"] < 23_000
    assert 45_000 < sizes["erp.sales_order_lines"] < 58_000
    assert 0.03 < sizes["erp.returns"] / sizes["erp.sales_order_lines"] < 0.05
    assert sizes["erp.targets"] > 3_000


@pytest.mark.parametrize(
    ("what", "violations"),
    [
        (
            "a line's amounts agree",
            "select * from erp.sales_order_lines where net_amount <> qty * unit_price "
            "or discount_amount <> qty * list_price - net_amount or (unit_price <= 0) <> is_gift",
        ),
        (
            "what is bought is on sale",
            "select * from erp.sales_order_lines join erp.sales_orders using (order_id) join erp.products using (sku) "
            "where order_date < launch_date or order_date >= discontinue_date",
        ),
        (
            "who buys is known by then, and in the country that is delivered to",
            "select * from erp.sales_orders as o join erp.customers as c using (customer_id) "
            "where (created_at at time zone 'Asia/Shanghai')::date > order_date or o.country <> c.country",
        ),
        (
            "nothing happens after the last day",
            "select updated_at from erp.sales_orders where updated_at >= '2026-04-01 00:00 Asia/Shanghai' "
            "or order_date > '2026-03-31' union all "
            "select updated_at from erp.returns where updated_at >= '2026-04-01 00:00 Asia/Shanghai'",
        ),
        ("every order has lines", "select order_id from erp.sales_orders except select order_id from erp.sales_order_lines"),
        (
            "what comes back was delivered, and no more of it",
            "select * from erp.returns as r join erp.sales_orders as o using (order_id) "
            "join erp.sales_order_lines as l using (order_id, line_no) "
            "where o.status <> 'completed' or r.qty > l.qty or r.refund_amount > l.net_amount or r.requested_at < o.updated_at",
        ),
        (
            "persons are in plain, in Chinese",
            "select * from erp.customers where country = 'CN' and contact_name !~ '^[一-龥]{2,4}$'",
        ),
        (
            "a draft is above an approved version",
            "select * from erp.targets as draft where approved_at is null and version > 1 and not exists (select 1 from "
            "erp.targets as it where it.approved_at is not null and it.version < draft.version and it.target_id "
            "like regexp_replace(draft.target_id, '-V[0-9]+$', '') || '-V%')",
        ),
    ],
)  # fmt: skip
def test_it_is_sound(full: str, what: str, violations: str) -> None:
    assert _query(full, violations) == [], what


def test_exactly_the_promised_lines_are_empty(full: str) -> None:
    assert _query(full, "select count(*) from erp.sales_order_lines where qty <= 0") == [(founding.EMPTY_LINES,)]


def test_it_has_what_reviews_ask_about(full: str) -> None:
    some = _query(
        full,
        "select (select count(*) from erp.sales_orders where customer_id is null), "
        "(select count(*) from erp.sales_orders where country <> 'CN'), "
        "(select count(*) from erp.sales_orders where status = 'cancelled'), "
        "(select count(*) from erp.sales_order_lines where is_gift), "
        "(select count(*) from erp.sales_order_lines where cost_amount is null), "
        "(select count(*) from erp.returns where completed_at is null), "
        "(select count(*) from erp.targets where approved_at is null), "
        "(select count(*) from erp.targets where version > 1)",
    )[0]
    assert all(some), some


def test_the_year_has_its_seasons(full: str) -> None:
    """Double 11 is a peak online, the Spring Festival a trough: both against the median day."""
    days = dict(
        _query(full, "select order_date::text, count(*) from erp.sales_orders where platform is not null group by 1")
    )
    median = sorted(days.values())[len(days) // 2]
    assert days["2025-11-11"] > 2 * median
    assert days.get("2026-02-18", 0) < median / 2


def test_relations_have_the_contract_s_columns_and_types(full: str) -> None:
    system = systems(settings.DAGS / "sources" / "reference")["erp"]
    for table, entry in system.tables.items():
        described = _query(
            full,
            "select attname, format_type(atttypid, atttypmod) from pg_attribute "
            f"where attrelid = '{entry.relation}'::regclass and attnum > 0 order by attnum",
        )
        contracted = [
            (c.name, {"timestamptz": "timestamp with time zone"}.get(c.data_type, c.data_type))
            for c in effective(system, table).columns
        ]
        assert [(name, kind) for name, kind in described] == contracted, table


def test_extraction_s_login_reads_and_no_more(full: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(erp, "DATABASE", "erp_full")
    url = erp.connection_url()
    assert _query(url, "select current_user, count(*) from erp.products") == [("erp_reader", 120)]
    for statement in ("delete from erp.products returning sku", "select * from demo.played"):
        with pytest.raises(psycopg2.errors.InsufficientPrivilege):
            _query(url, statement)


# -------------------------------------------------------------------------------------------------- the same every time


def test_same_seed_same_rows(empty: None, monkeypatch: pytest.MonkeyPatch, server: EmbeddedPostgres) -> None:
    first = erp.ensure(UNTIL)
    erp.advance(3)
    digests = _digests(first)
    _elsewhere(monkeypatch)
    again = erp.ensure(UNTIL)
    # Three days one by one are the same three days.
    for _ in range(3):
        erp.advance(1)
    assert _digests(again) == digests
    another = erp.create(UNTIL, seed=7)
    assert all(_digests(another)[relation] != digests[relation] for relation in ("erp.sales_orders", *FEEDBACK))
    drop_database(server, first)


def test_ensure_again_changes_nothing(small: str) -> None:
    erp.advance(1)
    digests = _digests(small)
    assert erp.ensure(date(2026, 5, 1)) == small
    assert _digests(small) == digests


def test_create_throws_away_what_was_played(small: str) -> None:
    digests = _digests(small)
    erp.advance(1)
    assert _digests(small) != digests
    erp.create(UNTIL)
    assert _digests(small) == digests


def test_the_last_day_comes_from_the_environment(empty: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FUPAN_DEMO_UNTIL", "2025-12-31")
    assert _query(erp.ensure(), "select max(order_date)::text from erp.sales_orders") == [("2025-12-31",)]
    monkeypatch.setenv("FUPAN_DEMO_UNTIL", "31.12.2025")
    with pytest.raises(ConfigurationError, match="YYYY-MM-DD"):
        erp.create()


# --------------------------------------------------------------------------------------------------------- never half

_KILLED = """
import os, signal
from datetime import date
from fupan.demo import daily, erp, feedback, founding

erp.DATABASE, founding.DAYS_OF_HISTORY = {database!r}, 120

def deadly(function):
    def called(connection, what, *given, **named):
        if str(what) == {what!r}:
            os.kill(os.getpid(), signal.SIGKILL)
        return function(connection, what, *given, **named)
    return called

founding.insert = daily.insert = feedback.insert = deadly(founding.insert)
feedback.export = deadly(feedback.export)
{call}
"""


def _run_killed(call: str, what: str) -> None:
    """Kill the process when it inserts into that relation or exports that day."""
    script = _KILLED.format(database=erp.DATABASE, what=what, call=call)
    ended = subprocess.run([sys.executable, "-c", script], env=os.environ, check=False)
    assert ended.returncode == -signal.SIGKILL


@pytest.mark.parametrize("relation", ["erp.sales_order_lines", "service_desk.repairs"])
def test_killed_while_it_is_made(empty: None, relation: str) -> None:
    _run_killed("erp.ensure(date(2026, 3, 31))", relation)
    assert _query(settings.embedded_url(erp.DATABASE), "select to_regnamespace('erp')") == [(None,)]
    assert _query(erp.ensure(UNTIL), f"select count(*) > 0 from {relation}") == [(True,)]


def test_killed_while_days_are_played(small: str) -> None:
    before = _digests(small)
    _run_killed("erp.advance(2)", "2026-04-02")
    assert _digests(small) == before


# --------------------------------------------------------------------------------------------------------------- alive


def test_a_day_brings_every_kind_of_change(small: str) -> None:
    keys = {
        "sales_orders": "order_id",
        "sales_order_lines": "order_id || '/' || line_no",
        "returns": "return_id",
        "products": "sku",
        "customers": "customer_id",
        "targets": "target_id",
    }
    said = tuple(relation.partition(".")[2] for relation in FEEDBACK)
    before = {relation: _rows(small, relation, key) for relation, key in keys.items()}
    counts = {kind: count for kind, count in erp.advance(1).counts.items() if not kind.startswith(said)}
    after = {relation: _rows(small, relation, key) for relation, key in keys.items()}

    def changed(relation: str, *columns: str) -> list[dict[str, Any]]:
        old, new = before[relation], after[relation]
        return [new[k] for k in old.keys() & new.keys() if any(old[k][c] != new[k][c] for c in columns)]

    def new(relation: str) -> int:
        return len(after[relation].keys() - before[relation].keys())

    gone = before["sales_orders"].keys() - after["sales_orders"].keys()
    lines_gone = before["sales_order_lines"].keys() - after["sales_order_lines"].keys()
    cancelled = [row for row in changed("sales_orders", "status") if row["status"] == "cancelled"]
    assert counts == {
        "orders_new": new("sales_orders"),
        "lines_new": new("sales_order_lines"),
        "orders_moved_on": len(changed("sales_orders", "status")) - len(cancelled),
        "orders_cancelled": len(cancelled),
        "orders_redated": len(changed("sales_orders", "order_date")),
        "prices_corrected": len(changed("sales_order_lines", "unit_price", "net_amount")),
        "orders_deleted": len(gone),
        "lines_deleted": len([key for key in lines_gone if key.partition("/")[0] not in gone]),
        "returns_requested": new("returns"),
        "returns_completed": len(changed("returns", "completed_at")),
        "list_prices_changed": len(changed("products", "list_price")),
        "products_moved": len(changed("products", "product_line")),
        "customers_moved": len(changed("customers", "region_code")),
        "customers_new": new("customers"),
        "targets_revised": new("targets"),
    }
    assert all(counts.values()), counts
    assert gone <= before["sales_orders"].keys()
    for relation in keys.keys() - {"targets"}:
        for key, row in after[relation].items():
            touched = before[relation].get(key) != row
            assert row["updated_at"].startswith("2026-04-01") == touched, (relation, row)


def test_played_days_stay_sound(small: str) -> None:
    summary = erp.advance(20)
    assert (summary.first, summary.last) == (date(2026, 4, 1), date(2026, 4, 20))
    assert _query(small, "select max(order_date)::text from erp.sales_orders") == [("2026-04-20",)]
    assert (
        _query(
            small,
            "select * from erp.sales_order_lines where net_amount <> qty * unit_price or (unit_price <= 0) <> is_gift",
        )
        == []
    )
    assert (
        _query(small, "select order_id from erp.sales_orders except select order_id from erp.sales_order_lines") == []
    )


def test_days_need_an_erp(empty: None) -> None:
    with pytest.raises(ConfigurationError, match="fupan demo create"):
        erp.advance(1)
    with pytest.raises(ConfigurationError, match="number of days"):
        erp.advance(0)


def test_command_line(empty: None) -> None:
    made = CliRunner().invoke(demo, ["create", "--until", "2026-03-31", "--seed", "5"], catch_exceptions=False)
    assert made.exit_code == 0
    assert "erp.products" in made.output
    played = CliRunner().invoke(demo, ["advance", "--days", "2"], catch_exceptions=False)
    assert played.exit_code == 0
    assert "2026-04-01 to 2026-04-02" in played.output
    assert "orders deleted" in played.output

"""The reference company: sound, the same every time, alive, and never half."""

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
from fupan.demo import complaints, erp, feedback, founding, repairs, reviews
from fupan.demo.delivered import delivered
from fupan.demo.dirt import SLIPS
from fupan.demo.relations import FEEDBACK, RELATIONS
from fupan.errors import ConfigurationError
from fupan.server.postgres import EmbeddedPostgres

UNTIL = date(2026, 3, 31)
_names = itertools.count(1)


@pytest.fixture(scope="module")
def full(server: EmbeddedPostgres) -> Iterator[str]:
    """The company in its real size, to be looked at and not changed."""
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
    return dict(_query(url, f"select ({key})::text, to_jsonb(it) from {relation} as it"))


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
    assert 9_000 < sizes["shop_platform.reviews"] < 13_000
    assert 1_000 < sizes["service_desk.complaints"] < 2_000
    assert 600 < sizes["service_desk.repairs"] < 1_200
    assert 4_000 < sizes["service_desk.chats"] < 7_000
    assert 4_000 < sizes["service_desk.survey_answers"] < 7_000


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
        (
            "what is spoken of was delivered before, reviews to those who bought on a platform",
            "select order_id from shop_platform.reviews as r left join erp.sales_orders as o using (order_id) left join "
            "erp.sales_order_lines as l using (order_id, line_no) where order_id is not null and (o.status is distinct from "
            "'completed' or r.posted_at < o.updated_at or l.sku is distinct from r.sku or o.platform <> r.platform) "
            "union all select order_id from (select order_id, sku, created_at as at from service_desk.complaints union all "
            "select order_id, sku, opened_at from service_desk.repairs) as c left join erp.sales_orders as o using (order_id) "
            "where o.status is distinct from 'completed' or c.at < o.updated_at "
            "or c.sku not in (select sku from erp.sales_order_lines as l where l.order_id = c.order_id)",
        ),
        (
            "nothing is said or done after the last day",
            "select updated_at from shop_platform.reviews where updated_at >= '2026-04-01 00:00 Asia/Shanghai' union all "
            "select updated_at from service_desk.complaints where updated_at >= '2026-04-01 00:00 Asia/Shanghai' union all "
            "select updated_at from service_desk.repairs where updated_at >= '2026-04-01 00:00 Asia/Shanghai' union all "
            "select ended_at from service_desk.chats where ended_at >= '2026-04-01 00:00 Asia/Shanghai' union all "
            "select updated_at from service_desk.survey_answers where updated_at >= '2026-04-01 00:00 Asia/Shanghai'",
        ),
        (
            "who complains is the customer that the ERP knows",
            "select * from service_desk.complaints as c join erp.customers as k using (customer_id) where c.contact_name "
            "<> k.contact_name or c.contact_phone is distinct from k.contact_phone or c.region_code <> k.region_code",
        ),
        (
            "a late answer has a cause, one in time has none",
            "select * from service_desk.complaints where complaint_type <> '外观包装' and first_response_at >= created_at "
            "and (delay_cause is not null) <> "
            "(first_response_at > created_at + case complaint_type when '安装服务' then interval '48 hours' "
            "when '售后响应' then interval '2 hours' else interval '24 hours' end)",
        ),
        (
            "who is unhappy is to be called back, and nobody else is",
            "select * from service_desk.survey_answers where needs_followup <> (question_code = 'overall' and score <= 2) "
            "and score <= 5 or followup_at is not null and not needs_followup or fixed_at < followup_at",
        ),
    ],
)  # fmt: skip
def test_it_is_sound(full: str, what: str, violations: str) -> None:
    assert _query(full, violations) == [], what


def test_exactly_the_promised_lines_are_empty(full: str) -> None:
    assert _query(full, "select count(*) from erp.sales_order_lines where qty <= 0") == [(founding.EMPTY_LINES,)]


@pytest.mark.parametrize(
    ("slip", "found"),
    [
        ("review without stars", "shop_platform.reviews where rating not between 1 and 5"),
        ("complaint answered before it was opened", "service_desk.complaints where first_response_at < created_at"),
        (
            "complaint of an unknown type",
            "service_desk.complaints where complaint_type not in ('产品质量', '安装服务', '售后响应', '物流配送', '环保合规')",
        ),
        ("repair closed before it was opened", "service_desk.repairs where closed_at < opened_at"),
        ("chat answered before it was asked", "service_desk.chats where first_reply_at < queue_entered_at"),
        ("survey score beyond the scale", "service_desk.survey_answers where score not between 1 and 5"),
    ],
)  # fmt: skip
def test_exactly_the_promised_slips_are_there(full: str, slip: str, found: str) -> None:
    assert _query(full, f"select count(*) from {found}") == [(SLIPS[slip].rows,)]


def test_poor_products_get_fewer_stars_more_returns_more_complaints(full: str) -> None:
    bands = _query(
        full,
        "with reviewed as (select sku, avg(rating) as stars from shop_platform.reviews where not is_default group by sku), "
        "sold as (select sku, sum(qty) as units from erp.sales_order_lines join erp.sales_orders using (order_id) "
        "where platform is not null and status = 'completed' group by sku), "
        "back as (select sku, sum(r.qty) as units from erp.returns as r join erp.sales_orders using (order_id) "
        "where platform is not null group by sku), "
        "blamed as (select sku, count(*) as complaints from service_desk.complaints group by sku) "
        "select count(*), sum(back.units) / sum(sold.units), sum(blamed.complaints) / sum(sold.units) "
        "from reviewed join sold using (sku) left join back using (sku) left join blamed using (sku) "
        "group by width_bucket(stars, array[4.2, 4.8]) order by width_bucket(stars, array[4.2, 4.8])",
    )
    assert len(bands) == 3
    assert min(products for products, _, _ in bands) >= 10
    returns, complaints = [band[1] for band in bands], [band[2] for band in bands]
    assert returns == sorted(returns, reverse=True)
    assert returns[0] > 2 * returns[2]
    assert complaints == sorted(complaints, reverse=True)


def test_the_desk_is_mostly_in_time_and_not_always(full: str) -> None:
    late, open_long, reopened, vip = _query(
        full,
        "select (select avg((delay_cause is not null)::int) from service_desk.complaints), "
        "(select count(*) from service_desk.complaints where closed_at is null and created_at < '2026-01-01'), "
        "(select count(*) from service_desk.complaints where reopened_flag), "
        "(select avg((first_reply_at > queue_entered_at + interval '1 hour')::int) from service_desk.chats where is_vip_queue)",
    )[0]
    assert 0.05 < late < 0.25
    assert 0 < vip < 0.1
    assert open_long
    assert reopened


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


def test_killed_while_it_is_made(small: str, monkeypatch: pytest.MonkeyPatch, server: EmbeddedPostgres) -> None:
    undisturbed = _digests(small)
    _elsewhere(monkeypatch)
    _run_killed("erp.ensure(date(2026, 3, 31))", "service_desk.repairs")
    assert _query(settings.embedded_url(erp.DATABASE), "select to_regnamespace('erp')") == [(None,)]
    assert _digests(erp.ensure(UNTIL)) == undisturbed
    drop_database(server, small)


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
    before = {relation: _rows(small, f"erp.{relation}", key) for relation, key in keys.items()}
    counts = {kind: count for kind, count in erp.advance(1).counts.items() if not kind.startswith(said)}
    after = {relation: _rows(small, f"erp.{relation}", key) for relation, key in keys.items()}

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


def test_days_go_on(small: str) -> None:
    keys = {
        "shop_platform.reviews": "review_id",
        "service_desk.complaints": "complaint_id",
        "service_desk.repairs": "ticket_id",
        "service_desk.chats": "chat_id",
        "service_desk.survey_answers": "survey_id || respondent_id || question_code",
    }
    before = {relation: _rows(small, relation, key) for relation, key in keys.items()}
    summary = erp.advance(20)
    after = {relation: _rows(small, relation, key) for relation, key in keys.items()}

    assert (summary.first, summary.last) == (date(2026, 4, 1), date(2026, 4, 20))
    for nothing in (
        "select * from erp.sales_order_lines where net_amount <> qty * unit_price or (unit_price <= 0) <> is_gift",
        "select order_id from erp.sales_orders except select order_id from erp.sales_order_lines",
        "select order_id from service_desk.complaints except select order_id from erp.sales_orders",
        "select order_id, line_no from shop_platform.reviews where order_id is not null "
        "except select order_id, line_no from erp.sales_order_lines",
    ):
        assert _query(small, nothing) == []
    assert _query(small, "select max(order_date)::text from erp.sales_orders") == [("2026-04-20",)]

    counts = summary.counts
    for relation in keys:
        new, old, noun = after[relation], before[relation], relation.partition(".")[2]
        assert counts[f"{noun}_new"] >= len(new.keys() - old.keys()) > 0
        assert counts[f"{noun}_gone"] >= len(old.keys() - new.keys())
        touched = [key for key in old.keys() & new.keys() if old[key] != new[key]]
        assert counts[f"{noun}_changed"] >= len(touched)
        assert all(new[key]["updated_at"] >= "2026-04-01" for key in touched)

    def became(relation: str, column: str, of: Any = None) -> int:
        """Rows that were there, whose column was ``of`` and is no more."""
        old, new = before[relation], after[relation]
        return sum(1 for key in old.keys() & new.keys() if old[key][column] == of != new[key][column])

    assert before["shop_platform.reviews"].keys() - after["shop_platform.reviews"].keys()
    for column in ("first_response_at", "verified_at", "closed_at", "followup_at"):
        assert became("service_desk.complaints", column), column
    assert became("service_desk.complaints", "reopened_flag", of=False)
    assert counts["repairs_changed"]
    assert counts["survey_answers_changed"]
    rewritten = [
        key
        for key, row in before["shop_platform.reviews"].items()
        if row["text"] != after["shop_platform.reviews"].get(key, row)["text"]
    ]
    assert rewritten


def test_no_story_outlives_the_days_that_are_looked_back(full: str) -> None:
    with contextlib.closing(psycopg2.connect(full)) as connection:
        lines = delivered(connection, date(2024, 1, 1))
    for process in (reviews, complaints, repairs):
        for line in lines:
            for story in process.stories([line], erp.SEED):
                assert story.over(line.days_later(feedback.DELIVERY_ECHOES - 1)), story


def test_what_an_older_installation_lacks_is_made_from_its_orders(small: str) -> None:
    digests = _digests(small)
    with contextlib.closing(psycopg2.connect(small)) as connection, connection.cursor() as cursor:
        cursor.execute("drop schema shop_platform, service_desk cascade; drop table demo.exports, demo.stopped")
        connection.commit()
    erp.ensure()
    assert _digests(small) == digests


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

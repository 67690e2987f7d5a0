"""The reference company: sound, the same every time, alive, and never half."""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from click.testing import CliRunner
from tests.databases import drop_database
from tests.figures import plots

from fupan import settings
from fupan.cli.demo import demo
from fupan.contracts.installation import SqlSystem, effective, systems
from fupan.demo.process import processes
from fupan.demo.systems import erp, faults, founding
from fupan.errors import ConfigurationError
from fupan.server.postgres import EmbeddedPostgres

FIRST, UNTIL = date(2023, 12, 1), date(2026, 3, 31)
SCALE = 0.01
_names = itertools.count(1)


def making(until: date = UNTIL, **given: Any) -> erp.Making:
    return erp.Making(until=until, first=FIRST, scale=SCALE, **given)


@pytest.fixture(scope="module")
def full(server: EmbeddedPostgres) -> Iterator[str]:
    """The company as `make nightly` makes it, to be looked at and not changed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(erp, "DATABASE", "erp_full")
        url = erp.ensure(erp.Making(until=UNTIL, scale=erp.SCALE))
        yield url
    drop_database(server, url)


@pytest.fixture
def empty(server: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A place for a company of the test's own."""
    _elsewhere(monkeypatch)
    yield
    drop_database(server, settings.embedded_url(erp.DATABASE))


@pytest.fixture
def small(empty: None) -> str:
    """A company of the test's own."""
    return erp.ensure(making())


def _elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(erp, "DATABASE", f"erp_{next(_names)}")


def _query(url: str, sql: str) -> list[tuple[Any, ...]]:
    with contextlib.closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchall()


def _digests(url: str) -> dict[str, str]:
    """One digest a relation over all its rows; none of those that have only the newest days of their history."""
    made = [of.full_name for process in processes().values() for of in founding.made_of(process) if not process.history]
    return {
        relation: _query(url, f"select md5(string_agg(it::text, '|' order by it::text)) from {relation} as it")[0][0]
        for relation in made
    }


# -------------------------------------------------------------------------------------------------------- as it is made


def test_it_is_as_large_as_promised(full: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(erp, "DATABASE", "erp_full")
        sizes = erp.sizes()
    assert 18_000 < sizes["erp.sales_order_lines"] < 24_000
    assert 2_000 < sizes["erp.customers"] < 3_500
    assert 110 < sizes["erp.products"] < 200
    assert sizes["erp.regions"] == 37
    assert [relation for relation, rows in sizes.items() if not rows] == []


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
            "where order_date + 4 < launch_date or order_date >= discontinue_date + 4",
        ),
        (
            "who buys is known by then, and in the country that is delivered to",
            "select * from erp.sales_orders as o join erp.customers as c using (customer_id) "
            "where (created_at at time zone 'Asia/Shanghai')::date > order_date + 4 or o.country <> c.country",
        ),
        ("every order has lines", "select order_id from erp.sales_orders except select order_id from erp.sales_order_lines"),
        (
            "what comes back was delivered, and no more of it",
            "select * from erp.returns as r join erp.sales_orders as o using (order_id) "
            "join erp.sales_order_lines as l using (order_id, line_no) "
            "where o.status <> 'completed' or r.qty > l.qty or r.requested_at < o.delivered_at",
        ),
        (
            "persons are in plain, in Chinese",
            "select * from erp.customers where country = 'CN' and contact_name !~ '^[一-龥]{2,4}$'",
        ),
        (
            "a draft is above an approved version",
            "select * from erp.hr_targets as draft where approved_at is null and version > 1 and not exists (select 1 from "
            "erp.hr_targets as it where it.approved_at is not null and it.version < draft.version and it.target_id "
            "like regexp_replace(draft.target_id, '-V[0-9]+$', '') || '-V%')",
        ),
        (
            "what is spoken of was delivered before, reviews to those who bought on a platform",
            "select order_id from shop_platform.reviews as r left join erp.sales_orders as o using (order_id) left join "
            "erp.sales_order_lines as l using (order_id, line_no) where order_id is not null and (o.status is distinct from "
            "'completed' or r.posted_at < o.delivered_at or l.sku is distinct from r.sku or o.platform <> r.platform) "
            "union all select order_id from (select order_id, sku, created_at as at from service_desk.complaints union all "
            "select order_id, sku, opened_at from service_desk.repairs) as c left join erp.sales_orders as o using (order_id) "
            "where o.status is distinct from 'completed' or c.at < o.delivered_at "
            "or c.sku not in (select sku from erp.sales_order_lines as l where l.order_id = c.order_id)",
        ),
        (
            "who complains is the customer that the ERP knows",
            "select * from service_desk.complaints as c join erp.customers as k using (customer_id) where c.contact_name "
            "<> k.contact_name or c.contact_phone is distinct from k.contact_phone",
        ),
    ],
)  # fmt: skip
def test_it_is_sound(full: str, what: str, violations: str) -> None:
    soiled = "select row_key from demo.faults where relation like 'erp.%'"
    bad = [row for row in _query(full, violations) if row]
    excused = {key.partition("/")[0] for (key,) in _query(full, soiled)}
    assert [row for row in bad if row[0] not in excused] == [], what


def test_nothing_happens_after_the_last_day(full: str) -> None:
    for process in processes().values():
        for of in founding.made_of(process):
            if of.stamp:
                late = _query(full, f"select max({of.stamp}) >= '2026-04-01 00:00 Asia/Shanghai' from {of.full_name}")
                assert late == [(False,)], of.full_name


def test_it_has_what_reviews_ask_about(full: str) -> None:
    some = _query(
        full,
        "select (select count(*) from erp.sales_orders where customer_id is null), "
        "(select count(*) from erp.sales_orders where country <> 'CN'), "
        "(select count(*) from erp.sales_orders where status = 'cancelled'), "
        "(select count(*) from erp.sales_order_lines where is_gift), "
        "(select count(*) from erp.sales_order_lines where cost_amount is null), "
        "(select count(*) from erp.sales_order_lines where is_custom_line), "
        "(select count(*) from erp.sales_order_lines where bundle_id is not null), "
        "(select count(*) from erp.sales_orders where promo_id is not null), "
        "(select count(*) from erp.returns where completed_at is null), "
        "(select count(*) from erp.hr_targets where approved_at is null), "
        "(select count(*) from erp.hr_targets where version > 1)",
    )[0]
    assert all(some), some


def test_the_year_has_its_seasons(full: str) -> None:
    """Double 11 is a peak online, the Spring Festival a trough: weeks of both against the median week."""
    weeks = [
        int(count)
        for (count,) in _query(
            full,
            "select count(o.order_id) from generate_series(date '2025-04-04', '2026-03-20', interval '7 days') as week "
            "left join erp.sales_orders as o on o.platform is not null and o.order_date between week::date and week::date + 6 "
            "group by week order by week",
        )
    ]
    median = sorted(weeks)[len(weeks) // 2]
    double_eleven, spring_festival = (
        (date(2025, 11, 11) - date(2025, 4, 4)).days // 7,
        (date(2026, 2, 18) - date(2025, 4, 4)).days // 7,
    )
    assert weeks[double_eleven] > 1.4 * median
    assert weeks[spring_festival] < 0.6 * median


def test_most_changes_of_a_day_lie_in_the_last_week(full: str) -> None:
    """Of what changes late, four fifths come within seven days of the order, the rest over the year."""
    ages = [
        days
        for (days,) in _query(
            full,
            "select (updated_at at time zone 'Asia/Shanghai')::date - to_date(substr(order_id, 3, 8), 'YYYYMMDD') "
            "from erp.sales_orders where price_correction_flag and order_date < '2025-03-01'",
        )
    ]
    assert len(ages) > 50
    # An order that was corrected early has been delivered since, so its last change is the delivery.
    assert 0.1 < sum(days > 30 for days in ages) / len(ages) < 0.3


def test_relations_have_the_contract_s_columns_and_types(full: str) -> None:
    system = systems(settings.DAGS / "sources" / "reference")["erp"]
    assert isinstance(system, SqlSystem)
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


def test_extraction_s_logins_read_their_system_and_no_more(full: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(erp, "DATABASE", "erp_full")
    url = erp.connection_url()
    assert _query(url, "select current_user, count(*) > 100 from erp.products") == [("erp_reader", True)]
    for statement in (
        "delete from erp.products returning sku",
        "select * from demo.company",
        "select * from demo.text_key",
    ):
        with pytest.raises(psycopg2.errors.InsufficientPrivilege):
            _query(url, statement)


# -------------------------------------------------------------------------------------------------- the same every time


def test_a_company_played_until_a_day_is_the_one_that_was_made_until_it(
    empty: None, monkeypatch: pytest.MonkeyPatch, server: EmbeddedPostgres
) -> None:
    played = erp.ensure(making(faults={}))
    erp.advance(2)
    erp.advance(1)
    digests = _digests(played)
    _elsewhere(monkeypatch)
    made = erp.ensure(making(UNTIL + timedelta(days=3), faults={}))
    assert _digests(made) == digests
    another = _digests(erp.create(making(UNTIL + timedelta(days=3), seed=7, faults={})))
    assert [
        name
        for name in ("erp.sales_orders", "erp.customers", "shop_platform.reviews")
        if another[name] == digests[name]
    ] == []
    drop_database(server, played)


def test_ensure_again_changes_nothing(small: str) -> None:
    erp.advance(1)
    digests = _digests(small)
    assert erp.ensure(making(date(2026, 5, 1))) == small
    assert _digests(small) == digests


def test_create_throws_away_what_was_played(small: str) -> None:
    digests = _digests(small)
    erp.advance(1)
    assert _digests(small) != digests
    erp.create(making())
    assert _digests(small) == digests


def test_days_bring_what_a_source_brings(small: str) -> None:
    """New and changed rows in all three systems."""
    counts = erp.advance(5).counts
    for relation, kinds in {
        "erp.sales_orders": ("new", "changed"),
        "erp.sales_order_lines": ("new",),
        "erp.returns": ("new",),
        "shop_platform.web_sessions": ("new",),
        "service_desk.chats": ("new",),
    }.items():
        for kind in kinds:
            assert counts[f"{relation} {kind}"], (relation, kind)
    assert _query(small, "select max(order_date)::text from erp.sales_orders") == [("2026-04-05",)]


def test_the_last_day_is_yesterday_unless_the_user_says_otherwise(empty: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FUPAN_DEMO_UNTIL", "2025-12-31")
    monkeypatch.setenv("FUPAN_DEMO_SCALE", "0.01")
    assert _query(erp.ensure(), "select until::text, scale from demo.company") == [("2025-12-31", 0.01)]
    monkeypatch.setenv("FUPAN_DEMO_UNTIL", "31.12.2025")
    with pytest.raises(ConfigurationError, match="FUPAN_DEMO_UNTIL"):
        erp.create()
    monkeypatch.setenv("FUPAN_DEMO_UNTIL", "2025-12-31")
    monkeypatch.setenv("FUPAN_DEMO_SCALE", "huge")
    with pytest.raises(ConfigurationError, match="FUPAN_DEMO_SCALE"):
        erp.create()


# ----------------------------------------------------------------------------------------------------------- never half

_KILLED = """
import os, signal
from datetime import date
from fupan.demo.systems import erp, founding, relations
erp.DATABASE = {database!r}
write = relations.{what}
def killing(connection, of, *rest, **more):
    if of.full_name == {at!r}:
        os.kill(os.getpid(), signal.SIGKILL)
    return write(connection, of, *rest, **more)
relations.{what} = killing
{call}
"""


def _run_killed(call: str, what: str, at: str) -> None:
    script = _KILLED.format(database=erp.DATABASE, what=what, at=at, call=call)
    ended = subprocess.run([sys.executable, "-c", script], env=os.environ, check=False, timeout=120)
    assert ended.returncode == -signal.SIGKILL


def test_a_kill_while_it_is_made_leaves_nothing(empty: None) -> None:
    script = f"erp.ensure(erp.Making(until=date(2026, 3, 31), first=date(2023, 12, 1), scale={SCALE}))"
    settings.embedded_url(erp.DATABASE)
    _run_killed(script, "finish", "service_desk.repairs")
    assert _query(settings.embedded_url(erp.DATABASE), "select to_regnamespace('erp')") == [(None,)]
    assert _query(erp.ensure(making()), "select count(*) > 1000 from erp.sales_orders") == [(True,)]


def test_a_kill_while_a_day_is_played_leaves_the_day_before(small: str) -> None:
    digests = _digests(small)
    _run_killed("erp.advance(2)", "upsert", "service_desk.chats")
    assert _digests(small) == digests
    assert _query(small, "select until::text from demo.company") == [("2026-03-31",)]


# --------------------------------------------------------------------------------------------------------------- faults


def test_a_new_company_has_the_usual_slips(full: str) -> None:
    found = dict(_query(full, "select name, count(*)::int from demo.faults group by 1"))
    assert found == faults.USUAL
    assert _query(full, "select count(*) from erp.sales_order_lines where qty <= 0") == [(3,)]
    assert _query(full, "select count(*) from shop_platform.reviews where rating not between 1 and 5") == [(3,)]


@pytest.mark.parametrize(
    ("name", "count", "found"),
    [
        ("negative_prices", 4, "select count(*) from erp.sales_order_lines where unit_price < 0"),
        (
            "orphan_keys",
            2,
            "select count(*) from erp.sales_order_lines where sku not in (select sku from erp.products)",
        ),
        ("future_dates", 2, "select count(*) from erp.sales_orders where order_date > '2027-01-01'"),
        ("duplicates", 2, "select count(*) from erp.sales_orders where order_id like '%-DUP'"),
        (
            "late_rows",
            2,
            "select count(*) from erp.sales_orders where order_id like '%-LATE' and order_date < '2026-03-25'",
        ),
    ],
)
def test_faults_of_the_erp_come_in_the_number_that_was_asked_for(
    empty: None, name: str, count: int, found: str
) -> None:
    url = erp.create(making(faults={name: count}))
    assert _query(url, found) == [(count,)]
    assert _query(url, "select name, count(*)::int from demo.faults group by 1") == [(name, count)]


def test_a_day_may_be_ten_times_a_day_or_none(small: str) -> None:
    day = "select count(*)::int from erp.sales_orders where order_date = (select until from demo.company)"
    erp.advance(1)
    erp.advance(1, {"tenfold_day": 1})
    tenfold = _query(small, day)[0][0]
    assert tenfold
    assert tenfold % 10 == 0
    erp.advance(1, {"empty_day": 1})
    assert _query(small, day) == [(0,)]


def test_a_column_may_get_another_name(small: str) -> None:
    erp.advance(1, {"schema_drift": 1})
    assert _query(small, "select row_key from demo.faults where name = 'schema_drift'") == [("channel_name",)]
    with pytest.raises(psycopg2.errors.UndefinedColumn):
        _query(small, "select channel_name from erp.channels")


@pytest.mark.parametrize("given", ["colour=3", "negative_prices", "negative_prices=0", "negative_prices=many"])
def test_a_fault_that_is_none_is_refused(given: str) -> None:
    with pytest.raises(ConfigurationError, match="NAME=COUNT"):
        faults.parse((given,))


def test_more_faults_than_rows_are_refused(small: str) -> None:
    with pytest.raises(ConfigurationError, match="faults"):
        erp.advance(1, {"negative_prices": 10_000})


# ------------------------------------------------------------------------------------------------------------- pictures


@pytest.mark.parametrize("name", plots.PLOTS)
def test_there_is_something_to_see_in_every_picture(full: str, name: str) -> None:
    shown = _query(full, plots.PLOTS[name][0])
    assert len(shown) >= 6
    assert any(value for row in shown for value in row[1:])


def test_pictures_are_drawn(full: str, tmp_path: Path) -> None:
    drawn = list(plots.draw(full, tmp_path))
    assert len(drawn) == len(plots.PLOTS)
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in drawn)


# --------------------------------------------------------------------------------------------------------- command line


def test_days_need_a_company(empty: None) -> None:
    with pytest.raises(ConfigurationError, match="fupan demo create"):
        erp.advance(1)
    with pytest.raises(ConfigurationError, match="number of days"):
        erp.advance(0)


def test_command_line(empty: None, tmp_path: Path) -> None:
    arguments = ["create", "--until", "2026-03-31", "--scale", "0.01", "--seed", "5", "--faults", "negative_prices=2"]
    made = CliRunner().invoke(demo, arguments, catch_exceptions=False)
    assert made.exit_code == 0
    assert "erp.products" in made.output
    played = CliRunner().invoke(demo, ["advance", "--days", "2"], catch_exceptions=False)
    assert played.exit_code == 0
    assert "2026-04-01 to 2026-04-02" in played.output
    assert "erp.sales_orders new" in played.output
    assert "line_unit_price_positive" in CliRunner().invoke(demo, ["faults"], catch_exceptions=False).output
    key = tmp_path / "key.csv"
    CliRunner().invoke(demo, ["key", str(key)], catch_exceptions=False)
    assert key.read_text().startswith("system,table_name,row_key,topic,sentiment,shape\n")

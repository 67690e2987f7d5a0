"""Publishing a build: what BI users see, what they may do, and what the records say."""

from __future__ import annotations

from datetime import date, timedelta

import psycopg2
import pytest
from tests.publish_warehouse import (
    DAY,
    MARTS,
    SALES,
    build,
    execute,
    manifest,
    query,
    status,
    verdict,
    view_columns,
    visible,
)

from fupan.errors import Busy, ConfigurationError
from fupan.publish.publish import publish_build
from fupan.warehouse.connection import connect, only_one

AFTER_SALES = "after_sales"


@pytest.fixture(autouse=True)
def _impatient(warehouse: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FUPAN_PUBLISH_PATIENCE", "1")


def test_the_first_release_is_what_bi_users_see() -> None:
    build_id = build(1)
    assert publish_build(build_id, manifest()) == {SALES: "published"}

    assert visible() == [1]
    [release] = query("select * from ops.release")
    assert (release["state"], release["build_id"], release["business_day"]) == ("current", build_id, DAY)
    assert release["schema_name"] == f"{SALES}__r{release['release_id']}"
    assert release["columns"]["region"] == [["release_no", "integer"], ["region_code", "text"]]
    assert verdict(build_id)["release_id"] == release["release_id"]
    seen = status()
    assert (seen["verdict"], seen["business_day"], seen["release_id"]) == ("published", DAY, release["release_id"])
    assert (seen["label_zh"], seen["held_since"], seen["why"], seen["no_data"]) == ("销售", None, None, [])
    assert not query("select 1 from pg_namespace where nspname = %s", f"build_{SALES}")


def test_the_next_release_takes_its_place_and_the_old_one_is_kept() -> None:
    publish_build(build(1), manifest())
    before = query("select 'sales_performance.trend'::regclass::oid as oid")
    publish_build(build(2, day=DAY + timedelta(1)), manifest())

    assert visible() == [2]
    assert query("select 'sales_performance.trend'::regclass::oid as oid") == before
    states = query("select release_id, schema_name, state from ops.release order by 1")
    assert [row["state"] for row in states] == ["superseded", "current"]
    assert visible(f"{states[0]['schema_name']}.trend", role="builder") == [1]


def test_views_carry_comments_grants_and_their_owners_rights() -> None:
    publish_build(build(1, comment="Revenue 收入"), manifest())
    publish_build(build(2, comment="Revenue, net 净收入"), manifest())

    [view] = query(
        """
        select obj_description(oid) as comment, col_description(oid, 1) as column_comment,
            relowner::regrole::text as owner, relkind::text, reloptions
        from pg_class where oid = 'sales_performance.trend'::regclass
        """
    )
    assert view["comment"] == view["column_comment"] == "Revenue, net 净收入"
    assert (view["owner"], view["relkind"], view["reloptions"]) == ("fupan_builder", "v", ["security_invoker=false"])
    [schema] = query("select nspowner::regrole::text as owner from pg_namespace where nspname = %s", SALES)
    assert schema["owner"] == "fupan_builder"


@pytest.mark.parametrize(
    "statement",
    [
        "select * from sales_performance__r1.trend",
        "select * from build_sales_performance.trend",
        "delete from sales_performance.trend",
        "create table sales_performance.mine (i int)",
    ],
)
def test_bi_users_read_the_views_and_nothing_else(statement: str) -> None:
    publish_build(build(1), manifest())
    build(2)
    with (
        connect("reader", "test") as connection,
        connection.cursor() as cursor,
        pytest.raises(psycopg2.errors.InsufficientPrivilege),
    ):
        cursor.execute(statement)


def test_tables_are_analyzed_before_they_are_public() -> None:
    publish_build(build(1), manifest())
    [table] = query("select reltuples from pg_class where oid = 'sales_performance__r1.region'::regclass")
    assert table["reltuples"] == 50


def test_the_gates_word_counts() -> None:
    publish_build(build(1, verdicts={SALES: "published", AFTER_SALES: "published"}), manifest(SALES, AFTER_SALES))
    second = build(2, day=DAY + timedelta(1), verdicts={SALES: "published_with_warnings", AFTER_SALES: "held"})
    assert publish_build(second, manifest(SALES, AFTER_SALES)) == {
        SALES: "published_with_warnings",
        AFTER_SALES: "held",
    }
    assert (visible(), visible(f"{AFTER_SALES}.trend")) == ([2], [1])
    assert (status()["verdict"], status()["why"]) == ("published_with_warnings", "too few rows")
    held = status(AFTER_SALES)
    assert (held["verdict"], held["held_since"], held["business_day"]) == ("held", DAY + timedelta(1), DAY)
    assert held["why"] == "too few rows"

    third = build(3, day=DAY + timedelta(2), verdicts={SALES: "published", AFTER_SALES: "held"})
    publish_build(third, manifest(SALES, AFTER_SALES))
    assert status(AFTER_SALES)["held_since"] == DAY + timedelta(1)
    publish_build(build(4, day=DAY + timedelta(3), verdicts={AFTER_SALES: "published"}), manifest(SALES, AFTER_SALES))
    assert (status(AFTER_SALES)["verdict"], status(AFTER_SALES)["held_since"]) == ("published", None)


def test_a_dimension_that_never_passed_is_never_published() -> None:
    publish_build(build(1, verdicts={SALES: "held"}), manifest(SALES, AFTER_SALES))
    held, unknown = status(), status(AFTER_SALES)
    assert (held["verdict"], held["held_since"], held["why"]) == ("never_published", DAY, "too few rows")
    assert (unknown["verdict"], unknown["held_since"], unknown["business_day"]) == ("never_published", None, None)
    assert not query("select 1 from pg_namespace where nspname = %s", SALES)


def test_status_names_marts_without_data() -> None:
    execute("insert into ops.source_table values ('erp', 'erp_region', false), ('erp', 'erp_trend', true)")
    publish_build(build(1), manifest())
    assert status()["no_data"] == ["region"]


def test_again_for_the_same_build_changes_nothing() -> None:
    build_id = build(1)
    publish_build(build_id, manifest())
    before = query("select * from ops.release"), verdict(build_id)
    assert publish_build(build_id, manifest()) == {SALES: "published"}
    assert (query("select * from ops.release"), verdict(build_id)) == before

    publish_build(build(2, day=DAY + timedelta(1)), manifest())
    assert publish_build(build_id, manifest()) == {SALES: "published"}
    assert visible() == [2]


def test_a_build_publishes_only_the_dimensions_it_is_for() -> None:
    both = {SALES: "published", AFTER_SALES: "published"}
    publish_build(build(1, verdicts=both), manifest(SALES, AFTER_SALES))
    publish_build(build(2, verdicts=both, restrict_to=[AFTER_SALES]), manifest(SALES, AFTER_SALES))
    assert (visible(), visible(f"{AFTER_SALES}.trend")) == ([1], [2])
    assert status()["verdict"] == "published"


def test_an_older_day_does_not_replace_a_newer_one() -> None:
    publish_build(build(1), manifest())
    older = build(2, day=DAY - timedelta(1))
    assert publish_build(older, manifest()) == {SALES: "held"}
    [reason] = verdict(older)["reasons"]
    assert reason["rule"] == "publish.older_day"
    assert "2026-02-28" in reason["message"]
    assert visible() == [1]
    seen = status()
    assert (seen["verdict"], seen["business_day"], seen["held_since"]) == ("published", DAY, None)


def test_tables_that_a_later_build_has_taken_over_are_not_published_as_the_earlier_ones() -> None:
    earlier = build(1)
    build(2, day=DAY + timedelta(1))
    assert publish_build(earlier, manifest()) == {SALES: "held"}
    assert verdict(earlier)["reasons"][0]["rule"] == "publish.rebuilt"
    assert query("select 1 from ops.release") == []


def test_a_mart_that_dbt_did_not_build_holds_the_dimension() -> None:
    build_id = build(1, marts={"trend": MARTS["trend"]})
    assert publish_build(build_id, manifest()) == {SALES: "held"}
    [reason] = verdict(build_id)["reasons"]
    assert (reason["rule"], reason["severity"]) == ("publish.incomplete", "critical")
    assert "region" in reason["message"]


def test_a_table_that_is_no_mart_any_more_does_not_become_public() -> None:
    publish_build(build(1), manifest(without=("region",)))
    assert [
        row["relname"] for row in query("select relname from pg_class where relnamespace = %s::regnamespace", SALES)
    ] == ["trend"]


def test_a_fault_of_one_dimension_does_not_cost_the_others() -> None:
    with connect("builder", "test", autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute("create schema after_sales; create table after_sales.trend (i int)")
    build_id = build(1, verdicts={SALES: "published", AFTER_SALES: "published"})
    assert publish_build(build_id, manifest(SALES, AFTER_SALES)) == {SALES: "published", AFTER_SALES: "held"}
    [reason] = verdict(build_id, AFTER_SALES)["reasons"]
    assert reason["rule"] == "publish.failed"
    assert '"trend" is not a view' in reason["message"]


def test_two_publishers_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fupan.publish.locking.PREDECESSOR_ENDS", 0.2)
    build_id = build(1)
    with connect("builder", "the other one", autocommit=True) as connection:
        only_one(connection, "publish")
        with pytest.raises(Busy, match="publish"):
            publish_build(build_id, manifest())
    assert publish_build(build_id, manifest()) == {SALES: "published"}


def test_a_build_that_is_none() -> None:
    with pytest.raises(ConfigurationError, match="no build 77"):
        publish_build(77, manifest())


def test_day_and_columns_of_the_views(warehouse: str) -> None:
    publish_build(build(1), manifest())
    assert view_columns("trend") == ["release_no", "day", "product_line", "revenue"]
    assert query("select day from sales_performance.trend", role="reader") == [{"day": date(2026, 3, 1)}]

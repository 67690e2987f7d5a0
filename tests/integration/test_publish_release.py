"""Rollback, override and pruning, with a BI user's own view on top."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from click.testing import CliRunner
from tests.publish_warehouse import (
    DAY,
    MARTS,
    SALES,
    BiUser,
    build,
    execute,
    manifest,
    query,
    status,
    verdict,
    view_columns,
    visible,
)

from fupan.cli.release import release as command
from fupan.errors import Busy, ConfigurationError, GateFailed
from fupan.publish.publish import publish_build
from fupan.publish.release import list_releases, prune, publish_override, rollback
from fupan.publish.swap import NotPublishable
from fupan.warehouse.connection import connect, only_one

WIDER = {**MARTS, "trend": f"select base.*, 0.5::numeric(5, 2) as margin from ({MARTS['trend']}) as base"}
RETYPED = {**MARTS, "trend": MARTS["trend"].replace("numeric(18, 2)", "numeric(18, 4)")}
NEXT = DAY + timedelta(1)


@pytest.fixture(autouse=True)
def _impatient(warehouse: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FUPAN_PUBLISH_PATIENCE", "0.5")


@pytest.fixture
def analyst(warehouse: str) -> Iterator[BiUser]:
    user = BiUser("analyst")
    yield user
    user.drop()


def test_rollback_shows_the_release_before_and_the_next_night_publishes(analyst: BiUser) -> None:
    publish_build(build(1), manifest())
    publish_build(build(2, day=NEXT), manifest())
    analyst.execute("create view analyst.mine as select release_no from sales_performance.trend")

    shown = rollback(SALES)
    assert (shown.business_day, shown.state) == (DAY, "current")
    assert analyst.query("select release_no from analyst.mine") == [{"release_no": 1}]
    assert visible("sales_performance.region") == [1]
    assert [release.state for release in list_releases(SALES)] == ["rolled_back", "current"]
    seen = status()
    assert (seen["verdict"], seen["business_day"], seen["held_since"]) == ("held", DAY, NEXT)
    assert "Rolled back to release" in seen["why"]

    assert publish_build(build(3, day=NEXT + timedelta(1)), manifest()) == {SALES: "published"}
    assert analyst.query("select release_no from analyst.mine") == [{"release_no": 3}]
    assert (status()["verdict"], status()["held_since"]) == ("published", None)


def test_a_rolled_back_build_does_not_come_back_when_its_publish_step_runs_again() -> None:
    publish_build(build(1), manifest())
    bad = build(2, day=NEXT)
    publish_build(bad, manifest())
    rollback(SALES)
    assert publish_build(bad, manifest()) == {SALES: "published"}
    assert visible() == [1]
    assert status()["verdict"] == "held"


def test_rollback_goes_past_what_was_rolled_back_and_forward_by_number() -> None:
    for number in (1, 2, 3):
        publish_build(build(number, day=DAY + timedelta(number)), manifest())
    rollback(SALES)
    assert visible() == [2]
    rollback(SALES)
    assert visible() == [1]
    newest = list_releases(SALES)[0].release_id
    assert rollback(SALES, newest).release_id == newest
    assert visible() == [3]
    assert (status()["verdict"], status()["held_since"]) == ("published", None)
    assert [release.state for release in list_releases(SALES)] == ["current", "rolled_back", "superseded"]


def test_columns_and_marts_that_the_old_release_lacks_stay_and_are_empty(analyst: BiUser) -> None:
    publish_build(build(1, marts={"trend": MARTS["trend"]}), manifest(without=("region",)))
    publish_build(build(2, day=NEXT, marts=WIDER), manifest())
    analyst.execute(
        "create view analyst.mine as select t.release_no, t.margin, count(r.region_code) as regions "
        "from sales_performance.trend as t left join sales_performance.region as r using (release_no) group by 1, 2"
    )
    rollback(SALES)
    assert analyst.query("select * from analyst.mine") == [{"release_no": 1, "margin": None, "regions": 0}]
    assert query("select count(*) from sales_performance.region", role="reader") == [{"count": 0}]
    [comment] = query("select col_description('sales_performance.trend'::regclass, 5) as text")
    assert comment["text"].startswith("Not in this release")

    # The model without the column was the good one: the column stays away, and that is no breaking change.
    again = build(3, day=NEXT + timedelta(1), marts={"trend": MARTS["trend"]})
    assert publish_build(again, manifest(without=("region",))) == {SALES: "published"}
    assert analyst.query("select release_no, margin from analyst.mine") == [{"release_no": 3, "margin": None}]
    # And it may return.
    publish_build(build(4, day=NEXT + timedelta(2), marts=WIDER), manifest())
    assert [
        (row["release_no"], float(row["margin"]), row["regions"]) for row in analyst.query("select * from analyst.mine")
    ] == [(4, 0.5, 50)]
    assert view_columns("trend") == ["release_no", "day", "product_line", "revenue", "margin"]


def test_rollback_over_a_retyped_column(analyst: BiUser) -> None:
    publish_build(build(1), manifest())
    publish_build(build(2, day=NEXT, marts=RETYPED), manifest(breaking={"trend": True}))
    analyst.execute("create view analyst.mine as select revenue from sales_performance.trend")
    with pytest.raises(GateFailed, match=r"analyst\.mine"):
        rollback(SALES)
    assert visible() == [2]
    analyst.execute("drop view analyst.mine")
    rollback(SALES)
    assert visible() == [1]
    [column] = query(
        "select format_type(atttypid, atttypmod) as type from pg_attribute "
        "where attrelid = 'sales_performance.trend'::regclass and attname = 'revenue'"
    )
    assert column["type"] == "numeric(18,2)"


@pytest.mark.parametrize(
    ("to_release", "told"), [(None, "no older release"), (1, "no other release 1"), (9, "release 9")]
)
def test_rollback_to_nowhere(to_release: int | None, told: str) -> None:
    with pytest.raises(ConfigurationError, match="has no release"):
        rollback(SALES)
    publish_build(build(1), manifest())
    with pytest.raises(ConfigurationError, match=told):
        rollback(SALES, to_release)


def test_rollback_names_a_reader_who_stays() -> None:
    publish_build(build(1), manifest())
    publish_build(build(2), manifest())
    with connect("reader", "report") as reader, reader.cursor() as cursor:
        cursor.execute("select * from sales_performance.trend")
        with pytest.raises(Busy, match=f"session {reader.info.backend_pid} of bi_reader"):
            rollback(SALES)
    rollback(SALES)
    assert visible() == [1]


def test_override_publishes_what_is_held_and_says_so(analyst: BiUser) -> None:
    publish_build(build(1), manifest())
    analyst.execute("create view analyst.mine as select release_no from sales_performance.trend")
    held = build(2, day=NEXT, verdicts={SALES: "held"})
    publish_build(held, manifest())

    shown = publish_override(SALES, "the count is right, the rule is not", manifest())
    assert (shown.build_id, shown.override_reason) == (held, "the count is right, the rule is not")
    assert analyst.query("select release_no from analyst.mine") == [{"release_no": 2}]
    assert (verdict(held)["verdict"], verdict(held)["release_id"]) == ("held", shown.release_id)
    seen = status()
    assert (seen["verdict"], seen["business_day"], seen["held_since"]) == ("published_with_warnings", NEXT, None)
    assert (seen["override_reason"], seen["why"]) == ("the count is right, the rule is not", "too few rows")

    with pytest.raises(ConfigurationError, match="Nothing of sales_performance is held"):
        publish_override(SALES, "again", manifest())
    assert publish_build(held, manifest()) == {SALES: "held"}
    assert visible() == [2]

    publish_build(build(3, day=NEXT + timedelta(1)), manifest())
    assert (status()["verdict"], status()["override_reason"]) == ("published", None)


def test_override_may_publish_an_older_day() -> None:
    publish_build(build(1), manifest())
    older = build(2, day=DAY - timedelta(1))
    assert publish_build(older, manifest()) == {SALES: "held"}
    publish_override(SALES, "the newest day is wrong", manifest())
    assert visible() == [2]
    assert status()["business_day"] == DAY - timedelta(1)


def test_override_may_not_break_bi_users() -> None:
    publish_build(build(1), manifest())
    publish_build(build(2, marts=RETYPED), manifest())
    with pytest.raises(NotPublishable, match="revenue turns from"):
        publish_override(SALES, "hurry", manifest())
    assert visible() == [1]


def test_override_needs_something_held_a_reason_and_no_build_at_work() -> None:
    with pytest.raises(ConfigurationError, match="No build has judged"):
        publish_override(SALES, "because", manifest())
    with pytest.raises(ConfigurationError, match="no dimension sales"):
        publish_override("sales", "because", manifest())
    build(1, verdicts={SALES: "held"})
    with pytest.raises(ConfigurationError, match="needs a reason"):
        publish_override(SALES, "  ", manifest())
    with connect("builder", "dbt at work", autocommit=True) as connection:
        only_one(connection, "build")
        with pytest.raises(Busy, match="build"):
            publish_override(SALES, "because", manifest())
    assert query("select 1 from ops.release") == []


def _schemas() -> set[str]:
    return {
        row["nspname"] for row in query("select nspname from pg_namespace where nspname like 'sales_performance__r%%'")
    }


def test_prune_keeps_the_newest_the_current_and_what_is_referenced() -> None:
    for number in range(1, 6):
        publish_build(build(number, day=DAY + timedelta(number)), manifest())
    ids = [release.release_id for release in list_releases(SALES)][::-1]
    rollback(SALES, ids[1])
    execute(f"create schema office; create view office.old as select * from sales_performance__r{ids[0]}.trend")

    done = {entry.release.release_id: entry.kept_because for entry in prune(keep=2)}
    assert done[ids[2]] is None
    assert "office.old" in (done[ids[0]] or "")
    assert set(done) == {ids[0], ids[2]}
    assert _schemas() == {f"sales_performance__r{number}" for number in (ids[0], ids[1], ids[3], ids[4])}
    states = {release.release_id: release.state for release in list_releases(SALES)}
    assert [states[number] for number in ids] == ["superseded", "current", "pruned", "superseded", "rolled_back"]
    assert visible() == [2]
    assert query("select release_no from office.old", role="owner") == [{"release_no": 1}]

    execute("drop schema office cascade")
    assert {entry.release.release_id: entry.kept_because for entry in prune(keep=2)} == {ids[0]: None}
    with pytest.raises(ConfigurationError, match="no other release"):
        rollback(SALES, ids[0])
    with pytest.raises(ConfigurationError, match="at least 1"):
        prune(keep=0)


def test_prune_leaves_a_release_that_is_being_read() -> None:
    publish_build(build(1), manifest())
    publish_build(build(2), manifest())
    with connect("builder", "a long count") as reader, reader.cursor() as cursor:
        cursor.execute("select * from sales_performance__r1.trend")
        [entry] = prune(keep=1)
        assert "a long count" in (entry.kept_because or "")
    assert len(_schemas()) == 2
    assert [entry.kept_because for entry in prune(keep=1)] == [None]
    assert len(_schemas()) == 1


def test_the_command_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fupan.transform.dbt.manifest", manifest)
    run = CliRunner()
    assert "Nothing of any dimension" in run.invoke(command, ["list"]).output
    publish_build(build(1), manifest())
    publish_build(build(2, day=NEXT, verdicts={SALES: "held"}), manifest())

    refused = run.invoke(command, ["publish", SALES, "--reason", "x"])
    assert (refused.exit_code, "--override" in refused.output) == (2, True)
    done = run.invoke(command, ["publish", SALES, "--override", "--reason", "looked at"])
    assert (done.exit_code, "business day 2026-03-02, by override: looked at" in done.output) == (0, True)
    listed = run.invoke(command, ["list", SALES]).output
    assert "looked at" in listed
    assert listed.index("2026-03-02") < listed.index("2026-03-01")
    back = run.invoke(command, ["rollback", SALES])
    assert (back.exit_code, "business day 2026-03-01" in back.output) == (0, True)
    assert isinstance(run.invoke(command, ["rollback", SALES, "--to", "99"]).exception, ConfigurationError)

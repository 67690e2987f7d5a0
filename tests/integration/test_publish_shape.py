"""A mart's shape is a promise to BI users: it may grow; anything else must be declared."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import psycopg2
import pytest
from tests.publish_warehouse import (
    DAY,
    MARTS,
    SALES,
    BiUser,
    build,
    execute,
    manifest,
    query,
    verdict,
    view_columns,
    visible,
)

from fupan.publish.publish import publish_build
from fupan.publish.release import rollback

WIDER = {**MARTS, "trend": f"select 7 as margin, base.* from ({MARTS['trend']}) as base"}
NARROWER = {**MARTS, "trend": "select %s as release_no, date '2026-03-01' as day, 1.5::numeric(18, 2) as revenue"}
RETYPED = {**MARTS, "trend": MARTS["trend"].replace("numeric(18, 2)", "numeric(18, 4)")}
NEXT = DAY + timedelta(1)


@pytest.fixture(autouse=True)
def _impatient(warehouse: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FUPAN_PUBLISH_PATIENCE", "0.5")


@pytest.fixture
def analyst(warehouse: str) -> Iterator[BiUser]:
    """A BI user with a view of his own on the first release."""
    publish_build(build(1), manifest())
    user = BiUser("analyst")
    user.execute("create view analyst.mine as select product_line, revenue, release_no from sales_performance.trend")
    yield user
    user.drop()


def test_a_new_column_comes_last_wherever_it_stands_in_the_model(analyst: BiUser) -> None:
    assert publish_build(build(2, day=NEXT, marts=WIDER), manifest()) == {SALES: "published"}
    assert view_columns("trend") == ["release_no", "day", "product_line", "revenue", "margin"]
    assert query("select margin, release_no from sales_performance.trend") == [{"margin": 7, "release_no": 2}]
    assert analyst.query("select release_no from analyst.mine") == [{"release_no": 2}]


def test_a_new_mart_gets_its_view(analyst: BiUser) -> None:
    less = {"trend": MARTS["trend"]}
    publish_build(build(2, day=NEXT), manifest())
    assert visible("sales_performance.region") == [2]
    assert publish_build(build(3, day=NEXT, marts=less), manifest(breaking={"*": True}, without=("region",))) == {
        SALES: "published"
    }
    publish_build(build(4, day=NEXT), manifest())
    assert visible("sales_performance.region") == [4]


@pytest.mark.parametrize(
    ("marts", "without", "told"),
    [
        (NARROWER, (), ["sales_performance.trend: column product_line (character varying(20)) is dropped"]),
        (RETYPED, (), ["sales_performance.trend: column revenue turns from numeric(18,2) to numeric(18,4)"]),
        ({"trend": MARTS["trend"]}, ("region",), ["sales_performance.region: the mart is removed"]),
        (
            {"trend": NARROWER["trend"]},
            ("region",),
            ["sales_performance.region: the mart is removed", "sales_performance.trend: column product_line"],
        ),
    ],
    ids=["dropped column", "retyped column", "removed mart", "both"],
)
def test_a_breaking_change_holds_the_dimension(
    analyst: BiUser, marts: dict[str, str], without: tuple[str, ...], told: list[str]
) -> None:
    build_id = build(2, day=NEXT, marts=marts)
    assert publish_build(build_id, manifest(without=without)) == {SALES: "held"}
    reasons = verdict(build_id)["reasons"]
    assert [reason["rule"] for reason in reasons] == ["publish.shape"] * len(told)
    for reason, expected in zip(reasons, told, strict=True):
        assert reason["message"].startswith(expected)
        assert "meta.breaking_release" in reason["message"]
    assert (visible(), visible("sales_performance.region")) == ([1], [1])
    assert analyst.query("select product_line, release_no from analyst.mine") == [
        {"product_line": "lamps", "release_no": 1}
    ]

    # The model mended, the next night is an ordinary one.
    assert publish_build(build(3, day=NEXT), manifest()) == {SALES: "published"}
    assert visible() == [3]


def test_declared_afterwards_the_same_build_is_published() -> None:
    publish_build(build(1), manifest())
    build_id = build(2, day=NEXT, marts=NARROWER)
    assert publish_build(build_id, manifest()) == {SALES: "held"}
    assert publish_build(build_id, manifest(breaking={"trend": True})) == {SALES: "published"}
    assert view_columns("trend") == ["release_no", "day", "revenue"]
    assert verdict(build_id)["reasons"] == []


@pytest.mark.parametrize("marts", [NARROWER, RETYPED], ids=["dropped column", "retyped column"])
def test_a_declared_breaking_release_keeps_grants_and_comments(marts: dict[str, str]) -> None:
    publish_build(build(1), manifest())
    execute("create role auditor_of_test")
    try:
        execute("grant select on sales_performance.trend to auditor_of_test with grant option")
        publish_build(build(2, day=NEXT, marts=marts, comment="new 新"), manifest(breaking={"trend": "2026-03"}))
        assert visible() == [2]
        [view] = query(
            "select has_table_privilege('auditor_of_test', 'sales_performance.trend', 'select with grant option') as granted, "
            "col_description('sales_performance.trend'::regclass, 1) as comment"
        )
        assert view == {"granted": True, "comment": "new 新"}
    finally:
        execute("drop owned by auditor_of_test; drop role auditor_of_test")


def test_the_name_of_a_breaking_release_is_good_for_one() -> None:
    publish_build(build(1), manifest())
    named = manifest(breaking={"trend": "2026-03 without product line"})
    assert publish_build(build(2, day=NEXT, marts=NARROWER), named) == {SALES: "published"}
    assert publish_build(build(3, day=NEXT, marts=NARROWER), named) == {SALES: "published"}
    less = {**MARTS, "trend": "select %s as release_no"}
    assert publish_build(build(4, day=NEXT, marts=less), named) == {SALES: "held"}
    assert publish_build(build(5, day=NEXT, marts=less), manifest(breaking={"trend": "2026-04"})) == {
        SALES: "published"
    }

    # After a rollback to before it, the release that bore the name may come again.
    rollback(SALES, 1)
    assert view_columns("trend") == ["release_no", "day", "product_line", "revenue"]
    assert publish_build(build(6, day=NEXT, marts=less), manifest(breaking={"trend": "2026-04"})) == {
        SALES: "published"
    }
    assert view_columns("trend") == ["release_no"]


@pytest.mark.parametrize(
    ("marts", "declared", "without"),
    [
        (NARROWER, {"trend": True}, ()),
        (RETYPED, {"trend": True}, ()),
        ({"region": MARTS["region"]}, {"*": True}, ("trend",)),
    ],
    ids=["dropped column", "retyped column", "removed mart"],
)
def test_a_declared_breaking_release_waits_for_who_depends_on_it(
    analyst: BiUser, marts: dict[str, str], declared: dict[str, object], without: tuple[str, ...]
) -> None:
    build_id = build(2, day=NEXT, marts=marts)
    declared_manifest = manifest(breaking=declared, without=without)
    assert publish_build(build_id, declared_manifest) == {SALES: "held"}
    [reason] = verdict(build_id)["reasons"]
    assert reason["rule"] == "publish.dependants"
    assert "analyst.mine" in reason["message"]
    assert analyst.query("select release_no from analyst.mine") == [{"release_no": 1}]
    assert query("select 1 from ops.release where build_id = %s", build_id) == []

    analyst.execute("drop view analyst.mine")
    assert publish_build(build_id, declared_manifest) == {SALES: "published"}
    assert visible("sales_performance.region") == [2 if "region" in marts else 1]


def test_a_mart_removed_as_declared_is_gone(analyst: BiUser) -> None:
    published = publish_build(
        build(2, day=NEXT, marts={"trend": MARTS["trend"]}), manifest(breaking={"*": "no regions"}, without=("region",))
    )
    assert published == {SALES: "published"}
    with pytest.raises(psycopg2.errors.UndefinedTable):
        visible("sales_performance.region")
    assert analyst.query("select release_no from analyst.mine") == [{"release_no": 2}]

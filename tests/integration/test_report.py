"""The night report says what `ops` says: as numbers, as a page, on the terminal."""

from __future__ import annotations

import io
import re
from datetime import UTC, date, datetime, timedelta
from html.parser import HTMLParser

import pytest
from rich.console import Console
from tests.night_rows import NightRows, execute, insert, query

from fupan.alerts.notify import notify
from fupan.errors import ConfigurationError
from fupan.report.model import Counts, NightReport
from fupan.report.night import collect, load_report, render, report_file, reports, write_report
from fupan.report.terminal import print_report
from fupan.report.visible import end_of_day, humanise, visible
from fupan.warehouse.connection import connect

DAY = date(2026, 3, 20)
SALES, SERVICE = "sales_performance", "after_sales"
LINES = "erp_sales_order_lines"


class PageText(HTMLParser):
    """The words of a page, and every address that it would fetch."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.fetched: list[str] = []
        self._silent = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._silent = tag == "style"
        self.fetched += [value or "" for name, value in attrs if name in ("src", "href")]

    def handle_endtag(self, tag: str) -> None:
        self._silent = False

    def handle_data(self, data: str) -> None:
        if not self._silent and data.strip():
            self.words.append(data.strip())

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.words))


@pytest.fixture(autouse=True)
def _nobody_to_tell(warehouse: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FUPAN_ALERT_URLS", raising=False)


@pytest.fixture
def night() -> NightRows:
    """A night with something of everything."""
    earlier = NightRows(DAY - timedelta(days=1))
    for dimension in (SALES, SERVICE):
        earlier.verdict(dimension)
    quarantined = {"system": "erp", "table_name": LINES, "rule": "sku_known", "row_content": {"sku": "X"}}
    for number in range(5):
        insert("ops.quarantine", **quarantined, row_key=["SO-0", str(number)], first_build_id=earlier.build_id)
    earlier.finish()

    night = NightRows(DAY)
    with connect("owner", "test", autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute("insert into ops.source_system values ('erp', 'Asia/Shanghai', 'reference')")
        cursor.execute(
            "insert into ops.source_table (system, table_name, is_delivered) values ('erp', 'hr_targets', false)"
        )
    first = night.load(
        LINES, read=30_000, inserted=1_200, updated=300, unchanged=28_490, duplicate=7, rejected=3, deleted=2
    )
    night.load(LINES, read=100, inserted=40, unchanged=60)
    night.load("erp_products", read=812, unchanged=812)
    night.load("erp_customers", state="failed", error="column city_tier is missing, ask li.lei@example.cn")
    total = {"load_id": first, "system": "erp", "table_name": LINES, "measure": "rows"}
    for day in range(1, 10):
        insert("ops.control_total", **total, day=date(2026, 3, day), source_value=10, raw_value=10, agrees=True)
    insert("ops.control_total", **total, day=date(2026, 3, 10), source_value=771, raw_value=770, agrees=False)
    insert("ops.drift", system="erp", table_name=LINES, column_name="gift_note", kind="added", detail="text")

    execute(
        "update ops.quarantine set released_at = clock_timestamp(), released_build_id = %s where row_key[2] in ('0', '1')",
        night.build_id,
    )
    for number in range(4):
        insert("ops.quarantine", **quarantined, row_key=["SO-9", str(number)], first_build_id=night.build_id)
    for number in range(20):
        night.rule(f"good_{number}", LINES, passed=True)
    for number in range(6):
        night.rule(f"fine_{number}", "trend", passed=True, gate="release")
    counted = {"evaluated": 31_540, "unexpected": 46, "message": "46 lines below zero <b>"}
    night.rule("qty_not_negative", LINES, **counted)
    node = {"build_id": night.build_id, "stage": "core", "seconds": 1.25}
    for number in range(8):
        insert("ops.dbt_node", **node, node_id=f"model.fupan.m{number}", resource_type="model", status="success")
    for number in range(30):
        insert("ops.dbt_node", **node, node_id=f"test.fupan.t{number}", resource_type="test", status="pass")
    failed = {"resource_type": "test", "status": "fail", "failures": 17, "message": "Got 17 results"}
    insert("ops.dbt_node", **node, **failed, node_id="test.fupan.unique_dim_customer")
    insert("ops.dbt_node", **node, node_id="model.fupan.skipped", resource_type="model", status="skipped")

    night.verdict(SALES)
    night.verdict(SERVICE, [night.reason("qty_not_negative", LINES, message="46 lines below zero")])
    execute(
        "insert into ops.build_step (build_id, step, finished_at) values (%s, 'raw_gate', clock_timestamp() + interval '83 s')",
        night.build_id,
    )
    notify(night.build_id)
    night.finish()
    return night


@pytest.fixture
def report(night: NightRows) -> NightReport:
    return write_report(night.build_id)


def test_rows_by_table_and_in_total_are_those_of_the_loads(report: NightReport) -> None:
    by_table = {load.table: load for load in report.loads}
    assert by_table[LINES].loads == 2
    assert by_table[LINES].counts == Counts(
        read=30_100, inserted=1_240, updated=300, unchanged=28_550, duplicate=7, rejected=3, deleted=2
    )
    assert by_table[LINES].seconds == pytest.approx(5.0)
    assert by_table["erp_customers"].error == "column city_tier is missing, ask [e-mail]"
    [sums] = query("select sum(rows_read)::bigint as read, sum(rows_deleted)::bigint as deleted from ops.load")
    assert (report.totals.read, report.totals.deleted) == (sums["read"], sums["deleted"]) == (30_912, 2)
    totals = report.totals
    assert totals.read == sum((totals.inserted, totals.updated, totals.unchanged, totals.duplicate, totals.rejected))


def test_quality_is_that_of_the_gates_the_quarantine_and_dbt(report: NightReport) -> None:
    assert [(gate.gate, gate.passed, gate.failed) for gate in report.gates] == [("raw", 20, 1), ("release", 6, 0)]
    [rule] = report.failed_rules
    assert (rule.rule, rule.unexpected, rule.evaluated) == ("qty_not_negative", 46, 31_540)
    [kept] = report.quarantine
    assert (kept.table, kept.rule, kept.new, kept.released, kept.open) == (LINES, "sku_known", 4, 2, 7)
    assert (report.control_totals.compared, report.control_totals.agreed) == (10, 9)
    [differs] = report.control_totals.differing
    assert (differs.day, differs.source_value, differs.raw_value) == (date(2026, 3, 10), 771, 770)
    assert [(one.column, one.is_new) for one in report.drift] == [("gift_note", True)]
    nodes = {line.resource_type: (line.passed, line.warned, line.failed, line.skipped) for line in report.dbt}
    assert nodes == {"model": (8, 0, 0, 1), "test": (30, 0, 1, 0)}
    assert [(node.node, node.failures) for node in report.failed_nodes] == [("test.fupan.unique_dim_customer", 17)]
    assert report.undelivered == ("hr_targets",)


def test_verdicts_and_what_is_visible(report: NightReport) -> None:
    outcomes = {outcome.visible.dimension: outcome for outcome in report.dimensions}
    assert report.verdict == "held"
    sales, service = outcomes[SALES], outcomes[SERVICE]
    assert (sales.verdict, sales.published_now, sales.visible.business_day) == ("published", True, DAY)
    assert [(table.name, table.row_count) for table in sales.tables] == [("region", 31), ("trend", 120)]
    assert (service.verdict, service.published_now) == ("held", False)
    assert (service.visible.business_day, service.visible.held_since) == (DAY - timedelta(days=1), DAY)
    assert [table.row_count for table in service.tables] == [31, 120]
    assert service.reasons == ("46 lines below zero",)
    assert service.visible.age_hours == pytest.approx((sales.visible.age_hours or 0) + 24, abs=0.02)
    [alert] = report.alerts
    assert (alert.owner, alert.sent, alert.error) == ("sales-operations", False, "no channel configured")
    assert [incident.since for incident in report.incidents] == [DAY]


def test_durations_come_from_the_steps(report: NightReport) -> None:
    steps = {step.name: step.seconds for step in report.steps}
    assert steps["raw_gate"] == pytest.approx(83, abs=0.5)
    assert steps["extract erp"] == pytest.approx(8)
    [build] = query(
        "select extract(epoch from finished_at - started_at)::float as seconds from ops.build where business_day = %s",
        DAY,
    )
    assert report.seconds == pytest.approx(build["seconds"])


def test_it_is_kept_in_ops_and_again_replaces_it(night: NightRows, report: NightReport) -> None:
    write_report(night.build_id)
    [kept] = query("select * from ops.night_report")
    assert (kept["build_id"], kept["business_day"]) == (night.build_id, DAY)
    assert load_report(night.build_id) == report.model_copy(
        update={"reported_at": load_report(night.build_id).reported_at}
    )
    with pytest.raises(ConfigurationError, match="no night report"):
        load_report(night.build_id - 1)


def test_the_page_holds_the_numbers_and_fetches_nothing(report: NightReport) -> None:
    page = report_file(DAY).read_text(encoding="utf-8")
    assert page == (reports() / "latest.html").read_text(encoding="utf-8")
    read = PageText(page)
    assert read.fetched == []
    assert "url(" not in page
    assert "@import" not in page
    for row in (
        f"{LINES} 30,100 1,240 300 28,550 7 3 2 5.0 s",
        "Total 合计 30,912 1,240 300 29,362 7 3 2",
        "Raw gate 入库关口 20 1",
        f"{LINES} sku_known 4 2 7",
        "sales_performance.trend 120",
        "9 of 10 agree with the source",
        "core test 30 0 1 0",
        "erp_customers column city_tier is missing, ask [e-mail]",
        "✗ not sent to sales-operations",
        "Data up to 数据截止日 2026-03-19",
        "Held since 暂缓自 2026-03-20",
        "46 lines below zero <b>",
        "raw gate",
        "Friday, 20 March 2026 Held 暂缓发布",
    ):
        assert row in read.text


def test_an_older_build_reported_again_leaves_latest_alone(night: NightRows, report: NightReport) -> None:
    before = (reports() / "latest.html").read_text(encoding="utf-8")
    write_report(night.build_id - 1)
    assert report_file(DAY - timedelta(days=1)).exists()
    assert (reports() / "latest.html").read_text(encoding="utf-8") == before


def test_the_terminal_shows_it_in_100_columns_without_colour(report: NightReport) -> None:
    output = io.StringIO()
    print_report(report, Console(file=output, width=240))
    printed = output.getvalue()
    assert "\x1b" not in printed
    assert max(map(display_width, printed.splitlines())) <= 100
    for row in (
        r"night report  2026-03-20  HELD",
        rf"{LINES} +30,100 +1,240 +300 +28,550 +7 +3 +2",
        r"total +30,912 +1,240 +300 +29,362 +7 +3 +2",
        r"raw gate: 20 rules passed, 1 failed",
        r"sku_known +4 +2 +7",
        r"core +test +30 +· +1 +·",
        r"After-sales 售后服务  HELD",
        r"data up to 2026-03-19, .* old, release \d+, held since 2026-03-20",
        r"rows: region\s31  trend\s120",
        r"NOT SENT to sales-operations",
        r"raw gate +\d\d:\d\d:\d\d +1 min 23 s",
    ):
        assert re.search(row, printed), row


def display_width(line: str) -> int:
    return Console().measure(line).maximum if line else 0


def test_a_build_that_never_got_to_a_verdict_says_so() -> None:
    night = NightRows(DAY)
    execute("update ops.build set state = 'failed' where build_id = %s", night.build_id)
    execute("update ops.run set error = 'dbt did not compile' where run_id = %s", night.run_id)
    report = collect(night.build_id)
    assert (report.verdict, report.error) == ("failed", "dbt did not compile")
    assert "No verdict was reached" in PageText(render(report)).text
    output = io.StringIO()
    print_report(report, Console(file=output))
    assert "no verdict was reached" in output.getvalue()


def test_an_unknown_build_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="no build 4711"):
        collect(4711)


def test_age_runs_from_the_end_of_the_business_day_in_the_sources_zone(report: NightReport) -> None:
    noon = datetime(2026, 3, 21, 4, tzinfo=UTC)
    with connect("builder", "test") as connection:
        seen = visible(connection, noon)
    assert seen[SALES].age_hours == 12, "2026-03-20 ended at 16:00 UTC in Shanghai"
    assert (seen[SALES].age, seen[SERVICE].age) == ("12 h", "1 d 12 h")
    assert end_of_day(DAY, []) == datetime(2026, 3, 21, tzinfo=UTC)
    assert end_of_day(DAY, ["Europe/London", "Asia/Shanghai"]) == datetime(2026, 3, 20, 16, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 s"), (59, "59 s"), (60, "1 min"), (3725, "1 h 2 min"), (93600, "1 d 2 h"), (86400 * 400, "1 y 35 d")],
)
def test_a_duration_in_words(seconds: int, words: str) -> None:
    assert humanise(timedelta(seconds=seconds)) == words

"""The night report on the terminal: 100 columns, and nothing is lost without colour."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from fupan.report.model import COUNTS, NightReport
from fupan.report.night import duration, report_file

WIDTH = 100
VERDICTS = {
    "published": ("PUBLISHED", "bold green"),
    "published_with_warnings": ("PUBLISHED WITH WARNINGS", "bold yellow"),
    "held": ("HELD", "bold red"),
    "never_published": ("NEVER PUBLISHED", "bold red"),
    "failed": ("FAILED", "bold red"),
}


def print_report(report: NightReport, console: Console | None = None) -> None:
    """Print a report; ``console`` defaults to standard output, at most 100 columns wide."""
    console = console or Console(highlight=False)
    console.width = min(console.width, WIDTH) if console.is_terminal else WIDTH
    console.print(render(report))


def render(report: NightReport) -> RenderableType:
    """The report as rich renderables."""
    word, style = VERDICTS[report.verdict]
    parts: list[RenderableType] = [
        Text.assemble(("Fupan 复盘  night report  ", "bold"), (f"{report.business_day}  ", "bold"), (word, style)),
        Text(
            f"build {report.build_id} ({report.kind}, {report.state}), {', '.join(report.installations) or 'no source yet'}, "
            f"{duration(report.seconds)}",
            style="dim",
        ),
    ]
    if report.error:
        parts.append(Text(report.error, style="red"))
    parts += _section("What BI users see 可见数据", _dimensions(report))
    parts += _section("Sources 数据源", _sources(report))
    parts += _section("Quality 数据质量", _quality(report))
    parts += _section("Transformation 数据转换", _dbt(report))
    parts += _section("Faults and alerts 问题与通知", _alerts(report))
    parts += _section("Time 耗时", [_steps(report)] if report.steps else [])
    parts += [Text(), Text(str(report_file(report.business_day)), style="dim", overflow="fold")]
    return Group(*parts)


def _section(title: str, parts: Sequence[RenderableType]) -> list[RenderableType]:
    return [Text(), Text(title, style="bold"), *map(_indent, parts)] if parts else []


def _indent(part: RenderableType) -> RenderableType:
    return Padding(part, (0, 0, 0, 2), expand=False)


def number(value: int | None) -> str:
    """`12,345`, a middle dot for zero, so that what happened stands out; a dash for unknown."""
    return "–" if value is None else f"{value:,}" if value else "·"


def _table(*columns: str, right_from: int = 1) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for position, column in enumerate(columns):
        right = position >= right_from
        table.add_column(column, justify="right" if right else "left", no_wrap=right, overflow="fold")
    return table


def _dimensions(report: NightReport) -> list[RenderableType]:
    parts: list[RenderableType] = []
    for outcome in report.dimensions:
        seen, (word, style) = outcome.visible, VERDICTS[outcome.verdict]
        parts.append(Text.assemble((f"{seen.label_en} {seen.label_zh}".strip(), "bold"), "  ", (word, style)))
        shows = (
            f"data up to {seen.business_day}, {seen.age} old, release {seen.release_id}"
            if seen.business_day
            else "nothing published yet"
        )
        held = f", held since {seen.held_since}" if seen.held_since else ""
        override = f", published by override: {seen.override_reason}" if seen.override_reason else ""
        parts.append(_indent(Text(shows + held + override)))
        parts += [_indent(Text(f"- {reason}")) for reason in outcome.reasons]
        if outcome.tables:
            tables = "  ".join(f"{table.name}\u00a0{number(table.row_count)}" for table in outcome.tables)
            parts.append(_indent(Text(f"rows: {tables}", style="dim")))
        if seen.no_data:
            parts.append(_indent(Text(f"no data (source not delivered): {', '.join(seen.no_data)}")))
    return parts or [Text("no verdict was reached; what BI users see has not changed", style="red")]


def _sources(report: NightReport) -> list[RenderableType]:
    table = _table("table", *COUNTS)
    for load in report.loads:
        table.add_row(load.table, *(number(getattr(load.counts, name)) for name in COUNTS))
    table.add_row("total", *(number(getattr(report.totals, name)) for name in COUNTS), style="bold")
    parts: list[RenderableType] = [table]
    parts += [Text(f"failed: {load.table}: {load.error}", style="red") for load in report.loads if load.error]
    totals = report.control_totals
    if totals.compared:
        parts.append(Text(f"control totals: {totals.agreed:,} of {totals.compared:,} agree with the source"))
    for one in totals.differing:
        where = f"{one.table} {one.day or ''} {one.measure}"
        parts.append(Text(f"differs: {where}: source {one.source_value}, raw {one.raw_value}", style="red"))
    for drift in report.drift:
        news = " (new)" if drift.is_new else ""
        parts.append(Text(f"drift: {drift.table}.{drift.column} {drift.kind}{news}: {drift.detail}"))
    if report.undelivered:
        parts.append(Text(f"not delivered by this installation: {', '.join(report.undelivered)}"))
    return parts


def _quality(report: NightReport) -> list[RenderableType]:
    parts: list[RenderableType] = [
        Text(f"{gate.gate} gate: {gate.passed:,} rules passed, {gate.failed:,} failed") for gate in report.gates
    ]
    for rule in report.failed_rules:
        counted = f"{number(rule.unexpected)} of {number(rule.evaluated)}"
        parts.append(
            Text(f"- {rule.table} {rule.rule} [{rule.severity}, {rule.on_fail}]: {counted} rows; {rule.message or ''}")
        )
    if report.quarantine:
        table = _table("quarantine", "rule", "new", "released", "kept out", right_from=2)
        for one in report.quarantine:
            table.add_row(one.table, one.rule, number(one.new), number(one.released), number(one.open))
        parts.append(table)
    return parts or [Text("no gate was reached")]


def _dbt(report: NightReport) -> list[RenderableType]:
    if not report.dbt:
        return [Text("dbt has not run")]
    table = _table("stage", "kind", "succeeded", "warned", "failed", "skipped", "node time", right_from=2)
    for line in report.dbt:
        counts = (line.passed, line.warned, line.failed, line.skipped)
        table.add_row(line.stage, line.resource_type, *map(number, counts), duration(line.seconds))
    failed = [Text(f"- {one.node} {one.status}: {one.message or ''}", style="red") for one in report.failed_nodes]
    return [table, *failed]


def _alerts(report: NightReport) -> list[RenderableType]:
    parts: list[RenderableType] = [
        Text(f"open since {one.since} [{one.severity}] {one.what} ({one.owner}): {one.summary}")
        for one in report.incidents
    ]
    for alert in report.alerts:
        error = f" ({alert.error})" if alert.error else ""
        parts.append(Text(f"{'sent' if alert.sent else 'NOT SENT'} to {alert.owner}: {alert.subject}{error}"))
    return parts or [Text("no fault is open, no alert was due")]


def _steps(report: NightReport) -> RenderableType:
    table = _table("step", "began", "took")
    for step in report.steps:
        table.add_row(step.name.replace("_", " "), f"{step.started_at:%H:%M:%S}", duration(step.seconds))
    return Group(table, *(Text(f"- {step.name}: {step.error}", style="red") for step in report.steps if step.error))

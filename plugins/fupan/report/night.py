"""The night report: collected from `ops`, kept in `ops.night_report` and as one HTML file that needs nothing else."""

from __future__ import annotations

from datetime import date, timedelta
from functools import cache
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from psycopg2.extras import Json

from fupan import settings
from fupan.errors import ConfigurationError
from fupan.report.collect import collect
from fupan.report.model import NightReport
from fupan.report.visible import humanise
from fupan.warehouse.connection import connect, rows


def write_report(build_id: int) -> NightReport:
    """Collect, keep in ops.night_report and write FUPAN_HOME/reports/night-<day>.html (+ latest.html). Again: replaced."""
    report = collect(build_id)
    with connect("builder", "night report") as connection:
        with connection.cursor() as cursor:
            cursor.execute(
                """
                insert into ops.night_report (build_id, business_day, report) values (%s, %s, %s)
                on conflict (build_id) do update set report = excluded.report, created_at = clock_timestamp()
                """,
                [build_id, report.business_day, Json(report.model_dump(mode="json"))],
            )
        connection.commit()
        [newest] = rows(connection, "select max(build_id) as build_id from ops.night_report")
    page = render(report)
    _replace(report_file(report.business_day), page)
    if newest["build_id"] == build_id:
        _replace(reports() / "latest.html", page)
    return report


def load_report(build_id: int) -> NightReport:
    """The report as it was written. Raises ConfigurationError where the build has none."""
    with connect("builder", "night report") as connection:
        found = rows(connection, "select report from ops.night_report where build_id = %s", [build_id])
    if not found:
        raise ConfigurationError(
            f"Build {build_id} has no night report", remedy="It ended before its last step; see ops.build_step"
        )
    return NightReport.model_validate(found[0]["report"])


def reports() -> Path:
    """Folder of the HTML reports."""
    folder = settings.home() / "reports"
    folder.mkdir(exist_ok=True)
    return folder


def report_file(business_day: date) -> Path:
    """The HTML report of a business day: that of its last build."""
    return reports() / f"night-{business_day.isoformat()}.html"


def render(report: NightReport) -> str:
    """The report as one HTML page that needs nothing else."""
    return _environment().get_template("night.html.j2").render(night=report)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("fupan.report", "."),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    environment.filters |= {"number": number, "duration": duration}
    return environment


def number(value: int | None) -> str:
    """`12,345`; a dash for unknown."""
    return "–" if value is None else f"{value:,}"


def duration(seconds: float | None) -> str:
    """`0.4 s`, `12 s`, `3 min 20 s`; a dash for what has not ended."""
    if seconds is None:
        return "–"
    return f"{seconds:.1f} s" if seconds < 10 else humanise(timedelta(seconds=seconds))


def _replace(path: Path, text: str) -> None:
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)

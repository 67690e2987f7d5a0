"""`fupan validate`: judge the data now, without waiting for the night."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from fupan.quality.results import RuleResult


@click.command()
@click.option("--full", is_flag=True, help="Judge the whole history of the raw tables, as after a change of rules.")
@click.option(
    "--table", "tables", multiple=True, metavar="T", help="Only this raw table (may be repeated); with --full."
)
@click.option(
    "--quarantine", "to_quarantine", is_flag=True, help="Quarantine what fails; with --full. The next build acts on it."
)
def validate(full: bool, tables: tuple[str, ...], to_quarantine: bool) -> None:
    """Judge what the last build took up and published again, or the whole of raw (--full).

    Changes nothing but ops.validation (--full) and, where asked for, ops.quarantine. Exit code 1 where something
    critical fails.
    """
    if (tables or to_quarantine) and not full:
        raise click.UsageError("--table and --quarantine go with --full")
    click.echo("Judging the whole of raw …" if full else "Judging the last build again …", err=True)
    results = _history(tables, to_quarantine) if full else _last_build()
    _print(results)
    critical = sum(result.holds for result in results)
    failed = sum(not result.passed for result in results)
    click.echo(f"{len(results)} rules judged, {failed} failed, {critical} of them critical")
    sys.exit(1 if critical else 0)


def _history(tables: tuple[str, ...], to_quarantine: bool) -> list[RuleResult]:
    from fupan.quality import raw_gate

    return raw_gate.judge_history(tables, to_quarantine=to_quarantine)


def _last_build() -> list[RuleResult]:
    from fupan.errors import ConfigurationError
    from fupan.quality import raw_gate, release_gate
    from fupan.warehouse.connection import connect, only_one, rows

    with connect("builder", "validate", autocommit=True) as connection:
        # The gate tables of a build under way are not ours to rewrite.
        only_one(connection, "build")
        last = rows(connection, "select max(build_id) as build_id from ops.build")[0]["build_id"]
        if last is None:
            raise ConfigurationError("No build to judge", remedy="Run `fupan nightly` first")
        return [*raw_gate.judge(last), *release_gate.judge(last)]


def _print(results: list[RuleResult]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("", "gate", "table", "rule", "failing", "of", "severity", "owner", "what")
    for result in sorted(results, key=lambda one: (one.passed, not one.holds, one.gate, one.table, one.rule)):
        table.add_row(
            "ok" if result.passed else "HOLD" if result.holds else "warn",
            result.gate,
            result.table,
            result.rule,
            "" if result.unexpected is None else f"{result.unexpected:,}",
            "" if result.evaluated is None else f"{result.evaluated:,}",
            result.severity,
            result.owner,
            result.message,
        )
    Console().print(table)

"""`fupan quarantine`: which rows of raw the marts leave out, why, and whether they still must."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from datetime import datetime

    from fupan.quality.quarantine import Chosen, Kept


def _filters(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in (
        click.option("--rule", metavar="R", help="Only rows that this rule keeps out."),
        click.option("--table", metavar="T", help="Only rows of this raw table."),
        click.option("--system", metavar="S", help="Only rows of this source system."),
    ):
        command = option(command)
    return command


@click.group()
def quarantine() -> None:
    """Rows of raw that the marts leave out until they are right: list, show, judge again."""


@quarantine.command(name="list")
@_filters
def list_(system: str | None, table: str | None, rule: str | None) -> None:
    """Count the rows in quarantine by table and rule: since when, and who answers for them."""
    from fupan.quality import quarantine as kept_out
    from fupan.quality.suites import raw_suites
    from fupan.warehouse.connection import connect

    with connect("builder", "quarantine list") as connection:
        found = kept_out.counts(connection, _chosen(system, table, rule))
    if not found:
        click.echo("Nothing is in quarantine.")
        return
    suites = raw_suites()
    known = {one.id: one for suite in suites.values() for one in suite.rules}
    shown = _table("System", "Table", "Rule", "Rows", "Since", "Owner", "What must hold")
    for row in found:
        meta = known[row["rule"]].meta if row["rule"] in known else None
        shown.add_row(
            row["system"],
            row["table_name"],
            row["rule"],
            f"{row['rows']:,}",
            _moment(row["since"]),
            meta.owner if meta else "",
            meta.label if meta else "rule withdrawn",
        )
    _print(shown)
    total = sum(row["rows"] for row in found)
    click.echo(f"{total:,} kept out; `fupan quarantine show --rule R` shows which, and whether they still fail.")


@quarantine.command()
@_filters
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True, help="Rows to show, oldest first.")
def show(system: str | None, table: str | None, rule: str | None, limit: int) -> None:
    """Show rows of one rule, table or system: key, content without personal data, since when, whether they still fail."""
    if not (system or table or rule):
        raise click.UsageError("Which rows? Give --rule, --table or --system; `fupan quarantine list` names them.")
    found = _judged(_chosen(system, table, rule), act=False)
    for one in found[:limit]:
        state = f"would return: {one.returns}" if one.returns else "still fails"
        click.secho(f"{one.table} {'/'.join(one.row_key)}", bold=True)
        click.echo(f"  {one.rule}, in quarantine since {_moment(one.quarantined_at)}, {state}")
        click.echo(f"  {_content(one)}")
    more = f"; {len(found) - limit:,} more with --limit {len(found)}" if len(found) > limit else ""
    click.echo(f"{_summary(found)}{more}")


@quarantine.command()
@_filters
def replay(system: str | None, table: str | None, rule: str | None) -> int:
    """Judge the rows in quarantine again, now; what passes returns with the next build.

    Exit codes: 0 nothing stays; 1 some rows still fail.
    """
    from fupan.cli import HELD

    found = _judged(_chosen(system, table, rule), act=True)
    if found:
        shown = _table("Table", "Rule", "Returns", "Stays", "Why it returns")
        for table_name, rule_id in sorted({(one.table, one.rule) for one in found}):
            rows = [one for one in found if (one.table, one.rule) == (table_name, rule_id)]
            reasons = Counter(one.returns for one in rows if one.returns)
            shown.add_row(
                table_name,
                rule_id,
                f"{reasons.total():,}",
                f"{len(rows) - reasons.total():,}",
                ", ".join(f"{reason} ({count:,})" for reason, count in sorted(reasons.items())),
            )
        _print(shown)
    click.echo(_summary(found))
    if any(one.returns for one in found):
        click.echo("What returns is in the marts after the next build: `fupan nightly`.")
    return HELD if any(one.returns is None for one in found) else 0


def _chosen(system: str | None, table: str | None, rule: str | None) -> Chosen:
    """The filters, with names that exist. Raises ConfigurationError for one that does not."""
    from fupan.contracts.contract import contracts
    from fupan.errors import ConfigurationError
    from fupan.quality.quarantine import Chosen, counts
    from fupan.warehouse.connection import connect

    chosen = Chosen(system, table, rule)
    with connect("builder", "quarantine") as connection:
        kept_by = {row["rule"] for row in counts(connection)}
    known = {
        "system": {contract.system for contract in contracts().values()},
        "table": set(contracts()),
        "rule": kept_by | _quarantine_rules(),
    }
    for what, names in known.items():
        given = getattr(chosen, what)
        if given is not None and given not in names:
            raise ConfigurationError(
                f"No {what} is named {given}",
                remedy="`fupan quarantine list` names what is in quarantine, and by which rule",
            )
    return chosen


def _quarantine_rules() -> set[str]:
    from fupan.quality.suites import raw_suites

    rules = [rule for suite in raw_suites().values() for rule in suite.rules]
    return {rule.id for rule in rules if rule.meta.on_fail == "quarantine"}


def _judged(chosen: Chosen, *, act: bool) -> list[Kept]:
    from fupan.progress import Progress

    with Progress() as progress:
        progress.say("Judging the rows in quarantine …")
        from fupan.quality import raw_gate

        return raw_gate.replay(chosen, act=act)


def _summary(found: Sequence[Kept]) -> str:
    if not found:
        return "Nothing is in quarantine."
    returning = sum(one.returns is not None for one in found)
    return f"{len(found):,} in quarantine: {returning:,} pass or are gone, {len(found) - returning:,} still fail"


def _content(one: Kept) -> str:
    """The row less its key and whatever names a person."""
    from fupan.contracts.contract import contracts
    from fupan.report.redact import redact

    contract = contracts().get(one.table)
    left_out = {column.name for column in contract.columns if column.personal_data} if contract else set()
    left_out |= set(contract.primary_key) if contract else set()
    shown = {name: value for name, value in one.row_content.items() if name not in left_out}
    return ", ".join(
        f"{name}={'' if value is None else redact(value) if isinstance(value, str) else value}"
        for name, value in shown.items()
    )


def _moment(at: datetime) -> str:
    return f"{at.astimezone():%Y-%m-%d %H:%M}"


def _table(*headings: str) -> Any:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD)
    for heading in headings:
        table.add_column(heading, no_wrap=heading in ("System", "Table", "Rule", "Owner", "Since"))
    return table


def _print(shown: Any) -> None:
    from rich.console import Console

    console = Console(highlight=False)
    # A narrow terminal wraps the line; the name of a rule cut short could not be asked for.
    console.width = max(console.width, 150)
    console.print(shown)

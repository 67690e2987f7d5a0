"""`fupan status`: where everything is, and how fresh what BI users see is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from fupan.report.status import Status


@click.command()
@click.option("--json", "as_json", is_flag=True, help="The same as JSON.")
@click.option(
    "--max-age",
    type=click.FloatRange(min=0),
    metavar="HOURS",
    help="For a monitor: exit code 1 when the last finished night, or what a dimension shows, is older.",
)
@click.option("--show-passwords", is_flag=True, help="Print the warehouse URLs with their passwords.")
def status(as_json: bool, max_age: float | None, show_passwords: bool) -> int:
    """Show the warehouse, Airflow, the last night, and what BI users see of each dimension.

    Exit codes: 0; 1 with --max-age, when something is older; 2 when the warehouse does not answer. A dimension's age runs
    from the end of the business day that it shows, the night's from its end.
    """
    from datetime import timedelta

    from fupan.cli import HELD
    from fupan.report.status import overdue
    from fupan.report.status import status as current

    state = current(show_passwords=show_passwords)
    late = overdue(state, timedelta(hours=max_age)) if max_age is not None else []
    if as_json:
        import json

        click.echo(json.dumps(state.model_dump(mode="json") | {"overdue": late}, ensure_ascii=False, indent=2))
    else:
        _print(state)
        for line in late:
            click.secho(f"Too old: {line}", fg="red")
    return HELD if late else 0


def _print(state: Status) -> None:
    from datetime import timedelta

    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from fupan.report.night import report_file
    from fupan.report.terminal import VERDICTS
    from fupan.report.visible import humanise

    for role, url in state.warehouse.items():
        click.echo(f"{'Warehouse' if role == 'owner' else '':10} {role:8} {url}")
    hint = "   (whole with --show-passwords)" if ":***@" in state.warehouse["reader"] else ""
    click.echo(f"{'BI users':10} psql '{state.warehouse['reader']}'{hint}")
    click.echo(f"{'Airflow':10} {state.airflow or 'not running (`make up` starts it)'}")
    if state.last_night is None:
        click.echo(f"{'Last night':10} none yet (`make nightly` runs one)")
        return
    night = state.last_night
    ended = humanise(timedelta(hours=night.age_hours))
    click.echo(f"{'Last night':10} {night.business_day}, build {night.build_id} ({night.kind}), ended {ended} ago")
    if report_file(night.business_day).exists():
        click.echo(f"{'Report':10} {report_file(night.business_day)}")
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for heading in ("Dimension", "Last verdict", "Shows", "Age", "Release"):
        table.add_column(heading, no_wrap=True)
    notes = []
    for seen in state.dimensions:
        word, style = VERDICTS[seen.verdict]
        table.add_row(
            f"{seen.dimension} {seen.label_zh}",
            Text(word.lower(), style=style),
            str(seen.business_day or "–"),
            seen.age,
            str(seen.release_id or "–"),
        )
        if seen.held_since:
            notes.append(f"{seen.dimension} is held since {seen.held_since}: {seen.why or 'no reason given'}")
        if seen.override_reason:
            notes.append(f"{seen.dimension} was published by override: {seen.override_reason}")
        if seen.no_data:
            notes.append(f"{seen.dimension} has no data for {', '.join(seen.no_data)}: the source is not delivered")
    click.echo()
    console = Console(highlight=False)
    # A narrow terminal wraps the line; a value cut short would be lost.
    console.width = max(console.width, 110)
    console.print(table)
    for note in notes:
        click.echo(note)

"""`fupan backfill`: re-read a range of business days and publish once."""

from __future__ import annotations

from datetime import datetime

import click


@click.command()
@click.option("--from", "first", type=click.DateTime(["%Y-%m-%d"]), required=True, help="First business day.")
@click.option("--to", "last", type=click.DateTime(["%Y-%m-%d"]), required=True, help="Last business day, inclusive.")
def backfill(first: datetime, last: datetime) -> None:
    """Re-read the rows that changed from --from to --to (both inclusive), rebuild what they touch, publish once."""
    from rich.console import Console

    from fupan.night.backfill import backfill as run
    from fupan.report.night import load_report
    from fupan.report.terminal import print_report

    with Console(stderr=True).status(f"Backfilling {first:%Y-%m-%d} to {last:%Y-%m-%d}"):
        build_id = run(first.date(), last.date())
    print_report(load_report(build_id))

"""`fupan backfill`: re-read a range of business days and publish once."""

from __future__ import annotations

from datetime import datetime

import click


@click.command()
@click.option("--from", "first", type=click.DateTime(["%Y-%m-%d"]), required=True, help="First business day.")
@click.option("--to", "last", type=click.DateTime(["%Y-%m-%d"]), required=True, help="Last business day, inclusive.")
def backfill(first: datetime, last: datetime) -> int:
    """Re-read the rows that changed from --from to --to (both inclusive), rebuild what they touch, publish once.

    Runs in this process, without Airflow. Exit code 1: done, but a dimension is held.
    """
    from fupan.cli.nightly import show
    from fupan.night.backfill import backfill as run
    from fupan.progress import Progress
    from fupan.server.services import Services

    with Progress() as progress, Services(progress):
        progress.say(f"backfilling {first:%Y-%m-%d} to {last:%Y-%m-%d}")
        return show(run(first.date(), last.date()))

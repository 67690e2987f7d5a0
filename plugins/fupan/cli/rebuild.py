"""`fupan rebuild`: core from nothing, then marts and publishing as every night."""

from __future__ import annotations

import click


@click.command()
def rebuild() -> int:
    """Build the newest business day again, facts and aggregates from nothing: after a change of a seed that facts store.

    Nothing is extracted. Runs in this process, without Airflow. Exit code 1: done, but a dimension is held.
    """
    from fupan.cli.nightly import show
    from fupan.night.rebuild import rebuild as run
    from fupan.progress import Progress
    from fupan.server.services import Services

    with Progress() as progress, Services(progress):
        progress.say("building core from nothing")
        return show(run())

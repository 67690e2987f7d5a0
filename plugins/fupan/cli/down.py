"""`fupan down`: stop what `fupan up` started."""

from __future__ import annotations

import click


@click.command()
def down() -> None:
    """Stop Airflow, the demo sources and PostgreSQL of this installation; nothing is lost."""
    from fupan.demo.systems.platform_server import PlatformServer
    from fupan.progress import Progress
    from fupan.server.airflow import EmbeddedAirflow
    from fupan.server.postgres import EmbeddedPostgres

    with Progress() as progress:
        progress.say("stopping Airflow")
        EmbeddedAirflow().stop()
        PlatformServer().stop()
        progress.say("stopping PostgreSQL")
        EmbeddedPostgres().stop()
        progress.done("Everything is stopped.")

"""`fupan up`: PostgreSQL, Airflow and the demo sources stay up."""

from __future__ import annotations

import click


@click.command()
def up() -> None:
    """Start PostgreSQL, Airflow and the reference company's systems, and leave them running (`fupan down` stops them)."""
    from fupan import settings
    from fupan.progress import Progress
    from fupan.server.airflow import USER, EmbeddedAirflow
    from fupan.server.services import start_warehouse

    with Progress() as progress:
        start_warehouse(progress)
        airflow = EmbeddedAirflow()
        airflow.start(progress.say)
    click.echo(f"Airflow    {airflow.url}   login {USER} / {airflow.password}")
    click.echo(f"Warehouse  {_psql()} '{settings.warehouse_url('reader')}'")
    click.echo("The DAGs run every night by themselves; `fupan nightly` runs one now, `fupan down` stops everything.")


def _psql() -> str:
    """psql of this machine, else the one that came with the embedded server."""
    import shlex
    import shutil

    from fupan.server.postgres import binaries

    return "psql" if shutil.which("psql") else shlex.quote(str(binaries() / "bin" / "psql"))

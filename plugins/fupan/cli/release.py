"""`fupan release`: what has been published, back to an older release, out with a held one."""

from __future__ import annotations

import contextlib
import itertools
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from fupan.publish.history import Release


@click.group()
def release() -> None:
    """List releases, roll back to an older one, publish a held one."""


@release.command(name="list")
@click.argument("dimension", required=False)
def list_(dimension: str | None) -> None:
    """Show the releases of DIMENSION, or of all, newest first."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    from fupan.publish.release import list_releases

    found = list_releases(dimension)
    if not found:
        click.echo(f"Nothing of {dimension or 'any dimension'} has been published yet.")
        return
    console = Console(highlight=False)
    for name, ones in itertools.groupby(found, key=lambda one: one.dimension):
        table = Table("Release", "Business day", "State", "Published at", "Override", box=box.SIMPLE_HEAD)
        for one in ones:
            table.add_row(
                str(one.release_id),
                str(one.business_day),
                one.state,
                f"{one.published_at.astimezone():%Y-%m-%d %H:%M %Z}",
                one.override_reason,
                style="bold" if one.state == "current" else "dim" if one.state == "pruned" else "",
            )
        console.print(name, table, sep="\n")


@release.command()
@click.argument("dimension")
@click.option("--to", "to_release", type=int, metavar="RELEASE", help="Release to show [default: the one before].")
def rollback(dimension: str, to_release: int | None) -> None:
    """Show BI users an older release of DIMENSION at once; the next good night publishes as ever."""
    from fupan.publish.release import rollback as roll_back

    with _at_work(f"Rolling {dimension} back"):
        shown = roll_back(dimension, to_release)
    click.echo(f"{_describe(shown)}; `fupan release list {dimension}` shows the rest.")


@release.command()
@click.argument("dimension")
@click.option("--override", is_flag=True, help="Yes, publish it although it is held.")
@click.option("--reason", required=True, help="Why; BI users read it in status.dimension_status.")
def publish(dimension: str, override: bool, reason: str) -> None:
    """Publish what the last build held back of DIMENSION."""
    if not override:
        raise click.UsageError(
            "What passes the gates is published by the night; to publish what they hold back, add --override."
        )
    from fupan.publish.release import publish_override

    with _at_work(f"Publishing {dimension}"):
        shown = publish_override(dimension, reason)
    click.echo(f"{_describe(shown)}, by override: {shown.override_reason}")


def _at_work(what: str) -> contextlib.AbstractContextManager[object]:
    from rich.console import Console

    return Console(stderr=True).status(f"{what} (readers may keep it waiting for some minutes)")


def _describe(shown: Release) -> str:
    return f"{shown.dimension} shows release {shown.release_id}, business day {shown.business_day}"

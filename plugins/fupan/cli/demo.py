"""`fupan demo`: the reference company's systems, made and kept alive."""

from __future__ import annotations

from datetime import datetime
from typing import BinaryIO

import click

_SYSTEM = click.Choice(["ecommerce", "service"])


@click.group()
def demo() -> None:
    """The reference company's source systems (a lighting factory): ERP, e-commerce platform, service desk.

    To see a source down for a night and back again: `fupan demo stop service`, `fupan demo advance`, `fupan nightly`; then
    `fupan demo start service` and `fupan nightly` once more.
    """


_FAULTS = click.option(
    "--faults",
    "given",
    multiple=True,
    metavar="NAME=COUNT",
    help="Make so many rows or files wrong (`fupan demo faults`).",
)


@demo.command()
@click.option("--until", type=click.DateTime(["%Y-%m-%d"]), help="Last day of its history (default: yesterday).")
@click.option(
    "--scale", type=click.FloatRange(0.01, 20), help="1: a million order lines in three years (default: 0.02)."
)
@click.option("--seed", type=int, help="Another seed makes another company.")
@click.option(
    "--recent", type=click.FloatRange(0, 1), help="Share of late changes within a week of the order (default: 0.8)."
)
@_FAULTS
def create(
    until: datetime | None, scale: float | None, seed: int | None, recent: float | None, given: tuple[str, ...]
) -> None:
    """Make the company anew; what was played on it is lost."""
    from fupan.demo.systems import erp, faults
    from fupan.progress import Progress
    from fupan.server.postgres import EmbeddedPostgres

    making = erp.Making(
        until=until.date() if until else None,
        scale=scale,
        seed=erp.SEED if seed is None else seed,
        recent=erp.RECENT if recent is None else recent,
        faults={**faults.USUAL, **faults.parse(given)},
    )
    with EmbeddedPostgres().borrowed(), Progress() as progress:
        erp.create(making, say=progress.say)
        counted = erp.sizes()
    _print(counted)


@demo.command()
@click.option("--days", type=click.IntRange(min=1), default=1, show_default=True, help="How many days to play.")
@_FAULTS
def advance(days: int, given: tuple[str, ...]) -> None:
    """Play the next days: new, changed, re-dated and deleted rows in all three systems; the service desk drops its files."""
    from fupan.demo.systems import erp, faults
    from fupan.progress import Progress
    from fupan.server.postgres import EmbeddedPostgres

    wanted = faults.parse(given)
    with EmbeddedPostgres().borrowed(), Progress() as progress:
        summary = erp.advance(days, wanted, say=progress.say)
    click.echo(f"{summary.first} to {summary.last}")
    _print(summary.counts)


@demo.command("faults")
def list_faults() -> None:
    """The faults that create and advance can make, and what notices them."""
    from fupan.demo.systems import faults

    width = max(map(len, faults.ALL))
    for name, fault in faults.ALL.items():
        click.echo(f"  {name:<{width}}  {fault.caught}")


@demo.command("key")
@click.argument("file", type=click.File("wb"))
def text_key(file: BinaryIO) -> None:
    """Write what every text is really about (topic, sentiment, shape) to FILE as CSV: for scoring, never for a model."""
    from fupan.demo.systems import erp
    from fupan.server.postgres import EmbeddedPostgres

    with EmbeddedPostgres().borrowed():
        erp.write_text_key(file)


@demo.command()
@click.argument("system", type=_SYSTEM)
def stop(system: str) -> None:
    """Rehearse that SYSTEM is down, whatever is started or played meanwhile, until `fupan demo start SYSTEM`.

    The platform (ecommerce) answers every request with 503; the desk (service) drops no files.
    """
    from fupan.demo.systems import erp
    from fupan.server.postgres import EmbeddedPostgres

    with EmbeddedPostgres().borrowed():
        erp.stop(system)
    click.echo(f"{system} is down.")


@demo.command()
@click.argument("system", type=_SYSTEM)
def start(system: str) -> None:
    """SYSTEM is back; the service desk drops the files that it has kept."""
    from fupan.demo.systems import erp
    from fupan.server.postgres import EmbeddedPostgres

    with EmbeddedPostgres().borrowed():
        erp.resume(system)
    click.echo(f"{system} is back.")


def _print(counts: dict[str, int]) -> None:
    width = max(map(len, counts))
    for name, count in counts.items():
        click.echo(f"  {name:<{width}}  {count:>8,}")

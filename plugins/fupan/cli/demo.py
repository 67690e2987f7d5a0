"""`fupan demo`: the reference company's systems, made and kept alive."""

from __future__ import annotations

from datetime import datetime

import click

_SYSTEM = click.Choice(["ecommerce", "service"])


@click.group()
def demo() -> None:
    """The reference company's source systems (a lighting factory): ERP, e-commerce platform, service desk.

    To see a source down for a night and back again: `fupan demo stop service`, `fupan demo advance`, `fupan nightly`; then
    `fupan demo start service` and `fupan nightly` once more.
    """


@demo.command()
@click.option("--until", type=click.DateTime(["%Y-%m-%d"]), help="Last day of its history (default: yesterday).")
@click.option("--seed", type=int, help="Another seed makes another company.")
def create(until: datetime | None, seed: int | None) -> None:
    """Make the company anew; what was played on it is lost."""
    from fupan.demo import erp
    from fupan.server.postgres import EmbeddedPostgres

    click.echo("Making two years of orders, and what was said of them (some ten seconds) …", err=True)
    with EmbeddedPostgres().borrowed():
        erp.create(until.date() if until else None, seed=erp.SEED if seed is None else seed)
        _print(erp.sizes())


@demo.command()
@click.option("--days", type=click.IntRange(min=1), default=1, show_default=True, help="How many days to play.")
@click.option("--seed", type=int, help="Play other days of the ERP than its own seed would.")
def advance(days: int, seed: int | None) -> None:
    """Play the next days: new, changed, re-dated and deleted rows in all three systems; the service desk drops its files."""
    from fupan.demo import erp
    from fupan.server.postgres import EmbeddedPostgres

    click.echo(f"Playing {days} day{'s' if days > 1 else ''} …", err=True)
    with EmbeddedPostgres().borrowed():
        summary = erp.advance(days, seed)
    click.echo(f"{summary.first} to {summary.last}")
    _print(summary.counts)


@demo.command()
@click.argument("system", type=_SYSTEM)
def stop(system: str) -> None:
    """Rehearse that SYSTEM is down, whatever is started or played meanwhile, until `fupan demo start SYSTEM`.

    The platform (ecommerce) answers every request with 503; the desk (service) drops no files.
    """
    from fupan.demo import erp
    from fupan.server.postgres import EmbeddedPostgres

    with EmbeddedPostgres().borrowed():
        erp.stop(system)
    click.echo(f"{system} is down.")


@demo.command()
@click.argument("system", type=_SYSTEM)
def start(system: str) -> None:
    """SYSTEM is back; the service desk drops the files that it has kept."""
    from fupan.demo import erp
    from fupan.server.postgres import EmbeddedPostgres

    with EmbeddedPostgres().borrowed():
        erp.resume(system)
    click.echo(f"{system} is back.")


def _print(counts: dict[str, int]) -> None:
    width = max(map(len, counts))
    for name, count in counts.items():
        click.echo(f"  {name.replace('_', ' '):<{width}}  {count:>8,}")

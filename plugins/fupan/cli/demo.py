"""`fupan demo`: the reference company's ERP, made and kept alive."""

from __future__ import annotations

from datetime import datetime

import click


@click.group()
def demo() -> None:
    """The reference company's source systems (a lighting factory)."""


@demo.command()
@click.option("--until", type=click.DateTime(["%Y-%m-%d"]), help="Last day of its history (default: yesterday).")
@click.option("--seed", type=int, help="Another seed makes another company.")
def create(until: datetime | None, seed: int | None) -> None:
    """Make the ERP anew; what was played on it is lost."""
    from fupan.demo import erp
    from fupan.server.postgres import EmbeddedPostgres

    click.echo("Making two years of orders (some ten seconds) …", err=True)
    with EmbeddedPostgres().borrowed():
        erp.create(until.date() if until else None, seed=erp.SEED if seed is None else seed)
        _print(erp.sizes())


@demo.command()
@click.option("--days", type=click.IntRange(min=1), default=1, show_default=True, help="How many days to play.")
@click.option("--seed", type=int, help="Play other days than the ERP's own seed would.")
def advance(days: int, seed: int | None) -> None:
    """Play the next days: new, changed, re-dated and deleted rows."""
    from fupan.demo import erp
    from fupan.server.postgres import EmbeddedPostgres

    click.echo(f"Playing {days} day{'s' if days > 1 else ''} …", err=True)
    with EmbeddedPostgres().borrowed():
        summary = erp.advance(days, seed)
    click.echo(f"{summary.first} to {summary.last}")
    _print(summary.counts)


def _print(counts: dict[str, int]) -> None:
    width = max(map(len, counts))
    for name, count in counts.items():
        click.echo(f"  {name.replace('_', ' '):<{width}}  {count:>8,}")

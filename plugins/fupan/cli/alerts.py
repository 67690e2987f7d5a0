"""`fupan alerts`: do the messages of a bad night reach the people they are for."""

from __future__ import annotations

import click


@click.group()
def alerts() -> None:
    """Try the channels that alerts go to."""


@alerts.command()
@click.option("--owner", metavar="OWNER", help="Only the channels by which this owner may hear of anything.")
def test(owner: str | None) -> int:
    """Send a test message to every channel of the routing, and say how each took it.

    Exit code 1: a channel did not take it, or there is none that is set. A channel whose variable is not set is skipped.
    """
    from fupan.alerts.channels import deliver
    from fupan.alerts.message import trial
    from fupan.alerts.routing import owners, path, routing
    from fupan.cli import HELD
    from fupan.errors import ConfigurationError

    found = routing()
    found.require_known()
    if owner is not None and owner not in owners():
        raise ConfigurationError(
            f"Nothing belongs to the owner {owner}", remedy=f"Known: {', '.join(sorted(owners()))}"
        )
    channels = found.all() if owner is None else found.of_owner(owner)
    failed = False
    for channel in channels:
        [delivery] = deliver([channel], trial(channel.name))
        failed = failed or (channel.url is not None and delivery.error is not None)
        if channel.url is None:
            click.echo(f"{click.style('skip ', fg='yellow')} {delivery.channel}: {delivery.error}")
        elif delivery.error is None:
            click.echo(f"{click.style('ok   ', fg='green')} {delivery.channel}")
        else:
            click.echo(f"{click.style('error', fg='red')} {delivery.channel}: {delivery.error}")
    if not any(channel.url for channel in channels):
        click.echo(
            f"No channel is set: alerts stand in ops.alert and the night report. Set the variables that {path()} names."
        )
        return HELD
    return HELD if failed else 0

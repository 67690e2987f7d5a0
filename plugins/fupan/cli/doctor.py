"""`fupan doctor`: is everything in order for a night."""

from __future__ import annotations

import click


@click.command()
def doctor() -> int:
    """Examine the installation: one line a check, with what to do where one fails. Exit code 1: something is not in order."""
    from fupan.cli import HELD
    from fupan.doctor import examine

    failed = 0
    for finding in examine():
        mark = click.style("ok  ", fg="green") if finding.ok else click.style("FAIL", fg="red")
        click.echo(f"{mark}  {finding.name:15} {finding.detail}")
        if not finding.ok:
            failed += 1
            click.echo(f"      {'':15} -> {finding.remedy}")
    return HELD if failed else 0

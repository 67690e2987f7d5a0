"""The command `fupan`: one small module a command, imported when it is used.

Exit codes: 0 done; 1 done, but something is held or failed a check; 2 an error that says what to do, or wrong usage;
3 another run is at work; 70 a bug of Fupan, with its traceback.
"""

from __future__ import annotations

import os
import signal
import sys
import traceback
from importlib import import_module
from pathlib import Path

import click

HELD, ERROR, BUSY, BUG = 1, 2, 3, 70

#: Every command is a module of this package that holds a click command of the same name.
COMMANDS = (
    "nightly",
    "up",
    "down",
    "backfill",
    "rebuild",
    "release",
    "validate",
    "quarantine",
    "status",
    "doctor",
    "alerts",
    "demo",
)


class _Lazy(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = getattr(import_module(f"fupan.cli.{cmd_name}"), cmd_name)
        return command


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.version_option(package_name="fupan")
def cli(debug: bool) -> None:
    """复盘: the nightly market-review warehouse."""


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and end the process with its exit code."""
    # A relative folder must mean the same to the servers that are started elsewhere.
    if os.environ.get("FUPAN_HOME"):
        os.environ["FUPAN_HOME"] = str(Path(os.environ["FUPAN_HOME"]).resolve())
    # Whoever asks us to end gets what Ctrl-C gets: servers that were started for the command are stopped.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    given = sys.argv[1:] if arguments is None else arguments
    sys.exit(_run(given, debug="--debug" in given))


def _run(arguments: list[str], *, debug: bool) -> int:
    from fupan.errors import Busy, FupanError, GateFailed

    try:
        ended = cli.main(arguments, prog_name="fupan", standalone_mode=False)
    except FupanError as error:
        if debug:
            traceback.print_exc()
        click.secho(str(error), fg="red", err=True)
        return BUSY if isinstance(error, Busy) else HELD if isinstance(error, GateFailed) else ERROR
    except click.ClickException as wrong:
        wrong.show()
        return ERROR
    except (click.Abort, KeyboardInterrupt):
        click.echo("Stopped.", err=True)
        return 130
    except Exception:
        traceback.print_exc()
        click.secho("This is a bug of Fupan; please report it with the lines above.", fg="red", err=True)
        return BUG
    return ended if isinstance(ended, int) else 0

"""What must be in order for a night to run: each check answers with what it found, or raises an error with a remedy."""

from __future__ import annotations

import contextlib
import json
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from fupan import settings
from fupan.errors import ConfigurationError, FupanError, SourceUnavailable
from fupan.server import services
from fupan.server.airflow import EmbeddedAirflow
from fupan.server.postgres import EmbeddedPostgres
from fupan.warehouse.connection import connect, rows

NEEDED_BYTES = 5 << 30

#: Privileges that a role must have (True) and must not have (False): SQL expressions, asked as that role.
_PRIVILEGES: dict[settings.Role, dict[str, bool]] = {
    "loader": {
        "has_schema_privilege('raw', 'create')": True,
        "has_schema_privilege('core', 'create')": False,
        "has_table_privilege('ops.load', 'insert')": True,
    },
    "builder": {
        "has_schema_privilege('core', 'create')": True,
        "has_schema_privilege('raw', 'create')": False,
        "has_database_privilege(current_database(), 'create')": True,
        "has_table_privilege('ops.verdict', 'insert')": True,
    },
    "reader": {
        "has_table_privilege('status.dimension_status', 'select')": True,
        "has_schema_privilege('raw', 'usage')": False,
        "has_schema_privilege('core', 'usage')": False,
        "has_schema_privilege('ops', 'usage')": False,
        "has_database_privilege(current_database(), 'create')": False,
    },
}


@dataclass(frozen=True)
class Finding:
    """One line of the doctor: what was looked at, whether it is in order, what was found, what to do."""

    name: str
    ok: bool
    detail: str
    remedy: str | None = None


def examine() -> Iterator[Finding]:
    """Every check in turn; one that fails does not stop the others."""
    with _postgres_up():
        for name, check in CHECKS.items():
            try:
                yield Finding(name, True, check())
            except FupanError as error:
                yield Finding(name, False, error.problem, error.remedy)
            except Exception as error:
                yield Finding(
                    name, False, f"{type(error).__name__}: {error}", "Report this with `fupan --debug doctor`"
                )


@contextlib.contextmanager
def _postgres_up() -> Iterator[None]:
    """The embedded server, where there is one, is started for the examination, and stopped again where it was down."""
    server = EmbeddedPostgres()
    was_up = server.pid() is not None or not (services.needs_postgres() and server.made())
    # Where it can't start, the check of PostgreSQL says so.
    with contextlib.suppress(FupanError):
        if not was_up:
            server.start()
    try:
        yield
    finally:
        if not was_up:
            server.stop()


def python() -> str:
    """The interpreter is one that the lock was made for."""
    if not (3, 11) <= sys.version_info < (3, 14):
        raise ConfigurationError(
            f"Python {sys.version.split()[0]}", remedy="Install Python 3.11 to 3.13, then `make clean setup`"
        )
    return sys.version.split()[0]


def environment() -> str:
    """What is installed is what requirements.lock says."""
    from packaging.requirements import Requirement  # noqa: PLC0415

    pinned = [
        Requirement(line.removesuffix("\\"))
        for line in (settings.PROJECT / "requirements.lock").read_text().splitlines()
        if line and not line[0].isspace() and not line.startswith("#")
    ]
    wanted = [one for one in pinned if one.marker is None or one.marker.evaluate()]
    wrong = [
        f"{one.name} is {found}" for one in wanted if not one.specifier.contains(found := _installed(one.name), True)
    ]
    if wrong:
        raise ConfigurationError(
            f"{len(wrong)} packages are not as locked: {', '.join(wrong[:5])}", remedy="Run `make clean setup`"
        )
    return f"{len(wanted)} packages as locked"


def _installed(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "0+missing"


def disk() -> str:
    """Room for the warehouse's state."""
    free = shutil.disk_usage(settings.home()).free
    if free < NEEDED_BYTES:
        raise ConfigurationError(f"{free >> 20:,} MiB free at FUPAN_HOME", remedy="Free at least 5 GiB")
    return f"{free >> 30:,} GiB free"


def ports() -> str:
    """Servers can listen on 127.0.0.1, and an Airflow that is up is up as a whole."""
    try:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
    except OSError as refused:
        raise SourceUnavailable(
            f"127.0.0.1 can't be listened on: {refused}", remedy="Check the firewall, or the sandbox this runs in"
        ) from refused
    airflow = EmbeddedAirflow()
    airflow.check()
    return f"Airflow at {airflow.url}" if airflow.running() else "127.0.0.1 is free to use; Airflow is down"


def postgres() -> str:
    """The warehouse answers."""
    with connect("owner", "doctor") as connection:
        shown = rows(connection, "select current_database() as name, current_setting('server_version') as version")[0]
    return f"database {shown['name']}, PostgreSQL {shown['version']}"


def roles() -> str:
    """Each role logs in as itself, may do what it has to, and nothing that it must not."""
    for role, privileges in _PRIVILEGES.items():
        with connect(role, "doctor") as connection:
            for expression, wanted in privileges.items():
                if bool(rows(connection, f"select {expression} as granted")[0]["granted"]) != wanted:
                    raise ConfigurationError(
                        f"{settings.DATABASE_ROLES[role]}: {expression} is {not wanted}, and should be {wanted}",
                        remedy="`fupan nightly` and `fupan up` repair missing grants; revoke what is too much",
                    )
    return ", ".join(settings.DATABASE_ROLES.values())


def pseudonym_key() -> str:
    """The key of the hashes is the one that made those in raw."""
    from fupan.warehouse.pseudonym_key import require_unchanged  # noqa: PLC0415

    return f"fingerprint {require_unchanged()}, unchanged"


def contracts() -> str:
    """Contracts can be read."""
    from fupan.contracts.contract import contracts as all_contracts  # noqa: PLC0415

    return f"{len(all_contracts())} tables"


def installation() -> str:
    """The installation's source YAML is valid."""
    from fupan.contracts.installation import systems  # noqa: PLC0415

    found = systems()
    return f"{settings.sources().name}: " + ", ".join(
        f"{name} ({len(one.tables)} tables)" for name, one in found.items()
    )


def sources() -> str:
    """Every source system can be reached and logged in to."""
    from fupan.contracts.installation import systems  # noqa: PLC0415
    from fupan.extract.session import open_source  # noqa: PLC0415
    from fupan.night.business_day import latest_business_day  # noqa: PLC0415

    with services.borrowed_platform():
        services.name_reference()
        for system in systems().values():
            open_source(system, latest_business_day(datetime.now(UTC))).close()
    return f"{', '.join(systems())} answers"


def expectations() -> str:
    """Every suite can be read."""
    from fupan.quality.suites import mart_suites, raw_suites  # noqa: PLC0415

    return f"{len(raw_suites())} raw tables, {len(mart_suites())} dimensions"


def alerts() -> str:
    """The routing of alerts can be read, and what its variables hold are addresses."""
    from fupan.alerts.channels import unusable  # noqa: PLC0415
    from fupan.alerts.routing import path, routing  # noqa: PLC0415

    found = routing()
    found.require_known()
    channels = found.all()
    if wrong := [why for one in channels if (why := unusable(one))]:
        raise ConfigurationError(
            "; ".join(wrong), remedy="Correct its variable; `fupan alerts test` tries every channel"
        )
    unset = [f"{one.name} ({one.missing})" for one in channels if one.url is None]
    if all(one.url is None for one in channels):
        return f"{path().name}: no channel is set, so alerts stand in ops.alert and the report alone"
    return f"{path().name}: {len(found.channels) - len(unset)} of {len(found.channels)} channels are set" + (
        f"; skipped: {', '.join(unset)}" if unset else ""
    )


def dags() -> str:
    """Airflow can import every DAG file."""
    errors = _airflow("dags", "list-import-errors", "--local")
    if errors:
        raise ConfigurationError(
            "; ".join(f"{one['filepath']}: {one['error'].strip().splitlines()[-1]}" for one in errors),
            remedy="Correct the DAG file",
        )
    return f"{len(list(settings.DAGS.glob('*.py')))} files"


def plugin() -> str:
    """Airflow loads our plugin and no other."""
    names = [one["name"] for one in _airflow("plugins")]
    if names != ["fupan"]:
        raise ConfigurationError(
            f"Airflow loads the plugins {names}, not just fupan",
            remedy="Keep plugins/.airflowignore; run `make clean setup`",
        )
    return "fupan"


def _airflow(*arguments: str) -> list[dict[str, Any]]:
    """Rows that Airflow's own command line answers with."""
    ended = subprocess.run(
        [sys.executable, "-m", "airflow", *arguments, "--output", "json"],
        env=EmbeddedAirflow().environment() | {"AIRFLOW__LOGGING__LOGGING_LEVEL": "ERROR"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    found = [line for line in ended.stdout.splitlines() if line.startswith("[")]
    if not found:
        raise ConfigurationError(
            f"airflow {' '.join(arguments)} fails: {ended.stderr[-500:]}", remedy="Run `make clean setup`"
        )
    answer: list[dict[str, Any]] = json.loads(found[-1])
    return answer


CHECKS: dict[str, Callable[[], str]] = {
    "Python": python,
    "environment": environment,
    "disk": disk,
    "ports": ports,
    "warehouse": postgres,
    "roles": roles,
    "pseudonym key": pseudonym_key,
    "contracts": contracts,
    "installation": installation,
    "sources": sources,
    "expectations": expectations,
    "alerts": alerts,
    "DAGs": dags,
    "Airflow plugin": plugin,
}

"""What a night needs beside Airflow: the warehouse, its schemas, raw tables, and the reference company's source systems."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator

from fupan import settings
from fupan.demo.systems.platform_server import PlatformServer
from fupan.progress import Progress
from fupan.server.airflow import EmbeddedAirflow
from fupan.server.postgres import EmbeddedPostgres

#: Systems of the reference installation -> the variable by which a user connects one of his own instead.
CONNECTIONS = {
    "erp": "AIRFLOW_CONN_FUPAN_ERP",
    "ecommerce": "AIRFLOW_CONN_FUPAN_ECOMMERCE",
    "service": "AIRFLOW_CONN_FUPAN_SERVICE",
}


def start_warehouse(progress: Progress) -> None:
    """Start what this machine has to run, bring the warehouse to shape, name the reference company's systems as connections."""
    from fupan.extract.raw_tables import ensure_raw_tables  # noqa: PLC0415
    from fupan.warehouse.bootstrap import bootstrap  # noqa: PLC0415
    from fupan.warehouse.pseudonym_key import require_unchanged  # noqa: PLC0415

    if needs_postgres():
        progress.say("starting PostgreSQL")
        server = EmbeddedPostgres()
        server.start()
        if settings.embedded():
            server.ensure_database("fupan")
    start_reference(progress)
    progress.say("preparing the warehouse")
    bootstrap()
    require_unchanged()
    ensure_raw_tables()


def start_reference(progress: Progress) -> None:
    """Start the reference company's systems, as far as they are used, and name them."""
    from fupan.demo.systems import erp  # noqa: PLC0415

    used = reference_systems()
    if not used:
        return
    progress.say("starting the reference company's systems")
    erp.ensure()
    if "ecommerce" in used:
        PlatformServer().start(erp.DATABASE)
    name_reference()


def name_reference() -> None:
    """Tell this process, and all that it starts, where the reference company's systems are."""
    from fupan.demo.systems import erp, service_desk  # noqa: PLC0415

    addresses = {
        "erp": erp.connection_url,
        "ecommerce": lambda: PlatformServer().url,
        "service": service_desk.folder_url,
    }
    for system in reference_systems():
        os.environ[CONNECTIONS[system]] = addresses[system]()


def reference_systems() -> set[str]:
    """Systems that are the made-up company's: of the reference installation, those that no other connection is set for."""
    if settings.sources() != settings.DAGS / "sources" / "reference":
        return set()
    return {system for system, variable in CONNECTIONS.items() if variable not in os.environ}


def needs_postgres() -> bool:
    """Whether anything here lives on the embedded server: the warehouse, Airflow's metadata or the reference company."""
    return settings.embedded() or "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN" not in os.environ or bool(reference_systems())


@contextlib.contextmanager
def borrowed_platform() -> Iterator[None]:
    """The reference company's platform, up where it is used; stopped again at the end unless it was running before."""
    from fupan.demo.systems import erp  # noqa: PLC0415

    platform = PlatformServer()
    was_up = platform.running()
    if "ecommerce" in reference_systems():
        platform.start(erp.DATABASE)
    try:
        yield
    finally:
        if not was_up:
            platform.stop()


class Services:
    """Everything a night needs, up; at the end of the `with` block what was not running before is stopped again."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self.airflow = EmbeddedAirflow()
        self._postgres = EmbeddedPostgres()
        self._postgres_was_up = self._postgres.pid() is not None
        self._platform = PlatformServer()
        self._platform_was_up = self._platform.running()
        self._airflow_is_ours = False

    def __enter__(self) -> Services:
        try:
            start_warehouse(self._progress)
        except BaseException:
            self._stop()
            raise
        return self

    def start_airflow(self) -> EmbeddedAirflow:
        """The embedded Airflow, started unless it runs."""
        self._airflow_is_ours = not self.airflow.running()
        self.airflow.start(self._progress.say)
        return self.airflow

    def __exit__(self, *_: object) -> None:
        self._stop()

    def _stop(self) -> None:
        # Seconds, and bounded: a second Ctrl-C must not leave servers behind that nobody asked for.
        handlers = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            self._stop_ours()
        finally:
            for number, handler in handlers.items():
                signal.signal(number, handler)

    def _stop_ours(self) -> None:
        if self._airflow_is_ours:
            self._progress.say("stopping Airflow")
            self.airflow.stop()
        if not self._platform_was_up:
            self._platform.stop()
        if not self._postgres_was_up:
            self._progress.say("stopping PostgreSQL")
            self._postgres.stop()

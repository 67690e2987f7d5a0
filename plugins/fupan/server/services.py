"""What a night needs beside Airflow: the warehouse, its schemas, raw tables, and the reference company's ERP."""

from __future__ import annotations

import os
import signal

from fupan import settings
from fupan.progress import Progress
from fupan.server.airflow import EmbeddedAirflow
from fupan.server.postgres import EmbeddedPostgres

ERP_CONNECTION = "AIRFLOW_CONN_FUPAN_ERP"


def start_warehouse(progress: Progress) -> None:
    """Start what this machine has to run, bring the warehouse to shape, name the reference ERP as connection `fupan_erp`."""
    from fupan.demo import erp  # noqa: PLC0415
    from fupan.extract.raw_tables import ensure_raw_tables  # noqa: PLC0415
    from fupan.warehouse.bootstrap import bootstrap  # noqa: PLC0415
    from fupan.warehouse.pseudonym_key import require_unchanged  # noqa: PLC0415

    if needs_postgres():
        progress.say("starting PostgreSQL")
        server = EmbeddedPostgres()
        server.start()
        if settings.embedded():
            server.ensure_database("fupan")
    if is_reference():
        progress.say("starting the reference company's ERP")
        erp.ensure()
        name_reference_erp()
    progress.say("preparing the warehouse")
    bootstrap()
    require_unchanged()
    ensure_raw_tables()


def name_reference_erp() -> None:
    """Tell this process, and all that it starts, where the reference ERP is."""
    from fupan.demo import erp  # noqa: PLC0415

    os.environ[ERP_CONNECTION] = erp.connection_url()


def is_reference() -> bool:
    """Whether the ERP is the made-up one: the reference installation, unless another connection is set."""
    return settings.sources() == settings.DAGS / "sources" / "reference" and ERP_CONNECTION not in os.environ


def needs_postgres() -> bool:
    """Whether anything here lives on the embedded server: the warehouse, Airflow's metadata or the reference ERP."""
    return settings.embedded() or "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN" not in os.environ or is_reference()


class Services:
    """Everything a night needs, up; at the end of the `with` block what was not running before is stopped again."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self.airflow = EmbeddedAirflow()
        self._postgres = EmbeddedPostgres()
        self._postgres_was_up = self._postgres.pid() is not None
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
        if not self._postgres_was_up:
            self._progress.say("stopping PostgreSQL")
            self._postgres.stop()

"""Where a source system's database is: its Airflow connection, wherever that is kept."""

from __future__ import annotations

import json
import os
import sys
from typing import Any

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from fupan.errors import ConfigurationError

#: Airflow's connection types -> SQLAlchemy's dialects, where they differ.
_DIALECTS = {"postgres": "postgresql+psycopg2", "postgresql": "postgresql+psycopg2"}


def source_url(connection_id: str, system: str) -> URL:
    """SQLAlchemy URL of connection ``connection_id``: AIRFLOW_CONN_<ID> (URL or JSON), else, in a task, Airflow's own.

    Raises ConfigurationError where there is none or it is malformed; the message never shows it, for it holds a password.
    """
    variable = f"AIRFLOW_CONN_{connection_id.upper()}"
    given = os.environ.get(variable)
    try:
        if given and given.lstrip().startswith("{"):
            return _from_fields(json.loads(given))
        if given:
            url = make_url(given)
            return url.set(drivername=_DIALECTS.get(url.drivername, url.drivername))
    except (ArgumentError, ValueError, KeyError, TypeError) as wrong:
        raise ConfigurationError(
            f"{variable} is neither a URL nor JSON of a connection",
            system=system,
            remedy=f"Set {variable} to something like postgresql://user:password@host:5432/database",
        ) from wrong
    fields = _from_airflow(connection_id)
    if fields is None:
        raise ConfigurationError(
            f"There is no connection {connection_id}",
            system=system,
            remedy=f"Make it in Airflow (Admin, Connections) or set {variable}",
        )
    return _from_fields(fields)


def _from_airflow(connection_id: str) -> dict[str, Any] | None:
    """The connection as Airflow's task supervisor knows it; None outside a task, where nobody could be asked."""
    if not hasattr(sys.modules.get("airflow.sdk.execution_time.task_runner"), "SUPERVISOR_COMMS"):
        return None
    # Importing Airflow costs seconds: only where a task runs has that been paid already.
    from airflow.sdk import Connection  # noqa: PLC0415
    from airflow.sdk.exceptions import AirflowNotFoundException  # noqa: PLC0415

    try:
        found = Connection.get(connection_id)
    except AirflowNotFoundException:
        return None
    names = ("conn_type", "login", "password", "host", "port", "schema")
    return {name: getattr(found, name) for name in names} | {"extra": found.extra_dejson}


def _from_fields(fields: dict[str, Any]) -> URL:
    extra = fields.get("extra") or {}
    if isinstance(extra, str):
        extra = json.loads(extra)
    kind = fields["conn_type"]
    if kind == "sqlite":
        return URL.create("sqlite", database=fields.get("schema") or fields.get("host"))
    port = fields.get("port")
    return URL.create(
        _DIALECTS.get(kind, kind),
        username=fields.get("login") or None,
        password=fields.get("password") or None,
        host=fields.get("host") or None,
        port=int(port) if port else None,
        database=fields.get("schema") or None,
        query={name: value for name, value in extra.items() if isinstance(value, str)},
    )

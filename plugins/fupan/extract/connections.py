"""Where a source system is: its Airflow connection, wherever that is kept."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlsplit

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from fupan.errors import ConfigurationError

#: Airflow's connection types -> SQLAlchemy's dialects, where they differ.
_DIALECTS = {"postgres": "postgresql+psycopg2", "postgresql": "postgresql+psycopg2"}


@dataclass(frozen=True)
class Site:
    """An HTTP API: ``base`` is scheme, host, port and folder without a slash at the end; ``headers`` go with every request."""

    base: str
    login: str | None = None
    password: str | None = field(default=None, repr=False)
    headers: dict[str, str] = field(default_factory=dict, repr=False)


def source_url(connection_id: str, system: str, example: str = "postgresql://user:password@host:5432/database") -> URL:
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
            remedy=f"Set {variable} to something like {example}",
        ) from wrong
    fields = _from_airflow(connection_id)
    if fields is None:
        raise ConfigurationError(
            f"There is no connection {connection_id}",
            system=system,
            remedy=f"Make it in Airflow (Admin, Connections) or set {variable}",
        )
    return _from_fields(fields)


def http_site(connection_id: str, system: str) -> Site:
    """The HTTP API behind a connection, told as Airflow's HTTP connections are: the host may carry the scheme, else schema
    https does; extras are headers. Raises ConfigurationError as source_url does."""
    example = "https://:token@api.example.com"
    url = source_url(connection_id, system, example)
    host, folder = unquote(url.host or ""), url.database or ""
    scheme = url.drivername
    if folder in ("http", "https"):
        scheme, folder = folder, ""
    parts = urlsplit(host if "://" in host else f"{scheme}://{f'[{host}]' if ':' in host else host}")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigurationError(
            f"Connection {connection_id} names no HTTP API",
            system=system,
            remedy=f"Set AIRFLOW_CONN_{connection_id.upper()} to something like {example}",
        )
    port = f":{url.port}" if url.port else ""
    path = "/".join(part.strip("/") for part in (parts.path, folder) if part.strip("/"))
    headers = {name: value for name, value in url.query.items() if isinstance(value, str)}
    base = f"{parts.scheme}://{parts.netloc}{port}{f'/{path}' if path else ''}"
    return Site(base, url.username or None, url.password or None, headers)


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

"""Where things are and who may do what: every setting comes from an environment variable, else from the embedded default.

| variable | meaning | default |
|---|---|---|
| FUPAN_HOME | state of this installation | `.fupan` in the project |
| FUPAN_SOURCES | folder of source YAML | `dags/sources/reference` |
| FUPAN_WAREHOUSE_URL | warehouse, as its owner | the embedded server |
| FUPAN_LOADER_URL, _BUILDER_URL, _READER_URL | the same database as another role | owner's host, the role's own password |
| FUPAN_PSEUDONYM_KEY | key of the hashes that replace personal data | made once, kept in FUPAN_HOME |

Settings of one part stand where they are used: `night/business_day.py` (clock), `alerts/routing.py`, `alerts/message.py`
(alerts), `publish/locking.py` (patience), `extract/load.py` (deletes), `demo/erp.py`. The README lists them all.
"""

from __future__ import annotations

import json
import os
import secrets
from pathlib import Path
from typing import Literal
from urllib.parse import quote, urlsplit, urlunsplit

from fupan.errors import ConfigurationError

Role = Literal["owner", "loader", "builder", "reader"]

#: Database role behind each of our roles; the owner is whoever FUPAN_WAREHOUSE_URL names.
DATABASE_ROLES: dict[Role, str] = {"loader": "fupan_loader", "builder": "fupan_builder", "reader": "bi_reader"}

PROJECT = Path(__file__).resolve().parents[2]
DBT_PROJECT = PROJECT / "dbt_project"
EXPECTATIONS = PROJECT / "expectations"
DAGS = PROJECT / "dags"


def home() -> Path:
    """State folder of this installation (created, readable by its user alone); a relative one counts from the project."""
    folder = PROJECT / (os.environ.get("FUPAN_HOME") or ".fupan")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def sources() -> Path:
    """Folder of the installation's source YAML; a relative FUPAN_SOURCES counts from the project."""
    named = os.environ.get("FUPAN_SOURCES")
    return PROJECT / named if named else DAGS / "sources" / "reference"


def secret(name: str) -> str:
    """A secret of the embedded installation, made on first use and kept in FUPAN_HOME/secrets.json (mode 600)."""
    path = home() / "secrets.json"
    known: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
    if name not in known:
        known[name] = secrets.token_urlsafe(32)
        partial = path.with_name(f".{path.name}.{os.getpid()}")
        partial.touch(mode=0o600)
        partial.write_text(json.dumps(known, indent=2))
        partial.replace(path)
    return known[name]


def pseudonym_key() -> bytes:
    """Key of the HMAC that replaces personal data; one an installation."""
    return (os.environ.get("FUPAN_PSEUDONYM_KEY") or secret("pseudonym_key")).encode()


def embedded() -> bool:
    """Whether the warehouse is the embedded server."""
    return not os.environ.get("FUPAN_WAREHOUSE_URL")


def warehouse_url(role: Role) -> str:
    """libpq URL (`postgresql://`) of the warehouse for one role.

    Raises ConfigurationError when the warehouse is the embedded server and it was never started.
    """
    own = os.environ.get(f"FUPAN_{'WAREHOUSE' if role == 'owner' else role.upper()}_URL")
    if own:
        return own
    owner = os.environ.get("FUPAN_WAREHOUSE_URL") or embedded_url("fupan")
    if role == "owner":
        return owner
    parts = urlsplit(owner)
    address = parts.netloc.rpartition("@")[2]
    login = f"{DATABASE_ROLES[role]}:{quote(secret(f'{role}_password'), safe='')}"
    return urlunsplit(parts._replace(netloc=f"{login}@{address}"))


def embedded_url(database: str) -> str:
    """libpq URL of a database of the embedded server, as its superuser."""
    state = home() / "postgres" / "server.json"
    if not state.exists():
        raise ConfigurationError(
            "The embedded PostgreSQL has not been started",
            remedy="Run `make up` (or `make nightly`), or set FUPAN_WAREHOUSE_URL to a warehouse of your own",
        )
    port = json.loads(state.read_text())["port"]
    return f"postgresql://postgres:{secret('postgres_password')}@127.0.0.1:{port}/{database}"


def sqlalchemy_url(libpq_url: str) -> str:
    """The same address for SQLAlchemy 2.1, which takes psycopg 3 for a bare `postgresql://`."""
    return "postgresql+psycopg2://" + libpq_url.partition("://")[2]

"""One embedded PostgreSQL for the whole test run, one warehouse database of its own a test that asks for one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from fupan.server.postgres import EmbeddedPostgres
from fupan.warehouse.bootstrap import bootstrap
from tests.databases import copy_database, drop_database, new_database, started_server

pytest_plugins = ["tests.company"]


@pytest.fixture(scope="session")
def state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """FUPAN_HOME of the test run (in a folder with a space in its name)."""
    folder = tmp_path_factory.mktemp("state of tests")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FUPAN_HOME", str(folder))
        patch.setenv("DBT_SEND_ANONYMOUS_USAGE_STATS", "false")
        patch.setenv("GX_ANALYTICS_ENABLED", "false")
        yield folder


@pytest.fixture(scope="session")
def server(state: Path) -> Iterator[EmbeddedPostgres]:
    """The PostgreSQL server of the test run."""
    with started_server(state / "postgres") as postgres:
        yield postgres


@pytest.fixture(scope="session")
def bootstrapped(server: EmbeddedPostgres) -> str:
    """libpq URL of a bootstrapped warehouse; to be copied, not used."""
    url = new_database(server, "bootstrapped")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FUPAN_WAREHOUSE_URL", url)
        bootstrap()
    return url


@pytest.fixture
def warehouse(server: EmbeddedPostgres, bootstrapped: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A bootstrapped warehouse of the test's own; every `connect(role, …)` of the code under test goes there."""
    url = copy_database(server, bootstrapped)
    monkeypatch.setenv("FUPAN_WAREHOUSE_URL", url)
    yield url
    drop_database(server, url)

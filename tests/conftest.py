"""One embedded PostgreSQL for the whole test run, one warehouse database of its own a test that asks for one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from fupan.server.postgres import EmbeddedPostgres
from fupan.warehouse.bootstrap import bootstrap
from tests.databases import drop_database, new_database

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
    postgres = EmbeddedPostgres(state / "postgres")
    postgres.start()
    yield postgres
    postgres.stop()


@pytest.fixture
def warehouse(server: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A bootstrapped warehouse of the test's own; every `connect(role, …)` of the code under test goes there."""
    url = new_database(server, "warehouse")
    monkeypatch.setenv("FUPAN_WAREHOUSE_URL", url)
    bootstrap()
    yield url
    drop_database(server, url)

"""Fixtures that several integration tests share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.core_warehouse import CoreWarehouse

from fupan.server.postgres import EmbeddedPostgres


@pytest.fixture
def core(server: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch) -> Iterator[CoreWarehouse]:
    """An empty warehouse for builds of core. Always the same database: dbt's parsed project holds for one."""
    url = server.ensure_database("core_tests")
    monkeypatch.setenv("FUPAN_WAREHOUSE_URL", url)
    warehouse = CoreWarehouse(url)
    warehouse.reset()
    yield warehouse
    warehouse.close()

"""Fixtures that several integration tests share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.core_warehouse import CoreWarehouse

from fupan.server.postgres import EmbeddedPostgres


def _empty_warehouse(server: EmbeddedPostgres) -> Iterator[CoreWarehouse]:
    """Always the same database, since dbt's parsed project holds for one."""
    url = server.ensure_database("core_tests")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FUPAN_WAREHOUSE_URL", url)
        warehouse = CoreWarehouse(url)
        warehouse.reset()
        yield warehouse
        warehouse.close()


@pytest.fixture
def core(server: EmbeddedPostgres) -> Iterator[CoreWarehouse]:
    """An empty warehouse for builds of core."""
    yield from _empty_warehouse(server)


@pytest.fixture(scope="module")
def core_of_module(server: EmbeddedPostgres) -> Iterator[CoreWarehouse]:
    """The same, for tests that look at one course of nights from several sides."""
    yield from _empty_warehouse(server)

"""A shop behind an HTTP JSON API: the same table as in SQL, loaded into a real warehouse from a real server."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import psycopg2
import psycopg2.extras
import pytest

from fupan.contracts.contract import Contract
from fupan.contracts.installation import HttpSystem, HttpTable, HttpTotals, Paging
from fupan.extract import http_patience
from fupan.extract.ledger import LoadResult
from fupan.extract.reconcile import reconcile_table
from fupan.extract.session import running
from fupan.extract.table import load_table
from fupan.server.postgres import EmbeddedPostgres
from tests.extract_source import DAY, contract, empty_warehouse
from tests.http_api import Api, Request

PAGING = Paging(kind="cursor", next="paging.next_cursor", size_parameter="limit", size=3)
TABLE = HttpTable(
    path="/v1/orders",
    items="data",
    since="updated_since",
    paging=PAGING,
    fields={"buyer": "user.name", "phone": "user.phone", "qty": "quantity"},
)
TOTALS = HttpTotals(path="/v1/totals", items="data", rows="count", sums={"qty": "quantity"})


def _stamp(text: str) -> datetime:
    stamp = datetime.fromisoformat(text)
    return stamp if stamp.tzinfo else stamp.replace(tzinfo=ZoneInfo("Asia/Shanghai"))


class Shop:
    def __init__(self, api: Api, warehouse: str) -> None:
        self.api, self.warehouse = api, warehouse
        self.orders: dict[str, dict[str, Any]] = {}
        api.serve("/v1/orders", self.changed)
        api.serve("/v1/ids", lambda _: [{"order_id": one} for one in sorted(self.orders)])
        api.lists["/v1/totals"] = lambda request: {"data": self.totals(request)}

    def put(self, order_id: str, **values: Any) -> None:
        self.orders[order_id] = {
            "order_id": order_id,
            "user": {"name": "王小明", "phone": "+86 138-0013-8000"},
            "quantity": 2,
            "amount": "19.90",
            "paid": True,
            "ordered_on": "2026-03-01",
            "updated_at": "2026-03-01T10:00:00+08:00",
        } | values

    def changed(self, request: Request) -> list[dict[str, Any]]:
        since = _stamp(request.parameters.get("updated_since", "0001-01-01T00:00:00"))
        found = [one for one in self.orders.values() if _stamp(one["updated_at"]) >= since]
        return sorted(found, key=lambda one: (_stamp(one["updated_at"]), one["order_id"]))

    def totals(self, request: Request) -> list[dict[str, Any]]:
        days: dict[str, list[dict[str, Any]]] = {}
        for one in self.changed(request):
            days.setdefault(one["ordered_on"], []).append(one)
        return [
            {
                "day": day,
                "count": len(found),
                "amount": str(sum(Decimal(str(one["amount"])) for one in found)),
                "quantity": sum(int(one["quantity"]) for one in found),
            }
            for day, found in days.items()
        ]

    def by_place(self, request: Request, newest_first: bool = False) -> dict[str, Any]:
        """The list by `page` or `offset`, in the order of change."""
        found = sorted(self.orders.values(), key=lambda one: (one["updated_at"], one["order_id"]), reverse=newest_first)
        told = {name: int(value) for name, value in request.parameters.items() if value.isdecimal()}
        begin = told.get("offset", (told.get("page", 1) - 1) * told["limit"])
        return {"data": found[begin : begin + told["limit"]]}

    def load(self, entry: HttpTable = TABLE, table: Contract | None = None, window: Any = None) -> LoadResult:
        with running(self.system, DAY) as session:
            return load_table(session, table or contract(), entry, window)

    def reconcile(self, entry: HttpTable) -> LoadResult:
        with running(self.system, DAY, kind="maintain") as session:
            return reconcile_table(session, contract(), entry, after_load=False)

    @property
    def system(self) -> HttpSystem:
        return HttpSystem(system="shop", kind="http", connection="shop_test", time_zone="Asia/Shanghai", tables={})

    def ask(self, statement: str) -> list[dict[str, Any]]:
        connection = psycopg2.connect(self.warehouse, options="-c timezone=UTC")
        with connection, connection.cursor(cursor_factory=psycopg2.extras.RealDictCursor) as cursor:
            cursor.execute(statement)
            found = [dict(row) for row in cursor.fetchall()]
        connection.close()
        return found

    def raw(self) -> dict[str, dict[str, Any]]:
        return {r["order_id"]: r for r in self.ask("select * from raw.shop_orders where _deleted_at is null")}

    def drift(self) -> set[tuple[str, str]]:
        return {(r["column_name"], r["kind"]) for r in self.ask("select * from ops.drift where resolved_at is null")}


@contextlib.contextmanager
def opened_shop(server: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    """The shop and its warehouse, both empty; nobody waits long for it."""
    api = Api()
    monkeypatch.setenv("FUPAN_WAREHOUSE_URL", server.ensure_database("extract_tests"))
    monkeypatch.setenv("AIRFLOW_CONN_SHOP_TEST", api.connection)
    monkeypatch.setattr(http_patience, "FIRST_S", 0.01)
    monkeypatch.setattr(http_patience, "DOWN_S", 0.05)
    monkeypatch.setattr(http_patience, "FAILING_S", 0.05)
    yield Shop(api, empty_warehouse(server))
    api.close()


def counts(result: LoadResult) -> dict[str, int]:
    """The counts that are not zero."""
    return {name: number for name, number in vars(result.counts).items() if number}

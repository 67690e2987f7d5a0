"""One day of the reference company, played on its ERP: what is new, what changes, what moves and what vanishes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from random import Random
from typing import Any, NamedTuple, TypeVar

from psycopg2 import sql

from fupan.demo import company, targets, trading
from fupan.demo.company import ZONE, stamp
from fupan.demo.founding import RELATIONS, Connection, insert
from fupan.demo.rows import Customer, Line, Order, Product, Return, Target

#: How many of each a day; what depends on what was sold or is under way is a share of that.
PRICES_CORRECTED, REDATED, ORDERS_DELETED, LINES_DELETED = 5, 3, 2, 1
LIST_PRICES, PRODUCTS_MOVED, CUSTOMERS_MOVED, NEWCOMERS, TARGETS_REVISED = 2, 1, 1, 2, 2

#: How many leading columns of a relation are its key.
KEY_COLUMNS = {"sales_order_lines": 2, "sales_orders": 1, "returns": 1, "products": 1, "customers": 1}

_SOLD = "qty > 0 and not is_gift"
_NOT_RETURNED = (
    "not exists (select 1 from erp.returns as back where (back.order_id, back.line_no) = (it.order_id, it.line_no))"
)
#: Of orders that stand and of which nothing has come back, so that no return loses what it refers to.
_QUIET_ORDER = (
    "status <> 'cancelled' and not exists (select 1 from erp.returns as back where back.order_id = it.order_id)"
)
_QUIET_LINE = (
    "exists (select 1 from erp.sales_orders as own where own.order_id = it.order_id and own.status <> 'cancelled') "
    f"and {_NOT_RETURNED}"
)
_DOMESTIC = [place for place in company.places() if place.region.market_group == "domestic"]

Row = TypeVar("Row", bound=NamedTuple)


@dataclass
class AdvanceSummary:
    """What happened from ``first`` to ``last``: rows by kind of change."""

    first: date
    last: date
    counts: Counter[str] = field(default_factory=Counter)


def play(connection: Connection, today: date, started: date, random: Random) -> Counter[str]:
    """Play ``today`` in the caller's transaction; returns rows by kind of change. ``started``: first day of the history."""
    played = _Day(connection, today, random)
    return Counter(
        {
            # Yesterday's orders move on before today's come in, and what has come back is deleted or re-dated no more.
            **played.orders_move_on(),
            "returns_completed": played.returns_complete(),
            "returns_requested": played.returns_come_in(),
            "orders_redated": played.redate_orders(),
            "prices_corrected": played.correct_prices(),
            "orders_deleted": played.delete_orders(),
            "lines_deleted": played.delete_lines(),
            "list_prices_changed": played.change_list_prices(),
            "products_moved": played.move_products(),
            "customers_moved": played.move_customers(),
            "customers_new": played.welcome_customers(),
            "targets_revised": played.revise_targets(),
            **played.sell(started),
        }
    )


class _Day:
    """One day's changes; every pick is from rows in the order of their key, so that a seed always picks the same."""

    def __init__(self, connection: Connection, today: date, random: Random) -> None:
        self._connection, self._today, self._random = connection, today, random

    # ------------------------------------------------------------------------------------------------------- orders

    def sell(self, started: date) -> dict[str, int]:
        """New orders and their lines."""
        market = trading.Market(self._all("customers", Customer), self._all("products", Product), started)
        sold = market.orders(self._today, self._random)
        return {
            "orders_new": insert(self._connection, "sales_orders", [order for order, _ in sold]),
            "lines_new": insert(self._connection, "sales_order_lines", [line for _, lines in sold for line in lines]),
        }

    def orders_move_on(self) -> dict[str, int]:
        """Open orders are paid, shipped, completed; some are cancelled instead."""
        counts = {"orders_moved_on": 0, "orders_cancelled": 0}
        following = {"open": "paid", "paid": "shipped", "shipped": "completed"}
        chances = {"open": 0.8, "paid": 0.6, "shipped": 0.35}
        pending = self._pick("sales_orders", Order, "status in ('open', 'paid', 'shipped')")
        # At least one each night: a quiet holiday would leave nothing to cancel.
        first_cancelled = self._random.choice(pending).order_id if pending else None
        for order in pending:
            at = stamp(self._today, self._random)
            if order.order_id == first_cancelled or (order.status == "open" and self._random.random() < 0.03):
                self._update("sales_orders", order, status="cancelled", cancelled_at=at, updated_at=at)
                counts["orders_cancelled"] += 1
            elif self._random.random() < chances[order.status]:
                self._update("sales_orders", order, status=following[order.status], updated_at=at)
                counts["orders_moved_on"] += 1
        return counts

    def redate_orders(self) -> int:
        """Orders booked on the wrong day."""
        orders = self._pick("sales_orders", Order, f"{_QUIET_ORDER} and order_date > %s", self._ago(40), most=REDATED)
        for order in orders:
            days = self._random.choice((-4, -3, -2, -1, 1, 2))
            moved = min(order.order_date + timedelta(days=days), self._today)
            if moved == order.order_date:
                moved -= timedelta(days=1)
            self._update("sales_orders", order, order_date=moved, updated_at=stamp(self._today, self._random))
        return len(orders)

    def correct_prices(self) -> int:
        """Lines that were billed at a wrong price."""
        lines = self._pick(
            "sales_order_lines",
            Line,
            f"{_SOLD} and {_QUIET_LINE} and updated_at > %s",
            self._moment(self._ago(60)),
            most=PRICES_CORRECTED,
        )
        for line in lines:
            price = company.money(float(line.unit_price) * self._random.choice((0.9, 0.95, 1.02, 1.05)))
            self._update(
                "sales_order_lines",
                line,
                unit_price=price,
                discount_amount=(line.list_price - price) * line.qty,
                net_amount=price * line.qty,
                updated_at=stamp(self._today, self._random),
            )
        return len(lines)

    def delete_orders(self) -> int:
        """Orders that a clerk deletes with all their lines; no trace stays."""
        orders = self._pick(
            "sales_orders", Order, f"{_QUIET_ORDER} and order_date > %s", self._ago(60), most=ORDERS_DELETED
        )
        return self._execute(
            "delete from erp.sales_orders where order_id = any(%s)", [[order.order_id for order in orders]]
        )

    def delete_lines(self) -> int:
        """Last lines that a clerk deletes from an order of several."""
        lines = self._pick(
            "sales_order_lines",
            Line,
            f"{_QUIET_LINE} and line_no > 1 and updated_at > %s and not exists (select 1 from erp.sales_order_lines "
            "as later where later.order_id = it.order_id and later.line_no > it.line_no)",
            self._moment(self._ago(60)),
            most=LINES_DELETED,
        )
        return sum(
            self._execute(
                "delete from erp.sales_order_lines where order_id = %s and line_no = %s", [line.order_id, line.line_no]
            )
            for line in lines
        )

    # ------------------------------------------------------------------------------------------------------ returns

    def returns_come_in(self) -> int:
        """Lines of orders completed in the last two weeks come back."""
        with self._connection.cursor() as cursor:
            cursor.execute("select coalesce(max(substr(return_id, 3)::int), 0) from erp.returns")
            number = int(_first(cursor.fetchone()))
        recent = {
            order.order_id: order
            for order in self._pick(
                "sales_orders", Order, "status = 'completed' and updated_at > %s", self._moment(self._ago(14))
            )
        }
        sold = self._pick("sales_order_lines", Line, f"order_id = any(%s) and {_SOLD} and {_NOT_RETURNED}", [*recent])
        returned = []
        for line in sold:
            order = recent[line.order_id]
            # An order stands two weeks in this window, so a day has a fourteenth of its returns.
            if self._random.random() < trading.HABITS[order.channel_id].return_share / 14:
                number += 1
                returned.append(trading.requested(order, line, f"RT{number:07d}", self._today, self._random))
        return insert(self._connection, "returns", returned)

    def returns_complete(self) -> int:
        """Goods have arrived, refunds are paid: the oldest return first, others by chance."""
        pending = self._pick("returns", Return, "completed_at is null and requested_at < %s", self._moment(self._today))
        done = [back for number, back in enumerate(pending) if number == 0 or self._random.random() < 0.2]
        for back in done:
            at = stamp(self._today, self._random)
            self._update("returns", back, completed_at=at, updated_at=at)
        return len(done)

    # --------------------------------------------------------------------------------------------------- master data

    def change_list_prices(self) -> int:
        """Products that get dearer or cheaper from today."""
        products = self._pick("products", Product, "discontinue_date is null", most=LIST_PRICES)
        for product in products:
            price = company.money(float(product.list_price) * self._random.choice((0.92, 0.95, 1.05, 1.08)))
            self._update("products", product, list_price=price, updated_at=stamp(self._today, self._random))
        return len(products)

    def move_products(self) -> int:
        """Products that change to another product line."""
        products = self._pick("products", Product, "discontinue_date is null", most=PRODUCTS_MOVED)
        for product in products:
            line = self._random.choice([name for name in company.PRODUCT_LINES if name != product.product_line])
            self._update("products", product, product_line=line, updated_at=stamp(self._today, self._random))
        return len(products)

    def move_customers(self) -> int:
        """Customers that move to another province."""
        customers = self._pick("customers", Customer, "country = 'CN'", most=CUSTOMERS_MOVED)
        for customer in customers:
            home = self._random.choice(
                [place for place in _DOMESTIC if place.region.region_code != customer.region_code]
            )
            self._update(
                "customers",
                customer,
                region_code=home.region.region_code,
                province=home.region.province,
                city=home.city,
                city_tier=home.region.city_tier,
                updated_at=stamp(self._today, self._random),
            )
        return len(customers)

    def welcome_customers(self) -> int:
        """New customers."""
        with self._connection.cursor() as cursor:
            cursor.execute("select max(substr(customer_id, 2)::int) from erp.customers")
            last = int(_first(cursor.fetchone()))
        newcomers = [
            company.new_customer(
                last + number,
                self._random.choice(("household", "dealer")),
                self._random.choice(_DOMESTIC),
                self._today,
                self._random,
            )
            for number in range(1, NEWCOMERS + 1)
        ]
        return insert(self._connection, "customers", newcomers)

    def revise_targets(self) -> int:
        """Targets of this month that get a new version, approved today."""
        newest = (
            "period = %s and approved_at is not null and not exists (select 1 from erp.targets as later "
            "where later.version > it.version and (later.period, later.measure_id) = (it.period, it.measure_id) "
            "and later.region_code is not distinct from it.region_code "
            "and later.product_line is not distinct from it.product_line "
            "and later.channel_id is not distinct from it.channel_id)"
        )
        revised = []
        for target in self._pick("targets", Target, newest, f"{self._today:%Y-%m}", most=TARGETS_REVISED):
            value = target.target_value * Decimal(self._random.choice(("0.95", "1.05", "1.1")))
            revised.append(
                target._replace(
                    target_id=f"{target.target_id.rpartition('-V')[0]}-V{target.version + 1}",
                    target_value=targets.rounded(value, target.measure_id),
                    version=target.version + 1,
                    approved_at=stamp(self._today, self._random),
                    change_reason="月度滚动修订",
                )
            )
        return insert(self._connection, "targets", revised)

    # ------------------------------------------------------------------------------------------------------ plumbing

    def _ago(self, days: int) -> date:
        return self._today - timedelta(days=days)

    def _moment(self, day: date) -> datetime:
        return datetime.combine(day, time(), ZONE)

    def _all(self, relation: str, kind: type[Row]) -> list[Row]:
        return self._pick(relation, kind, "true")

    def _pick(self, relation: str, kind: type[Row], where: str, *values: object, most: int | None = None) -> list[Row]:
        """Rows (`it`) of a relation in the order of their columns, at most ``most`` of them by chance."""
        columns = sql.SQL(", ").join(sql.Identifier(name) for name in RELATIONS[relation]._fields)
        query = sql.SQL("select {} from {} as it where {} order by {}").format(
            columns, sql.Identifier("erp", relation), sql.SQL(where), columns
        )
        with self._connection.cursor() as cursor:
            cursor.execute(query, values)
            found = [kind(*row) for row in cursor.fetchall()]
        return found if most is None or len(found) <= most else self._random.sample(found, most)

    def _update(self, relation: str, row: Order | Line | Return | Product | Customer, **changes: object) -> None:
        key = row._fields[: KEY_COLUMNS[relation]]
        self._execute(
            sql.SQL("update {} set {} where {}").format(
                sql.Identifier("erp", relation),
                sql.SQL(", ").join(sql.SQL("{} = %s").format(sql.Identifier(name)) for name in changes),
                sql.SQL(" and ").join(sql.SQL("{} = %s").format(sql.Identifier(name)) for name in key),
            ),
            [*changes.values(), *row[: len(key)]],
        )

    def _execute(self, statement: str | sql.Composed, values: Sequence[object]) -> int:
        with self._connection.cursor() as cursor:
            cursor.execute(statement, values)
            return cursor.rowcount


def _first(row: tuple[Any, ...] | None) -> Any:
    assert row is not None
    return row[0]

"""One day of the reference company, played on its ERP: what is new, what changes, what moves and what vanishes."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from random import Random
from typing import Any

from fupan.demo import company, targets, trading
from fupan.demo.company import stamp
from fupan.demo.relations import Connection, delete, insert, select, update
from fupan.demo.story import midnight

#: How many of each a day; what depends on what was sold or is under way is a share of that.
PRICES_CORRECTED, REDATED, ORDERS_DELETED, LINES_DELETED = 5, 3, 2, 1
LIST_PRICES, PRODUCTS_MOVED, CUSTOMERS_MOVED, NEWCOMERS, TARGETS_REVISED = 2, 1, 1, 2, 2

_SOLD = "qty > 0 and not is_gift"
_NOT_RETURNED = (
    "not exists (select 1 from erp.returns as back where (back.order_id, back.line_no) = (it.order_id, it.line_no))"
)
_NOT_SPOKEN_OF = " and ".join(
    f"not exists (select 1 from {relation} as said where said.order_id = it.order_id)"
    for relation in ("shop_platform.reviews", "service_desk.complaints", "service_desk.repairs")
)
#: Of orders that stand, of which nothing has come back and nobody has spoken, so that nothing loses what it refers to.
_QUIET_ORDER = (
    "status <> 'cancelled' and not exists (select 1 from erp.returns as back where back.order_id = it.order_id) "
    f"and {_NOT_SPOKEN_OF}"
)
_QUIET_LINE = (
    "exists (select 1 from erp.sales_orders as own where own.order_id = it.order_id and own.status <> 'cancelled') "
    f"and {_NOT_RETURNED} and {_NOT_SPOKEN_OF}"
)
_DOMESTIC = [place for place in company.places() if place.region.market_group == "domestic"]


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
        market = trading.Market(self._pick("erp.customers"), self._pick("erp.products"), started)
        sold = market.orders(self._today, self._random)
        return {
            "orders_new": insert(self._connection, "erp.sales_orders", [order for order, _ in sold]),
            "lines_new": insert(
                self._connection, "erp.sales_order_lines", [line for _, lines in sold for line in lines]
            ),
        }

    def orders_move_on(self) -> dict[str, int]:
        """Open orders are paid, shipped, completed; some are cancelled instead."""
        counts = {"orders_moved_on": 0, "orders_cancelled": 0}
        following = {"open": "paid", "paid": "shipped", "shipped": "completed"}
        chances = {"open": 0.8, "paid": 0.6, "shipped": 0.35}
        pending = self._pick("erp.sales_orders", "status in ('open', 'paid', 'shipped')")
        # At least one each night: a quiet holiday would leave nothing to cancel.
        first_cancelled = self._random.choice(pending).order_id if pending else None
        for order in pending:
            at = stamp(self._today, self._random)
            if order.order_id == first_cancelled or (order.status == "open" and self._random.random() < 0.03):
                self._update("erp.sales_orders", order, status="cancelled", cancelled_at=at, updated_at=at)
                counts["orders_cancelled"] += 1
            elif self._random.random() < chances[order.status]:
                self._update("erp.sales_orders", order, status=following[order.status], updated_at=at)
                counts["orders_moved_on"] += 1
        return counts

    def redate_orders(self) -> int:
        """Orders booked on the wrong day."""
        orders = self._pick("erp.sales_orders", f"{_QUIET_ORDER} and order_date > %s", self._ago(40), most=REDATED)
        for order in orders:
            days = self._random.choice((-4, -3, -2, -1, 1, 2))
            moved = min(order.order_date + timedelta(days=days), self._today)
            if moved == order.order_date:
                moved -= timedelta(days=1)
            self._update("erp.sales_orders", order, order_date=moved, updated_at=stamp(self._today, self._random))
        return len(orders)

    def correct_prices(self) -> int:
        """Lines that were billed at a wrong price."""
        lines = self._pick(
            "erp.sales_order_lines",
            f"{_SOLD} and {_QUIET_LINE} and updated_at > %s",
            midnight(self._ago(60)),
            most=PRICES_CORRECTED,
        )
        for line in lines:
            price = company.money(float(line.unit_price) * self._random.choice((0.9, 0.95, 1.02, 1.05)))
            self._update(
                "erp.sales_order_lines",
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
            "erp.sales_orders", f"{_QUIET_ORDER} and order_date > %s", self._ago(60), most=ORDERS_DELETED
        )
        return sum(delete(self._connection, "erp.sales_orders", order) for order in orders)

    def delete_lines(self) -> int:
        """Last lines that a clerk deletes from an order of several."""
        lines = self._pick(
            "erp.sales_order_lines",
            f"{_QUIET_LINE} and line_no > 1 and updated_at > %s and not exists (select 1 from erp.sales_order_lines "
            "as later where later.order_id = it.order_id and later.line_no > it.line_no)",
            midnight(self._ago(60)),
            most=LINES_DELETED,
        )
        return sum(delete(self._connection, "erp.sales_order_lines", line) for line in lines)

    # ------------------------------------------------------------------------------------------------------ returns

    def returns_come_in(self) -> int:
        """Lines of orders completed in the last two weeks come back."""
        with self._connection.cursor() as cursor:
            cursor.execute("select coalesce(max(substr(return_id, 3)::int), 0) from erp.returns")
            number = int(_first(cursor.fetchone()))
        recent = {
            order.order_id: order
            for order in self._pick(
                "erp.sales_orders", "status = 'completed' and updated_at > %s", midnight(self._ago(14))
            )
        }
        sold = self._pick("erp.sales_order_lines", f"order_id = any(%s) and {_SOLD} and {_NOT_RETURNED}", [*recent])
        returned = []
        for line in sold:
            order = recent[line.order_id]
            # An order stands two weeks in this window, so a day has a fourteenth of its returns.
            if trading.comes_back(order, line, self._random, days=14):
                number += 1
                returned.append(trading.requested(order, line, f"RT{number:07d}", self._today, self._random))
        return insert(self._connection, "erp.returns", returned)

    def returns_complete(self) -> int:
        """Goods have arrived, refunds are paid: the oldest return first, others by chance."""
        pending = self._pick("erp.returns", "completed_at is null and requested_at < %s", midnight(self._today))
        done = [back for number, back in enumerate(pending) if number == 0 or self._random.random() < 0.2]
        for back in done:
            at = stamp(self._today, self._random)
            self._update("erp.returns", back, completed_at=at, updated_at=at)
        return len(done)

    # --------------------------------------------------------------------------------------------------- master data

    def change_list_prices(self) -> int:
        """Products that get dearer or cheaper from today."""
        products = self._pick("erp.products", "discontinue_date is null", most=LIST_PRICES)
        for product in products:
            price = company.money(float(product.list_price) * self._random.choice((0.92, 0.95, 1.05, 1.08)))
            self._update("erp.products", product, list_price=price, updated_at=stamp(self._today, self._random))
        return len(products)

    def move_products(self) -> int:
        """Products that change to another product line."""
        products = self._pick("erp.products", "discontinue_date is null", most=PRODUCTS_MOVED)
        for product in products:
            line = self._random.choice([name for name in company.PRODUCT_LINES if name != product.product_line])
            self._update("erp.products", product, product_line=line, updated_at=stamp(self._today, self._random))
        return len(products)

    def move_customers(self) -> int:
        """Customers that move to another province."""
        customers = self._pick("erp.customers", "country = 'CN'", most=CUSTOMERS_MOVED)
        for customer in customers:
            home = self._random.choice(
                [place for place in _DOMESTIC if place.region.region_code != customer.region_code]
            )
            self._update(
                "erp.customers",
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
        return insert(self._connection, "erp.customers", newcomers)

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
        for target in self._pick("erp.targets", newest, f"{self._today:%Y-%m}", most=TARGETS_REVISED):
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
        return insert(self._connection, "erp.targets", revised)

    # ------------------------------------------------------------------------------------------------------ plumbing

    def _ago(self, days: int) -> date:
        return self._today - timedelta(days=days)

    def _pick(self, relation: str, where: str = "true", *values: object, most: int | None = None) -> list[Any]:
        """Rows (`it`) of a relation in the order of their columns, at most ``most`` of them by chance."""
        found = select(self._connection, relation, where, *values)
        return found if most is None or len(found) <= most else self._random.sample(found, most)

    def _update(self, relation: str, row: Any, **changes: object) -> None:
        update(self._connection, relation, row, **changes)


def _first(row: tuple[Any, ...] | None) -> Any:
    assert row is not None
    return row[0]

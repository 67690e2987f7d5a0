"""What the company sells on a day, what becomes of the orders, and what comes back."""

from __future__ import annotations

import bisect
import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import NamedTuple

from fupan.demo.company import money, stamp
from fupan.demo.rows import Customer, Line, Order, Product, Return
from fupan.demo.workmanship import trouble

CURRENCY = "CNY"
REASONS = ("damaged_in_transit", "dead_on_arrival", "not_as_described", "wrong_item", "no_longer_needed")

# ------------------------------------------------------------------------------------------------------------ demand

#: First day of the Spring Festival.
SPRING_FESTIVALS = (
    date(2020, 1, 25),
    date(2021, 2, 12),
    date(2022, 2, 1),
    date(2023, 1, 22),
    date(2024, 2, 10),
    date(2025, 1, 29),
    date(2026, 2, 17),
    date(2027, 2, 6),
    date(2028, 1, 26),
    date(2029, 2, 13),
    date(2030, 2, 3),
    date(2031, 1, 23),
    date(2032, 2, 11),
    date(2033, 1, 31),
    date(2034, 2, 19),
    date(2035, 2, 8),
)
#: People do up their homes in spring and autumn.
_MONTHS = (0.85, 0.75, 1.1, 1.12, 1.1, 1.0, 0.9, 0.88, 1.08, 1.12, 1.1, 0.98)
_GROWTH_A_YEAR = 1.09


@dataclass(frozen=True)
class Habit:
    """How a channel sells: orders a day, on a weekend day, in a shopping festival, to whom, how much, at which discount."""

    orders: float
    weekend: float
    festival: float
    buyers: tuple[str, ...]
    unknown_buyers: float
    lines: float
    quantity: tuple[int, int]
    discount: tuple[float, float]
    appeal: tuple[float, ...]  # of each product line, in the order of LINE_ORDER
    platform: str | None = None
    return_share: float = 0.03


LINE_ORDER = ("smart_luminaires", "commercial", "industrial", "outdoor", "residential", "light_sources")
_HOME = ("household", "decorator")
_WORK = ("developer", "integrator", "commercial", "industrial", "decorator")
_FOR_HOMES = (3.0, 0.3, 0.05, 0.6, 3.0, 2.0)

HABITS = {
    "TMALL": Habit(6.0, 1.15, 1.0, _HOME, 0.06, 2.1, (1, 4), (0.03, 0.18), _FOR_HOMES, "tmall", 0.06),
    "JD": Habit(5.0, 1.05, 0.9, _HOME, 0.05, 2.1, (1, 4), (0.03, 0.16), _FOR_HOMES, "jd", 0.05),
    "DOUYIN": Habit(3.0, 1.3, 0.8, _HOME, 0.12, 1.6, (1, 3), (0.10, 0.28), _FOR_HOMES, "douyin", 0.09),
    "SITE": Habit(1.0, 0.9, 0.4, _HOME, 0.0, 2.0, (1, 6), (0.0, 0.10), _FOR_HOMES, "own_site", 0.04),
    "WECHAT": Habit(1.2, 1.2, 0.5, _HOME, 0.02, 1.6, (1, 3), (0.05, 0.15), _FOR_HOMES, "wechat", 0.05),
    "DEALER": Habit(5.0, 0.25, 0.0, ("dealer",), 0.0, 5.5, (4, 24), (0.25, 0.38), (1.5, 2, 0.8, 1, 2.5, 3)),
    "PROJECT": Habit(1.0, 0.1, 0.0, _WORK, 0.0, 4.0, (10, 80), (0.20, 0.35), (1.2, 3, 2.5, 2, 0.4, 1)),
    "EXPORT": Habit(0.7, 0.1, 0.0, ("importer",), 0.0, 5.0, (12, 90), (0.27, 0.38), (1, 2, 1, 2, 1, 2.5)),
}


def festival(day: date) -> float:
    """How much more than usual is bought online: 618, Double 11, Double 12; 0 on an ordinary day."""
    match day.month, day.day:
        case 6, day_of_month if day_of_month <= 20:
            return 2.6 if 16 <= day_of_month <= 18 else 0.5
        case 11, day_of_month if day_of_month <= 12:
            return 3.6 if day_of_month >= 10 else 0.7
        case 12, day_of_month if 10 <= day_of_month <= 12:
            return 1.0
    return 0.0


def demand(channel_id: str, day: date, started: date) -> float:
    """Orders to expect of a channel on a day; ``started`` is the day from which growth counts."""
    habit = HABITS[channel_id]
    usual = habit.orders * _MONTHS[day.month - 1] * math.pow(_GROWTH_A_YEAR, (day - started).days / 365)
    weekend = habit.weekend if day.weekday() >= 5 else 1.0
    return usual * weekend * (1 + habit.festival * festival(day)) * _holiday(day)


def _holiday(day: date) -> float:
    """The country stands still for the Spring Festival and slows down around it."""
    for first in SPRING_FESTIVALS:
        since = (day - first).days
        if -2 <= since <= 7:
            return 0.12
        if -12 <= since <= 14:
            return 0.55
    return 1.0


def poisson(mean: float, random: Random) -> int:
    """How often something happens that happens ``mean`` times on average."""
    limit, product, count = math.exp(-mean), random.random(), 0
    while product > limit:
        product *= random.random()
        count += 1
    return count


# ------------------------------------------------------------------------------------------------------------ orders


class Shelf(NamedTuple):
    """What is on sale on a day, with the running sum of how well it sells."""

    products: list[Product]
    weights: list[float]


class Market:
    """Who may buy what through which channel; activity and popularity belong to the customer and the SKU for good."""

    def __init__(self, customers: Sequence[Customer], products: Sequence[Product], started: date) -> None:
        self._products, self._started = products, started
        self._popularity = {p.sku: Random(p.sku).paretovariate(1.3) for p in products}
        by_kind: dict[str, list[Customer]] = {}
        for customer in sorted(customers, key=lambda c: (c.created_at, c.customer_id)):
            kind = customer.customer_type if customer.country == "CN" else "importer"
            by_kind.setdefault(kind, []).append(customer)
        self._buyers: dict[str, list[Customer]] = {}
        self._activity: dict[str, list[float]] = {}
        for channel_id, habit in HABITS.items():
            buyers = sorted(
                itertools.chain.from_iterable(by_kind.get(kind, []) for kind in habit.buyers),
                key=lambda c: (c.created_at, c.customer_id),
            )
            self._buyers[channel_id] = buyers
            self._activity[channel_id] = [*itertools.accumulate(_activity(c.customer_id) for c in buyers)]

    def orders(self, day: date, random: Random) -> list[tuple[Order, list[Line]]]:
        """The day's new orders with their lines, all still open."""
        numbers = itertools.count(1)
        placed = []
        for channel_id, habit in HABITS.items():
            shelf = self._shelf(habit, day)
            for _ in range(poisson(demand(channel_id, day, self._started), random)):
                placed.append(self._order(f"SO{day:%Y%m%d}{next(numbers):04d}", channel_id, shelf, day, random))
        return placed

    def _shelf(self, habit: Habit, day: date) -> Shelf:
        appeal = dict(zip(LINE_ORDER, habit.appeal, strict=True))
        on_sale = [p for p in self._products if p.launch_date <= day < (p.discontinue_date or date.max)]
        weights = itertools.accumulate(appeal[p.product_line] * self._popularity[p.sku] for p in on_sale)
        return Shelf(on_sale, [*weights])

    def _order(
        self, order_id: str, channel_id: str, shelf: Shelf, day: date, random: Random
    ) -> tuple[Order, list[Line]]:
        habit, placed = HABITS[channel_id], stamp(day, random)
        buyer = None if random.random() < habit.unknown_buyers else self._buyer(channel_id, placed, random)
        online = habit.platform is not None
        order = Order(
            order_id=order_id,
            order_date=day,
            customer_id=buyer.customer_id if buyer else None,
            channel_id=channel_id,
            platform=habit.platform,
            device_type=random.choices(("mobile", "desktop"), (0.78, 0.22))[0] if online else None,
            country=buyer.country if buyer else "CN",
            currency=CURRENCY,
            status="open",
            cancelled_at=None,
            updated_at=placed,
        )
        return order, _lines(order, habit, shelf, random)

    def _buyer(self, channel_id: str, placed: datetime, random: Random) -> Customer:
        buyers = self._buyers[channel_id]
        known = bisect.bisect_right(buyers, placed, key=lambda c: c.created_at)
        activity = self._activity[channel_id]
        return buyers[bisect.bisect_left(activity, random.random() * activity[known - 1], hi=known - 1)]


def _lines(order: Order, habit: Habit, shelf: Shelf, random: Random) -> list[Line]:
    count = min(12, 1 + poisson(habit.lines - 1, random))
    wanted = {p.sku: p for p in random.choices(shelf.products, cum_weights=shelf.weights, k=count)}
    extra = 0.08 if habit.festival and festival(order.order_date) else 0.0
    lines = [
        line(
            order,
            number,
            product,
            random.randint(*habit.quantity),
            money(float(product.list_price) * (1 - extra - random.uniform(*habit.discount))),
        )
        for number, product in enumerate(wanted.values(), 1)
    ]
    if habit.platform and random.random() < (0.15 if extra else 0.02):
        gift = random.choice([p for p in shelf.products if p.product_line == "light_sources"])
        lines.append(line(order, len(lines) + 1, gift, 1, Decimal(0), is_gift=True))
    return lines


def _activity(customer_id: str) -> float:
    return min(12.0, Random(customer_id).paretovariate(1.2))


def line(order: Order, line_no: int, product: Product, qty: int, unit_price: Decimal, *, is_gift: bool = False) -> Line:
    """A line of an order, its amounts from price, cost and quantity."""
    return Line(
        order_id=order.order_id,
        line_no=line_no,
        sku=product.sku,
        qty=qty,
        list_price=product.list_price,
        unit_price=unit_price,
        discount_amount=(product.list_price - unit_price) * qty,
        net_amount=unit_price * qty,
        cost_amount=None if product.standard_cost is None else product.standard_cost * qty,
        is_gift=is_gift,
        updated_at=order.updated_at,
    )


# -------------------------------------------------------------------------------------------- what becomes of an order

CANCELLED_SHARE = 0.035


def settled(order: Order, until: date, random: Random) -> Order:
    """The order as it stands at the end of ``until``: paid, shipped and completed within days, or cancelled."""
    if random.random() < CANCELLED_SHARE:
        steps = [("cancelled", random.randrange(0, 4))]
    else:
        pace = 1 if order.platform else 2
        paid = random.randrange(0, 2) * pace
        shipped = paid + random.randrange(1, 3) * pace
        steps = [("paid", paid), ("shipped", shipped), ("completed", shipped + random.randrange(2, 7) * pace)]
    for status, days in steps:
        day = order.order_date + timedelta(days=days)
        if day > until:
            break
        at = max(order.updated_at, stamp(day, random))
        order = order._replace(status=status, updated_at=at, cancelled_at=at if status == "cancelled" else None)
    return order


def comes_back(order: Order, sold: Line, random: Random, days: int = 1) -> bool:
    """Whether a line of that order is returned: ever, or on one of the ``days`` in which that would happen."""
    return random.random() < HABITS[order.channel_id].return_share * trouble(sold.sku) / days


def requested(order: Order, sold: Line, return_id: str, day: date, random: Random) -> Return:
    """A return or an exchange of (a part of) a line, asked for on ``day`` and not yet completed."""
    exchange = random.random() < 0.2
    qty = random.randint(1, max(1, min(sold.qty, 10)))
    at = stamp(day, random)
    return Return(
        return_id=return_id,
        order_id=order.order_id,
        line_no=sold.line_no,
        sku=sold.sku,
        customer_id=order.customer_id,
        channel_id=order.channel_id,
        country=order.country,
        return_type="exchange" if exchange else "return",
        requested_at=at,
        completed_at=None,
        qty=qty,
        refund_amount=Decimal(0) if exchange else sold.unit_price * qty,
        currency=order.currency,
        reason_code=random.choice(REASONS),
        updated_at=at,
    )


def history(market: Market, first: date, until: date, random: Random) -> tuple[list[Order], list[Line], list[Return]]:
    """Everything ordered and returned from ``first`` to ``until``, as it stands at the end of ``until``."""
    orders: list[Order] = []
    lines: list[Line] = []
    returns: list[Return] = []
    for offset in range((until - first).days + 1):
        for placed, sold in market.orders(first + timedelta(days=offset), random):
            order = settled(placed, until, random)
            orders.append(order)
            lines.extend(sold)
            if order.status != "completed":
                continue
            for item in sold:
                asked = order.updated_at.date() + timedelta(days=random.randrange(1, 13))
                if item.is_gift or not comes_back(order, item, random) or asked > until:
                    continue
                back = requested(order, item, f"RT{len(returns) + 1:07d}", asked, random)
                done = asked + timedelta(days=random.randrange(2, 10))
                if done <= until:
                    at = stamp(done, random)
                    back = back._replace(completed_at=at, updated_at=at)
                returns.append(back)
    return orders, lines, returns

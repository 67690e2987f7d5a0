"""The marts of product_structure, from generated raw rows, against figures computed from the same rows without SQL."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from fractions import Fraction
from functools import partial
from statistics import correlation
from typing import Any, TypeVar

import pytest
from tests.core_warehouse import CoreWarehouse

from fupan.night.build import begin, finish
from fupan.server.postgres import EmbeddedPostgres
from fupan.transform.dbt import run_stage

#: In the middle of a month: month, quarter and year are under way.
BUSINESS_DAY = date(2025, 4, 10)
FIRST_ORDER, LAST_ORDER, FIRST_REVIEW = date(2024, 11, 20), date(2025, 4, 14), date(2025, 1, 15)
SHANGHAI = timezone(timedelta(hours=8))

PLATFORMS = ["tmall", "jd", None]
CHANNELS = {"tmall": "WEB", "jd": "WEB", None: "DEALER"}
CATEGORIES = ["Bulbs", "Lamps", None]
FOREIGN = "JD-100"
LENGTH, HIT, MONTHS_NEW, FEWEST = 10, 10_000, 12, 3
#: Lowest mean rating of each band.
BANDS = {"high": Fraction(48, 10), "middle": Fraction(42, 10), "low": Fraction(0)}

#: What makes a row of each mart unique.
KEYS = {
    "sku_performance": ("month_start", "sku", "platform", "currency"),
    "top_products": ("period_type", "period_start", "slice_type", "slice_value", "measure", "currency", "sku"),
    "rating_returns": ("month_start", "rating_band", "category"),
}

K = TypeVar("K", bound=Hashable)
Raw = dict[str, list[dict[str, Any]]]


@dataclass
class Cell:
    """What orders of some cell sold and what came back of them; money in cents."""

    revenue: int = 0
    costed: int = 0
    profits: list[int] = field(default_factory=list)
    units: int = 0
    returned: int = 0
    exchanged: int = 0
    unlinked: int = 0

    @property
    def profit(self) -> int | None:
        return sum(self.profits) if self.profits else None


@dataclass(frozen=True)
class Key:
    """Where a movement counts: day of the order, and its attributes as the marts name them."""

    day: date
    sku: str
    category: str
    product_line: str
    platform: str
    channel_id: str
    currency: str

    @property
    def month(self) -> date:
        return self.day.replace(day=1)


@dataclass(frozen=True)
class Opinion:
    day: date
    sku: str
    stars: Fraction


@dataclass(frozen=True)
class Company:
    raw: Raw
    cells: Mapping[Key, Cell]
    opinions: Sequence[Opinion]
    launched: Mapping[str, date | None]

    def cells_by(self, key: Callable[[Key], K]) -> dict[K, Cell]:
        """The cells, added up."""
        found: dict[K, Cell] = defaultdict(Cell)
        for at, cell in self.cells.items():
            total = found[key(at)]
            total.revenue += cell.revenue
            total.costed += cell.costed
            total.profits += cell.profits
            total.units += cell.units
            total.returned += cell.returned
            total.exchanged += cell.exchanged
            total.unlinked += cell.unlinked
        return found

    def is_new(self, sku: str, period_end: date) -> bool | None:
        launched = self.launched.get(sku)
        if launched is None:
            return None
        # No month of these tests ends on a day that the month a year before lacks.
        return launched > period_end.replace(year=period_end.year - MONTHS_NEW // 12)


class _Generator:
    def __init__(self) -> None:
        self._dice = random.Random(20250410)
        self._skus = [f"SKU{number:02}" for number in range(18)]
        self._launched = {
            sku: None if n % 6 == 5 else self._dice.choice([date(2020, 5, 1), date(2024, 4, 30), date(2025, 2, 1)])
            for n, sku in enumerate(self._skus)
        }
        self._cells: dict[Key, Cell] = defaultdict(Cell)
        self._opinions: list[Opinion] = []
        self._raw: Raw = {
            "erp_channels": [{"channel_id": channel} for channel in ("WEB", "DEALER")],
            "erp_products": [
                {
                    "sku": sku,
                    "product_name": f"Lamp {sku}",
                    "product_line": self._line(sku),
                    "category": self._category(sku),
                    "launch_date": self._launched[sku],
                }
                for sku in self._skus
            ],
            "erp_sales_orders": [],
            "erp_sales_order_lines": [],
            "erp_returns": [],
            "rev_reviews": [],
        }

    def company(self) -> Company:
        for number in range(500):
            self._order(number)
        for number in range(25):
            self._return_of_no_order(number)
        for number in range(700):
            self._review(number)
        return Company(self._raw, dict(self._cells), self._opinions, self._launched)

    def _line(self, sku: str) -> str:
        return "Indoor" if int(sku[3:]) % 2 else "Outdoor"

    def _category(self, sku: str) -> str | None:
        return CATEGORIES[int(sku[3:]) % 3]

    def _key(self, day: date, sku: str, platform: str | None, channel: str, currency: str) -> Key:
        category = self._category(sku) or "unknown"
        return Key(day, sku, category, self._line(sku), platform or "unknown", channel, currency)

    def _order(self, number: int) -> None:
        dice = self._dice
        day = FIRST_ORDER + timedelta(dice.randrange((LAST_ORDER - FIRST_ORDER).days + 1))
        platform = dice.choice(PLATFORMS)
        order = {
            "order_id": f"O{number:03}",
            "order_date": day,
            "channel_id": CHANNELS[platform],
            "platform": platform,
            "currency": dice.choice(["CNY", "CNY", "USD"]),
            "status": dice.choice(["paid", "completed", "completed", "cancelled"]),
        }
        self._raw["erp_sales_orders"].append(order)
        for line_no, sku in enumerate(dice.sample(self._skus, dice.choice([1, 2])), start=1):
            # Every thirtieth line is one of thousands: some items become hits, on one platform or only over all.
            qty = dice.choice([3000, 6000, 11000]) if dice.random() < 1 / 30 else dice.randint(1, 5)
            price = dice.choice([1000, 2500])
            cost = None if dice.random() < 0.3 else qty * dice.choice([600, 1800])
            line = {
                "order_id": order["order_id"],
                "line_no": line_no,
                "sku": sku,
                "qty": qty,
                "unit_price": price / 100,
                "net_amount": qty * price / 100,
                "cost_amount": None if cost is None else cost / 100,
                "is_gift": dice.random() < 0.1,
            }
            self._raw["erp_sales_order_lines"].append(line)
            counts = not line["is_gift"] and order["status"] != "cancelled" and day <= BUSINESS_DAY
            at = self._key(day, sku, platform, CHANNELS[platform], str(order["currency"]))
            if counts:
                cell = self._cells[at]
                cell.revenue += qty * price
                cell.units += qty
                if cost is not None:
                    cell.costed += qty * price
                    cell.profits.append(qty * price - cost)
            if dice.random() < 0.25:
                self._return(line, day, at if counts else None)

    def _return(self, line: dict[str, Any], ordered: date, at: Key | None) -> None:
        dice = self._dice
        kind, qty = dice.choice(["return", "return", "exchange", None]), dice.randint(1, min(line["qty"], 4))
        asked = ordered + timedelta(dice.randint(0, 40))
        self._raw["erp_returns"].append(
            {
                "return_id": f"R{line['order_id']}{line['line_no']}",
                "order_id": line["order_id"],
                "line_no": line["line_no"],
                "return_type": kind,
                "qty": qty,
                # Paid back in another currency than the order's: what comes back belongs to the order.
                "currency": "EUR",
                # Half past midnight in Shanghai is the day before in UTC.
                "requested_at": datetime(asked.year, asked.month, asked.day, 0, 30, tzinfo=SHANGHAI),
            }
        )
        if at and asked <= BUSINESS_DAY:
            if kind == "exchange":
                self._cells[at].exchanged += qty
            else:
                self._cells[at].returned += qty

    def _return_of_no_order(self, number: int) -> None:
        day = FIRST_ORDER + timedelta(self._dice.randrange((LAST_ORDER - FIRST_ORDER).days + 1))
        sku = self._dice.choice(self._skus)
        self._raw["erp_returns"].append(
            {
                "return_id": f"C{number}",
                "sku": sku,
                "channel_id": "DEALER",
                "return_type": "cancellation",
                "qty": 2,
                "currency": "CNY",
                "completed_at": datetime(day.year, day.month, day.day, 9, tzinfo=SHANGHAI),
            }
        )
        if day <= BUSINESS_DAY:
            cell = self._cells[self._key(day, sku, None, "DEALER", "CNY")]
            cell.returned += 2
            cell.unlinked += 2

    def _review(self, number: int) -> None:
        dice = self._dice
        day = FIRST_REVIEW + timedelta(dice.randrange((LAST_ORDER - FIRST_REVIEW).days + 1))
        # The last five SKUs are reviewed by nobody; some reviews name none, some one that the ERP does not know.
        sku = dice.choice([*self._skus[:-5], FOREIGN, None])
        mood = 5 if sku is None else sum(map(ord, sku)) % 4 + 2
        stars = dice.choice([min(5, mood), min(5, mood + 1), 5, None])
        default = dice.random() < 0.15
        self._raw["rev_reviews"].append(
            {
                "review_id": f"V{number}",
                "sku": sku,
                "platform": dice.choice(["tmall", "jd"]),
                "brand": "Aurora",
                "rating": stars,
                "is_default": True if default else dice.choice([False, None]),
                "posted_at": datetime(day.year, day.month, day.day, 0, 30, tzinfo=SHANGHAI),
            }
        )
        if sku and stars and not default and day <= BUSINESS_DAY:
            self._opinions.append(Opinion(day, sku, Fraction(stars)))


@pytest.fixture(scope="module")
def company() -> Company:
    return _Generator().company()


@pytest.fixture(scope="module")
def marts(server: EmbeddedPostgres, company: Company) -> Iterator[CoreWarehouse]:
    """The marts of one night, built once for this module, in the database of the tests of core."""
    with pytest.MonkeyPatch.context() as patch:
        url = server.ensure_database("core_tests")
        patch.setenv("FUPAN_WAREHOUSE_URL", url)
        warehouse = CoreWarehouse(url)
        warehouse.reset()
        for table, rows in company.raw.items():
            warehouse.land(table, *rows, day=BUSINESS_DAY)
        build_id = begin(BUSINESS_DAY)
        for stage in ("core", "marts"):
            result = run_stage(build_id, stage)
            assert not result.failed, [(node.node_id, node.message) for node in result.failed]
        finish(build_id)
        yield warehouse
        warehouse.reset()
        warehouse.close()


def _mart(warehouse: CoreWarehouse, name: str, columns: str) -> dict[Any, Any]:
    """These columns of a mart by its key; a row twice is an error."""
    rows = warehouse.query(f"select {', '.join(KEYS[name])}, {columns} from build_product_structure.{name}")
    found = {row[: len(KEYS[name])]: row[len(KEYS[name]) :] for row in rows}
    assert len(found) == len(rows) > 0
    return found


def _ranks(values: Mapping[K, int | None]) -> dict[K, int]:
    """Rank by value, 1 the highest; equals share the first of their ranks, nothing ranks that is not above 0."""
    above = {key: value for key, value in values.items() if value is not None and value > 0}
    return {key: 1 + sum(other > value for other in above.values()) for key, value in above.items()}


def _month_end(month: date) -> date:
    return (month + timedelta(31)).replace(day=1) - timedelta(1)


def _rate(part: int | None, whole: int | None) -> Fraction | None:
    return Fraction(part, whole) if part is not None and whole else None


def _assert_close(actual: Any, expected: Fraction | float | None) -> None:
    if expected is None:
        assert actual is None
    else:
        assert actual is not None
        assert abs(float(actual) - float(expected)) < 1e-8


def test_performance_of_skus(marts: CoreWarehouse, company: Company) -> None:
    found = _mart(
        marts,
        "sku_performance",
        "revenue, costed_revenue, gross_profit, units, platform_units, item_units, "
        "returned_units, exchanged_units, unlinked_units, return_rate, return_and_exchange_rate, "
        "category, product_line, is_new_product, is_complete_period",
    )
    cells = company.cells_by(lambda at: (at.month, at.sku, at.platform, at.currency))
    on_platform = company.cells_by(lambda at: (at.month, at.sku, at.platform))
    items = company.cells_by(lambda at: (at.month, at.sku))
    kinds = {at.sku: (at.category, at.product_line) for at in company.cells}
    assert found.keys() == cells.keys()
    for (month, sku, platform, currency), cell in cells.items():
        row = found[month, sku, platform, currency]
        money = [None if value is None else int(100 * value) for value in row[:3]]
        assert money == [cell.revenue, cell.costed, cell.profit]
        assert row[3:6] == (cell.units, on_platform[month, sku, platform].units, items[month, sku].units)
        assert row[6:9] == (cell.returned, cell.exchanged, cell.unlinked)
        _assert_close(row[9], _rate(cell.returned, cell.units))
        _assert_close(row[10], _rate(cell.returned + cell.exchanged, cell.units))
        end = _month_end(month)
        assert row[11:] == (*kinds[sku], company.is_new(sku, end), end <= BUSINESS_DAY)
    assert {row[13] for row in found.values()} == {True, False, None}
    assert sum(row[8] for row in found.values()) > 0


def test_ranks_of_skus(marts: CoreWarehouse, company: Company) -> None:
    measures = ["units", "revenue", "gross_profit"]
    found = _mart(
        marts,
        "sku_performance",
        ", ".join(f"{measure}_rank, {measure}_rank_change" for measure in measures),
    )
    cells = company.cells_by(lambda at: (at.month, at.sku, at.platform, at.currency))
    on_platform = company.cells_by(lambda at: (at.month, at.sku, at.platform))

    def ranks_of(month: date, platform: str, currency: str) -> list[dict[str, int]]:
        here = {k[1]: c for k, c in cells.items() if (k[0], k[2], k[3]) == (month, platform, currency)}
        units = {k[1]: c.units for k, c in on_platform.items() if (k[0], k[2]) == (month, platform)}
        revenue = {sku: cell.revenue for sku, cell in here.items()}
        return [_ranks(units), _ranks(revenue), _ranks({sku: cell.profit for sku, cell in here.items()})]

    changes = Counter[str]()
    for (month, sku, platform, currency), row in found.items():
        now = ranks_of(month, platform, currency)
        before = ranks_of((month - timedelta(1)).replace(day=1), platform, currency)
        for place, measure in enumerate(measures):
            rank, previous = now[place].get(sku), before[place].get(sku)
            change = None if rank is None or previous is None else previous - rank
            assert row[2 * place : 2 * place + 2] == (rank, change), (month, sku, platform, currency, measure)
            changes[measure] += change is not None and change != 0
    assert min(changes.values()) > 10


def test_hits_are_told_once_and_misses_when_the_month_is_over(marts: CoreWarehouse, company: Company) -> None:
    found = _mart(
        marts,
        "sku_performance",
        "hit_product_flag, platform_hit_product_flag",
    )
    on_platform = company.cells_by(lambda at: (at.month, at.sku, at.platform))
    items = company.cells_by(lambda at: (at.month, at.sku))

    def flag(units: int, month: date) -> bool | None:
        return True if units > HIT else False if _month_end(month) <= BUSINESS_DAY else None

    for (month, sku, platform, _), row in found.items():
        assert row == (flag(items[month, sku].units, month), flag(on_platform[month, sku, platform].units, month))
    assert {(True, True), (True, False), (False, False)} <= set(found.values())


def test_lists_of_best_sellers(marts: CoreWarehouse, company: Company) -> None:
    found = _mart(
        marts,
        "top_products",
        "measured_value, item_rank, previous_rank, is_new_product, is_complete_period, hit_product_flag, "
        "new_hit_product_count",
    )
    hits = {key for key, cell in company.cells_by(lambda at: (at.month, at.sku)).items() if cell.units > HIT}
    lists = _lists(company)
    expected = {}
    for (period, start, *rest), values in lists.items():
        ranks = _ranks(values)
        before = _ranks(lists.get((period, _back(start, period), *rest), {}))
        end = _back(start, period, -1) - timedelta(1)
        top = {sku: rank for sku, rank in ranks.items() if rank <= LENGTH}
        new_hits = sum(bool(company.is_new(sku, end)) and (start, sku) in hits for sku in top)
        for sku, rank in top.items():
            is_hit = None
            if period == "month":
                is_hit = True if (start, sku) in hits else False if end <= BUSINESS_DAY else None
            expected[(period, start, *rest, sku)] = (
                Fraction(values[sku] or 0, 1 if rest[2] == "units" else 100),
                rank,
                before.get(sku),
                company.is_new(sku, end),
                end <= BUSINESS_DAY,
                is_hit,
                new_hits if period == "month" else None,
            )
    assert found == expected
    assert any(row[-1] for row in found.values())
    assert any(row[1] < (row[2] or 0) > LENGTH for row in found.values()), "somebody climbed onto a list"


def _lists(company: Company) -> dict[tuple[Any, ...], dict[str, int | None]]:
    """Value by SKU, by (period, start, slice, its value, measure, currency)."""
    found: dict[tuple[Any, ...], dict[str, int | None]] = defaultdict(dict)
    starts: dict[str, Callable[[date], date]] = {
        "month": lambda day: day.replace(day=1),
        "quarter": lambda day: date(day.year, 3 * ((day.month - 1) // 3) + 1, 1),
        "year": lambda day: date(day.year, 1, 1),
    }
    for period, start in starts.items():
        for slice_type in ("all", "product_line", "channel_id", "platform"):
            units, money = (
                company.cells_by(partial(_place, start=start, slice_type=slice_type, by_currency=by_currency))
                for by_currency in (False, True)
            )
            for (first, value, currency, sku), cell in units.items():
                found[period, first, slice_type, value, "units", currency][sku] = cell.units
            for (first, value, currency, sku), cell in money.items():
                found[period, first, slice_type, value, "revenue", currency][sku] = cell.revenue
                found[period, first, slice_type, value, "gross_profit", currency][sku] = cell.profit
    return found


def _place(at: Key, *, start: Callable[[date], date], slice_type: str, by_currency: bool) -> tuple[date, str, str, str]:
    return start(at.day), getattr(at, slice_type, "all"), at.currency if by_currency else "all", at.sku


def _back(start: date, period: str, periods: int = 1) -> date:
    months = start.year * 12 + start.month - 1 - periods * {"month": 1, "quarter": 3, "year": 12}[period]
    return date(months // 12, months % 12 + 1, 1)


def test_return_rates_by_rating_band(marts: CoreWarehouse, company: Company) -> None:
    found = _mart(
        marts,
        "rating_returns",
        "item_count, sold_item_count, review_count, rating_sum, units, returned_units, exchanged_units, "
        "average_rating, return_rate, return_and_exchange_rate, "
        "correlated_item_count, rank_correlation, month_correlated_item_count, month_rank_correlation",
    )
    category = {at.sku: at.category for at in company.cells}
    sold = company.cells_by(lambda at: (at.month, at.sku))
    reviewed = {(opinion.day.replace(day=1), opinion.sku) for opinion in company.opinions}
    first = min(month for month, _ in reviewed)
    expected: dict[tuple[date, str, str], list[tuple[Cell | None, list[Fraction]]]] = defaultdict(list)
    pairs: dict[Hashable, list[tuple[Fraction, Fraction]]] = defaultdict(list)
    for month, sku in {key for key in sold if key[0] >= first} | reviewed:
        stars = [o.stars for o in company.opinions if o.sku == sku and o.day <= _month_end(month)]
        cell, kind = sold.get((month, sku)), category.get(sku, "unknown")
        expected[month, _band(stars), kind].append((cell, stars))
        if stars and cell and cell.units:
            pair = _mean(stars), Fraction(cell.returned, cell.units)
            pairs[month].append(pair)
            pairs[month, kind].append(pair)
    assert found.keys() == expected.keys()
    for (month, band, kind), items in expected.items():
        row = found[month, band, kind]
        cells = [cell for cell, _ in items if cell]
        stars = [star for _, given in items for star in given]
        units, returned, exchanged = (
            sum(getattr(cell, name) for cell in cells) if cells else None for name in ("units", "returned", "exchanged")
        )
        assert row[:2] == (len(items), sum(cell.units > 0 for cell in cells))
        assert row[2:4] == ((len(stars), sum(stars)) if stars else (None, None))
        assert row[4:7] == (units, returned, exchanged)
        _assert_close(row[7], _mean(stars) if stars else None)
        _assert_close(row[8], _rate(returned, units))
        _assert_close(row[9], _rate(returned + exchanged, units) if returned is not None else None)
        assert (row[10], row[12]) == (len(pairs[month, kind]), len(pairs[month]))
        _assert_close(row[11], _spearman(pairs[month, kind]))
        _assert_close(row[13], _spearman(pairs[month]))
    bands = {band for _, band, _ in found}
    assert bands == {"high", "middle", "low", "unrated"}
    assert any(row[11] for row in found.values())
    foreign = {band for month, band, kind in found if kind == "unknown" and month == first}
    assert foreign & BANDS.keys(), "SKUs that the ERP does not know are of an unknown category"


def _band(stars: Sequence[Fraction]) -> str:
    if not stars:
        return "unrated"
    return next(band for band, lowest in BANDS.items() if _mean(stars) >= lowest)


def _mean(stars: Sequence[Fraction]) -> Fraction:
    return sum(stars, Fraction()) / len(stars)


def _spearman(pairs: Sequence[tuple[Fraction, Fraction]]) -> float | None:
    """Pearson's correlation of the ranks, tied ones averaged; none for too few or where all are equal."""
    ratings, rates = (_mean_ranks(values) for values in zip(*pairs, strict=True)) if pairs else ([], [])
    if len(pairs) < FEWEST or len(set(ratings)) == 1 or len(set(rates)) == 1:
        return None
    return correlation(ratings, rates)


def _mean_ranks(values: Iterable[Fraction]) -> list[float]:
    given = list(values)
    places: dict[Fraction, list[int]] = defaultdict(list)
    for place, value in enumerate(sorted(given), start=1):
        places[value].append(place)
    return [sum(places[value]) / len(places[value]) for value in given]

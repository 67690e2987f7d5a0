"""The company's sales plan: two years by month, in versions, the next quarter still a draft."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import date, datetime, time
from decimal import Decimal
from random import Random
from typing import NamedTuple

from fupan.demo.company import ZONE
from fupan.demo.rows import Target


class Sold(NamedTuple):
    """Sales of a month in a cell: what a plan of that month is measured on. Amounts in CNY."""

    month: date
    product_line: str
    region_code: str | None
    channel_id: str
    revenue: Decimal
    profit: Decimal
    units: int


class Scope(NamedTuple):
    """What a target covers; an empty part means all."""

    measure_id: str
    product_line: str | None = None
    region_code: str | None = None
    channel_id: str | None = None


Cells = dict[tuple[Scope, date], Decimal]


def plan(sold: Iterable[Sold], until: date, random: Random) -> list[Target]:
    """Targets of the year of ``until`` and of the year before, for every scope that sells something.

    Version 1 is approved in December; the second half of a year is revised in June for lines and channels (version 2);
    the last quarter of the running year has a draft above that which nobody has approved.
    """
    cells = _cells(sold)
    usual = _usual(cells)
    scopes = sorted(usual, key=lambda scope: tuple(part or "" for part in scope))
    found = []
    for year in (until.year - 1, until.year):
        for scope in scopes:
            for month in (date(year, number, 1) for number in range(1, 13)):
                base = _base(cells, usual, scope, month, until)
                if base:
                    found.extend(_versions(scope, month, base, until, random))
    return found


def _cells(sold: Iterable[Sold]) -> Cells:
    cells: Cells = defaultdict(Decimal)
    for cell in sold:
        for measure_id, value in (("revenue", cell.revenue), ("profit", cell.profit), ("units", Decimal(cell.units))):
            line, region, channel = cell.product_line, cell.region_code, cell.channel_id
            scopes = [Scope(measure_id), Scope(measure_id, line)]
            if measure_id == "revenue":
                scopes += [Scope(measure_id, None, None, channel), Scope(measure_id, line, None, channel)]
                if region:
                    scopes.append(Scope(measure_id, None, region))
                if region in ("CN-GD", "CN-JS", "CN-ZJ", "CN-SD"):
                    scopes.append(Scope(measure_id, line, region))
            for scope in scopes:
                cells[scope, cell.month] += value
    return cells


def _usual(cells: Cells) -> dict[Scope, Decimal]:
    """Mean month of each scope."""
    months = len({month for _, month in cells})
    totals: dict[Scope, Decimal] = defaultdict(Decimal)
    for (scope, _), value in cells.items():
        totals[scope] += value
    return {scope: total / months for scope, total in totals.items()}


def _base(cells: Cells, usual: dict[Scope, Decimal], scope: Scope, month: date, until: date) -> Decimal:
    """What a good planner would have expected: about the month itself, else between a year before and usual, and more."""
    if month < until.replace(day=1):
        return cells.get((scope, month), Decimal(0))
    a_year_before = cells.get((scope, month.replace(year=month.year - 1)), usual[scope])
    return (a_year_before + usual[scope]) / 2 * Decimal("1.08")


def _versions(scope: Scope, month: date, base: Decimal, until: date, random: Random) -> list[Target]:
    growth = Decimal(random.randrange(30, 180)).scaleb(-3)
    first = _target(scope, month, 1, base * _about(0.88, 1.15, random), growth)
    versions = [first._replace(approved_at=_noon(date(month.year - 1, 12, 20)))]
    if month.month >= 7 and scope.region_code is None and (scope.product_line or scope.channel_id):
        revised = _target(scope, month, 2, base * _about(0.93, 1.1, random), growth)
        june = date(month.year, 6, 25)
        approved = _noon(june) if june <= until else None
        versions.append(revised._replace(approved_at=approved, change_reason="年中滚动修订"))
    if month.year == until.year and month.month >= 10 and scope.region_code is None and scope.product_line is None:
        draft = _target(scope, month, len(versions) + 1, base * _about(1.0, 1.2, random), growth)
        versions.append(draft._replace(change_reason="四季度冲刺(草案)"))
    return versions


def _target(scope: Scope, month: date, version: int, value: Decimal, growth: Decimal) -> Target:
    parts = (scope.measure_id, scope.product_line, scope.region_code, scope.channel_id)
    return Target(
        target_id=f"T{month:%Y%m}-{'-'.join(part or 'ALL' for part in parts)}-V{version}",
        period=f"{month:%Y-%m}",
        measure_id=scope.measure_id,
        region_code=scope.region_code,
        product_line=scope.product_line,
        channel_id=scope.channel_id,
        rep_id=None,
        campaign_id=None,
        target_value=rounded(value, scope.measure_id),
        expected_growth=growth,
        currency=None if scope.measure_id == "units" else "CNY",
        version=version,
        approved_at=None,
        change_reason=None,
    )


def rounded(value: Decimal, measure_id: str) -> Decimal:
    """Nobody plans to the fen: hundreds of CNY, tens of units, and never nothing."""
    step = Decimal(10 if measure_id == "units" else 100)
    return max(step, (value / step).to_integral_value() * step)


def _about(low: float, high: float, random: Random) -> Decimal:
    return Decimal(round(random.uniform(low, high), 4)).quantize(Decimal("0.0001"))


def _noon(day: date) -> datetime:
    return datetime.combine(day, time(12), ZONE)

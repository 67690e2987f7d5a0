"""`make real-figures`: the marts of `make nightly-real` against figures from the raw files alone; exit code 1 on a difference.

    python -m tests.real.figures

Expected is what `expected_figures` and `expected_feedback` count, less the rows that stand in open quarantine. The marts are
read as a BI user reads them.
"""

from __future__ import annotations

import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import psycopg2

from fupan.errors import FupanError
from fupan.warehouse.connection import Connection, connect, rows
from tests.real import expected_feedback
from tests.real.expected_figures import Figures, figures
from tests.real.files import complaints_file, order_files, reviews_file
from tests.real.server import embedded_server

TOP = 20
#: expected_figures counts money in these.
POUND = 10_000

Cell = tuple[str, ...]

_QUARANTINED = """
select
    table_name,
    row_key,
    row_content ->> 'order_id' as order_id,
    row_content ->> 'sku' as sku,
    (row_content ->> 'qty')::integer as units,
    (row_content ->> 'net_amount')::numeric as revenue,
    to_char((row_content ->> 'completed_at')::timestamptz at time zone 'Europe/London', 'YYYY-MM') as month,
    array_agg(rule order by rule) as rules
from ops.quarantine
where released_at is null
group by 1, 2, 3, 4, 5, 6, 7
"""

#: Last column: the figure; the columns before it: the cell.
_PUBLISHED = {
    "order lines by month and country": """
        select to_char(day, 'YYYY-MM'), region_code, sum(line_count)
        from sales_performance.trend where currency = 'GBP' group by 1, 2
    """,
    "units by month and country": """
        select to_char(month_start, 'YYYY-MM'), region_code, sum(units)
        from sales_performance.region where currency = 'GBP' group by 1, 2
    """,
    "revenue by month and country": """
        select to_char(month_start, 'YYYY-MM'), region_code, sum(revenue)
        from sales_performance.region where currency = 'GBP' group by 1, 2
    """,
    "cancelled units by month": """
        select to_char(day, 'YYYY-MM'), sum(returned_units)
        from sales_performance.trend where currency = 'GBP' group by 1
    """,
    f"revenue of the top {TOP} products": f"""
        select sku, sum(revenue)
        from sales_performance.product_flags where currency = 'GBP' group by 1 order by 2 desc, 1 limit {TOP}
    """,
}


_FEEDBACK = {
    "reviews by product and month": """
        select sku, to_char(month_start, 'YYYY-MM'), sum(review_count) from after_sales.review_rating group by 1, 2
    """,
    "average stars by product and month": """
        select sku, to_char(month_start, 'YYYY-MM'), round(average_review_rating, 6) from after_sales.review_rating
    """,
    "average stars by brand": """
        select brand, round(sum(rating_sum) / sum(review_count), 6) from after_sales.review_rating group by 1
    """,
    "complaints by month": """
        select to_char(period_start, 'YYYY-MM'), case_count from after_sales.response_time
        where period_type = 'month' and slice_type = 'all' and case_type = 'complaint'
    """,
    "median days to reply by month": """
        select to_char(period_start, 'YYYY-MM'), median_first_response_days from after_sales.response_time
        where period_type = 'month' and slice_type = 'all' and case_type = 'complaint'
    """,
    "mean days to reply by month": """
        select to_char(period_start, 'YYYY-MM'), mean_first_response_days from after_sales.response_time
        where period_type = 'month' and slice_type = 'all' and case_type = 'complaint'
    """,
}
#: What others have published of the same files, to the decimals that they gave.
_KNOWN = {
    "mean stars as the collector gives them": """
        select brand, round(sum(rating_sum) / sum(review_count), 6) from after_sales.review_rating
        where brand not in ('Yangzi', 'Viomi') group by 1
    """,
    "days to reply over all as published": """
        select measure, round(value, 3)
        from after_sales.response_time
        cross join lateral (
            values ('median', median_first_response_days), ('mean', mean_first_response_days)
        ) as over_all (measure, value)
        where period_type = 'all' and slice_type = 'all' and case_type = 'complaint'
    """,
}


@dataclass(frozen=True)
class Comparison:
    """One kind of figure: cell -> expected and published value; a cell that only one side has is 0 on the other."""

    name: str
    expected: Mapping[Cell, Decimal]
    published: Mapping[Cell, Decimal]

    @property
    def cells(self) -> list[Cell]:
        """Cells that either side has."""
        return sorted({*self.expected, *self.published})

    def differences(self) -> list[str]:
        """One line a cell that differs."""
        found = []
        for cell in self.cells:
            expected, published = self.expected.get(cell, Decimal(0)), self.published.get(cell, Decimal(0))
            if expected != published:
                found.append(f"{self.name}, {' '.join(cell)}: expected {expected}, published {published}")
        return found


def main() -> int:
    """Compare, print, and return the exit code."""
    with embedded_server():
        with connect("builder", "real figures") as connection:
            quarantined = rows(connection, _QUARANTINED)
        with connect("reader", "real figures") as connection:
            comparisons = [*_orders(_expected(quarantined), connection), *_feedback(quarantined, connection)]
    differences = [line for comparison in comparisons for line in comparison.differences()]
    compared = sum(len(comparison.cells) for comparison in comparisons)
    _print_comparisons(comparisons)
    _print_quarantine(quarantined)
    for line in differences[:50]:
        print(line)
    print(f"{compared:,} compared, {compared - len(differences):,} equal, {len(differences):,} differ")
    return 1 if differences else 0


def _expected(quarantined: Iterable[Mapping[str, Any]]) -> Figures:
    """The figures of the raw file less what is in quarantine."""
    by_table: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for row in quarantined:
        by_table[row["table_name"]].append(row)
    without = {row["order_id"] for row in by_table["erp_sales_orders"]}
    expected = figures(order_files(), without_invoices=without)
    for row in by_table["erp_sales_order_lines"]:
        if row["order_id"] in without:
            continue
        cell, revenue = expected.invoices[row["order_id"]], int(row["revenue"] * POUND)
        expected.lines[cell] -= 1
        expected.units[cell] -= row["units"]
        expected.revenue[cell] -= revenue
        expected.product_revenue[row["sku"]] -= revenue
    for row in by_table["erp_returns"]:
        expected.cancelled_units[row["month"]] -= row["units"]
    return expected


def _orders(expected: Figures, connection: Connection) -> list[Comparison]:
    wanted = [
        _cells(expected.lines),
        _cells(expected.units),
        _cells(expected.revenue, POUND),
        _cells({(month,): units for month, units in expected.cancelled_units.items()}),
        _cells({(sku,): revenue for sku, revenue in _top(expected.product_revenue)}, POUND),
    ]
    return [
        Comparison(name, cells, _published(connection, query))
        for (name, query), cells in zip(_PUBLISHED.items(), wanted, strict=True)
    ]


def _feedback(quarantined: Iterable[Mapping[str, Any]], connection: Connection) -> list[Comparison]:
    without: dict[str, set[str]] = defaultdict(set)
    for row in quarantined:
        without[row["table_name"]].add(row["row_key"][0])
    reviews = expected_feedback.reviews(reviews_file(), without["rev_reviews"])
    complaints = expected_feedback.complaints(complaints_file(), without["cs_complaints"])
    stars, by_month = reviews.groupby(["product", "month"])["stars"], complaints.groupby("month")["seconds"]
    wanted: list[dict[Cell, Decimal]] = [
        {cell: Decimal(int(count)) for cell, count in stars.size().items()},
        {cell: expected_feedback.mean(values) for cell, values in stars},
        {(brand,): expected_feedback.mean(values) for brand, values in reviews.groupby("brand")["stars"]},
        {(month,): Decimal(int(count)) for month, count in by_month.size().items()},
        {(month,): expected_feedback.days(values, "median") for month, values in by_month},
        {(month,): expected_feedback.days(values, "mean") for month, values in by_month},
        {(brand,): Decimal(mean) for brand, mean in expected_feedback.PUBLISHED_MEANS.items()},
        {(measure,): Decimal(days) for measure, days in expected_feedback.PUBLISHED_DAYS.items()},
    ]
    return [
        Comparison(name, cells, _published(connection, query))
        for (name, query), cells in zip((_FEEDBACK | _KNOWN).items(), wanted, strict=True)
    ]


def _cells(values: Mapping[Any, int], unit: int = 1) -> dict[Cell, Decimal]:
    return {cell: Decimal(value) / unit for cell, value in values.items() if value}


def _published(connection: Connection, query: str) -> dict[Cell, Decimal]:
    with connection.cursor() as cursor:
        try:
            cursor.execute(query)
        except psycopg2.errors.UndefinedTable as missing:
            sys.exit(
                f"Not published: {missing.diag.message_primary}. Run `make nightly-real`; its report says what is held."
            )
        return {row[:-1]: Decimal(row[-1]) for row in cursor.fetchall() if row[-1]}


def _top(revenue: Mapping[str, int]) -> list[tuple[str, int]]:
    """The products of most revenue; equal revenue in the order of the code."""
    return sorted(revenue.items(), key=lambda item: (-item[1], item[0]))[:TOP]


def _print_comparisons(comparisons: list[Comparison]) -> None:
    print(f"{'figure':<40}{'cells':>7}{'equal':>7}{'differ':>8}{'expected':>18}{'published':>18}")
    for comparison in comparisons:
        cells, different = len(comparison.cells), len(comparison.differences())
        expected, published = sum(comparison.expected.values()), sum(comparison.published.values())
        print(
            f"{comparison.name:<40}{cells:>7,}{cells - different:>7,}{different:>8,}{expected:>18,.2f}{published:>18,.2f}"
        )


def _print_quarantine(quarantined: list[dict[str, Any]]) -> None:
    counts = Counter((row["table_name"], rule) for row in quarantined for rule in row["rules"])
    print(f"\n{len(quarantined):,} rows in quarantine, left out on both sides; a row may break several rules:")
    for (table, rule), count in sorted(counts.items()):
        print(f"  {table:<24}{rule:<32}{count:>8,}")
    print()


if __name__ == "__main__":
    try:
        sys.exit(main())
    except FupanError as error:
        sys.exit(str(error))

"""Pictures of the reference company, to be looked at: seasons, regions, price bands, ratings against returns.

    python -m tests.figures.plots

Reads the source tables of this installation's company; writes four PNG files to FUPAN_HOME/look.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import matplotlib
import psycopg2

from fupan import settings
from fupan.demo.systems import erp
from fupan.errors import FupanError
from fupan.server.postgres import EmbeddedPostgres

matplotlib.use("Agg")
from matplotlib import pyplot as plt

_VALID = "erp.sales_orders inner join erp.sales_order_lines using (order_id)"
_SOLD = "status <> 'cancelled' and not is_gift"
SEASONS = f"""
select date_trunc('week', order_date)::date, sum(net_amount) filter (where platform is not null) / 1e6,
    sum(net_amount) filter (where platform is null) / 1e6
from {_VALID} where {_SOLD} group by 1 having count(distinct order_date) = 7 order by 1
"""
REGIONS = f"""
select coalesce(macro_region, 'unknown'),
    sum(net_amount) filter (where order_date > last - 365) / 1e6,
    sum(net_amount) filter (where order_date between last - 729 and last - 365) / 1e6
from {_VALID} left join erp.customers using (customer_id) left join erp.regions using (region_code)
cross join (select max(order_date) as last from erp.sales_orders) as newest
where {_SOLD} group by 1 order by 2 desc
"""
BANDS = f"""
select product_line, sum(net_amount) filter (where unit_price < 200) / sum(net_amount),
    sum(net_amount) filter (where unit_price between 200 and 500) / sum(net_amount),
    sum(net_amount) filter (where unit_price > 500) / sum(net_amount)
from {_VALID} inner join erp.products using (sku) where {_SOLD} group by 1 order by 1
"""
RATINGS = """
with rated as (
    select sku, avg(rating) as stars from shop_platform.reviews
    where not is_default and rating > 0 group by 1 having count(*) > 9
),
sold as (
    select line.sku, sum(line.qty) as units, sum(back.qty) filter (where back.return_type = 'return') as returned
    from erp.sales_orders inner join erp.sales_order_lines as line using (order_id)
    left join erp.returns as back on back.order_id = line.order_id and back.line_no = line.line_no
    where platform is not null and status = 'completed' and not is_gift group by 1
)
select stars, coalesce(returned, 0)::numeric / units, units from rated inner join sold using (sku)
"""


def main() -> None:
    with EmbeddedPostgres().borrowed():
        erp.sizes()
        for path in draw(settings.embedded_url(erp.DATABASE), settings.home().resolve() / "look"):
            print(path)


def draw(company: str, folder: Path) -> Iterator[Path]:
    """Draw the company behind a libpq URL into the folder, picture by picture."""
    folder.mkdir(exist_ok=True)
    with contextlib.closing(psycopg2.connect(company)) as connection, connection.cursor() as cursor:
        for name, (query, plot) in PLOTS.items():
            cursor.execute(query)
            figure, axes = plt.subplots(figsize=(12, 5), dpi=110)
            plot(axes, cursor.fetchall())
            figure.tight_layout()
            path = folder / f"company-{name}.png"
            figure.savefig(path)
            plt.close(figure)
            yield path


def seasons(axes: Any, rows: list[tuple[Any, ...]]) -> None:
    """Revenue of whole weeks, online against all other trade."""
    weeks = [row[0] for row in rows]
    axes.plot(weeks, [row[1] or 0 for row in rows], label="online")
    axes.set_ylabel("online, million CNY a week")
    other = axes.twinx()
    other.plot(weeks, [row[2] or 0 for row in rows], color="tab:gray", alpha=0.7)
    other.set_ylabel("other trade, million CNY a week (gray)")
    axes.set_title("Seasons: 618, Double 11, Spring Festival, building season")


def regions(axes: Any, rows: list[tuple[Any, ...]]) -> None:
    """Revenue by macro region, the newest year and the year before."""
    place = range(len(rows))
    axes.bar([p - 0.2 for p in place], [row[2] or 0 for row in rows], 0.4, label="year before", color="tab:gray")
    axes.bar([p + 0.2 for p in place], [row[1] or 0 for row in rows], 0.4, label="newest year")
    axes.set_xticks(list(place), [_ENGLISH.get(row[0], row[0]) for row in rows], rotation=30, ha="right")
    axes.set_ylabel("million CNY")
    axes.legend()
    axes.set_title("Regions")


def bands(axes: Any, rows: list[tuple[Any, ...]]) -> None:
    """Share of revenue by price band, line by line."""
    bottom = [0.0] * len(rows)
    for number, name in enumerate(("below 200 CNY", "200 to 500 CNY", "above 500 CNY"), 1):
        share = [float(row[number] or 0) for row in rows]
        axes.bar([row[0] for row in rows], share, bottom=bottom, label=name)
        bottom = [b + s for b, s in zip(bottom, share, strict=True)]
    axes.set_ylabel("share of revenue")
    axes.legend(loc="upper left", bbox_to_anchor=(1, 1))
    axes.set_title("Price bands by product line")


def ratings(axes: Any, rows: list[tuple[Any, ...]]) -> None:
    """Each SKU: mean stars against the share of its units that come back."""
    sizes = [max(4.0, float(row[2]) ** 0.5) for row in rows]
    axes.scatter([float(row[0]) for row in rows], [float(row[1]) for row in rows], s=sizes, alpha=0.6)
    for border in (4.2, 4.8):
        axes.axvline(border, color="tab:gray", linestyle=":")
    axes.set_xlabel("mean stars")
    axes.set_ylabel("share of online units returned")
    axes.set_title("Ratings against returns, a point a SKU (size: units)")


_ENGLISH = {
    "华东": "East", "华南": "South", "华中": "Central", "华北": "North",
    "东北": "Northeast", "西南": "Southwest", "西北": "Northwest",
}  # fmt: skip
PLOTS: dict[str, tuple[str, Callable[[Any, list[tuple[Any, ...]]], None]]] = {
    "seasons": (SEASONS, seasons),
    "regions": (REGIONS, regions),
    "price-bands": (BANDS, bands),
    "ratings-returns": (RATINGS, ratings),
}

if __name__ == "__main__":
    try:
        main()
    except FupanError as error:
        print(error, file=sys.stderr)
        sys.exit(2)

"""What the real order lines add up to, by pandas from the raw file alone.

Nothing of Fupan is imported here, and the rules are written down once more: a mistake in the mapping can't hide by being made
twice. Money is counted in ten-thousandths of a pound, as integers.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd

#: Charges, discounts, vouchers, tests and bookings, in capitals; everything else is goods.
NO_GOODS = {
    *("POST", "DOT", "C2", "C3", "M", "D", "S", "B", "ADJUST", "ADJUST2", "BANK CHARGES", "AMAZONFEE", "PADS"),
    *("TEST001", "TEST002", "GIFT"),
    *(f"GIFT_0001_{pounds}" for pounds in range(10, 100, 10)),
}
#: How a mart names the region of a country that the till does not name.
UNKNOWN = {"Unspecified": "unknown"}

MonthAndCountry = tuple[str, str]


@dataclass(frozen=True)
class Figures:
    """Sold lines, units and revenue by month (YYYY-MM) and country, cancelled units by month, revenue by product."""

    lines: dict[MonthAndCountry, int]
    units: dict[MonthAndCountry, int]
    revenue: dict[MonthAndCountry, int]
    cancelled_units: dict[str, int]
    product_revenue: dict[str, int]
    invoices: dict[str, MonthAndCountry]


def figures(files: Sequence[Path], without_invoices: Collection[str] = ()) -> Figures:
    """Figures of all files; invoices in ``without_invoices`` don't count."""
    rows = pd.concat([_read(path) for path in files], ignore_index=True)
    rows = rows[~rows["invoice"].isin(without_invoices) & ~rows["sku"].isin(NO_GOODS)]
    kind = rows["invoice"].str[0]
    sold, cancelled = rows[~kind.isin(["A", "C"])], rows[kind == "C"]
    cells = sold.groupby(["month", "country"]).agg(
        lines=("units", "size"), units=("units", "sum"), revenue=("revenue", "sum")
    )
    heads = sold.drop_duplicates("invoice").set_index("invoice")
    return Figures(
        lines=_integers(cells["lines"]),
        units=_integers(cells["units"]),
        revenue=_integers(cells["revenue"]),
        cancelled_units=_integers(-cancelled.groupby("month")["units"].sum()),
        product_revenue=_integers(sold.groupby("sku")["revenue"].sum()),
        invoices=dict(zip(heads.index, zip(heads["month"], heads["country"], strict=True), strict=True)),
    )


def _read(path: Path) -> pd.DataFrame:
    raw = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8")
    units = raw["Quantity"].astype("int64")
    # By way of the few distinct texts: exact, where a float would be near.
    price = raw["Price"].map({text: int(Decimal(text) * 10_000) for text in raw["Price"].unique()})
    return pd.DataFrame(
        {
            "invoice": raw["Invoice"],
            "sku": raw["StockCode"].str.strip().str.upper(),
            "month": raw["InvoiceDate"].str[:7],
            "country": raw["Country"].replace(UNKNOWN),
            "units": units,
            "revenue": units * price.astype("int64"),
        }
    )


def _integers(column: pd.Series) -> dict[Any, int]:
    return {key: int(value) for key, value in column.items()}

"""What the real reviews and complaints say, by pandas from the files alone.

Nothing of Fupan is imported here, and the rules are written down once more. Ratios and times are exact until they are rounded:
stars to six decimals, days to six, half up.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from pathlib import Path

import pandas as pd

#: What the platform writes for a buyer who wrote nothing.
DEFAULT_TEXT = "此用户未填写评价内容"
#: How a product's name begins -> brand.
BRANDS = {
    "格力": "Gree",
    "美的": "Midea",
    "TCL": "TCL",
    "小米": "Xiaomi",
    "康佳": "Konka",
    "海信": "Hisense",
    "扬子": "Yangzi",
    "云米": "Viomi",
}
#: Mean stars by brand as the collector of the reviews published them.
PUBLISHED_MEANS = {
    "Gree": "3.046774",
    "Midea": "2.522517",
    "TCL": "3.069663",
    "Xiaomi": "1.904313",
    "Konka": "3.059633",
    "Hisense": "4.219697",
}
#: Median and mean days to reply over all complaints as published.
PUBLISHED_DAYS = {"median": "9.946", "mean": "26.394"}


def reviews(path: Path, without: Collection[str] = ()) -> pd.DataFrame:
    """One row a review that is an opinion: product, day and month (ISO), brand, stars; keys in ``without`` don't count."""
    raw = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="gb18030")
    raw["商品ID"] = raw["商品ID"].str.strip()
    raw = raw.drop_duplicates()
    raw["key"] = [hashlib.md5("\x1f".join(row).encode()).hexdigest() for row in raw.itertuples(index=False)]
    raw = raw[(raw["评论内容"] != DEFAULT_TEXT) & ~raw["key"].isin(without)]
    posted = pd.to_datetime(raw["评论时间"])
    return pd.DataFrame(
        {
            "product": raw["商品ID"],
            "day": posted.dt.strftime("%Y-%m-%d"),
            "month": posted.dt.strftime("%Y-%m"),
            "brand": [
                next(brand for start, brand in BRANDS.items() if name.startswith(start)) for name in raw["商品名称"]
            ],
            "stars": raw["打分"].astype(int),
        }
    )


def complaints(path: Path, without: Collection[str] = ()) -> pd.DataFrame:
    """One row a complaint: month it was made in, day of the official reply (ISO), whole seconds until it."""
    raw = pd.read_excel(path, dtype={"留言编号": str}, engine="calamine")
    raw = raw[~raw["留言编号"].isin(without)]
    made, replied = (raw[column].map(pd.Timestamp) for column in ("留言时间", "答复时间"))
    return pd.DataFrame(
        {
            "month": made.dt.strftime("%Y-%m"),
            "replied_on": replied.dt.strftime("%Y-%m-%d"),
            "seconds": (replied - made).dt.total_seconds().astype("int64"),
        }
    )


def mean(values: pd.Series) -> Decimal:
    """Exact mean of integers, to six decimals."""
    return rounded(Fraction(int(values.sum()), len(values)))


def days(values: pd.Series, measure: str) -> Decimal:
    """Median or mean of seconds as days, to six decimals."""
    ordered = sorted(int(value) for value in values)
    middle = ordered[(len(ordered) - 1) // 2 : len(ordered) // 2 + 1] if measure == "median" else ordered
    return rounded(Fraction(sum(middle), len(middle) * 86_400))


def rounded(value: Fraction) -> Decimal:
    """To six decimals, half up."""
    exact = Decimal(value.numerator) / Decimal(value.denominator)
    return exact.quantize(Decimal("0.000001"), ROUND_HALF_UP)

"""Where the real data are: beside the project, never in it."""

from __future__ import annotations

import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[3] / "shared" / "data" / "real"


def order_files() -> list[Path]:
    """The order lines' files (CSV, UTF-8, gzip), in the order of their names; ends the process where there is none."""
    found = sorted((FOLDER / "orders").glob("*.csv.gz"))
    if not found:
        sys.exit(
            f"No *.csv.gz in {FOLDER / 'orders'}. The real order lines (UCI 502, Online Retail II, as CSV with the columns "
            "Invoice, StockCode, Description, Quantity, InvoiceDate, Price, Customer ID, Country) belong there."
        )
    return found


def reviews_file() -> Path:
    """The reviews of air conditioners (CSV, GB18030); ends the process where it is missing."""
    return _file("reviews/jd_air_conditioners.csv")


def complaints_file() -> Path:
    """The complaints with their replies (XLSX); ends the process where it is missing."""
    return _file("complaints/answered.xlsx")


def _file(name: str) -> Path:
    if not (FOLDER / name).is_file():
        sys.exit(f"There is no {FOLDER / name}: `make nightly-real` needs the real data beside the project.")
    return FOLDER / name

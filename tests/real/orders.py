"""Where the real order lines are: beside the project, never in it."""

from __future__ import annotations

import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[3] / "shared" / "data" / "real" / "orders"


def order_files() -> list[Path]:
    """The order lines' files (CSV, UTF-8, gzip), in the order of their names; ends the process where there is none."""
    found = sorted(FOLDER.glob("*.csv.gz"))
    if not found:
        sys.exit(
            f"No *.csv.gz in {FOLDER}. The real order lines (UCI 502, Online Retail II, as CSV with the columns Invoice, "
            "StockCode, Description, Quantity, InvoiceDate, Price, Customer ID, Country) belong there."
        )
    return found

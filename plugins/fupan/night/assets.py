"""The assets that the DAGs emit, for lineage and for the UI; nothing is scheduled on them."""

from __future__ import annotations

from airflow.sdk import Asset

#: Source system -> its tables in schema raw.
RAW = {
    system: Asset(f"raw_{system}", f"fupan://raw/{system}", group="raw") for system in ("erp", "ecommerce", "service")
}

#: Dimension -> its published marts; the event's extra holds the night's verdict.
MARTS = {
    dimension: Asset(f"marts_{dimension}", f"fupan://marts/{dimension}", group="marts")
    for dimension in ("sales_performance", "product_structure", "after_sales")
}

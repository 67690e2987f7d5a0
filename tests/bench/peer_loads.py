"""Other ways of getting a table from one PostgreSQL into another. Runs in an environment of its own, without ours:

python peer_loads.py <peer> <source URL> <warehouse URL> <schema-qualified table>
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

QUERY = "select * from order_lines"


def dlt(source: str, warehouse: str, table: str) -> None:
    """sql_table by its fastest backend, COPY of CSV at the destination."""
    os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
    import dlt
    from dlt.sources.sql_database import sql_table

    schema, name = table.split(".")
    with tempfile.TemporaryDirectory() as folder:
        pipeline = dlt.pipeline(
            "bench",
            pipelines_dir=folder,
            destination=dlt.destinations.postgres(warehouse),
            dataset_name=schema,
        )
        lines = sql_table(source, table="order_lines", backend="connectorx", reflection_level="full_with_precision")
        pipeline.run(
            lines, table_name=name, write_disposition="replace", loader_file_format="csv"
        ).raise_on_failed_jobs()


def sling(source: str, warehouse: str, table: str) -> None:
    found = find_spec("sling_linux_amd64")
    assert found is not None
    assert found.origin is not None
    subprocess.run(
        [
            *(Path(found.origin).parent / "bin" / "sling-linux-amd64", "run"),
            *("--src-conn", "BENCH_SOURCE", "--src-stream", "public.order_lines"),
            *("--tgt-conn", "BENCH_TARGET", "--tgt-object", table, "--mode", "full-refresh"),
        ],
        env=os.environ
        | {
            "BENCH_SOURCE": f"{source}?sslmode=disable",
            "BENCH_TARGET": f"{warehouse}?sslmode=disable",
            "SLING_DISABLE_TELEMETRY": "true",
        },
        stdout=subprocess.DEVNULL,
        check=True,
    )


def connectorx(source: str, warehouse: str, table: str) -> None:
    """The whole table as Arrow, in memory; connectorx only reads, so ADBC writes."""
    import connectorx

    _ingest(connectorx.read_sql(source, QUERY, return_type="arrow"), warehouse, table)


def adbc(source: str, warehouse: str, table: str) -> None:
    """Arrow batches, streamed."""
    from adbc_driver_postgresql import dbapi

    with dbapi.connect(source) as connection, connection.cursor() as cursor:
        cursor.execute(QUERY)
        _ingest(cursor.fetch_record_batch(), warehouse, table)


def _ingest(data: object, warehouse: str, table: str) -> None:
    from adbc_driver_postgresql import dbapi

    schema, name = table.split(".")
    with dbapi.connect(warehouse) as connection, connection.cursor() as cursor:
        cursor.adbc_ingest(name, data, mode="replace", db_schema_name=schema)
        connection.commit()


def pandas(source: str, warehouse: str, table: str) -> None:
    """Chunks of 100,000 rows, as everybody begins."""
    import pandas
    from sqlalchemy import create_engine

    schema, name = table.split(".")
    reader, writer = (
        create_engine(url.replace("postgresql://", "postgresql+psycopg2://")) for url in (source, warehouse)
    )
    with reader.connect().execution_options(stream_results=True) as connection:
        for number, chunk in enumerate(pandas.read_sql(QUERY, connection, chunksize=100_000)):
            chunk.to_sql(name, writer, schema=schema, if_exists="append" if number else "replace", index=False)


PEERS: dict[str, Callable[[str, str, str], None]] = {
    "dlt": dlt,
    "sling": sling,
    "connectorx": connectorx,
    "adbc": adbc,
    "pandas": pandas,
}

if __name__ == "__main__":
    PEERS[sys.argv[1]](*sys.argv[2:])

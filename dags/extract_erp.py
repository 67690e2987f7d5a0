"""Extract the ERP.

One business day is one run, with the partition key `YYYY-MM-DD`. At 02:00 (Asia/Shanghai) the day before is extracted:
every table that the installation delivers, each in a transaction of its own, checked against its contract, changed rows
only where the table has a cursor. A table that fails does not stop the others.

A table that is read for the first time and is **big** (`pieces` in the installation's YAML) is cut into ranges of its key.
`load_piece` loads each, on whatever worker is free; `join_pieces` makes the table visible, whole, and only then has the
day landed. A piece that failed is cleared alone: the others keep what they have loaded.

When the day has **landed**, `build_warehouse` goes on. A source that does not answer is asked again until noon (a broken
contract is not: it is the same a minute later). `build_warehouse` waits for it until its deadline, then goes on without,
and holds the dimensions that depend on it. Once it lands after all, one more build of that day publishes what was held.

To run it again: clear the failed task, or trigger the DAG with the day as partition key. A day that has landed is
skipped, unless `force` is set.
"""

from __future__ import annotations

from airflow.sdk import DAG

from fupan.night.dag_defaults import FORCE, TASK_DEFAULTS, nightly
from fupan.night.extraction import TRIES, extraction

with DAG(
    "extract_erp",
    description="The ERP of one business day into schema raw.",
    doc_md=__doc__,
    schedule=nightly(),
    catchup=False,
    max_active_runs=1,
    default_args=TASK_DEFAULTS,
    params=FORCE | TRIES,
    tags=["extract", "erp"],
):
    extraction("erp")

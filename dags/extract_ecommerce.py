"""Extract the e-commerce platforms.

One business day is one run, with the partition key `YYYY-MM-DD`. At 02:00 (Asia/Shanghai) the day before is extracted:
what changed on the platforms since the last night, page by page from their API, checked against the contract. A platform
that is busy (429) is waited for as long as it asks; reviews that it has taken down are found by their keys.
`load_piece` and `join_pieces` are for big tables of a database; here they are skipped.

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
    "extract_ecommerce",
    description="The e-commerce platforms of one business day into schema raw.",
    doc_md=__doc__,
    schedule=nightly(),
    catchup=False,
    max_active_runs=1,
    default_args=TASK_DEFAULTS,
    params=FORCE | TRIES,
    tags=["extract", "ecommerce"],
):
    extraction("ecommerce")

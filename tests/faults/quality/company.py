"""A good reference company at the moment before publishing, as a database that every fault gets a copy of."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from tests.company import FIRST_DAY, first_night

from fupan.alerts.notify import notify
from fupan.night import build, steps
from fupan.server.postgres import EmbeddedPostgres
from fupan.warehouse.connection import connect, rows

#: Quiet nights before the first one, for rules that compare a night with those before it.
NIGHTS = 6

# The same loads as in the first night, on the days before; their numbers lie below those that identities give out.
_HISTORY = """
insert into ops.run (run_id, kind, business_day, state) overriding system value
select -n, 'build', %(day)s - n, 'succeeded' from generate_series(1, %(nights)s) as n;

insert into ops.build (build_id, run_id, business_day, kind, state, core_built_at) overriding system value
select -n, -n, %(day)s - n, 'nightly', 'finished', now() from generate_series(1, %(nights)s) as n;

insert into ops.load (load_id, run_id, system, table_name, business_day, mode, state, rows_read, rows_inserted)
overriding system value
select -n * 1000 - load_id, -n, system, table_name, %(day)s - n, mode, 'succeeded', rows_inserted, rows_inserted
from ops.load cross join generate_series(1, %(nights)s) as n where state = 'succeeded';

insert into ops.build_load (build_id, load_id)
select run_id, load_id from ops.load where load_id < 0;
"""

# Tonight takes up what the first night took up, and judges all of it once more.
_TAKE_UP_AGAIN = """
insert into ops.build_load (build_id, load_id)
select %(build)s, load_id from ops.build_load where build_id = (
    select max(build_id) from ops.build_load where build_id < %(build)s
) on conflict do nothing;
delete from ops.gate_pass;
"""


@dataclass(frozen=True)
class GoodCompany:
    """``url``: its warehouse, to be copied, not used. ``passed``: rules that tonight's gates judged and found kept."""

    url: str
    build_id: int
    business_day: date
    passed: frozenset[str]
    amiss: tuple[str, ...]


@contextlib.contextmanager
def good_company(server: EmbeddedPostgres) -> Iterator[GoodCompany]:
    """Made without any fault, after its first night, with a second one built and judged but not published.

    ``amiss``: what speaks against it.
    """
    with first_night(server, faults={}) as (warehouse, *_):
        os.environ["FUPAN_WAREHOUSE_URL"] = warehouse
        with connect("owner", "faults") as connection, connection.cursor() as cursor:
            cursor.execute(_HISTORY, {"day": FIRST_DAY, "nights": NIGHTS})
            connection.commit()
            build_id = build.begin(FIRST_DAY)
            cursor.execute(_TAKE_UP_AGAIN, {"build": build_id})
            connection.commit()
        for step in (steps.raw_gate, steps.core, steps.marts, steps.release_gate):
            step(build_id)
        alerts = notify(build_id)
        with connect("owner", "faults") as connection:
            judged = rows(
                connection, "select rule, passed, message from ops.validation where build_id = %s", [build_id]
            )
            verdicts = rows(connection, "select * from ops.verdict where build_id = %s", [build_id])
        amiss = [f"{row['rule']}: {row['message']}" for row in judged if not row["passed"]]
        amiss += [f"{row['dimension']} is {row['verdict']}" for row in verdicts if row["verdict"] != "published"]
        amiss += [f"{alert.owner} is told: {alert.subject}" for alert in alerts]
        passed = {row["rule"] for row in judged} - {row["rule"] for row in judged if not row["passed"]}
        yield GoodCompany(warehouse, build_id, FIRST_DAY, frozenset(passed), tuple(amiss))

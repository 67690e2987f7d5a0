"""Repairs: units that fail, a technician who comes or helps from afar. The desk's ticket system knows minutes, no seconds."""

from __future__ import annotations

import numpy as np
import polars as pl

from fupan.demo.company.assortment import LINE_NAMES
from fupan.demo.company.staffing import load
from fupan.demo.life.deliveries import DAY, HOUR, SECOND, delivered, moments, serials, with_orders
from fupan.demo.life.specifications import specifications
from fupan.demo.process import CHANGED_ON, Frames, Process, as_of
from fupan.demo.tools.draws import Floats, Ints
from fupan.demo.tools.wording import text
from fupan.demo.world import Span, World

#: Share of delivered lines of one piece with a ticket, on average; the more pieces, the more tickets, by the root of the pieces
#: up to a limit. A unit fails within so many days of delivery, early rather than late.
REPAIRED, PIECES_LIMIT, FAILS_WITHIN_DAYS = 0.0057, 25, 260
#: Cause -> share, and fault codes that go with it.
CAUSES = {
    "产品": (0.50, ("F01", "F02", "F03", "F07")),
    "安装": (0.20, ("F12", "F20")),
    "误用": (0.12, ("F20", "F21")),
    "老化": (0.10, ("F02", "F01")),
    "其他": (0.08, ("F30", "F03")),
}
COMPATIBILITY, COMPATIBILITY_FAULT = 0.20, "F11"
REMOTE, SOLVED_REMOTELY = 0.40, 0.60
#: Minutes of work on a conventional item by product line, and how much less a modular one takes.
MINUTES = dict(zip(LINE_NAMES, (60, 75, 110, 120, 50, 30), strict=True))
MODULAR_TAKES = 1 / 3
_MINUTE = 60 * SECOND
_SMART = LINE_NAMES.index("smart_luminaires")
_COLUMNS = (
    "ticket_id", "customer_id", "order_id", "sku", "serial_no", "fault_code", "cause_class", "is_compat_issue", "is_remote",
    "resolved_remotely", "opened_at", "first_response_at", "arrived_at", "closed_at", "work_minutes", "updated_at", CHANGED_ON,
)  # fmt: skip


def tell(world: World, span: Span) -> Frames:
    """Tickets about units that were ordered on the span's days."""
    draws = world.draws("repairs")
    sold = delivered(world, span)
    pieces = np.sqrt(np.minimum(sold["qty"].to_numpy(), PIECES_LIMIT))
    chance = REPAIRED * pieces * sold["trouble"].to_numpy()
    lines = with_orders(
        world, span, sold.filter(pl.Series(draws.chance(chance, sold["line_key"].to_numpy(), 1))), "customer_id"
    )
    key, line_no = lines["line_key"].to_numpy(), lines["product_line_no"].to_numpy()
    after = 1 + np.floor(FAILS_WITHIN_DAYS * draws.uniform(key, 2) ** 1.7).astype(np.int64)
    day = lines["delivered_day"].to_numpy() + after
    opened = _minutes(day * DAY + draws.integer(8 * HOUR, 21 * HOUR, key, 3))
    crowd = load(day)
    answered = opened + _long(draws.normal(key, 4), 7 * crowd, 0.9)
    is_remote = draws.chance(REMOTE, key, 5)
    remotely = is_remote & draws.chance(SOLVED_REMOTELY, key, 6)
    arrived = answered + _long(draws.normal(key, 7), 30 * np.sqrt(crowd), 0.6)
    cause = draws.pick([share for share, _ in CAUSES.values()], key, 8)
    misfits = (line_no == _SMART) & draws.chance(COMPATIBILITY, key, 9)
    usual = np.array([MINUTES[name] for name in LINE_NAMES])[line_no] * draws.spread(key, 10, sigma=0.25)
    modular = specifications(world)["is_modular"].to_numpy()[lines["sku_no"].to_numpy()]
    worked = np.maximum(3, np.rint(usual * np.where(modular, MODULAR_TAKES, 1.0))).astype(np.int64)
    closed = np.where(remotely, answered + 2 * HOUR, arrived) + worked * _MINUTE
    tickets = lines.with_columns(
        ticket_id=text("WX{}", "line_key"),
        serial_no=serials(lines, draws.of("serials")),
        fault_code=pl.Series(np.where(misfits, COMPATIBILITY_FAULT, _faults(draws.uniform(key, 12), cause))),
        cause_class=pl.Series(np.asarray(list(CAUSES))[cause]),
        is_compat_issue=pl.Series(misfits),
        is_remote=pl.Series(is_remote),
        resolved_remotely=pl.Series(remotely),
        opened_at=moments("opened", opened),
        first_response_at=moments("answered", answered),
        arrived_at=moments("arrived", arrived, ~remotely),
        closed_at=moments("closed", closed),
        work_minutes=pl.Series(worked),
    )
    told = as_of(
        tickets,
        span.evening,
        ["opened_at", "first_response_at", "arrived_at", "closed_at"],
        reveals={"closed_at": ["cause_class", "work_minutes", "resolved_remotely"]},
    )
    return {"cs_repairs": told.with_columns(pl.col("resolved_remotely").fill_null(False)).select(_COLUMNS)}


def _minutes(moment: Ints) -> Ints:
    return moment // _MINUTE * _MINUTE


def _long(bell: Floats, hours: Floats, sigma: float) -> Ints:
    """So many hours in the middle, with a long tail up to ten days."""
    return _minutes(np.asarray(np.minimum(hours * np.exp(sigma * bell), 240.0) * HOUR, dtype=np.int64))


def _faults(even: Floats, cause: Ints) -> np.ndarray:
    codes = [of_cause for _, of_cause in CAUSES.values()]
    table = np.array([[of_cause[n % len(of_cause)] for n in range(4)] for of_cause in codes])
    return np.asarray(table[cause, np.floor(even * 4).astype(np.int64)])


PROCESS = Process(("cs_repairs",), tell, echoes=365)

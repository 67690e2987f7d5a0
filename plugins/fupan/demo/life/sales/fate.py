"""What becomes of orders: paid, shipped, delivered or cancelled within days, and now and then corrected later."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fupan.demo.life.sales.arrivals import Arrivals
from fupan.demo.tools.draws import Draws, Floats, Ints
from fupan.demo.world import YEAR, World

CANCELLED, PROJECTS_CANCELLED = 0.04, 0.008
#: Shares of orders to which it happens that they are moved to another day, deleted by a clerk, get another price for a line, or
#: lose their last line (of several).
REDATED, DELETED, REPRICED, SHORTENED = 0.012, 0.008, 0.020, 0.006
#: Days from order to delivery of what is made to measure.
CUSTOM_LEAD_DAYS = 45
#: Seconds on the way overseas: from a flight to five weeks by sea.
OVERSEAS = (4 * 86_400, 36 * 86_400)
_HOUR, _DAY = 3600, 86_400
NEVER = 1 << 40


@dataclass(frozen=True)
class Fate:
    """Seconds since 1970 (local time) of what happens to each order; NEVER where it does not."""

    placed: Ints
    paid: Ints
    shipped: Ints
    delivered: Ints
    cancelled: Ints
    promised_day: Ints
    redated: Ints
    redated_to: Ints
    deleted: Ints
    repriced: Ints
    reprice: Floats
    shortened: Ints


def fate(world: World, arrivals: Arrivals, is_custom: np.ndarray) -> Fate:
    """The whole course of each order, whatever day it is. ``is_custom``: made to measure."""
    draws, key, day = world.draws("fate of orders"), arrivals.key, arrivals.day
    placed = day * _DAY + 8 * _HOUR + draws.integer(0, 13 * _HOUR - 1, key, 1)
    pace = 1 if arrivals.trade.number < 2 else 2
    paid = placed + draws.integer(60, pace * 20 * _HOUR, key, 2)
    shipped = paid + draws.integer(6 * _HOUR, pace * 40 * _HOUR, key, 3)
    delivered = shipped + draws.integer(30 * _HOUR, (60 + 60 * pace) * _HOUR, key, 4)
    if arrivals.trade.number == 4:
        delivered = shipped + draws.integer(*OVERSEAS, key, 8)
    lead = (CUSTOM_LEAD_DAYS * _DAY * draws.between(0.82, 1.18, key, 5)).astype(np.int64)
    shipped = np.where(is_custom, placed + lead - 3 * _DAY, shipped)
    delivered = np.where(is_custom, placed + lead, delivered)
    cancels = draws.chance(CANCELLED if arrivals.trade.number < 3 else PROJECTS_CANCELLED, key, 6)
    cancelled = np.where(cancels, placed + draws.integer(_HOUR, 60 * _HOUR, key, 7), NEVER)
    paid, shipped, delivered = (
        np.where(cancels & (stamp >= cancelled), NEVER, stamp) for stamp in (paid, shipped, delivered)
    )
    # A cancelled order that was on its way comes back unseen.
    shipped = np.where(cancels, NEVER, shipped)
    delivered = np.where(cancels, NEVER, delivered)
    late = _late(draws, world.recent, key, placed)
    what = np.where(cancels, 1.0, draws.uniform(key, 10))
    limits = np.cumsum([REDATED, DELETED, REPRICED, SHORTENED])
    redated, deleted, repriced, shortened = (
        np.where((what >= low) & (what < high), late, NEVER)
        for low, high in zip([0.0, *limits[:-1]], limits, strict=True)
    )
    return Fate(
        placed,
        paid,
        shipped,
        delivered,
        cancelled,
        promised_day=day + np.where(is_custom, CUSTOM_LEAD_DAYS, 35 if arrivals.trade.number == 4 else 2 + 4 * pace),
        redated=redated,
        redated_to=day + np.asarray([-4, -3, -2, -1])[draws.integer(0, 3, key, 11)],
        deleted=deleted,
        repriced=repriced,
        reprice=np.asarray([0.90, 0.95, 1.02, 1.05])[draws.integer(0, 3, key, 12)],
        shortened=shortened,
    )


def _late(draws: Draws, recent: float, key: Ints, placed: Ints) -> Ints:
    """When a late change comes: most within seven days of the order, the others anywhere in the year after it."""
    soon = draws.integer(1, 6, key, 13)
    later = draws.integer(8, YEAR - 1, key, 14)
    day = placed // _DAY + np.where(draws.chance(recent, key, 15), soon, later)
    return day * _DAY + 9 * _HOUR + draws.integer(0, 8 * _HOUR, key, 16)

"""Incidents that threaten the company's name: complaints about safety that go round."""

from __future__ import annotations

import numpy as np
import polars as pl

from fupan.demo.life.complaints import complaints
from fupan.demo.life.deliveries import DAY, HOUR, SECOND, moments
from fupan.demo.process import CHANGED_ON, Frames, Process, as_of
from fupan.demo.tools.wording import text
from fupan.demo.world import Span, World

#: Share of complaints about safety that go round, of a company of scale 1. A company half the size is talked of more than half
#: as often.
GOES_ROUND = 0.18
SEVERITIES = {"minor": (0.60, 60), "major": (0.30, 400), "critical": (0.10, 2_500)}
_MINUTE = 60 * SECOND
_COLUMNS = (
    "crisis_id", "trigger_complaint_id", "severity", "detected_at", "plan_activated_at", "statement_at", "closed_at",
    "negative_mentions", "updated_at", CHANGED_ON,
)  # fmt: skip


def tell(world: World, span: Span) -> Frames:
    """Incidents after complaints about lines that were ordered on the span's days."""
    draws = world.draws("crises")
    unsafe = complaints(world, span).filter("is_safety")
    number = unsafe["complaint_id"].str.slice(2).cast(pl.Int64)
    goes_round = draws.chance(min(0.9, GOES_ROUND / np.sqrt(world.scale)), number.to_numpy(), 1)
    cases = unsafe.filter(pl.Series(goes_round))
    key = number.filter(pl.Series(goes_round)).to_numpy()
    severity = draws.pick([share for share, _ in SEVERITIES.values()], key, 2)
    detected = cases["created_at"].cast(pl.Int64).to_numpy() + draws.integer(HOUR, 60 * HOUR, key, 3)
    # The graver, the sooner everybody is awake.
    haste = np.array([2.0, 1.0, 0.5])[severity]
    planned = detected + np.asarray(haste * 70 * np.exp(0.6 * draws.normal(key, 4)) * _MINUTE, dtype=np.int64)
    stated = planned + np.asarray(haste * 160 * np.exp(0.6 * draws.normal(key, 5)) * _MINUTE, dtype=np.int64)
    closed = stated + draws.integer(DAY, 12 * DAY, key, 6)
    mentions = np.rint(np.array([n for _, n in SEVERITIES.values()])[severity] * draws.spread(key, 7, sigma=0.7))
    told = cases.select(
        crisis_id=text("CR{}", pl.Series(key)),
        trigger_complaint_id="complaint_id",
        severity=pl.Series(np.asarray(list(SEVERITIES))[severity]),
        detected_at=moments("detected", detected),
        plan_activated_at=moments("planned", planned),
        statement_at=moments("stated", stated),
        closed_at=moments("closed", closed),
        negative_mentions=pl.Series(mentions.astype(np.int64)),
    )
    stamps = ["detected_at", "plan_activated_at", "statement_at", "closed_at"]
    return {"cs_crisis_events": as_of(told, span.evening, stamps).select(_COLUMNS)}


PROCESS = Process(("cs_crisis_events",), tell, echoes=180)

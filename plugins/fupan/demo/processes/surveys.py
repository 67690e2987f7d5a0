"""Survey waves: who was invited, when the wave began and when it was closed."""

from __future__ import annotations

import polars as pl

from fupan.demo.company.assortment import date_of
from fupan.demo.company.survey_waves import waves
from fupan.demo.process import CHANGED_ON, Frames, Process, as_of
from fupan.demo.world import Span, World

_COLUMNS = (
    "survey_id", "survey_type", "wave", "campaign_id", "invited", "started_on", "closed_on", "updated_at", CHANGED_ON,
)  # fmt: skip


def tell(world: World, span: Span) -> Frames:
    """All waves that have begun by the evening."""
    known = waves(world).with_columns(
        started_on=date_of("first_day"),
        closed_on=date_of("last_day"),
        starts_at=date_of("first_day").cast(pl.Datetime("us")).dt.offset_by("8h"),
        closes_at=date_of("last_day").cast(pl.Datetime("us")).dt.offset_by("23h"),
    )
    told = as_of(known, span.evening, ["starts_at", "closes_at"], reveals={"closes_at": ["closed_on"]})
    return {"srv_surveys": told.select(_COLUMNS)}


PROCESS = Process(("srv_surveys",), tell)

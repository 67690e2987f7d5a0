"""Complaints at the service desk, as they stand on an evening."""

from __future__ import annotations

import polars as pl

from fupan.demo.life.complaints import complaints
from fupan.demo.process import CHANGED_ON, Frames, Process, as_of
from fupan.demo.tools.phrases import text_key
from fupan.demo.world import Span, World

_COLUMNS = (
    "complaint_id", "customer_id", "contact_name", "contact_phone", "order_id", "sku", "serial_no", "campaign_id",
    "region_code", "complaint_type", "root_cause", "urgency", "is_safety", "claim_amount", "currency", "source_channel",
    "complaint_text", "created_at", "first_response_at", "verified_at", "liability_at", "liable_dept", "solution_at",
    "closed_at", "escalation_level", "escalated_at", "delay_cause", "reopened_flag", "followup_at", "followup_score",
    "updated_at", CHANGED_ON,
)  # fmt: skip
_STAMPS = (
    "created_at", "first_response_at", "escalated_at", "verified_at", "liability_at", "solution_at", "closed_at",
    "reopened_at", "closed_again_at", "followup_at",
)  # fmt: skip
_REVEALS = {
    "first_response_at": ["delay_cause"],
    "escalated_at": ["escalation_level"],
    "verified_at": ["root_cause"],
    "liability_at": ["liable_dept"],
    "followup_at": ["followup_score"],
}


def tell(world: World, span: Span) -> Frames:
    """Complaints about lines that were ordered on the span's days, with what their texts are about."""
    known = as_of(complaints(world, span), span.evening, _STAMPS, reveals=_REVEALS)
    reopened = pl.col("reopened_at").is_not_null()
    happened = {stamp: pl.col(stamp).is_not_null() for stamp in _REVEALS}
    told = known.with_columns(
        *(pl.when(happened[stamp]).then(name).alias(name) for stamp, names in _REVEALS.items() for name in names),
        closed_at=pl.when(reopened).then("closed_again_at").otherwise("closed_at"),
        reopened_flag=reopened,
    ).with_columns(escalation_level=pl.col("escalation_level").fill_null(0))
    return {
        "cs_complaints": told.select(_COLUMNS),
        "text_key": text_key(told, "service", "cs_complaints", "complaint_id"),
    }


PROCESS = Process(("cs_complaints", "text_key"), tell, echoes=160)

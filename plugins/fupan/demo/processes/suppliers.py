"""Suppliers as the ERP has them on an evening: audited once a year, qualified for two."""

from __future__ import annotations

import numpy as np
import polars as pl

from fupan.demo.company.assortment import date_of
from fupan.demo.life.components import suppliers
from fupan.demo.process import CHANGED_ON, Frames, Process
from fupan.demo.tools.stamps import at
from fupan.demo.world import YEAR, Span, World, day_number

#: A qualification holds for so many days; of the yearly audits so many are put off to the next year.
QUALIFIED, PUT_OFF = 2 * YEAR, 0.12


def tell(world: World, span: Span) -> Frames:
    """All suppliers, with what their last audit found."""
    known, draws = suppliers(world), world.draws("audits")
    number = known["supplier_no"].to_numpy()
    first, evening = day_number(world.first), day_number(span.evening)
    year = (evening - first - known["audit_phase"].to_numpy()) // YEAR
    # The first audit was before the company's first day.
    for _ in range(3):
        year = np.where((year >= 0) & draws.chance(PUT_OFF, number, year, 1), year - 1, year)
    audited = first + year * YEAR + known["audit_phase"].to_numpy()
    qualified = first + year // 2 * 2 * YEAR + known["audit_phase"].to_numpy()
    score = 60 + 36 * known["punctuality"].to_numpy() * draws.between(0.85, 1.05, number, year, 2)
    found = known.with_columns(
        audited=pl.Series(audited),
        last_audit_date=pl.Series(audited),
        qualification_expiry=pl.Series(qualified + QUALIFIED + 30),
        audit_score=pl.Series(np.round(np.minimum(score, 99), 1)),
    ).with_columns(date_of("last_audit_date"), date_of("qualification_expiry"), updated_at=at("audited", 16))
    return {
        "erp_suppliers": found.select(
            "supplier_id", "supplier_name", "component_class", "is_backup", "qualification_expiry", "last_audit_date",
            "audit_score", "updated_at", date_of("audited").alias(CHANGED_ON),
        )
    }  # fmt: skip


PROCESS = Process(("erp_suppliers",), tell)

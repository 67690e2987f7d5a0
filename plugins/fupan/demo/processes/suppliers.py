"""Suppliers of components, some of them second sources, audited every other year."""

from __future__ import annotations

import numpy as np
import polars as pl

from fupan.demo.assortment import date_of
from fupan.demo.process import CHANGED_ON, Frames, Process
from fupan.demo.stamps import at
from fupan.demo.supply import CLASSES
from fupan.demo.world import Span, World, day_number

#: Suppliers of a class; the last of them is the second source, which two classes do without.
EACH, WITHOUT_BACKUP = 4, ("circuit_board", "packaging")
_EVERY = 730
_NAMES = ("华芯", "联光", "恒驱", "精铸", "明塑", "宏板", "佳包", "远晶", "众电", "锐成", "新源", "同益")


def tell(world: World, span: Span) -> Frames:
    """All suppliers with their last audit by the evening."""
    draws, evening = world.draws("suppliers"), day_number(span.evening)
    number = np.arange(len(CLASSES) * EACH, dtype=np.int64)
    kind = np.asarray(list(CLASSES))[number // EACH]
    offset = draws.integer(0, _EVERY - 1, number, 1)
    audit_no = (evening - offset) // _EVERY
    audited = audit_no * _EVERY + offset
    level = 62 + 34 * draws.uniform(number, 2)
    first = day_number(world.first)
    frame = pl.DataFrame(
        {
            "supplier_id": [f"SUP{n + 1:03d}" for n in number.tolist()],
            "supplier_name": [
                f"{_NAMES[n % len(_NAMES)]}{'科技' if n % 2 else '电子'}有限公司" for n in number.tolist()
            ],
            "component_class": kind,
            "is_backup": (number % EACH == EACH - 1) & ~np.isin(kind, WITHOUT_BACKUP),
            "expiry": audited + np.where(draws.chance(0.93, number, 3), 1095, 640),
            "audited": audited,
            "audit_score": np.round(np.clip(level + 4 * draws.normal(number, audit_no), 30, 100), 1),
            "changed": np.maximum(audited, first),
        }
    )
    frame = frame.with_columns(
        qualification_expiry=date_of("expiry"), last_audit_date=date_of("audited"), updated_at=at("changed", 17)
    )
    return {
        "erp_suppliers": frame.select(
            "supplier_id", "supplier_name", "component_class", "is_backup", "qualification_expiry", "last_audit_date", "audit_score",
            "updated_at", pl.col("updated_at").dt.date().alias(CHANGED_ON),
        )
    }  # fmt: skip


PROCESS = Process(("erp_suppliers",), tell)

"""Votes on phasing items out, as far as they have been cast by the evening."""

from __future__ import annotations

import polars as pl

from fupan.demo.company.assortment import date_of, products
from fupan.demo.company.phase_out import phase_outs
from fupan.demo.process import CHANGED_ON, Frames, Process, as_of
from fupan.demo.tools.stamps import at
from fupan.demo.world import Span, World, day_number

_DEPARTMENTS = ("tech", "production", "sales")


def tell(world: World, span: Span) -> Frames:
    """Votes on items that were called up in the company's life."""
    known = phase_outs(world).filter(pl.col("called_day") >= day_number(world.first))
    found = known.with_columns(
        sku=products(world)["sku"].gather(known["sku_no"]),
        triggered_on=date_of("called_day"),
        decided_on=date_of("decided_day"),
        called_at=at("called_day", 9),
        decided_at=at("decided_day", 17),
        **{f"{name}_at": at(f"{name}_day", 15) for name in _DEPARTMENTS},
    )
    reveals = {f"{name}_at": [f"{name}_vote"] for name in _DEPARTMENTS} | {"decided_at": ["decided_on", "decision"]}
    seen = as_of(found, span.evening, ["called_at", *reveals], reveals=reveals)
    return {
        "hr_sku_reviews": seen.select(
            "sku", "triggered_on", *(f"{name}_vote" for name in _DEPARTMENTS), "decided_on", "decision", "updated_at",
            CHANGED_ON,
        )
    }  # fmt: skip


PROCESS = Process(("hr_sku_reviews",), tell)

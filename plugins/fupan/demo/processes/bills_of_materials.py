"""Bills of materials, version by version."""

from __future__ import annotations

from fupan.demo.company.assortment import date_of, products
from fupan.demo.life.components import bills, components
from fupan.demo.process import CHANGED_ON, Frames, Process, as_of
from fupan.demo.tools.stamps import at
from fupan.demo.world import Span, World


def tell(world: World, span: Span) -> Frames:
    """Lines of all versions that are in the ERP by the evening."""
    known = bills(world)
    parts = components(world)
    number = known["component_no"]
    found = known.with_columns(
        sku=products(world)["sku"].gather(known["sku_no"]),
        component_sku=parts["component_sku"].gather(number),
        material=parts["material"].gather(number),
        unit_cost="price",
        valid_from=date_of("begins"),
        valid_to=date_of("ends"),
        entered_at=at("known_day", 10),
        closed_at=at("closed_day", 10),
    )
    seen = as_of(found, span.evening, ["entered_at", "closed_at"], reveals={"closed_at": ["valid_to"]})
    return {
        "erp_bom_lines": seen.select(
            "sku", "bom_version", "component_sku", "material", "qty", "unit_cost", "valid_from", "valid_to", "updated_at",
            CHANGED_ON,
        )
    }  # fmt: skip


PROCESS = Process(("erp_bom_lines",), tell)

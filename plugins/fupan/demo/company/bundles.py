"""Sets of products that are offered together, and complete solutions."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import polars as pl

from fupan.demo.company.assortment import LINES, lasting, products
from fupan.demo.world import World

#: The kit that retail chains buy for a new shop.
KIT = "BDL01"
#: Bundle: name, type, product lines of its items (index of LINES), is it a solution with design and commissioning.
_BUNDLES = {
    KIT: ("连锁门店照明套装", "chain_store", (1, 1, 0, 5), False),
    "BDL02": ("全屋智能套装", "whole_home", (0, 0, 0, 4), False),
    "BDL03": ("酒店客房方案", "hotel", (0, 1, 4, 5), True),
    "BDL04": ("办公空间方案", "office", (1, 1, 0), True),
    "BDL05": ("厂房照明方案", "factory", (2, 2, 3), True),
    "BDL06": ("书房护眼套装", "study", (4, 0), False),
}


@lru_cache(maxsize=4)
def bundles(world: World) -> pl.DataFrame:
    """A row a bundle and SKU: bundle_id, bundle_name, bundle_type, is_solution, sku_no, sku, qty."""
    known = lasting(world)
    draws, found = world.draws("bundles"), []
    for number, (bundle_id, (name, kind, lines, is_solution)) in enumerate(_BUNDLES.items()):
        taken: set[int] = set()
        for place, line_no in enumerate(lines):
            of_line = [n for n in known.filter(pl.col("line_no") == line_no % len(LINES))["sku_no"] if n not in taken]
            sku_no = of_line[int(draws.integer(0, len(of_line) - 1, number, place))]
            taken.add(sku_no)
            qty = int(draws.integer(1, 6, number, place, 1))
            found.append((bundle_id, name, kind, is_solution, sku_no, qty))
    rows = pl.DataFrame(
        found, schema=["bundle_id", "bundle_name", "bundle_type", "is_solution", "sku_no", "qty"], orient="row"
    )
    return rows.with_columns(sku=products(world)["sku"].gather(np.asarray(rows["sku_no"])))

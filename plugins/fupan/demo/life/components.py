"""What products are made of, and who delivers it: components, bills of materials, suppliers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import polars as pl

from fupan.demo.company.assortment import LINE_NAMES, products
from fupan.demo.life.planning import on_days, whole_demand
from fupan.demo.tools.draws import Floats
from fupan.demo.tools.wording import text
from fupan.demo.world import YEAR, World, day_number


@dataclass(frozen=True)
class Kind:
    """A kind of component: its class, material, cheapest price (CNY), its share of a product's material cost, about how many
    pieces of it a product has, and the product lines that use it."""

    component_class: str
    material: str
    cheapest: float
    share: float
    pieces: int
    lines: tuple[str, ...] = LINE_NAMES


_SMART, _SMALL = ("smart_luminaires",), ("light_sources", "residential")
KINDS = (
    Kind("led_chip", "smd_led", 0.05, 0.16, 24),
    Kind("driver", "driver_module", 1.0, 0.20, 1),
    Kind("housing", "die_cast_aluminium", 1.2, 0.40, 1, ("commercial", "industrial", "outdoor")),
    Kind("housing", "sheet_metal", 1.2, 0.32, 1, _SMART),
    Kind("housing", "polycarbonate", 0.5, 0.32, 1, _SMALL),
    Kind("optics", "pmma", 0.3, 0.12, 1),
    Kind("circuit_board", "aluminium_pcb", 0.3, 0.08, 1),
    Kind("control_module", "mesh_module", 1.5, 0.10, 1, _SMART),
    Kind("packaging", "carton", 0.1, 0.04, 1),
)
CLASSES = tuple(dict.fromkeys(kind.component_class for kind in KINDS))
#: Each kind comes in sizes; the next one costs so many times as much.
SIZES, STEP = 20, 1.35
#: Part of a product's cost that is material.
MATERIAL = 0.70
#: High-bay housings are changed from die-cast aluminium to sheet metal, which saves this share of the whole bill.
REDESIGN_SAVES = 0.18
#: Suppliers of each class; the last of them are second sources.
SUPPLIERS, BACKUPS = 5, 2
#: Share of components that have a second source.
SECOND_SOURCED = 0.85
_TOWNS = ("中山", "佛山", "东莞", "宁波", "厦门", "惠州", "常州")
_NAMES = ("晶元", "恒驱", "精铸", "透明", "亮板", "智联", "宏包")


@lru_cache(maxsize=2)
def components(world: World) -> pl.DataFrame:
    """A row a component: component_no, component_sku, component_class, class_no, material, price (CNY, in the middle of the
    year under review), supplier_no, backup_no (null: no second source). The last are sheet metal housings of high bays."""
    number = np.arange(len(KINDS) * SIZES, dtype=np.int64)
    kind, size = number // SIZES, number % SIZES
    price = np.round(np.array([it.cheapest for it in KINDS])[kind] * STEP**size, 2)
    known = pl.DataFrame(
        {
            "component_no": number,
            "component_class": [KINDS[n].component_class for n in kind.tolist()],
            "material": [KINDS[n].material for n in kind.tolist()],
            "price": np.maximum(price, 0.01),
        }
    )
    changed = _redesigned(world)
    saved = changed.join(_first_version(world), on="sku_no").with_columns(cost=pl.col("qty") * pl.col("price"))
    total = saved.group_by("sku_no", maintain_order=True).agg(pl.col("cost").sum())
    housing = saved.filter(component_class="housing").select("sku_no", before="price")
    sheet = changed.join(total, on="sku_no").join(housing, on="sku_no")
    known = pl.concat(
        [
            known,
            sheet.select(
                component_no=len(number) + pl.int_range(pl.len()),
                component_class=pl.lit("housing"),
                material=pl.lit("sheet_metal"),
                price=(pl.col("before") - REDESIGN_SAVES * pl.col("cost")).round(2),
            ),
        ]
    )
    at, draws = known["component_no"].to_numpy(), world.draws("sourcing")
    class_no = known["component_class"].replace_strict({name: n for n, name in enumerate(CLASSES)}).to_numpy()
    first_sources = SUPPLIERS - BACKUPS
    backup = class_no * SUPPLIERS + first_sources + draws.integer(0, BACKUPS - 1, at, 2)
    return known.with_columns(
        component_sku=text("CMP{}", pl.col("component_no").cast(pl.String).str.zfill(4)),
        class_no=pl.Series(class_no),
        supplier_no=pl.Series(class_no * SUPPLIERS + draws.integer(0, first_sources - 1, at, 1)),
        backup_no=pl.when(pl.Series(draws.chance(SECOND_SOURCED, at, 3))).then(pl.Series(backup)),
    )


@lru_cache(maxsize=2)
def suppliers(world: World) -> pl.DataFrame:
    """A row a supplier: supplier_no, supplier_id, supplier_name, component_class, is_backup, flexibility (of its contract),
    punctuality and care (0 to 1: how often it is on time, how little is rejected), audit_phase (day of the year)."""
    number = np.arange(len(CLASSES) * SUPPLIERS, dtype=np.int64)
    draws, class_no = world.draws("suppliers"), number // SUPPLIERS
    names = [f"{_TOWNS[(n * 3 + n // 5) % 7]}{_NAMES[c]}{'甲乙丙丁戊'[n % SUPPLIERS]}电子有限公司"
             for n, c in zip(number.tolist(), class_no.tolist(), strict=True)]  # fmt: skip
    return pl.DataFrame(
        {
            "supplier_no": number,
            "supplier_id": [f"SUP{n + 1:03d}" for n in number.tolist()],
            "supplier_name": names,
            "component_class": np.asarray(CLASSES)[class_no],
            "is_backup": number % SUPPLIERS >= SUPPLIERS - BACKUPS,
            "flexibility": np.array([0.0, 0.1, 0.15, 0.2])[draws.integer(0, 3, number, 1)],
            "punctuality": draws.between(0.80, 0.98, number, 2),
            "care": draws.uniform(number, 3),
            "audit_phase": draws.integer(0, YEAR - 1, number, 4),
        }
    )


@lru_cache(maxsize=2)
def _first_version(world: World) -> pl.DataFrame:
    """A row a SKU and component of its first bill: sku_no, component_no, component_class, qty, price."""
    known = products(world)
    cost = _material(world)
    line = np.asarray(LINE_NAMES)[known["line_no"].to_numpy()]
    parts = []
    for number, kind in enumerate(KINDS):
        uses = np.isin(line, kind.lines)
        each = kind.share * cost[uses] / kind.pieces
        size = np.clip(np.rint(np.log(each / kind.cheapest) / np.log(STEP)), 0, SIZES - 1).astype(np.int64)
        price = np.maximum(np.round(kind.cheapest * STEP**size, 2), 0.01)
        parts.append(
            pl.DataFrame(
                {
                    "sku_no": known["sku_no"].to_numpy()[uses],
                    "component_no": number * SIZES + size,
                    "component_class": [kind.component_class] * int(uses.sum()),
                    "qty": np.maximum(1, np.rint(kind.share * cost[uses] / price)).astype(np.int64),
                    "price": price,
                }
            )
        )
    return pl.concat(parts).sort("sku_no", "component_no")


def _material(world: World) -> Floats:
    known = products(world).select(pl.col("base_cost").fill_null(pl.col("base_price") * 0.48))
    return np.asarray(MATERIAL * known["base_cost"].to_numpy())


@lru_cache(maxsize=2)
def _redesigned(world: World) -> pl.DataFrame:
    """High bays whose housing is changed, and the first day of that: sku_no, changed_day, known_day."""
    known = products(world).filter(pl.col("category") == "high_bay", pl.col("launch_day") < day_number(world.first))
    known = known.filter(pl.col("discontinue_day").fill_null(1 << 40) > day_number(world.review_year[1]))
    number = known["sku_no"].to_numpy()
    changed = day_number(world.review_year[0]) + world.draws("redesign").integer(30, 240, number)
    return pl.DataFrame({"sku_no": number, "changed_day": changed, "known_day": changed - 30}).head(4)


@lru_cache(maxsize=2)
def bills(world: World) -> pl.DataFrame:
    """A row a SKU, version of its bill and component: sku_no, bom_version, component_no, qty, price, begins, ends (null: open),
    known_day (from when the version is in the ERP), closed_day (from when its end is)."""
    launch = products(world).select("sku_no", begins=pl.col("launch_day") - 60)
    changed = _redesigned(world).with_columns(new_no=len(KINDS) * SIZES + pl.int_range(pl.len(), dtype=pl.Int64))
    first = (
        _first_version(world)
        .join(launch, on="sku_no", how="left", maintain_order="left")
        .join(changed, on="sku_no", how="left", maintain_order="left")
    )
    new_price = components(world)["price"]
    second = first.filter(pl.col("changed_day").is_not_null()).with_columns(
        is_housing=pl.col("component_class") == "housing"
    )
    second = second.select(
        "sku_no",
        bom_version=pl.lit(2, pl.Int64),
        component_no=pl.when("is_housing").then("new_no").otherwise("component_no"),
        qty="qty",
        begins="changed_day",
        known_day="known_day",
    ).with_columns(price=new_price.gather(pl.Series(second.select(
        pl.when("is_housing").then("new_no").otherwise("component_no")).to_series())))  # fmt: skip
    one = first.select(
        "sku_no", "component_no", "qty", "price", "begins", bom_version=pl.lit(1, pl.Int64), known_day="begins",
        ends=pl.col("changed_day") - 1, closed_day="known_day",
    )  # fmt: skip
    return pl.concat([one, second], how="diagonal").sort("sku_no", "bom_version", "component_no")


def consumption(world: World, day: int) -> Floats:
    """Pieces of each component that production needs on a day."""
    demand = on_days(world, whole_demand(world), np.array([day + 20]))[0].sum(axis=0)
    valid = bills(world).filter(pl.col("begins") <= day, pl.col("ends").fill_null(1 << 40) >= day)
    needed = demand[valid["sku_no"].to_numpy()] * valid["qty"].to_numpy()
    return np.bincount(valid["component_no"].to_numpy(), needed, components(world).height).astype(np.float64)

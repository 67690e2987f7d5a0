"""Technical data of the assortment: what a SKU can do, what it is made of, and what the norms say of it."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import polars as pl

from fupan.demo.assortment import LINES, list_prices, products
from fupan.demo.draws import Ints
from fupan.demo.sales.baskets import band_tilt, popularity
from fupan.demo.sales.plan import TRADES, line_shares
from fupan.demo.world import World, day_number

#: Of the SKUs that sell best so many, by the units expected in the year under review, are what the market asks for.
BEST_SELLERS = 50
#: Shares among them: with a built-in DALI or 0-10V interface, and protected against dust and splashes (IP54 or better).
DIMMABLE, PROTECTED = 0.78, 0.80
#: The fluorescent tube that is still sold uses so much more than the current limit.
T8_OVER_LIMIT = 0.40
#: Lines whose models come in modules, and share of those.
_MODULAR = {"commercial": 0.45, "industrial": 0.50, "outdoor": 0.40}
_SCENES = ("home", "office", "factory", "street", "home", "home")
_GROUPS = ("household", "business", "industry", "public", "household", "household")
_SMART, _SOURCES = 0, len(LINES) - 1


@lru_cache(maxsize=4)
def expected_rank(world: World) -> Ints:
    """Rank (0: most) of each SKU by the units that may be expected of it in the year under review."""
    first, last = (day_number(day) for day in world.review_year)
    days = np.arange(first + 15, last, 30, dtype=np.int64)
    known = products(world)
    line_no, sku = known["line_no"].to_numpy(), known["sku_no"].to_numpy()
    liked = np.concatenate([popularity(world, int(day), int(day)) for day in days])
    units = np.zeros(known.height)
    for trade in TRADES.values():
        here = liked * band_tilt(world)[None, :, trade.number]
        of_line = np.stack([here[:, line_no == n].sum(axis=1) for n in range(len(LINES))], axis=1)
        share = here / np.maximum(of_line[:, line_no], 1e-12) * line_shares(trade, world.years(days))[:, line_no]
        units += (trade.revenue * share / list_prices(world, sku[None, :], days[:, None])).sum(axis=0)
    rank = np.empty(known.height, dtype=np.int64)
    rank[np.argsort(-units, kind="stable")] = np.arange(known.height)
    return rank


def _quota(rank: Ints, share: float) -> np.ndarray:
    """True for just that share of every few ranks in order."""
    found: np.ndarray = np.floor((rank + 1) * share + 1e-9) > np.floor(rank * share + 1e-9)
    return found


@lru_cache(maxsize=4)
def specifications(world: World) -> pl.DataFrame:
    """A row a SKU by sku_no, with the technical columns of the ERP's products, and energy_limit_kwh (of the current norm)."""
    draws, known, rank = world.draws("specifications"), products(world), expected_rank(world)
    sku, line_no, power = (known[name].to_numpy() for name in ("sku_no", "line_no", "power_w"))
    rung = sku // len(LINES)
    is_best = rank < BEST_SELLERS
    is_smart, is_source = line_no == _SMART, line_no == _SOURCES
    is_part = is_source & (rung % 4 >= 2)
    is_t8 = is_source & (rung % 4 == 1) & (sku == sku[is_source & (rung % 4 == 1)].min())
    gives_light = ~is_part | is_best
    tunable = np.where(is_best, True, draws.chance(np.where(is_smart, 0.85, 0.25), sku, 1)) & ~is_t8
    cct_max = np.where(tunable, 6500, draws.choice([3000, 4000, 5000, 6500], sku, 2))
    cct_min = np.where(tunable, 3000, cct_max)
    protected = np.where(
        is_best, _quota(rank, PROTECTED), draws.chance(np.where(np.isin(line_no, [2, 3]), 0.9, 0.2), sku, 3)
    )
    ip = np.where(
        protected,
        draws.choice(["IP54", "IP65", "IP66", "IP67"], sku, 4),
        draws.choice(["IP20", "IP40", "IP44"], sku, 5),
    )
    dali = np.where(
        is_best, _quota(rank, DIMMABLE), draws.chance(np.where(np.isin(line_no, [1, 2]), 0.5, 0.15), sku, 6)
    )
    interface = np.where(dali, draws.choice(["DALI", "0-10V"], sku, 7),
                         np.where(is_smart, "wireless", draws.choice(["TRIAC", ""], sku, 8)))  # fmt: skip
    efficacy = np.round(np.where(is_best, draws.between(122, 160, sku, 9), draws.between(85, 150, sku, 9)), 1)
    efficacy = np.where(is_t8, 62.0, efficacy)
    # Watts for a thousand hours are kWh; the norm allows what a lamp of 90 lm/W would need, and a little more.
    energy = np.round(power.astype(np.float64), 2)
    limit = np.round(np.where(is_t8, energy / (1 + T8_OVER_LIMIT), energy * draws.between(1.02, 1.45, sku, 10)), 2)
    modular_share = np.array([_MODULAR.get(line.product_line, 0.0) for line in LINES])[line_no]
    eco = (efficacy >= 125) & draws.chance(0.55, sku, 11)
    custom = np.isin(line_no, [1, 2, 3]) & draws.chance(0.4, sku, 12)
    seasonal = draws.chance(np.where(np.isin(line_no, [0, 4]), 0.12, 0.02), sku, 13)
    frame = pl.DataFrame(
        {
            "sku_no": sku,
            "model_no": [f"{code}{w}{chr(65 + n % 26)}" for code, w, n in zip(_codes(line_no), power.tolist(), rung.tolist(), strict=True)],
            "scene": np.asarray(_SCENES)[line_no],
            "is_seasonal": seasonal,
            "season_tag": _or_null(seasonal, draws.choice(["winter_warm", "festival_decor"], sku, 14)),
            "is_custom": custom,
            "is_modular": draws.chance(modular_share, sku, 15),
            "is_consumable": is_part,
            "light_source_tech": np.where(is_t8, "fluorescent_t8", np.where(gives_light, draws.choice(["led", "led_cob"], sku, 16), "none")),
            "power_w": energy,
            "luminous_efficacy_lm_w": _or_null(gives_light, efficacy),
            "cct_min_k": _or_null(gives_light, cct_min),
            "cct_max_k": _or_null(gives_light, cct_max),
            "ip_rating": ip,
            "cri": _or_null(gives_light, draws.choice([80, 85, 90, 95], sku, 17)),
            "dimming_interface": _or_null(interface != "", interface),
            "protocols": _or_null(is_smart, draws.choice(["zigbee,wifi", "bluetooth_mesh", "matter,wifi", "zigbee"], sku, 18)),
            "substrate_type": _or_null(gives_light, draws.choice(["aluminium", "fr4", "ceramic"], sku, 19, weights=[6, 3, 1])),
            "energy_class": _or_null(gives_light, np.where(efficacy >= 130, "1", np.where(efficacy >= 105, "2", "3"))),
            "energy_use_kwh": energy,
            "energy_limit_kwh": limit,
            "eco_certified": eco,
            "noise_db": _or_null(draws.chance(0.3, sku, 20), np.round(draws.between(18, 32, sku, 21), 1)),
            "function_modules": _or_null(is_smart, draws.choice(["sensor", "sensor,speaker", "camera", "sensor,ventilation"], sku, 22)),
            "ecosystem_certs": _or_null(is_smart, draws.choice(["mijia", "mijia,huawei_hilink", "homekit", "tmall_genie"], sku, 23)),
            "target_user_group": np.asarray(_GROUPS)[line_no],
            "technology_tag": _or_null(draws.chance(0.3, sku, 24), draws.choice(["full_spectrum", "flicker_free", "uv_clean", "voice_control"], sku, 25)),
            "warranty_years": np.where(np.isin(line_no, [1, 2, 3]), 3, 2),
            "has_bim_model": np.isin(line_no, [1, 2, 3]) & draws.chance(0.5, sku, 26),
        }
    )  # fmt: skip
    return frame


def _codes(line_no: Ints) -> list[str]:
    return [LINES[number].code for number in line_no.tolist()]


def _or_null(there: np.ndarray, values: Any) -> pl.Series:
    return pl.select(pl.when(pl.Series(there)).then(pl.Series(np.asarray(values)))).to_series()

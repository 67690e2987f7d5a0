"""Technical data of each SKU. What sells best is what is equipped best: dimmable, of tunable colour, protected from water."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import polars as pl

from fupan.demo.company.assortment import LINE_NAMES, products
from fupan.demo.life.planning import months, season_tags, whole_demand
from fupan.demo.tools.draws import Ints
from fupan.demo.tools.wording import text
from fupan.demo.world import World, day_number

#: Of so many best sellers (by pieces, in the year under review) so many have neither a DALI nor a 0-10V interface.
BEST_SELLERS, UNDIMMED = 50, 11
#: Of the ten first so many have IP20; all ranks up to RESERVE are equipped alike, so that chance at the border changes nothing.
TOP, UNPROTECTED, RESERVE = 10, 2, 16
#: Old tubes that are still sold: their use of energy beside the limit of the standard.
FLUORESCENT_GAP = 0.40
_SCENES = ("home", "office", "factory", "street", "home", "retail")
_USERS = ("household", "business", "industry", "public", "household", "business")
_WARRANTY = (3, 5, 5, 5, 2, 2)
_OUTDOOR, _INDUSTRIAL, _SMART, _LIGHT = (
    LINE_NAMES.index(name) for name in ("outdoor", "industrial", "smart_luminaires", "light_sources")
)


@lru_cache(maxsize=2)
def bestseller_ranks(world: World) -> Ints:
    """SKU -> rank (from 0) by the pieces that it is expected to sell in the year under review."""
    begins, ends = (day_number(day) for day in world.review_year)
    first = months(world)
    inside = np.minimum(first[1:], ends + 1) - np.maximum(first[:-1], begins)
    pieces = (whole_demand(world).sum(axis=1) * np.maximum(inside, 0)[:, None]).sum(axis=0)
    rank = np.empty(len(pieces), dtype=np.int64)
    rank[np.argsort(-pieces, kind="stable")] = np.arange(len(pieces))
    return rank


@lru_cache(maxsize=2)
def specifications(world: World) -> pl.DataFrame:
    """A row a SKU: sku_no, the technical columns of erp_products, and energy_limit_kwh (of the standard).

    Units: W, lm/W, K, kWh in 1,000 hours, dB, years. Null where a SKU has no such property."""
    known, draws = products(world), world.draws("specifications")
    number, line = known["sku_no"].to_numpy(), known["line_no"].to_numpy()
    category, power = known["category"].to_numpy(), known["power_w"].to_numpy().astype(np.float64)
    rank, quality = bestseller_ranks(world), known["quality"].to_numpy()
    gives_light = ~np.isin(category, ["driver", "fitting"])
    is_new = known["launch_day"].to_numpy() >= day_number(world.first)
    is_fluorescent = _fluorescent(world)
    is_smart = line == _SMART
    is_top = rank < RESERVE
    tunable = is_top | (gives_light & ~is_fluorescent & draws.chance(np.where(is_smart, 0.85, 0.25), number, 1))
    cct = np.where(tunable, 3000, np.array([2700, 3000, 4000, 5000])[draws.integer(0, 3, number, 2)])
    efficacy = np.round(85 + 45 * quality + 12 * is_new + draws.between(-6, 6, number, 3), 0)
    efficacy = np.where(rank < BEST_SELLERS + 30, np.maximum(efficacy, 120 + rank % 7), efficacy)
    efficacy = np.where(is_fluorescent, 62.0, efficacy)
    limit = np.round(power * 1.08, 2)
    energy = np.where(is_fluorescent, limit * (1 + FLUORESCENT_GAP), power * draws.between(0.90, 1.05, number, 4))
    grade = np.select([efficacy >= 125, efficacy >= 105], ["1", "2"], "3")
    has_colour = gives_light | is_top
    modular = draws.chance(np.where(np.isin(line, [_OUTDOOR, _INDUSTRIAL]), 0.55, 0.18), number, 5)
    fan = np.isin(category, ["high_bay", "flood", "smart_ceiling"])
    season = season_tags(world)
    is_winter = season == "winter_warm"

    def where(condition: np.ndarray, values: np.ndarray) -> pl.Series:
        return pl.select(pl.when(pl.Series(condition)).then(pl.Series(values))).to_series()

    return pl.DataFrame(
        {
            "sku_no": number,
            "model_no": pl.select(text("MH-{}", known["sku"])).to_series(),
            "scene": np.asarray(_SCENES)[line],
            "is_seasonal": season != "",
            "season_tag": where(season != "", season),
            "is_custom": np.isin(line, [1, _INDUSTRIAL, _OUTDOOR]) & draws.chance(0.5, number, 6),
            "is_modular": modular,
            "is_consumable": line == _LIGHT,
            "light_source_tech": np.select(
                [is_fluorescent, ~gives_light, draws.chance(0.2, number, 7)],
                ["fluorescent_t8", "none", "led_cob"],
                "led",
            ),
            "power_w": power,
            "luminous_efficacy_lm_w": where(gives_light, efficacy),
            "cct_min_k": where(has_colour, cct),
            "cct_max_k": where(has_colour, np.where(tunable, 6500, cct)),
            "ip_rating": _protection(world, rank, line),
            "cri": where(gives_light, np.array([80, 83, 90, 95])[draws.pick([5, 3, 4, 1], number, 8)]),
            "dimming_interface": _dimming(world, rank, line, gives_light),
            "protocols": where(
                is_smart,
                np.array(["Zigbee", "DALI,Zigbee", "Bluetooth Mesh", "KNX,DALI", "Matter,Zigbee"])[
                    draws.integer(0, 4, number, 9)
                ],
            ),
            "substrate_type": where(
                gives_light & ~is_fluorescent,
                np.array(["aluminium", "fr4", "ceramic"])[draws.pick([6, 3, 1], number, 10)],
            ),
            "energy_class": where(gives_light, grade),
            "energy_use_kwh": np.round(energy, 2),
            "energy_limit_kwh": limit,
            "eco_certified": gives_light & (efficacy >= 115),
            "noise_db": where(fan | is_winter, np.round(22 + 14 * (1 - quality) + 6 * is_winter, 1)),
            "function_modules": where(
                is_smart | is_winter,
                np.where(
                    is_winter,
                    "warm_air,ventilation",
                    np.array(["voice", "voice,sensor", "sensor", "speaker,voice"])[draws.integer(0, 3, number, 11)],
                ),
            ),
            "ecosystem_certs": where(
                is_smart,
                np.array(["Mijia", "HarmonyOS", "Mijia,HarmonyOS", "HomeKit,Mijia"])[draws.integer(0, 3, number, 12)],
            ),
            "target_user_group": np.asarray(_USERS)[line],
            "technology_tag": where(
                draws.chance(0.3, number, 13),
                np.array(["full_spectrum", "low_blue_light", "ai_dimming", "solar_storage"])[
                    draws.integer(0, 3, number, 14)
                ],
            ),
            "warranty_years": np.asarray(_WARRANTY)[line],
            "has_bim_model": np.isin(line, [1, _INDUSTRIAL, _OUTDOOR]) & draws.chance(0.45, number, 15),
        }
    )


def _fluorescent(world: World) -> np.ndarray:
    """Two of the oldest tubes that are made, and so tested, all through the year under review, best sellers only in need."""
    known = products(world)
    # What is near the border may sell better than expected.
    sells = bestseller_ranks(world) < BEST_SELLERS + 30
    goes = (known["discontinue_day"] <= day_number(world.review_year[1])).fill_null(False)
    tubes = known.with_columns(sells=pl.Series(sells), goes=goes).filter(category="tube")
    chosen = tubes.sort("goes", "sells", "launch_day", "sku_no").head(2)
    return np.isin(known["sku_no"].to_numpy(), chosen["sku_no"].to_numpy())


def _protection(world: World, rank: Ints, line: Ints) -> np.ndarray:
    """Protection grade: outdoors and in industry by use; of the ten best sellers all but two."""
    draws, number = world.draws("protection"), np.arange(len(rank))
    wet = np.array(["IP65", "IP66", "IP67"])[draws.integer(0, 2, number, 1)]
    dry = np.array(["IP20", "IP40", "IP44"])[draws.pick([6, 2, 1], number, 2)]
    found = np.where(np.isin(line, [_INDUSTRIAL, _OUTDOOR]), wet, dry)
    top = np.flatnonzero(rank < RESERVE)
    found[top] = np.where(found[top] < "IP54", "IP54", found[top])
    # Not those at the border of the ten, which may change places with the next.
    inside = np.flatnonzero(rank < TOP - 3)
    indoors = inside[np.argsort(rank[inside] + 100 * np.isin(line[inside], [_INDUSTRIAL, _OUTDOOR, _LIGHT]))]
    found[indoors[:UNPROTECTED]] = "IP20"
    return found


def _dimming(world: World, rank: Ints, line: Ints, gives_light: np.ndarray) -> pl.Series:
    """Interface for dimming: of the best sellers UNDIMMED have neither DALI nor 0-10V, none of them near the border."""
    draws, number = world.draws("dimming"), np.arange(len(rank))
    wired = np.array(["DALI", "0-10V"])[draws.integer(0, 1, number, 1)]
    other = np.where(line == _SMART, "wireless", np.where(draws.chance(0.3, number, 2), "TRIAC", ""))
    other = np.where(gives_light, other, "")
    share = np.where(np.isin(line, [1, _INDUSTRIAL, _OUTDOOR]), 0.55, 0.25)
    has = np.where(rank < BEST_SELLERS + 20, True, gives_light & draws.chance(share, number, 3))
    # Ranks 1, 4, 7, … well inside the group.
    has &= ~((rank % 3 == 1) & (rank < 3 * UNDIMMED))
    found = np.where(has, wired, other)
    return pl.select(pl.when(pl.Series(found) != "").then(pl.Series(found))).to_series()

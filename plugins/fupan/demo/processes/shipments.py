"""Shipments and their carriers: how far, how dear, how late, and dealers' goods that end up in other regions."""

from __future__ import annotations

import numpy as np
import polars as pl

from fupan.demo.company.geography import places
from fupan.demo.company.seasons import months, shopping_festival
from fupan.demo.company.warehouses import IDS, routes
from fupan.demo.life.sales import told
from fupan.demo.process import CHANGED_ON, Frames, Process, as_of
from fupan.demo.tools.wording import text
from fupan.demo.world import Span, World

#: Carrier: company, modes, regions that it serves (ALL: every one), is it a backup.
CARRIERS = {
    "CAR01": ("顺达速运", "ALL", False),
    "CAR02": ("中联物流", "ALL", False),
    "CAR03": ("华东快线", "CN-SH;CN-JS;CN-ZJ;CN-AH;CN-FJ;CN-JX;CN-SD", False),
    "CAR04": ("岭南专线", "CN-GD;CN-GX;CN-HI", False),
    "CAR05": ("中西陆运", "CN-HA;CN-HB;CN-HN;CN-CQ;CN-SC;CN-GZ;CN-YN;CN-XZ;CN-SN;CN-GS;CN-QH;CN-NX;CN-XJ", False),
    "CAR06": ("北方联运", "CN-BJ;CN-TJ;CN-HE;CN-SX;CN-NM;CN-LN;CN-JL;CN-HL", False),
    "CAR07": ("应急速配", "ALL", True),
    "CAR08": ("远洋海运", "US;DE;AE;VN;BR;AU", False),
}
_REGIONAL = {"east": "CAR03", "south": "CAR04", "central_west": "CAR05", "north": "CAR06"}
#: Overseas: longest transit (days) of each mode but the last.
_MODES = ((9, "air"), (18, "rail"), (1 << 30, "sea"))
_DAY_S = 86_400


def tell(world: World, span: Span) -> Frames:
    """Shipments of orders that came in on the span's days."""
    draws = world.draws("shipments")
    orders = told(world, span.first, span.last).orders.filter(
        pl.col("shipped_at").is_not_null(), pl.col("gone_on").is_null()
    )
    key = orders["order_key"].to_numpy()
    known = places()
    place, origin = routes(world, orders)
    market = known["market"].gather(place).to_numpy()
    abroad = market == "overseas"
    promised = orders["promised_date"].to_physical().to_numpy().astype(np.int64)
    delivered = orders["delivered_at"].dt.epoch("s").to_numpy()
    shipped = orders["shipped_at"].dt.epoch("s").to_numpy()
    is_late = delivered // _DAY_S > promised
    emergency = draws.chance(np.where(is_late, 0.06, 0.004), key, 3)
    regional = pl.Series(market).replace_strict(_REGIONAL, default="CAR02").to_numpy()
    usual = np.where(draws.chance(0.45, key, 4), regional, draws.choice(["CAR01", "CAR02"], key, 5))
    carrier = np.where(abroad, "CAR08", np.where(emergency, "CAR07", usual))
    days = (delivered - shipped) // _DAY_S
    mode = np.where(
        abroad,
        np.select([days <= limit for limit, _ in _MODES], [name for _, name in _MODES], "sea"),
        draws.choice(["road", "rail"], key, 6, weights=[9, 1]),
    )
    net = orders["order_net"].to_numpy()
    rate = np.select([abroad, market == "central_west", market == "north"], [0.055, 0.032, 0.028], 0.020)
    freight = np.round((6 + net * rate * draws.between(0.8, 1.2, key, 7)) * np.where(mode == "air", 1.8, 1.0), 2)
    day = orders["order_day"].to_numpy()
    in_peak, in_winter = shopping_festival(day) > 0.4, np.isin(months(day), [1, 2, 7, 8])
    cause = np.select(
        [in_peak & draws.chance(0.7, key, 8), in_winter & draws.chance(0.5, key, 9), draws.chance(0.85, key, 10)],
        ["peak", "weather", "carrier"],
        "address",
    )
    found = orders.with_columns(
        shipment_id=text("SHP{}", "order_key"),
        carrier_id=pl.Series(carrier),
        origin_location_id=pl.Series(np.asarray(IDS)[origin]),
        dest_province=known["province"].gather(place),
        dest_country=known["country"].gather(place),
        transport_mode=pl.Series(mode),
        freight_cost=pl.Series(freight),
        delay_cause=pl.when(pl.Series(is_late)).then(pl.Series(cause)),
        is_emergency_plan=pl.Series(emergency),
    )
    shipments = as_of(found, span.evening, ["shipped_at", "delivered_at"], reveals={"delivered_at": ["delay_cause"]})
    return {
        "log_shipments": shipments.select(
            "shipment_id", "order_id", "carrier_id", "origin_location_id", "dest_province", "dest_country", "transport_mode",
            "promised_date", "shipped_at", "delivered_at", "freight_cost", "delay_cause", "is_emergency_plan", "updated_at",
            CHANGED_ON,
        )
    }  # fmt: skip


#: What is made to measure leaves after 50 days; five weeks overseas.
PROCESS = Process(("log_shipments",), tell, echoes=95)

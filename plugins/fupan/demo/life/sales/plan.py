"""What the company sells through which trade: volumes, tastes, discounts, and how product lines shift over the years.

All are causes. Shares of product lines are tastes of each trade times a trend of each line, which is solved for once, so that
the lines have their shares of the whole in the year under review and in the year before.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from fupan.demo.company import seasons
from fupan.demo.company.assortment import LINES
from fupan.demo.company.geography import MARKETS
from fupan.demo.tools.draws import Floats, Ints


@dataclass(frozen=True)
class Trade:
    """One way of selling.

    ``revenue``: CNY in the year under review at scale 1, by which lines and price bands are balanced; what the trade really
    turns over follows from its orders. ``taste``: appeal of each product line. ``discount``: lowest and highest off the list
    price. ``months``, ``weekend``, ``festival``: its season (`seasons.demand`).
    """

    number: int
    revenue: float
    taste: tuple[float, ...]
    discount: tuple[float, float]
    months: tuple[float, ...]
    weekend: float
    festival: float

    def demand(self, days: Ints) -> Floats:
        """Demand on each day beside that of a mean day."""
        mean = seasons.mean_demand(self.months, self.weekend, self.festival)
        return seasons.demand(days, self.months, self.weekend, self.festival) / mean


_HOMES, _SITES = (3.0, 0.3, 0.05, 0.6, 3.0, 1.0), (1.6, 3.0, 2.5, 2.0, 0.3, 0.7)
TRADES = {
    "online": Trade(0, 57e6, _HOMES, (0.05, 0.20), seasons.HOMES, 1.12, 1.0),
    "store": Trade(1, 9e6, _HOMES, (0.00, 0.12), seasons.HOMES, 1.60, 0.2),
    "dealer": Trade(2, 190e6, (1.5, 2.0, 0.8, 1.0, 2.5, 1.5), (0.27, 0.37), seasons.HOMES, 0.25, 0.0),
    "project": Trade(3, 735e6, _SITES, (0.22, 0.34), seasons.SITES, 0.10, 0.0),
    "export": Trade(4, 60e6, (1.0, 2.0, 1.0, 2.0, 1.0, 1.5), (0.27, 0.37), seasons.SITES, 0.10, 0.0),
}
#: A year's growth of each market, and the markets' shares of domestic trade.
GROWTH = {market: growth for market, (_, _, growth) in MARKETS.items()}
_DOMESTIC_SHARE = sum(share for market, (_, share, _) in MARKETS.items() if market != "overseas")
DOMESTIC_SHARES = {m: share / _DOMESTIC_SHARE for m, (_, share, _) in MARKETS.items() if m != "overseas"}


def growth(market: str, years: Floats) -> Floats:
    """Demand of a market beside that in the middle of the year under review."""
    return np.power(GROWTH[market], years)


def line_shares(trade: Trade, years: Floats) -> Floats:
    """Day x product line: share of the trade's revenue; sums to 1 over the lines."""
    now, before = _pulls()
    pull = now[None, :] * (now / before)[None, :] ** years[:, None]
    shares = np.asarray(trade.taste)[None, :] * pull
    return np.asarray(shares / shares.sum(axis=1, keepdims=True))


@cache
def _pulls() -> tuple[Floats, Floats]:
    """What makes tastes add up to the lines' shares of the whole, in the year under review and in the year before."""
    return _pull([line.share for line in LINES]), _pull([line.share_before for line in LINES])


def _pull(shares: list[float]) -> Floats:
    wanted = np.asarray(shares) / sum(shares)
    tastes = np.asarray([trade.taste for trade in TRADES.values()])
    revenue = np.asarray([trade.revenue for trade in TRADES.values()])
    pull = np.ones(len(LINES))
    for _ in range(200):
        weighted = tastes * pull
        of_line = (weighted / weighted.sum(axis=1, keepdims=True) * revenue[:, None]).sum(axis=0)
        pull *= wanted / (of_line / of_line.sum())
    return np.asarray(pull / pull.sum())

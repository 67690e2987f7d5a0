"""How well a product is made: the one cause behind its stars, its returns, its complaints and its repairs.

Quality runs from 0 (poor) to 1 (excellent), evenly over the assortment. It decides stars and returns without chance, on curves
that are steep where the review's rating bands meet, so that few items lie on a border.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from fupan.demo.tools.draws import Draws, Floats, Ints
from fupan.demo.tools.wording import text
from fupan.demo.world import World

_QUALITY = (0.0, 0.20, 0.24, 0.70, 0.72, 0.75, 1.0)
_STARS = (3.40, 4.05, 4.32, 4.68, 4.76, 4.87, 4.96)
_RETURNED = (0.200, 0.169, 0.110, 0.070, 0.049, 0.044, 0.034)

#: Share of what is sent back for which the buyer wants another one.
EXCHANGED = 0.20

#: Stars below five and how often each is given by those who give less than five, from a mild to a harsh mixture.
_BELOW_FIVE = ((4, 3, 2, 1), (0.50, 0.25, 0.12, 0.13))
_MEAN_LACK = 1.88  # of stars, where there is one

#: Share of production lots that went wrong, how much more often their units fail, and how long a lot is.
BAD_LOTS, BAD_LOT_FACTOR, LOT_DAYS = 0.03, 5.0, 28


def mean_stars(quality: Floats) -> Floats:
    """Mean of the stars that buyers who have an opinion give: 3.4 to 4.96. What the platform fills in is no opinion."""
    return np.interp(quality, _QUALITY, _STARS)


def return_share(quality: Floats) -> Floats:
    """Share of the units that households buy online and send back. Of what has less than 4.2 stars 18 % is returned for the
    money, of what has less than 4.8 stars 9 %, of the rest 4 %; the other EXCHANGED of what is sent back is exchanged."""
    return np.interp(quality, _QUALITY, _RETURNED) / (1 - EXCHANGED)


def given_stars(quality: Floats, draws: Draws, key: Ints) -> Ints:
    """Stars of one buyer each: whole numbers from 1 to 5, whose mean is `mean_stars`."""
    lacks = draws.chance((5 - mean_stars(quality)) / _MEAN_LACK, key, 1)
    below = draws.choice(_BELOW_FIVE[0], key, 2, weights=_BELOW_FIVE[1])
    return np.where(lacks, below, 5).astype(np.int64)


def failure_factor(quality: Floats) -> Floats:
    """How often units of a model fail or are complained of, beside the mean of the assortment: from a third to 2.3 times."""
    return 0.35 + 1.95 * (1 - np.asarray(quality)) ** 2


def lots(days_delivered: Ints, draws: Draws, key: Ints) -> Ints:
    """Production lot (numbered over all models, one a model and four weeks) of units that were delivered on those days."""
    return (days_delivered - draws.integer(7, 60, key)) // LOT_DAYS


def lot_factor(world: World, sku_no: Ints, lot_no: Ints) -> Floats:
    """How often units of a lot fail beside others of their model: most a little less, some lots five times."""
    usual = (1 - BAD_LOTS * BAD_LOT_FACTOR) / (1 - BAD_LOTS)
    return np.where(world.draws("bad lots").chance(BAD_LOTS, sku_no, lot_no), BAD_LOT_FACTOR, usual)


def serial_numbers(sku_no: Ints, lot_no: Ints, number: Ints) -> pl.Series:
    """Serial numbers of units, which sort by model, lot and number (0 to 999,999) within the lot."""
    parts = pl.DataFrame({"sku": sku_no, "lot": lot_no, "number": number}).select(
        text(
            "SN{}{}{}",
            *(
                pl.col(name).cast(pl.String).str.zfill(digits)
                for name, digits in (("sku", 4), ("lot", 4), ("number", 6))
            ),
        )
    )
    return parts.to_series().alias("serial_no")

"""How well a product is made: the one cause behind its stars, its returns, its complaints and its repairs."""

from __future__ import annotations

from functools import cache
from random import Random

#: Stars below five and how often each is given by those who give less than five.
_BELOW_FIVE = ((4, 3, 2, 1), (0.50, 0.25, 0.12, 0.13))
_MEAN_LACK = 1.88  # of stars, where there is one


@cache
def workmanship(sku: str) -> float:
    """From 0 (poor) to 1 (excellent), for good."""
    return Random(f"workmanship of {sku}").random()


def trouble(sku: str) -> float:
    """How often this product fails, is returned or complained of, beside what is usual: a third to twice as often."""
    return 0.3 + 1.6 * (1 - workmanship(sku)) ** 2


def stars(sku: str, random: Random) -> int:
    """What one buyer gives: on average 3.6 for the worst product, 4.95 for the best, above 4.8 for a fifth of them."""
    lack = 5 - (3.6 + 1.35 * workmanship(sku) ** 0.6)
    if random.random() >= lack / _MEAN_LACK:
        return 5
    return random.choices(*_BELOW_FIVE)[0]

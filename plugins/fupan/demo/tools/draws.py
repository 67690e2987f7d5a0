"""Chance that belongs to a key for good: the same seed, purpose and key give the same draw, in any order and on any machine.

A draw is a hash of integers (splitmix64's finaliser), not the next number of a stream, so that any day, any customer and any
part of a table can be told by itself, in vectors. Draws are exact; of what is made from them with exp or powers, whose last
bit differs from one processor to another, amounts are rounded and counts compared, so that bit is not seen.
"""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Keys = npt.ArrayLike

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_FIRST, _SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_FRACTION = 1.0 / (1 << 53)


def _mixed(value: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    value = (value ^ (value >> np.uint64(30))) * _FIRST
    value = (value ^ (value >> np.uint64(27))) * _SECOND
    return value ^ (value >> np.uint64(31))


class Draws:
    """Draws for one purpose. Every method takes integer keys (scalars or arrays that broadcast) and returns their shape."""

    def __init__(self, seed: int, purpose: str) -> None:
        digest = hashlib.blake2b(f"{seed}/{purpose}".encode(), digest_size=8).digest()
        self._salt = np.uint64(int.from_bytes(digest, "big"))
        self._seed, self._purpose = seed, purpose

    def of(self, purpose: str) -> Draws:
        """Draws for a part of this purpose, independent of it."""
        return Draws(self._seed, f"{self._purpose}/{purpose}")

    def hash(self, *keys: Keys) -> npt.NDArray[np.uint64]:
        """64 random bits a key."""
        with np.errstate(over="ignore"):
            found = np.asarray(self._salt)
            for key in keys:
                bits = np.asarray(key).astype(np.int64).view(np.uint64)
                found = _mixed((found ^ bits) * _GOLDEN + _GOLDEN)
            return _mixed(found + _GOLDEN)

    def uniform(self, *keys: Keys) -> Floats:
        """Evenly in [0, 1)."""
        return (self.hash(*keys) >> np.uint64(11)).astype(np.float64) * _FRACTION

    def between(self, low: npt.ArrayLike, high: npt.ArrayLike, *keys: Keys) -> Floats:
        """Evenly in [low, high)."""
        low = np.asarray(low, dtype=np.float64)
        return np.asarray(low + (np.asarray(high, dtype=np.float64) - low) * self.uniform(*keys))

    def integer(self, low: npt.ArrayLike, high: npt.ArrayLike, *keys: Keys) -> Ints:
        """A whole number from low to high, both included."""
        width = np.asarray(high) - np.asarray(low) + 1
        return np.asarray(np.asarray(low) + np.floor(self.uniform(*keys) * width), dtype=np.int64)

    def chance(self, share: npt.ArrayLike, *keys: Keys) -> npt.NDArray[np.bool_]:
        """True for that share of keys."""
        found: npt.NDArray[np.bool_] = self.uniform(*keys) < np.asarray(share)
        return found

    def pick(self, weights: npt.ArrayLike, *keys: Keys) -> Ints:
        """An index into ``weights`` (one dimension), as likely as its weight."""
        limits = np.cumsum(np.asarray(weights, dtype=np.float64))
        return np.searchsorted(limits / limits[-1], self.uniform(*keys), side="right").astype(np.int64)

    def choice(self, values: Any, *keys: Keys, weights: npt.ArrayLike | None = None) -> npt.NDArray[Any]:
        """One of ``values`` a key."""
        of = np.asarray(values)
        return np.asarray(of[self.pick(np.ones(len(of)) if weights is None else weights, *keys)])

    def normal(self, *keys: Keys) -> Floats:
        """Mean 0, standard deviation 1, within ±3.5: the sum of four even draws."""
        total = sum(self.uniform(*keys, part) for part in range(4))
        return np.asarray((np.asarray(total) - 2.0) * np.sqrt(3.0))

    def spread(self, *keys: Keys, sigma: float = 0.5) -> Floats:
        """A positive factor of mean 1 with a long right tail (log-normal, cut at 3.5 ``sigma``)."""
        return np.asarray(np.exp(sigma * self.normal(*keys) - sigma * sigma / 2))

    def poisson(self, mean: npt.ArrayLike, *keys: Keys) -> Ints:
        """How often something happens that happens ``mean`` times on average (beyond 60: the nearest bell curve)."""
        mean, even = np.broadcast_arrays(np.asarray(mean, dtype=np.float64), self.uniform(*keys))
        few = np.minimum(mean, 60.0)
        count = np.zeros(mean.shape, dtype=np.int64)
        term = np.exp(-few)
        total = term.copy()
        for number in range(1, 130):
            more = even > total
            if not more.any():
                break
            count += more
            term = term * few / number
            total = total + term
        bell = np.rint(mean + np.sqrt(mean) * self.normal(*keys, 99)).astype(np.int64)
        return np.where(mean > 60, np.maximum(bell, 0), count)

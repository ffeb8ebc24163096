"""Seeded random draws whose cost does not grow with what they count."""

from __future__ import annotations

import math
import random
from bisect import bisect_left
from functools import lru_cache
from itertools import accumulate, pairwise
from statistics import NormalDist

BOUNDS_MS = (
    *(5, 10, 25, 50, 100, 120, 150, 250, 300, 450, 600, 650),
    *(700, 900, 1000, 1100, 2500, 5000, 10000, 15000, 30000),
)
"""Upper bounds of the histogram's buckets, milliseconds, inclusive; durations over the last one have a bucket more."""

_ONE_BY_ONE = 24  # up to this many draws, one by one is both exact and cheaper than by bucket
_SQRT2 = math.sqrt(2)
_NORMAL = NormalDist()


class Draws:
    """A stream of random numbers that depends on nothing but its seed."""

    def __init__(self, seed: str) -> None:
        self.uniform = random.Random(seed).random  # noqa: S311 - a practice model, not a secret

    def normal(self) -> float:
        """One draw of the standard normal distribution."""
        return _NORMAL.inv_cdf(self.uniform() or 0.5)

    def poisson(self, mean: float) -> int:
        """Arrivals in a while that expects `mean` of them; the normal approximation from 30 up."""
        if mean <= 0:
            return 0
        if mean >= 30:
            return max(0, round(mean + math.sqrt(mean) * self.normal()))
        target, term, count = self.uniform(), math.exp(-mean), 0
        total = term
        while target > total and count < 200:
            count += 1
            term *= mean / count
            total += term
        return count

    def binomial(self, trials: int, probability: float) -> int:
        """Successes among `trials`; exact up to 24 trials, approximated beyond."""
        if trials <= 0 or probability <= 0:
            return 0
        if probability >= 1:
            return trials
        if trials <= _ONE_BY_ONE:
            return sum(self.uniform() < probability for _ in range(trials))
        if probability > 0.5:
            return trials - self.binomial(trials, 1 - probability)
        mean = trials * probability
        if mean < 10:
            return min(trials, self.poisson(mean))
        return min(trials, max(0, round(mean + math.sqrt(mean * (1 - probability)) * self.normal())))

    def spread(self, count: int, over: int, most: int = 24) -> list[tuple[int, int]]:
        """`count` calls spread over `over` agents: (agent, calls), at most `most` pairs whatever the count."""
        pairs = min(count, most)
        if pairs == 0:
            return []
        share, rest = divmod(count, pairs)
        return [(int(self.uniform() * over), share + (index < rest)) for index in range(pairs)]

    def durations(
        self, count: int, shift_ms: float, median_ms: float, sigma: float
    ) -> tuple[list[tuple[int, int]], float]:
        """Durations of `count` calls, `shift_ms` plus a lognormal: ([(bucket, calls)], their sum in ms)."""
        if count <= _ONE_BY_ONE:
            total, buckets = 0.0, []
            for _ in range(count):
                duration = shift_ms + median_ms * math.exp(sigma * self.normal())
                total += duration
                buckets.append((bisect_left(BOUNDS_MS, duration), 1))
            return buckets, total
        # Rounded, so that a busy node finds its distribution in the cache.
        return self._durations_by_bucket(count, *_buckets(float(f"{shift_ms:.3g}"), median_ms, sigma))

    def _durations_by_bucket(
        self, count: int, probabilities: tuple[float, ...], means: tuple[float, ...]
    ) -> tuple[list[tuple[int, int]], float]:
        buckets, total, left, mass = [], 0.0, count, 1.0
        for bucket, probability in enumerate(probabilities):
            if left == 0:
                break
            calls = self.binomial(left, probability / mass) if mass > probability else left
            if calls:
                buckets.append((bucket, calls))
                total += calls * means[bucket]
            left -= calls
            mass -= probability
        if left:
            buckets.append((len(BOUNDS_MS), left))
            total += left * means[-1]
        return buckets, total


@lru_cache(maxsize=1024)
def _buckets(shift_ms: float, median_ms: float, sigma: float) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Probability, and mean duration in ms, of each bucket of a shifted lognormal."""

    def below(bound: float, exponent: int) -> float:
        if bound <= shift_ms:
            return 0.0
        standard = math.log((bound - shift_ms) / median_ms) / sigma - exponent * sigma
        return 0.5 * (1 + math.erf(standard / _SQRT2))

    edges = (*BOUNDS_MS, math.inf)
    mass = [0.0, *(below(edge, 0) if edge < math.inf else 1.0 for edge in edges)]
    partial = [0.0, *(below(edge, 1) if edge < math.inf else 1.0 for edge in edges)]
    mean = median_ms * math.exp(sigma * sigma / 2)
    probabilities = tuple(high - low for low, high in pairwise(mass))
    means = tuple(
        shift_ms + mean * (high - low) / probability if probability > 1e-12 else shift_ms
        for (low, high), probability in zip(pairwise(partial), probabilities, strict=True)
    )
    return probabilities, means


def quantile_ms(counts: list[int], quantile: float) -> float | None:
    """Quantile of a histogram over `BOUNDS_MS`, linear inside its bucket, ms; None when nothing was counted."""
    cumulative = list(accumulate(counts))
    if not cumulative or cumulative[-1] == 0:
        return None
    rank = quantile * cumulative[-1]
    bucket = bisect_left(cumulative, rank)
    if bucket >= len(BOUNDS_MS):
        return float(BOUNDS_MS[-1])
    low = BOUNDS_MS[bucket - 1] if bucket else 0
    before = cumulative[bucket - 1] if bucket else 0
    return low + (BOUNDS_MS[bucket] - low) * (rank - before) / counts[bucket]

"""Random draws: right in distribution, the same for a seed, and no dearer for many calls than for few."""

from __future__ import annotations

from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memoryos_simulator.draws import BOUNDS_MS, Draws, quantile_ms


def test_the_same_seed_draws_the_same_and_another_draws_something_else() -> None:
    def drawn(seed: str) -> list[object]:
        draws = Draws(seed)
        return [draws.poisson(3), draws.binomial(50, 0.4), draws.durations(400, 2.0, 20.0, 0.5), draws.spread(9, 60)]

    assert drawn("a/7") == drawn("a/7")
    assert drawn("a/7") != drawn("b/7")


@pytest.mark.parametrize("mean", [0.02, 3.0, 29.0, 400.0])
def test_arrivals_have_the_mean_that_was_asked_for(mean: float) -> None:
    draws = Draws("poisson")
    total = sum(draws.poisson(mean) for _ in range(4000))
    assert total / 4000 == pytest.approx(mean, abs=5 * (mean / 4000) ** 0.5)


@given(st.integers(0, 100_000), st.floats(0, 1), st.integers(0, 1000))
def test_no_more_succeed_than_were_tried(trials: int, probability: float, seed: int) -> None:
    drawn = Draws(str(seed)).binomial(trials, probability)
    assert 0 <= drawn <= trials
    if probability in (0, 1):
        assert drawn == trials * probability


@given(st.integers(0, 1_000_000), st.floats(0, 40_000), st.floats(0.1, 5000), st.floats(0.05, 1.5))
def test_every_call_falls_into_a_bucket_that_its_duration_allows(
    count: int, shift_ms: float, median_ms: float, sigma: float
) -> None:
    buckets, total_ms = Draws("buckets").durations(count, shift_ms, median_ms, sigma)
    assert sum(calls for _, calls in buckets) == count
    assert all(0 <= bucket <= len(BOUNDS_MS) and calls > 0 for bucket, calls in buckets)
    # Rounding to three digits may put the shift a little lower.
    fastest = next((index for index, bound in enumerate(BOUNDS_MS) if bound >= shift_ms * 0.99), len(BOUNDS_MS))
    assert all(bucket >= fastest for bucket, _ in buckets)
    assert total_ms >= 0.99 * shift_ms * count


@pytest.mark.parametrize("count", [24, 100_000])
def test_few_and_many_calls_follow_the_same_lognormal(count: int) -> None:
    draws, counts, total_ms = Draws("quantiles"), [0] * (len(BOUNDS_MS) + 1), 0.0
    for _ in range(100_000 // count):
        buckets, sum_ms = draws.durations(count, 10.0, 40.0, 0.6)
        total_ms += sum_ms
        for bucket, calls in buckets:
            counts[bucket] += calls
    drawn = sum(counts)
    cumulative = list(accumulate(counts))
    below_50 = cumulative[BOUNDS_MS.index(50)] / drawn  # the median: 10 + 40 ms
    assert below_50 == pytest.approx(0.5, abs=0.01)
    assert total_ms / drawn == pytest.approx(10 + 40 * 2.718281828 ** (0.6**2 / 2), rel=0.02)


@given(st.integers(0, 10**6), st.integers(1, 5000))
def test_calls_are_spread_over_agents_without_losing_one_and_in_few_pairs(count: int, over: int) -> None:
    pairs = Draws("spread").spread(count, over)
    assert sum(times for _, times in pairs) == count
    assert len(pairs) <= 24
    assert all(0 <= agent < over for agent, _ in pairs)


class TestQuantile:
    def test_it_is_linear_inside_a_bucket(self) -> None:
        counts = [0] * (len(BOUNDS_MS) + 1)
        counts[BOUNDS_MS.index(450)] = 100
        assert quantile_ms(counts, 0.5) == pytest.approx(375)

    def test_of_nothing_there_is_none(self) -> None:
        assert quantile_ms([], 0.95) is None
        assert quantile_ms([0] * (len(BOUNDS_MS) + 1), 0.95) is None

    def test_beyond_the_last_bound_it_is_the_last_bound(self) -> None:
        assert quantile_ms([0] * len(BOUNDS_MS) + [5], 0.5) == 30_000

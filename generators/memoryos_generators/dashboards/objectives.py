"""The objectives of the configuration, as PromQL over what the SLO rules record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..config import Config
from ..rules import sli, slo
from .promql import recorded


@dataclass(frozen=True, slots=True)
class Objective:
    """One objective: calls of a class that may fail, or calls that may be slower than a bound.

    bad, every: recorded counts of its window, as name and matchers. burnt: the beginning of the recorded burn's name.
    window: the length of the windows that are counted, which do not overlap.
    """

    name: str
    title: str
    bad: str
    every: str
    burnt: str
    matchers: Mapping[str, str]
    budget: float
    window: str

    @property
    def left(self) -> str:
        """The share of the budget that is left, by mode, when only the time shown counts; below 0 it is overspent."""
        over = f"[$__range:{self.window}]"
        bad = f"sum by (mode) (sum_over_time({recorded(self.bad, **self.matchers)}{over}))"
        counted = self.matchers if self.every == slo.TIMED else {}
        every = f"sum by (mode) (sum_over_time({recorded(self.every, **counted)}{over}))"
        return f"1 - ({bad} or 0 * {every}) / ({every} > 0) / {self.budget:g}"

    def burn(self, length: str, mode: str) -> str:
        """How many times faster than sustainable it is spent within ``length``, worst node."""
        return f"max({recorded(self.burnt + length, mode=mode, **self.matchers)})"

    def burn_by_mode(self, length: str) -> str:
        """The same, by mode."""
        return f"max by (mode) ({recorded(self.burnt + length, **self.matchers)})"


def objectives(config: Config) -> tuple[Objective, ...]:
    """Every objective, errors first."""
    window = str(config.rules.window)
    errors = (
        Objective(
            f"{name} errors",
            f"{name} errors",
            slo.ERRORS,
            sli.OPERATIONS,
            slo.ERROR_BURN,
            {"class": name},
            each.budget,
            window,
        )
        for name, each in config.slos.errors.items()
    )
    latency = (
        Objective(
            name.replace("_", " "),
            f"{name.replace('_', ' ')} at most {each.seconds:g} s",
            slo.SLOW,
            slo.TIMED,
            slo.LATENCY_BURN,
            {"objective": name},
            each.budget,
            window,
        )
        for name, each in config.slos.latency.items()
    )
    return (*errors, *latency)

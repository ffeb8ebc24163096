"""Samples: the values of one exposition, by metric and label values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from msgspec import Struct, UnsetType

from ..catalog import Metric
from ..document import Buckets

Value = int | float
Field = Value | UnsetType | None


@dataclass(frozen=True, slots=True)
class Histogram:
    """A cumulative histogram: (upper bound in the metric's unit, observations up to it), all of them, and their sum."""

    buckets: tuple[tuple[float, int], ...]
    count: int
    sum: float | None

    @classmethod
    def of(cls, buckets: Buckets) -> Histogram:
        """Durations in seconds from buckets in milliseconds."""
        pairs = zip(buckets.bounds_ms, buckets.cumulative, strict=True)
        seconds = None if buckets.sum_ms is None else buckets.sum_ms / 1000
        return cls(tuple((bound / 1000, count) for bound, count in pairs), buckets.count, seconds)


class Samples:
    """A mapping of metric → label values → value, in which nothing can stand twice."""

    def __init__(self) -> None:
        self._values: dict[Metric, dict[tuple[str, ...], Value | Histogram]] = {}

    def add(self, metric: Metric, value: Field | Histogram, *labels: str) -> None:
        """Set one sample; a value that the document does not give (UNSET or None) gives no sample.

        Raises:
            ValueError: the metric has other labels than that.
        """
        if value is None or isinstance(value, UnsetType):
            return
        if len(labels) != len(metric.labels):
            raise ValueError(f"{metric.name} has the labels {metric.labels}, not {len(labels)} of them")
        self._values.setdefault(metric, {})[labels] = value

    def add_state(self, metric: Metric, states: tuple[str, ...], current: str | UnsetType) -> None:
        """One series a state, 1 for the current one and 0 for the others; `other` stands for an unknown state."""
        if isinstance(current, UnsetType):
            return
        known = current in states
        for state in states:
            self.add(metric, int(state == current), state)
        if not known:
            self.add(metric, 1, "other")

    def add_moment(self, metric: Metric, milliseconds: int | UnsetType) -> None:
        """A unix time in seconds, from one in milliseconds; 0 = never."""
        if not isinstance(milliseconds, UnsetType):
            self.add(metric, milliseconds / 1000 if milliseconds else 0)

    def add_fields(self, metrics: Mapping[str, Metric], fields: Struct | UnsetType) -> None:
        """One sample for each field of a part of the document that ``metrics`` names."""
        if isinstance(fields, Struct):
            for name, metric in metrics.items():
                self.add(metric, getattr(fields, name))

    @property
    def by_metric(self) -> Mapping[Metric, Mapping[tuple[str, ...], Value | Histogram]]:
        """All samples."""
        return MappingProxyType(self._values)

"""What a metric is: the row type of the catalog."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Kind(StrEnum):
    """The metric types of the exposition formats that the catalog uses."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"
    INFO = "info"


@dataclass(frozen=True, slots=True, eq=False)
class Metric:
    """One metric family, as it is exported and as generators, documentation and tests know it.

    name: the full name as queried, `_total` or `_info` included; a histogram without `_bucket`.
    source: the field of the stats document it is read from (`manager.queued`), or how it is derived.
    spec: the section of the MemoryOS specification that it serves, empty when it serves operation of the exporter.
    labels: label names in the order in which values are given.
    values: the closed set of values of each label that has one.
    """

    name: str
    kind: Kind
    help: str
    source: str
    spec: str = ""
    labels: tuple[str, ...] = ()
    values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def family(self) -> str:
        """The name of the family in OpenMetrics, which leaves the type's suffix out."""
        suffix = {Kind.COUNTER: "_total", Kind.INFO: "_info"}.get(self.kind, "")
        return self.name.removesuffix(suffix)

    @property
    def unit(self) -> str:
        """The base unit that the name ends with, or an empty string: `seconds`, `bytes`."""
        return next((unit for unit in ("seconds", "bytes") if self.family.endswith("_" + unit)), "")

    @property
    def series(self) -> tuple[str, ...]:
        """The names of the series that the family puts into Prometheus."""
        if self.kind is Kind.HISTOGRAM:
            return tuple(self.name + suffix for suffix in ("_bucket", "_sum", "_count"))
        return (self.name,)


def counter(name: str, help: str, source: str, spec: str = "", **labels: tuple[str, ...]) -> Metric:  # noqa: A002
    """A counter; ``labels`` maps each label name to its closed set of values."""
    return Metric(name, Kind.COUNTER, help, source, spec, tuple(labels), labels)


def gauge(name: str, help: str, source: str, spec: str = "", **labels: tuple[str, ...]) -> Metric:  # noqa: A002
    """A gauge; ``labels`` maps each label name to its closed set of values."""
    return Metric(name, Kind.GAUGE, help, source, spec, tuple(labels), labels)

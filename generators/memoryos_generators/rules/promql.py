"""PromQL, composed from catalog metrics: a name or label value that the exporter does not have cannot be written."""

from __future__ import annotations

from collections.abc import Collection

import promql_parser

from memoryos_exporter.catalog import CATALOG, Kind, Metric, reading, rollout

from ..config import Config
from ..duration import Duration

# Series that Prometheus itself makes.
BUILT_IN = ("up",)


class Promql:
    """Selectors and idioms for one configuration. Every method returns PromQL text."""

    def __init__(self, config: Config) -> None:
        self.rules = config.rules
        self.fleet = ", ".join(config.fleet_labels)
        self.on_fleet = f"on ({self.fleet})"
        self._job = config.prometheus.job
        self._selector = config.prometheus.selector

    def __call__(self, metric: Metric, suffix: str = "", /, **labels: str | tuple[str, ...]) -> str:
        """A selector of ``metric``; a label's value, or several of which any will do. ``class_`` is the label class.

        ``suffix`` is the part of a histogram (bucket, sum, count). Raises ValueError for a label or value that the
        catalog does not have.
        """
        name = f"{metric.name}_{suffix}" if suffix else metric.name
        if name not in metric.series:
            raise ValueError(f"{name} is no series of {metric.name}: {', '.join(metric.series)}")
        matchers = [_matcher(metric, label.removesuffix("_"), value) for label, value in labels.items()]
        return _selector(name, [self._selector, *matchers])

    def recorded(self, name: str, **labels: str | tuple[str, ...]) -> str:
        """A selector of a recorded series."""
        return _selector(name, [_equals(label, value) for label, value in labels.items()])

    def up(self, every_job: bool = False) -> str:
        """Prometheus's own verdict on the scrape of each MemoryOS target, or of every target."""
        return _selector("up", ["" if every_job else f'job="{self._job}"', self._selector])

    def recent(self, metric: Metric, **labels: str | tuple[str, ...]) -> str:
        """The last value read in the last few scrapes, whatever was null meanwhile."""
        return f"last_over_time({self(metric, **labels)}[{self.rules.recent}])"

    def present(self) -> str:
        """The targets that are read now: a replaced pod is not among them, although its last values are remembered."""
        return self.recent(reading.UP)

    def known(self, metric: Metric, **labels: str | tuple[str, ...]) -> str:
        """State that changes by hand: the last value known, also of a target that is gone. Beside a term of `state`."""
        return f"last_over_time({self(metric, **labels)}[{self.rules.state_window}])"

    def state(self, metric: Metric, **labels: str | tuple[str, ...]) -> str:
        """The same, of every target that is read now."""
        ignoring = f" ignoring ({', '.join(metric.labels)})" if metric.labels else ""
        return f"({self.known(metric, **labels)} and{ignoring} {self.present()})"

    def in_mode(self, mode: str) -> str:
        """The nodes whose controller is in ``mode``, without the mode label."""
        return f"(max without (mode) ({self.state(rollout.MODE, mode=mode)}) == 1)"

    def by_fleet(self, function: str, expr: str) -> str:
        """``expr`` aggregated to one series a fleet."""
        return f"{function} by ({self.fleet}) ({expr})"


def series_names(expr: str) -> set[str]:
    """The names of all series that ``expr`` selects; raises ValueError when it is no PromQL."""
    names: set[str] = set()

    def visit(node: promql_parser.Expr) -> bool:
        if isinstance(node, promql_parser.VectorSelector):
            names.add(node.name or "")
        return True

    promql_parser.walk(promql_parser.parse(expr), visit)
    return names


def formatted(expr: str, recorded: Collection[str]) -> str:
    """``expr`` in the one layout that all rules have.

    Raises ValueError when it is no PromQL, or names a series that is neither in the catalog nor in ``recorded``.
    """
    known = {*BUILT_IN, *recorded, *(name for metric in CATALOG.values() for name in metric.series)}
    unknown = series_names(expr) - known
    if unknown:
        raise ValueError(f"no such series: {', '.join(sorted(unknown))} in {expr}")
    return promql_parser.parse(expr).prettify()


def seconds(duration: Duration) -> str:
    """A duration as a number of seconds for arithmetic."""
    return str(int(duration))


def _matcher(metric: Metric, label: str, value: str | tuple[str, ...]) -> str:
    if metric.kind is Kind.HISTOGRAM and label == "le":
        return _equals(label, value)
    if label not in metric.labels:
        raise ValueError(f"{metric.name} has no label {label}: {', '.join(metric.labels) or 'none at all'}")
    values = (value,) if isinstance(value, str) else value
    unknown = set(values) - set(metric.values.get(label, values))
    if unknown:
        raise ValueError(f"{metric.name}: {label} is never {', '.join(sorted(unknown))}")
    return _equals(label, value)


def _equals(label: str, value: str | tuple[str, ...]) -> str:
    return f'{label}="{value}"' if isinstance(value, str) else f'{label}=~"{"|".join(value)}"'


def _selector(name: str, matchers: list[str]) -> str:
    written = ",".join(matcher for matcher in matchers if matcher)
    return f"{name}{{{written}}}" if written else name

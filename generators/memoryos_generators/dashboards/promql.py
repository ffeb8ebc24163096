"""PromQL of the dashboards: selectors on catalog names and recorded series, bound to the dashboard's variables."""

from __future__ import annotations

from memoryos_exporter.catalog import Kind, Metric, reading

from ..config import Config
from ..duration import Duration

TARGET = 'cluster=~"$cluster",job=~"$job",instance=~"$instance"'
FLEET = 'cluster=~"$cluster|",job=~"$job|",instance=~"$instance|"'
"""As TARGET, and also series that have lost one of these labels: what is judged per fleet belongs to each instance."""


def sel(metric: Metric, part: str = "", /, **equal: str) -> str:
    """A selector of ``metric`` for the chosen targets; ``part`` is a histogram's bucket, sum or count."""
    if (metric.kind is Kind.HISTOGRAM) != bool(part):
        raise ValueError(f"{metric.name}: a histogram is queried by its parts, any other metric as it is")
    unknown = set(equal) - set(metric.labels)
    if unknown:
        raise ValueError(f"{metric.name} has no label {', '.join(sorted(unknown))}")
    name = f"{metric.name}_{part}" if part else metric.name
    return f"{name}{{{','.join([TARGET, *(matcher(*item) for item in equal.items())])}}}"


def recorded(name: str, **equal: str) -> str:
    """A selector of a recorded or built-in series (`ALERTS`), which may have no instance."""
    return f"{name}{{{','.join([FLEET, *(matcher(*item) for item in equal.items())])}}}"


def matcher(label: str, value: str) -> str:
    """`label="value"`; a value that begins with `~`, `!` or `!~` says its operator."""
    for operator in ("!~", "~", "!"):
        if value.startswith(operator):
            sign = {"!~": "!~", "~": "=~", "!": "!="}[operator]
            return f'{label}{sign}"{value.removeprefix(operator)}"'
    return f'{label}="{value}"'


def rate(metric: Metric, part: str = "", /, **equal: str) -> str:
    """Per-second rate of a counter over Grafana's rate interval."""
    return f"rate({sel(metric, part, **equal)}[$__rate_interval])"


def increase(metric: Metric, over: str, /, **equal: str) -> str:
    """Growth of a counter over a fixed time."""
    return f"increase({sel(metric, **equal)}[{over}])"


def named(expr: str, **labels: str) -> str:
    """``expr`` with further constant labels."""
    for label, value in labels.items():
        expr = f'label_replace({expr}, "{label}", "{value}", "", "")'
    return expr


def worst(expr: str) -> str:
    """The ten highest series of ``expr`` at each moment: what can be read of a large fleet, and drawn."""
    return f"topk(10, {expr})"


def state(config: Config, metric: Metric, /, **equal: str) -> str:
    """State that changes by hand, as the rules read it: the last value known of every target that is read now.

    A part that is null every second scrape does not interrupt it, and a replaced pod is not counted any more.
    """
    known = f"last_over_time({sel(metric, **equal)}[{config.rules.state_window}])"
    ignoring = f" ignoring ({', '.join(metric.labels)})" if metric.labels else ""
    return f"({known} and{ignoring} last_over_time({sel(reading.UP)}[{config.rules.recent}]))"


def held(metric: Metric, over: Duration, /, offset: str = "", **equal: str) -> str:
    """The last value of a state within ``over``, for a line through time that a null part shall not interrupt."""
    back = f" offset {offset}" if offset else ""
    return f"last_over_time({sel(metric, **equal)}[{over}]{back})"

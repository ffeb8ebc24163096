"""Samples as bytes: the Prometheus text format 0.0.4 and OpenMetrics 1.0.

What does not change between scrapes (help, type, names and labels of the series) is written once and kept, because a
scrape otherwise spends most of its time on it. prometheus_client reads and writes the same formats: the tests hold
this module against it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from .catalog import CATALOG, Kind, Metric
from .samples import Histogram, Samples, Value

POSITION = {metric: position for position, metric in enumerate(CATALOG.values())}
INFINITY = float("inf")


@dataclass(frozen=True, slots=True)
class Format:
    """An exposition format: its content type and whether it is OpenMetrics."""

    content_type: str
    openmetrics: bool


TEXT = Format("text/plain; version=0.0.4; charset=utf-8", openmetrics=False)
OPENMETRICS = Format("application/openmetrics-text; version=1.0.0; charset=utf-8", openmetrics=True)
END = b"# EOF\n"


def render(samples: Samples, form: Format) -> bytes:
    """The families in the order of the catalog; OpenMetrics without its closing ``END``, so that more can follow."""
    lines: list[str] = []
    by_metric = samples.by_metric
    for metric in sorted(by_metric, key=POSITION.__getitem__):
        lines.append(_header(metric, form.openmetrics))
        for labels, value in by_metric[metric].items():
            if isinstance(value, Histogram):
                lines.extend(_histogram(metric, labels, value))
            else:
                lines.append(f"{_series(metric.name, metric.labels, labels)} {_number(value)}\n")
    return "".join(lines).encode()


def negotiate(accept: str) -> Format:
    """The format that an Accept header asks for: OpenMetrics only where it is preferred to text."""
    quality = {TEXT: 0.0, OPENMETRICS: 0.0}
    for entry in accept.split(","):
        media, *parameters = (word.strip() for word in entry.split(";"))
        version = next((word[8:] for word in parameters if word.startswith("version=")), "")
        if media == "application/openmetrics-text" and version in ("", "1.0.0"):
            quality[OPENMETRICS] = max(quality[OPENMETRICS], _quality(parameters))
        elif media in ("text/plain", "text/*", "*/*"):
            quality[TEXT] = max(quality[TEXT], _quality(parameters))
    return OPENMETRICS if quality[OPENMETRICS] > 0 and quality[OPENMETRICS] >= quality[TEXT] else TEXT


def accepts_gzip(accept_encoding: str) -> bool:
    """Whether an Accept-Encoding header names gzip, and not to refuse it with a quality of 0."""
    for entry in accept_encoding.lower().split(","):
        coding, *parameters = (word.strip() for word in entry.split(";"))
        if coding == "gzip":
            return _quality(parameters) > 0
    return False


def _quality(parameters: list[str]) -> float:
    weight = next((word[2:] for word in parameters if word.startswith("q=")), "1")
    try:
        return float(weight)
    except ValueError:
        return 0.0


@lru_cache(maxsize=512)
def _header(metric: Metric, openmetrics: bool) -> str:
    name = metric.family if openmetrics else metric.name
    kind = Kind.GAUGE if metric.kind is Kind.INFO and not openmetrics else metric.kind
    help_text = metric.help.replace("\\", r"\\").replace("\n", r"\n")
    if openmetrics:
        help_text = help_text.replace('"', r"\"")
    unit = f"# UNIT {name} {metric.unit}\n" if openmetrics and metric.unit else ""
    return f"# HELP {name} {help_text}\n# TYPE {name} {kind}\n{unit}"


@lru_cache(maxsize=16384)
def _series(name: str, label_names: tuple[str, ...], label_values: tuple[str, ...]) -> str:
    if not label_names:
        return name
    pairs = ",".join(f'{label}="{_escape(value)}"' for label, value in zip(label_names, label_values, strict=True))
    return f"{name}{{{pairs}}}"


def _escape(value: str) -> str:
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


def _histogram(metric: Metric, labels: tuple[str, ...], histogram: Histogram) -> Iterator[str]:
    name, label_names = metric.name + "_bucket", (*metric.labels, "le")
    for bound, count in histogram.buckets:
        yield f"{_series(name, label_names, (*labels, repr(bound)))} {count}\n"
    yield f"{_series(name, label_names, (*labels, '+Inf'))} {histogram.count}\n"
    if histogram.sum is not None:  # OpenMetrics allows count and sum only together
        yield f"{_series(metric.name + '_sum', metric.labels, labels)} {_number(histogram.sum)}\n"
        yield f"{_series(metric.name + '_count', metric.labels, labels)} {histogram.count}\n"


def _number(value: Value) -> str:
    if value == INFINITY:
        return "+Inf"
    return repr(float(value)) if isinstance(value, float) else str(int(value))

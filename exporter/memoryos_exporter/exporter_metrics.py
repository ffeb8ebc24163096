"""The exporter's metrics about itself, served on /metrics only."""

from __future__ import annotations

import platform
from collections import Counter

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics

from . import __version__
from .catalog import exporter
from .catalog.labels import READ_ERRORS
from .exposition import END, Format, render
from .samples import Samples


class ExporterMetrics:
    """Counts what the exporter does, over all targets."""

    def __init__(self) -> None:
        self._scrapes = 0
        self._failures = Counter(dict.fromkeys(READ_ERRORS, 0))
        self._bad_fields: Counter[tuple[str, str]] = Counter()
        self._reloaded: bool | None = None
        self._process = CollectorRegistry()
        ProcessCollector(registry=self._process)

    def scraped(self) -> None:
        """A read of a stats document begins."""
        self._scrapes += 1

    def failed(self, reason: str) -> None:
        """A read gave no document; ``reason`` is one of `labels.READ_ERRORS`."""
        self._failures[reason] += 1

    def bad_field(self, part: str, reason: str) -> None:
        """A field was left out; ``reason`` is one of `labels.FIELD_ERRORS`."""
        self._bad_fields[part, reason] += 1

    def reloaded(self, successfully: bool) -> None:
        """The configuration was read."""
        self._reloaded = successfully

    def render(self, form: Format) -> bytes:
        """The exposition, the process's own families included; OpenMetrics without its end."""
        samples = Samples()
        samples.add(exporter.EXPORTER_BUILD_INFO, 1, __version__, platform.python_version())
        samples.add(exporter.SCRAPES, self._scrapes)
        for reason, count in self._failures.items():
            samples.add(exporter.SCRAPE_FAILURES, count, reason)
        for labels, count in sorted(self._bad_fields.items()):
            samples.add(exporter.BAD_FIELDS, count, *labels)
        samples.add(exporter.CONFIG_RELOAD, self._reloaded)
        generate = generate_openmetrics if form.openmetrics else generate_latest
        return render(samples, form) + generate(self._process).removesuffix(END)

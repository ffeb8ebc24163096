"""A target: one MemoryOS, its source, its window, and the reading that overlapping scrapes share."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from .document import Stats, UnreadableError, read_stats
from .exporter_metrics import ExporterMetrics
from .exposition import Format, render
from .samples import Samples, add_reading, samples_of
from .sources import Source, SourceError
from .window import DEFAULT_SECONDS, Measured, Window

DEFAULT_TIMEOUT = 10.0

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Reading:
    """What one read of a target gave: stats and window, or the reason why there are none; and its samples."""

    samples: Samples
    stats: Stats | None = None
    measured: Mapping[str, Measured] = field(default_factory=dict)
    error: str | None = None
    message: str = ""
    _rendered: dict[Format, bytes] = field(default_factory=dict)

    def render(self, form: Format) -> bytes:
        """The exposition, made once for all scrapes that share the reading."""
        if form not in self._rendered:
            self._rendered[form] = render(self.samples, form)
        return self._rendered[form]


class Target:
    """One MemoryOS to read.

    name: as `/probe?target=` asks for it; labels: what service discovery adds; timeout: seconds that one read may take
    at most, whoever waits for it; window: seconds; origin: the configuration that it was made from.
    """

    def __init__(
        self,
        name: str,
        source: Source,
        metrics: ExporterMetrics,
        labels: Mapping[str, str] | None = None,
        timeout: float = DEFAULT_TIMEOUT,
        window: float = DEFAULT_SECONDS,
        origin: object = None,
    ) -> None:
        self.name = name
        self.source = source
        self.labels = dict(labels or {})
        self.origin = origin
        self.last: Reading | None = None
        self._metrics = metrics
        self._timeout = timeout
        self._window = Window(window)
        self._read: asyncio.Task[Reading] | None = None
        self._too_late: asyncio.Task[Reading] | None = None
        self._bad: frozenset[str] = frozenset()

    async def read(self, deadline: float | None = None) -> Reading:
        """Read now, or join the read that is under way; after ``deadline`` seconds the answer is a failed reading."""
        started = time.monotonic()
        if self._read is None or self._read.done():
            self._read = asyncio.create_task(self._read_once(), name=f"read {self.name}")
        read, bound = self._read, self._timeout if deadline is None else min(deadline, self._timeout)
        try:
            # The read itself goes on for those who have more time, and ends by the target's own timeout.
            return await asyncio.wait_for(asyncio.shield(read), bound)
        except TimeoutError:
            reading = self._failed("timeout", f"no answer within {bound:g} s", time.monotonic() - started)
            if self._too_late is not read:
                self._too_late = read
                self._tell(reading)
            return reading

    async def close(self, *, wait: bool = True) -> None:
        """Let go of the source, after a read that others may wait for, or at once."""
        if self._read is not None and wait:
            await asyncio.wait({self._read})
        elif self._read is not None:
            self._read.cancel()
        await self.source.close()

    async def _read_once(self) -> Reading:
        started = time.monotonic()
        self._metrics.scraped()
        try:
            reading = await self._fetch_and_read(started)
        except TimeoutError:
            reading = self._failed("timeout", f"no answer within {self._timeout:g} s", time.monotonic() - started)
        except (SourceError, UnreadableError) as error:
            reading = self._failed(error.reason, str(error), time.monotonic() - started)
        except Exception:
            # Whatever a document holds, the scrape must say `memoryos_up 0` and not fail.
            log.exception("read failed", extra={"target": self.name})
            reading = self._failed("internal", "an error of the exporter's own; the log says more", 0.0)
        # Once somebody has been told that it takes too long, its end is no news: a source that always answers after
        # the deadline would go down and up with every scrape.
        if self._too_late is not asyncio.current_task():
            self._tell(reading)
        return reading

    async def _fetch_and_read(self, started: float) -> Reading:
        async with asyncio.timeout(self._timeout):
            fetched = await self.source.fetch()
        stats = read_stats(fetched.data)
        now = time.monotonic()
        self._window.add(now, stats)
        measured = self._window.measure(stats)
        return Reading(samples_of(stats, measured, now - started, fetched.made_at), stats, measured)

    def _failed(self, reason: str, message: str, seconds: float) -> Reading:
        samples = Samples()
        add_reading(samples, reason, seconds)
        return Reading(samples, error=reason, message=message)

    def _tell(self, reading: Reading) -> None:
        """Remember it, count what went wrong, and log it when it changes: a log line a scrape would drown the first."""
        before = self.last.error if self.last else None
        self.last = reading
        if reading.error is not None:
            self._metrics.failed(reading.error)
            if reading.error != before:
                log.warning(
                    "target down", extra={"target": self.name, "reason": reading.error, "error": reading.message}
                )
            return
        if before is not None:
            log.info("target up", extra={"target": self.name})
        bad = reading.stats.bad if reading.stats else ()
        for field_left_out in bad:
            self._metrics.bad_field(field_left_out.part, field_left_out.reason)
        if len(bad) and (new := {one.path for one in bad} - self._bad):
            log.warning("fields left out", extra={"target": self.name, "fields": " ".join(sorted(new)[:10])})
        self._bad = frozenset(one.path for one in bad)

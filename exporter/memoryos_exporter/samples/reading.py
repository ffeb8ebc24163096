"""Samples of reading the document itself."""

from __future__ import annotations

from msgspec import UNSET

from ..catalog import reading
from ..catalog.labels import PARTS, READ_ERRORS, TIMED_CALLS
from ..document import Document
from .model import Samples


def add_reading(samples: Samples, error: str | None, seconds: float) -> None:
    """Add whether a document was read; ``error`` is the reason why not (`labels.READ_ERRORS`), None when it was."""
    samples.add(reading.UP, int(error is None))
    samples.add(reading.SCRAPE_DURATION, seconds)
    for reason in READ_ERRORS:
        samples.add(reading.READ_ERROR, int(reason == error), reason)


def add_document(samples: Samples, document: Document, made_at: float | None) -> None:
    """Add what is known of the document as a whole; ``made_at`` (unix seconds) stands in for a missing `at`."""
    for part in PARTS:
        value = getattr(document, part)
        if value is not UNSET:
            samples.add(reading.PART_UP, int(value is not None), part)
    samples.add(reading.STATS_TIMESTAMP, made_at if document.at is UNSET else document.at / 1000)
    for part, microseconds in (document.call_us or {}).items():
        if part in TIMED_CALLS:
            samples.add(reading.CALL_DURATION, microseconds / 1_000_000, part)
    versions = document.versions
    names = (versions.memory_os, versions.jido_memory) if versions else (UNSET, UNSET)
    labels = tuple("" if name is UNSET else name for name in (*names, document.node))
    if any(labels):
        samples.add(reading.BUILD_INFO, 1, *labels)

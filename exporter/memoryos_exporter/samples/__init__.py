"""From stats to samples: one module an area of the catalog."""

from __future__ import annotations

from collections.abc import Mapping

from ..document import Stats
from ..window import Measured
from .governance import add_governance
from .migration import add_migration
from .model import Histogram, Samples, Value
from .operations import add_operations
from .queue import add_queue
from .reading import add_document, add_reading
from .rollout import add_rollout

__all__ = ["Histogram", "Samples", "Value", "add_reading", "samples_of"]


def samples_of(
    stats: Stats, measured: Mapping[str, Measured], seconds: float = 0.0, made_at: float | None = None
) -> Samples:
    """All samples of one successful reading.

    measured: each mode over the sliding window; seconds: how long the reading took; made_at: when the document was
    made (unix seconds), for a document that does not say it.
    """
    samples = Samples()
    add_reading(samples, None, seconds)
    add_document(samples, stats.document, made_at)
    add_operations(samples, stats, measured)
    add_queue(samples, stats.document)
    add_rollout(samples, stats.document)
    add_migration(samples, stats.document)
    add_governance(samples, stats.document)
    return samples

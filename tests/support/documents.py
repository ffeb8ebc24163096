"""The recorded documents, and documents made from them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from memoryos_exporter.catalog.labels import LATENCY_BOUNDS_SECONDS

RECORDED = Path(__file__).parents[1] / "recorded"
STEPS = sorted(RECORDED.glob("[0-9][0-9]-*.json"))
DEGRADED = sorted(RECORDED.glob("raw-stats_*.json"))
DOCUMENTS = [*STEPS, *DEGRADED]
BOUNDS_MS = [bound * 1000 for bound in LATENCY_BOUNDS_SECONDS]


def recording(prefix: str) -> dict[str, Any]:
    """The recorded document whose name begins with ``prefix``."""
    (path,) = (path for path in DOCUMENTS if path.name.startswith(prefix))
    document: dict[str, Any] = json.loads(path.read_text())
    return document


def series(
    mode: str, counts: Mapping[int, int], *, errors: dict[str, int] | None = None, **more: Any
) -> dict[str, Any]:
    """Caller-side timing of `remember`: ``counts`` maps a duration in ms to calls of that duration."""
    buckets = [0] * (len(BOUNDS_MS) + 1)
    for duration, calls in counts.items():
        buckets[sum(bound < duration for bound in BOUNDS_MS)] += calls
    failed = sum((errors or {}).values())
    return {
        "mode": mode,
        "operation": "remember",
        "ok": sum(counts.values()) - failed,
        "errors": errors or {},
        "in_flight": 0,
        "oldest_ms": 0,
        "bounds_ms": BOUNDS_MS,
        "counts": buckets,
        "sum_ms": sum(duration * calls for duration, calls in counts.items()),
        **more,
    }


def with_operations(document: dict[str, Any], *members: dict[str, Any], age_s: float = 60) -> dict[str, Any]:
    """The document with caller-side timing that began ``age_s`` seconds before it was made."""
    return {**document, "operations": {"since": int(document["at"] - age_s * 1000), "series": list(members)}}

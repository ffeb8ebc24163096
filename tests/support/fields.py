"""A whole document, its fields, and any value to put into them."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

from .documents import recording, series, with_operations

DOCUMENT = with_operations(recording("08"), series("memory_os", {90: 100}, errors={"upstream_error": 3}))

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)
PATHS = [
    *("schema", "at", "node", "versions", "manager", "release", "process", "config", "operations", "latency"),
    *("migration", "reconciliation", "parity", "rollback_evaluations", "deprecations", "dead_letters", "errors"),
    *("call_us", "manager.queued", "release.mode", "release.drift", "release.metrics", "release.last_rollback"),
    *("release.drift.ready?", "release.rollback_thresholds", "process.manager", "process.manager.memory"),
    *("operations.since", "operations.series", "operations.series.0.counts", "operations.series.0.errors"),
    *("operations.series.0.bounds_ms", "operations.series.0.sum_ms", "operations.series.0.mode"),
    *("config.queue_max_depth", "config.adaptive_throttle_soft_limit"),
]


def changed(path: str, value: Any) -> dict[str, Any]:
    """The document with the field at ``path`` replaced."""
    document: Any = json.loads(json.dumps(DOCUMENT))
    *parents, last = path.split(".")
    node = document
    for step in parents:
        node = node[int(step) if isinstance(node, list) else step]
    node[last] = value
    return document  # type: ignore[no-any-return]

"""The closed sets of label values, and the bounds of the latency histogram.

A value that is not in its set is exported as `other`: labels never carry free text.
"""

from __future__ import annotations

from collections.abc import Collection

OTHER = "other"

MODES = ("legacy", "dual_run", "memory_os")
STAGES = ("internal", "canary", "global")
OPERATIONS = ("remember", "retrieve", "forget", "prune", "consolidate", "explain_retrieval", OTHER)
OUTCOMES = ("ok", "error")
PROCESSES = ("manager", "release")
PATHS = ("legacy", "memory_os")
PARITY_STATES = ("equal", "missing", "extra")
EVALUATIONS = ("stable", "rollback", "refused", "timeout", "error")

PARTS = (
    "manager",
    "release",
    "process",
    "config",
    "operations",
    "latency",
    "migration",
    "reconciliation",
    "parity",
    "rollback_evaluations",
    "deprecations",
    "dead_letters",
)
# The recorded documents time two further calls, whose replies stand inside other parts.
TIMED_CALLS = (*PARTS, "drift", "conflicts")

TRANSIENT, PERMANENT, REJECTED = ERROR_CLASSES = ("transient", "permanent", "rejected")

# The class of an error code says who must act: a transient error may pass by itself and a retry may help, a permanent
# one will not, and a rejected call was refused for what the caller asked.
ERROR_CLASS_OF_CODE = {
    "upstream_error": TRANSIENT,
    "upstream_error_list": TRANSIENT,
    "manager_timeout": TRANSIENT,
    "manager_throttled": TRANSIENT,
    "manager_agent_throttled": TRANSIENT,
    "manager_overloaded": TRANSIENT,
    "manager_agent_overloaded": TRANSIENT,
    "call_timeout": TRANSIENT,
    "runtime_exception": PERMANENT,
    "runtime_incompatible": PERMANENT,
    "invalid_config": PERMANENT,
    "exit": PERMANENT,
    "access_denied": REJECTED,
    "cancelled": REJECTED,
    "not_found": REJECTED,
    "namespace_required": REJECTED,
    "invalid_query": REJECTED,
    "invalid_id": REJECTED,
    "invalid_tier": REJECTED,
    "invalid_metadata": REJECTED,
    "invalid_lifecycle_transition": REJECTED,
    OTHER: PERMANENT,
}
ERROR_CODES = tuple(ERROR_CLASS_OF_CODE)

# Every Phase 7 SLO (120 … 1100 ms) and the default rollback limit (450 ms) is a bound, so that the share of calls
# beyond it is exact and not interpolated.
LATENCY_BOUNDS_SECONDS = (
    *(0.005, 0.01, 0.025, 0.05, 0.1, 0.12, 0.15, 0.25, 0.3, 0.45, 0.6, 0.65, 0.7, 0.9, 1.0, 1.1),
    *(2.5, 5.0, 10.0, 15.0, 30.0),
)

READ_ERRORS = (
    "timeout",
    "refused",
    "unreachable",
    "tls",
    "http_status",
    "redirect",
    "too_large",
    "missing",
    "permission",
    "incomplete",
    "not_json",
    "too_deep",
    "wrong_shape",
    "unknown_schema",
    "credentials",
    "internal",
)
FIELD_ERRORS = ("wrong_type", "out_of_range", "too_deep", "inconsistent", "too_many")


def closed(value: str, known: Collection[str]) -> str:
    """``value`` if it is one of ``known``, `other` otherwise."""
    return value if value in known else OTHER

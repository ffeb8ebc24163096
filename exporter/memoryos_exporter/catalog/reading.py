"""Metrics of reading the stats document: is it there, how old is it, which parts of it can be believed."""

from __future__ import annotations

from .labels import PARTS, READ_ERRORS, TIMED_CALLS
from .model import Kind, Metric, gauge

UP = gauge(
    "memoryos_up",
    "1 when a stats document was read and decoded, even if every part of it is null; 0 otherwise.",
    "the document as a whole",
)
READ_ERROR = gauge(
    "memoryos_read_error",
    "1 for the reason why the last read gave no document, 0 for every other reason.",
    "the document as a whole",
    reason=READ_ERRORS,
)
PART_UP = gauge(
    "memoryos_part_up",
    "1 when this part of the document was answered, 0 when it is null or broken; absent when the host sends none.",
    "a key of the document that names a part",
    part=PARTS,
)
SCRAPE_DURATION = gauge(
    "memoryos_scrape_duration_seconds",
    "How long reading and decoding the stats document took.",
    "measured by the exporter",
)
STATS_TIMESTAMP = gauge(
    "memoryos_stats_timestamp_seconds",
    "When the stats document was made, by the clock of the MemoryOS node; of a file without `at`, when it was written."
    " A value that does not change means stale stats, whatever the clocks say.",
    "at",
)
CALL_DURATION = gauge(
    "memoryos_call_duration_seconds",
    "How long MemoryOS took to answer the call behind this part. Grows with the backlog of the process; "
    "a call that was given up shows its timeout.",
    "call_us",
    part=TIMED_CALLS,
)
BUILD_INFO = Metric(
    "memoryos_build_info",
    Kind.INFO,
    "Versions and Erlang node name of the MemoryOS that was read; empty where unknown. Always 1.",
    "versions, node",
    labels=("memoryos_version", "jido_memory_version", "erlang_node"),
)

METRICS = (UP, READ_ERROR, PART_UP, SCRAPE_DURATION, STATS_TIMESTAMP, CALL_DURATION, BUILD_INFO)

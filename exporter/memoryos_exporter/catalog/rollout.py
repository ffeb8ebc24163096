"""Rollout, drift gate and rollback (specification 2, 3.3 and 4.1)."""

from __future__ import annotations

from .labels import EVALUATIONS, MODES, OTHER, PATHS, STAGES
from .model import counter, gauge

FORGETS = "State of the controller's process: lost when it restarts."
DRIFT_WINDOW = (
    "The window holds the last 400 samples, taken only in dual_run, and never expires: outside dual_run it is as old "
    "as the last dual_run."
)
LIMIT = "Read live; evaluate_rollback/2 compares with a strict >."
DECIDED_ON = "of the snapshot on which the last rollback was decided; absent when there was none."

MODE = gauge(
    "memoryos_mode",
    "1 for the controller's mode, 0 for every other. The effective mode of a target outside the cohort is legacy "
    f"whatever this says. {FORGETS}",
    "release.mode",
    "2",
    mode=(*MODES, OTHER),
)
ROLLOUT_STAGE = gauge(
    "memoryos_rollout_stage",
    f"1 for the rollout stage, 0 for every other. {FORGETS}",
    "release.rollout_stage",
    "2",
    rollout_stage=(*STAGES, OTHER),
)
CANARY_RATIO = gauge(
    "memoryos_canary_ratio",
    "Configured share of targets in the canary cohort. The observed share differs: a stable hash decides by target.",
    "release.canary_ratio",
    "2.2",
)
FALLBACK_ENABLED = gauge(
    "memoryos_fallback_enabled",
    "1 when legacy answers what MemoryOS fails. At 0 a failed call moves no counter of MemoryOS's.",
    "release.fallback_enabled",
    "4.1",
)
DRIFT_AVERAGE = gauge("memoryos_drift_average", f"Mean drift, 0 to 1. {DRIFT_WINDOW}", "release.drift.average", "3.3")
DRIFT_MAX = gauge(
    "memoryos_drift_max",
    "Worst drift in the window, 0 to 1: one bad sample keeps the gate shut until 400 newer ones push it out. "
    f"{DRIFT_WINDOW}",
    "release.drift.max",
    "3.3",
)
DRIFT_SAMPLES = gauge(
    "memoryos_drift_samples",
    f"Samples in the drift window, 0 to 400. {DRIFT_WINDOW}",
    "release.drift.samples",
    "3.3",
)
DRIFT_OVER_THRESHOLD = gauge(
    "memoryos_drift_over_threshold_samples",
    "Samples of the window whose drift is over the threshold. Falls again as newer samples come: not a counter.",
    "release.drift.over_threshold",
    "3.3",
)
DRIFT_THRESHOLD = gauge("memoryos_drift_threshold", "Drift that the gate allows.", "release.drift.threshold", "3.3")
DRIFT_MIN_SAMPLES = gauge(
    "memoryos_drift_min_samples", "Samples that the gate asks for.", "release.drift.min_samples", "3.3"
)
DRIFT_SAMPLES_TAKEN = counter(
    "memoryos_drift_samples_taken_total",
    "Drift samples ever taken, in dual_run only. Returns to 0 when the controller restarts.",
    "release.metrics.dual_run_drift_samples",
    "3.3",
)
CUTOVER_READY = gauge(
    "memoryos_cutover_ready",
    "1 when the drift gate lets the cutover pass. It also passes on a dead MemoryOS (reads of empty agents do not "
    "drift) and on samples from before an incident.",
    "release.drift.ready?",
    "2.3",
)
FALLBACKS = counter(
    "memoryos_fallbacks_total",
    "Calls that MemoryOS failed and legacy answered: the caller saw ok. Moves only in memory_os. Returns to 0 when the "
    "controller restarts.",
    "release.metrics.fallbacks",
    "3.3",
)
ROLLBACKS = counter(
    "memoryos_rollbacks_total",
    "Rollbacks that evaluate_rollback/2 decided; a manual switch to legacy does not count. Returns to 0 when the "
    "controller restarts.",
    "release.metrics.rollbacks",
    "3.3",
)
PATH_CALLS = counter(
    "memoryos_path_calls_total",
    "Calls through the controller by the path they used. legacy includes failed calls; memory_os only successes in "
    "mode memory_os, all calls in dual_run: do not compare ratios across modes.",
    "release.metrics.remember_*, retrieve_*",
    "3.3",
    operation=("remember", "retrieve"),
    path=PATHS,
)
THRESHOLD_LATENCY_P95 = gauge(
    "memoryos_rollback_threshold_latency_p95_ms",
    f"Rollback limit of the p95 latency in milliseconds. {LIMIT}",
    "release.rollback_thresholds.latency_p95_ms",
    "4.1",
)
THRESHOLD_ERROR_RATE = gauge(
    "memoryos_rollback_threshold_error_rate",
    f"Rollback limit of the error rate, 0 to 1. {LIMIT}",
    "release.rollback_thresholds.error_rate",
    "4.1",
)
THRESHOLD_QUEUE_DEPTH = gauge(
    "memoryos_rollback_threshold_queue_depth",
    f"Rollback limit of the queue depth. {LIMIT}",
    "release.rollback_thresholds.queue_depth",
    "4.1",
)
LAST_ROLLBACK = gauge(
    "memoryos_last_rollback_timestamp_seconds",
    "When evaluate_rollback/2 last decided to roll back; 0 = never since the controller started.",
    "release.last_rollback.at",
    "4.1",
)
LAST_ROLLBACK_LATENCY_P95 = gauge(
    "memoryos_last_rollback_latency_p95_ms",
    f"The p95 latency in milliseconds {DECIDED_ON}",
    "release.last_rollback.snapshot.latency_p95_ms",
    "4.1",
)
LAST_ROLLBACK_ERROR_RATE = gauge(
    "memoryos_last_rollback_error_rate",
    f"The error rate, 0 to 1, {DECIDED_ON}",
    "release.last_rollback.snapshot.error_rate",
    "4.1",
)
LAST_ROLLBACK_QUEUE_DEPTH = gauge(
    "memoryos_last_rollback_queue_depth",
    f"The queue depth {DECIDED_ON}",
    "release.last_rollback.snapshot.queue_depth",
    "4.1",
)
ROLLBACK_EVALUATIONS = counter(
    "memoryos_rollback_evaluations_total",
    "What the host's calls of evaluate_rollback/2 led to. refused: bad input, to which MemoryOS itself would answer "
    "stable. timeout: no answer in time, yet the rollback may still happen.",
    "rollback_evaluations.*",
    "4.1",
    result=EVALUATIONS,
)
LAST_ROLLBACK_EVALUATION = gauge(
    "memoryos_last_rollback_evaluation_timestamp_seconds",
    "When the host last called evaluate_rollback/2; 0 = never.",
    "rollback_evaluations.last_at",
    "4.1",
)

METRICS = (
    *(MODE, ROLLOUT_STAGE, CANARY_RATIO, FALLBACK_ENABLED),
    *(DRIFT_AVERAGE, DRIFT_MAX, DRIFT_SAMPLES, DRIFT_OVER_THRESHOLD, DRIFT_THRESHOLD, DRIFT_MIN_SAMPLES),
    *(DRIFT_SAMPLES_TAKEN, CUTOVER_READY, FALLBACKS, ROLLBACKS, PATH_CALLS),
    *(THRESHOLD_LATENCY_P95, THRESHOLD_ERROR_RATE, THRESHOLD_QUEUE_DEPTH),
    *(LAST_ROLLBACK, LAST_ROLLBACK_LATENCY_P95, LAST_ROLLBACK_ERROR_RATE, LAST_ROLLBACK_QUEUE_DEPTH),
    *(ROLLBACK_EVALUATIONS, LAST_ROLLBACK_EVALUATION),
)

"""Samples of rollout, drift gate and rollback, from the parts release and rollback_evaluations."""

from __future__ import annotations

from ..catalog import rollout
from ..catalog.labels import EVALUATIONS, MODES, PATHS, STAGES
from ..document import Document
from ..document.parts import Release
from .model import Samples

DRIFT = {
    "average": rollout.DRIFT_AVERAGE,
    "max": rollout.DRIFT_MAX,
    "samples": rollout.DRIFT_SAMPLES,
    "over_threshold": rollout.DRIFT_OVER_THRESHOLD,
    "threshold": rollout.DRIFT_THRESHOLD,
    "min_samples": rollout.DRIFT_MIN_SAMPLES,
    "ready": rollout.CUTOVER_READY,
}
CONTROLLER = {
    "dual_run_drift_samples": rollout.DRIFT_SAMPLES_TAKEN,
    "fallbacks": rollout.FALLBACKS,
    "rollbacks": rollout.ROLLBACKS,
}
THRESHOLDS = {
    "latency_p95_ms": rollout.THRESHOLD_LATENCY_P95,
    "error_rate": rollout.THRESHOLD_ERROR_RATE,
    "queue_depth": rollout.THRESHOLD_QUEUE_DEPTH,
}
DECIDED_ON = {
    "latency_p95_ms": rollout.LAST_ROLLBACK_LATENCY_P95,
    "error_rate": rollout.LAST_ROLLBACK_ERROR_RATE,
    "queue_depth": rollout.LAST_ROLLBACK_QUEUE_DEPTH,
}


def add_rollout(samples: Samples, document: Document) -> None:
    """Add the samples of specification 2, 3.3 and 4.1."""
    if document.release:
        _add_release(samples, document.release)
    evaluations = document.rollback_evaluations
    if evaluations:
        for result in EVALUATIONS:
            samples.add(rollout.ROLLBACK_EVALUATIONS, getattr(evaluations, result), result)
        samples.add_moment(rollout.LAST_ROLLBACK_EVALUATION, evaluations.last_at)


def _add_release(samples: Samples, release: Release) -> None:
    samples.add_state(rollout.MODE, MODES, release.mode)
    samples.add_state(rollout.ROLLOUT_STAGE, STAGES, release.rollout_stage)
    samples.add(rollout.CANARY_RATIO, release.canary_ratio)
    samples.add(rollout.FALLBACK_ENABLED, release.fallback_enabled)
    samples.add_fields(DRIFT, release.drift)
    samples.add_fields(CONTROLLER, release.metrics)
    samples.add_fields(THRESHOLDS, release.rollback_thresholds)
    if release.metrics:
        for operation in ("remember", "retrieve"):
            for path in PATHS:
                samples.add(rollout.PATH_CALLS, getattr(release.metrics, f"{operation}_{path}"), operation, path)
    if release.last_rollback is None:
        samples.add_moment(rollout.LAST_ROLLBACK, 0)
    elif release.last_rollback:
        samples.add_moment(rollout.LAST_ROLLBACK, release.last_rollback.at)
        samples.add_fields(DECIDED_ON, release.last_rollback.snapshot)

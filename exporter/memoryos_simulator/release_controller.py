"""MemoryOS's ReleaseController: modes, cohorts, the drift gate and the rollback rule, decision for decision.

All of it is process state: a restart loses it (see `ReleaseController` with new start options).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeGuard
from zlib import crc32

Mode = Literal["legacy", "dual_run", "memory_os"]
Stage = Literal["internal", "canary", "global"]

DRIFT_WINDOW = 400
DEFAULT_THRESHOLDS: dict[str, float] = {"latency_p95_ms": 450, "error_rate": 0.03, "queue_depth": 200}
COUNTERS = (
    *("remember_legacy", "retrieve_legacy", "remember_memory_os", "retrieve_memory_os"),
    *("dual_run_drift_samples", "fallbacks", "rollbacks"),
)


def stable_hash_ratio(agent_id: str) -> float:
    """Where an agent stands in 0…1, the same for ever, so that a canary ratio admits the same agents.

    MemoryOS takes `:erlang.phash2(id, 10000) / 10000`. This is another hash, so the agents admitted are others; that
    the share admitted is close to the ratio, and not equal to it, holds for both.
    """
    return crc32(agent_id.encode()) % 10_000 / 10_000


def _number(value: object) -> TypeGuard[float]:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _integer(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def _ratio(value: object, default: float) -> float:
    return float(value) if _number(value) and 0 <= value <= 1 else default


def normalize_snapshot(snapshot: object) -> dict[str, float]:
    """What MemoryOS makes of a snapshot: whatever it does not understand becomes 0, and says so to nobody."""
    given: Mapping[str, object] = snapshot if isinstance(snapshot, Mapping) else {}
    latency, depth = given.get("latency_p95_ms"), given.get("queue_depth")
    return {
        "latency_p95_ms": latency if _number(latency) and latency >= 0 else 0,
        "error_rate": _ratio(given.get("error_rate"), 0.0),
        "queue_depth": depth if _integer(depth) and depth >= 0 else 0,
    }


def normalize_thresholds(thresholds: Mapping[str, object]) -> dict[str, float]:
    """The limits in force: a latency or queue limit that is no positive integer silently becomes the default."""
    limits = {**DEFAULT_THRESHOLDS}
    for key in ("latency_p95_ms", "queue_depth"):
        value = thresholds.get(key)
        if _integer(value) and value > 0:
            limits[key] = value
    limits["error_rate"] = _ratio(thresholds.get("error_rate"), limits["error_rate"])
    return limits


def rollback_required(mode: str, snapshot: Mapping[str, float], thresholds: Mapping[str, float]) -> bool:
    """The decision: only in memory_os, and any of the three inputs strictly over its limit."""
    return mode == "memory_os" and any(snapshot[key] > thresholds[key] for key in DEFAULT_THRESHOLDS)


@dataclass
class ReleaseController:
    """One controller. The keyword arguments are its start options."""

    mode: Mode = "legacy"
    rollout_stage: Stage = "internal"
    canary_ratio: float = 0.1
    fallback_enabled: bool = True
    internal_groups: list[str] = field(default_factory=lambda: ["internal"])
    drift_threshold: float = 0.2
    drift_min_samples: int = 20
    rollback_thresholds: dict[str, float] = field(default_factory=dict)
    last_rollback: dict[str, Any] | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self.rollback_thresholds = normalize_thresholds(self.rollback_thresholds)
        self.metrics = dict.fromkeys(COUNTERS, 0)
        self.samples: deque[float] = deque(maxlen=DRIFT_WINDOW)
        self._drift: dict[str, Any] | None = None

    def effective_mode(self, agent_id: str, group: str) -> Mode:
        """The mode in which this agent's calls run: `legacy` outside the cohort, whatever the controller's mode."""
        if self.rollout_stage == "global" or group in self.internal_groups:
            return self.mode
        if self.rollout_stage == "canary" and stable_hash_ratio(agent_id) < self.canary_ratio:
            return self.mode
        return "legacy"

    def set_mode(self, mode: Mode) -> bool:
        """Changes the mode; False, and no change, when the drift gate blocks the cutover."""
        if mode == "memory_os" and not self.drift()["ready?"]:
            return False
        self.mode = mode
        return True

    def configure_rollout(
        self,
        rollout_stage: Stage | None = None,
        canary_ratio: float | None = None,
        fallback_enabled: bool | None = None,
    ) -> None:
        """Changes stage, share or fallback; the mode stays."""
        self.rollout_stage = rollout_stage or self.rollout_stage
        self.canary_ratio = self.canary_ratio if canary_ratio is None else canary_ratio
        self.fallback_enabled = self.fallback_enabled if fallback_enabled is None else fallback_enabled

    def sample_drift(self, drift: float, times: int = 1) -> None:
        """Notes the drift of `times` equal dual-run reads; only the last 400 samples stay."""
        self.samples.extend([round(drift, 6)] * min(times, DRIFT_WINDOW))
        self.metrics["dual_run_drift_samples"] += times
        self._drift = None

    def drift(self) -> dict[str, Any]:
        """`drift_summary/1`."""
        if self._drift is None:
            samples, count = self.samples, len(self.samples)
            worst = max(samples, default=0.0)
            self._drift = {
                "samples": count,
                "min_samples": self.drift_min_samples,
                "threshold": self.drift_threshold,
                "average": round(sum(samples) / count, 6) if count else 0.0,
                "max": worst,
                "over_threshold": sum(sample > self.drift_threshold for sample in samples),
                "ready?": count >= self.drift_min_samples and worst <= self.drift_threshold,
            }
        return self._drift

    def evaluate_rollback(self, snapshot: object, at_ms: int) -> bool:
        """`evaluate_rollback/2`: True when it rolled back to legacy, False for `:stable`."""
        seen = normalize_snapshot(snapshot)
        if not rollback_required(self.mode, seen, self.rollback_thresholds):
            return False
        self.last_rollback = {
            "at": at_ms,
            "mode_before": self.mode,
            "mode_after": "legacy",
            "snapshot": seen,
            "thresholds": dict(self.rollback_thresholds),
        }
        self.mode = "legacy"
        self.metrics["rollbacks"] += 1
        return True

    def status(self) -> dict[str, Any]:
        """`status/1`."""
        return {
            "mode": self.mode,
            "rollout_stage": self.rollout_stage,
            "fallback_enabled": self.fallback_enabled,
            "canary_ratio": self.canary_ratio,
            "internal_groups": list(self.internal_groups),
            "drift": dict(self.drift()),
            "rollback_thresholds": dict(self.rollback_thresholds),
            "last_rollback": self.last_rollback,
            "metrics": {**self.metrics, "drift_samples": len(self.samples)},
        }

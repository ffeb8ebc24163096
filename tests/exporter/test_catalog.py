"""The names that dashboards, rules and other people's queries rely on do not change by accident."""

from __future__ import annotations

from memoryos_exporter.catalog import AREAS, CATALOG
from memoryos_exporter.catalog.labels import ERROR_CLASS_OF_CODE, ERROR_CODES, LATENCY_BOUNDS_SECONDS, READ_ERRORS

PROMISED = [
    "memoryos_up",
    "memoryos_part_up",
    "memoryos_scrape_duration_seconds",
    "memoryos_stats_timestamp_seconds",
    "memoryos_call_duration_seconds",
    "memoryos_build_info",
    "memoryos_compatible",
    "memoryos_operation_duration_seconds",
    "memoryos_operations_total",
    "memoryos_operation_errors_total",
    "memoryos_operations_in_flight",
    "memoryos_oldest_operation_seconds",
    "memoryos_latency_p50_ms",
    "memoryos_latency_p95_ms",
    "memoryos_latency_p99_ms",
    "memoryos_error_rate",
    "memoryos_window_operations",
    "memoryos_window_seconds",
    "memoryos_queue_depth",
    "memoryos_queue_limit",
    "memoryos_queue_throttle_depth",
    "memoryos_pending_agents",
    "memoryos_process_up",
    "memoryos_process_start_time_seconds",
    "memoryos_message_queue_length",
    "memoryos_process_memory_bytes",
    "memoryos_queued_total",
    "memoryos_processed_total",
    "memoryos_throttled_total",
    "memoryos_overloaded_total",
    "memoryos_timed_out_total",
    "memoryos_retried_total",
    "memoryos_cancelled_total",
    "memoryos_dead_lettered_total",
    "memoryos_starvation_prevented_total",
    "memoryos_idempotent_reused_total",
    "memoryos_journal_replayed_total",
    "memoryos_dead_letters",
    "memoryos_journal_events",
    "memoryos_journal_limit",
    "memoryos_query_cache_hits_total",
    "memoryos_query_cache_misses_total",
    "memoryos_query_cache_invalidations_total",
    "memoryos_query_cache_entries",
    "memoryos_approvals_active",
    "memoryos_audit_events",
    "memoryos_mode",
    "memoryos_rollout_stage",
    "memoryos_canary_ratio",
    "memoryos_fallback_enabled",
    "memoryos_drift_average",
    "memoryos_drift_max",
    "memoryos_drift_samples",
    "memoryos_drift_over_threshold_samples",
    "memoryos_drift_threshold",
    "memoryos_drift_min_samples",
    "memoryos_drift_samples_taken_total",
    "memoryos_cutover_ready",
    "memoryos_fallbacks_total",
    "memoryos_rollbacks_total",
    "memoryos_path_calls_total",
    "memoryos_rollback_threshold_latency_p95_ms",
    "memoryos_rollback_threshold_error_rate",
    "memoryos_rollback_threshold_queue_depth",
    "memoryos_last_rollback_timestamp_seconds",
    "memoryos_last_rollback_latency_p95_ms",
    "memoryos_last_rollback_error_rate",
    "memoryos_last_rollback_queue_depth",
    "memoryos_rollback_evaluations_total",
    "memoryos_last_rollback_evaluation_timestamp_seconds",
    "memoryos_migration_success_total",
    "memoryos_migration_failure_total",
    "memoryos_migration_records_total",
    "memoryos_reconciliations_total",
    "memoryos_reconciliation_records_total",
    "memoryos_reconciliation_running",
    "memoryos_last_reconciliation_timestamp_seconds",
    "memoryos_parity_targets",
    "memoryos_parity_checked_timestamp_seconds",
    "memoryos_deprecated_calls_total",
    "memoryos_exporter_build_info",
    "memoryos_exporter_scrapes_total",
    "memoryos_exporter_scrape_failures_total",
    "memoryos_exporter_config_last_reload_successful",
]
BEYOND = {"memoryos_read_error", "memoryos_exporter_bad_fields_total"}


def test_every_promised_metric_is_there_and_what_is_beyond_is_meant() -> None:
    assert CATALOG.keys() == {*PROMISED, *BEYOND}
    assert len(PROMISED) == len(set(PROMISED))


def test_every_metric_stands_once() -> None:
    assert sum(map(len, AREAS.values())) == len(CATALOG)


def test_every_slo_and_the_default_rollback_limit_are_bounds_of_the_histogram() -> None:
    slos_and_limit = {0.12, 0.6, 0.9, 0.65, 1.0, 0.15, 0.7, 1.1, 0.45}
    assert slos_and_limit <= set(LATENCY_BOUNDS_SECONDS)
    assert list(LATENCY_BOUNDS_SECONDS) == sorted(set(LATENCY_BOUNDS_SECONDS))


def test_every_error_code_that_was_seen_has_a_class() -> None:
    seen = {
        *("upstream_error", "access_denied", "manager_timeout", "manager_throttled", "manager_agent_throttled"),
        *("manager_overloaded", "manager_agent_overloaded", "cancelled"),
    }
    assert seen <= set(ERROR_CODES)
    assert ERROR_CLASS_OF_CODE["other"] == "permanent"


def test_reasons_are_told_apart() -> None:
    assert len(set(READ_ERRORS)) == len(READ_ERRORS)

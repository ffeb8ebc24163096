"""The sections of the configuration, as types: what each key may be.

Why each default is what it is stands beside it in generators/config.libsonnet.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from ..duration import Duration
from .alertmanager import Alertmanager
from .checked import Checked, Count, LabelName, Positive, Severity, Share, Text, Url


class Prometheus(Checked):
    """How Prometheus finds the exporter and calls its series."""

    job: Text
    exporter_job: Text
    selector: str
    scrape_interval: Duration
    scrape_timeout: Duration
    evaluation_interval: Duration
    exporter_address: str
    discovery_interval: Duration
    external_labels: dict[LabelName, str]
    alertmanagers: list[str]


class Grafana(Checked):
    """Where dashboards are opened and how they reach Prometheus."""

    base_url: Url
    datasource_uid: Text
    datasource_url: Url
    folder: str
    refresh: Duration


class Playbooks(Checked):
    """Where the playbook pages are published: ``base_url``/``alert````suffix``."""

    base_url: Url
    suffix: str


class Thresholds(Checked):
    """Rollback limits as they were reviewed: milliseconds, 0 to 1, requests."""

    latency_p95_ms: Positive
    error_rate: Share
    queue_depth: Positive


class Rules(Checked):
    """Windows, deadlines and limits of the alert rules."""

    window: Duration
    recent: Duration
    state_window: Duration
    severity_window: Duration
    memory_window: Duration
    remembered_gap: Duration
    minimum_operations: Count
    rollback_deadline: Duration
    reconciliation_deadline: Duration
    incident_window: Duration
    edge_window: Duration
    stability_window: Duration
    fallback_window: Duration
    cutover_window: Duration
    cutover_factor: Annotated[float, Meta(gt=0, le=1)]
    gate_window: Duration
    fallback_ratio: Share
    mailbox_limit: Count
    manager_memory_bytes: Count
    hanging_seconds: Positive
    reviewed_thresholds: Thresholds


class ErrorObjective(Checked):
    """The share of calls that may fail."""

    budget: Share


class LatencyObjective(Checked):
    """The share of calls of one operation that may take longer than ``seconds``."""

    operation: str
    seconds: Positive
    budget: Share


class Tier(Checked):
    """One pair of burn-rate windows."""

    long: Duration
    short: Duration
    factor: Positive
    for_: Duration = msgspec.field(name="for")


class Slos(Checked):
    """Objectives and the tiers by which their budgets are watched."""

    period: Duration
    evaluation_interval: Duration
    minimum_operations: Count
    absolute_window: Duration
    absolute_errors: Count
    absolute_for: Duration
    errors: dict[Literal["transient", "permanent"], ErrorObjective]
    latency: dict[LabelName, LatencyObjective]
    tiers: Annotated[list[Tier], Meta(min_length=1)]


class AlertOverride(Checked):
    """What is changed about one alert; absent keys stay as they are."""

    for_: Duration | None = msgspec.field(name="for", default=None)
    keep_firing_for: Duration | None = None
    severity: Severity | None = None
    disabled: bool = False
    labels: dict[LabelName, str] = msgspec.field(default_factory=dict)


class Config(Checked):
    """Everything that the generators can be told. ``file`` is where overrides came from, for messages."""

    phase: Literal["migrating", "completed"]
    fleet_labels: Annotated[list[LabelName], Meta(min_length=1)]
    prometheus: Prometheus
    grafana: Grafana
    playbooks: Playbooks
    rules: Rules
    slos: Slos
    alerts: dict[str, AlertOverride]
    alertmanager: Alertmanager
    file: str = ""

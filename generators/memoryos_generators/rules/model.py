"""What a rule is: recording rules, alerts with everything that a person needs, and areas of both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from ..config import Severity
from ..duration import ZERO, Duration
from .steps import PlaybookStep

SEVERITIES: tuple[Severity, ...] = ("critical", "warning", "info")


class Follows(StrEnum):
    """What decides how severe an alert is."""

    NOTHING = "its worst severity, always"
    EFFECTIVE_MODE = "the effective mode of the calls: legacy is info"
    MODE = "the gravest mode of the fleet: memory_os as severe as can be, dual_run at most warning, legacy info"
    MODE_BUT_LEGACY = "the gravest mode of the fleet: dual_run is at most warning; in legacy alone it cannot happen"


@dataclass(frozen=True, slots=True)
class Recording:
    """A recording rule; ``name`` is `level:metric:operations`, ``labels`` are set on every series of it."""

    name: str
    expr: str
    meaning: str
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Condition:
    """One expression that raises the alert when it holds for ``for_``; every series of it is an alert of its own.

    legacy: the same of calls in effective mode legacy, where the alert follows that; ``expr`` leaves them out then.
    """

    expr: str
    for_: Duration
    labels: Mapping[str, str] = field(default_factory=dict)
    legacy: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One alert under its fixed name.

    severity: the worst that it can have; ``follows`` says what lowers it. `none` is for the Watchdog alone.
    conditions: PromQL; every series carries each identity label of what the alert is about.
    keep_firing_for: how long it stays when no condition holds any more. ``reason``: why it waits, and stays, that long.
    summary: one static sentence. description: a template, with the value and the live threshold.
    per_fleet: it is about a whole fleet; otherwise it has an instance.
    step: what it asks for. dashboard: the uid of the dashboard that shows it.
    migration_only: it is left out when the migration is completed.
    """

    name: str
    area: str
    conditions: tuple[Condition, ...]
    severity: Severity | Literal["none"]
    keep_firing_for: Duration = ZERO
    reason: str
    summary: str
    description: str
    step: PlaybookStep
    dashboard: str
    follows: Follows = Follows.NOTHING
    per_fleet: bool = False
    migration_only: bool = False


@dataclass(frozen=True, slots=True)
class Area:
    """What one module contributes. Its recording rules are evaluated before its alerts; ``notes`` head its file."""

    name: str
    alerts: tuple[Alert, ...] = ()
    recordings: tuple[Recording, ...] = ()
    notes: tuple[str, ...] = ()
    interval: Duration | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule as Prometheus reads it, recording or alerting."""

    expr: str
    record: str = ""
    alert: str = ""
    for_: Duration = ZERO
    keep_firing_for: Duration = ZERO
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Group:
    """Rules that are evaluated in order, together."""

    name: str
    area: str
    rules: tuple[Rule, ...]
    notes: tuple[str, ...]
    interval: Duration

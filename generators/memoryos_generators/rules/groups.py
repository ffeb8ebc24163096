"""From alerts to rules: severity variants, overrides, links, and groups of at most twenty."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from difflib import get_close_matches

from ..config import AlertOverride, Config, ConfigError
from . import (
    availability,
    cutover,
    drift,
    fleet_state,
    governance,
    meta,
    migration,
    queue,
    reconciliation,
    rollback_outcome,
    rollback_triggers,
    slo,
)
from .model import Alert, Area, Condition, Follows, Group, Recording, Rule
from .promql import Promql, formatted
from .templates import dashboard_url, runbook_url

# What is recorded early is used by what comes later.
AREAS = (
    *(fleet_state, availability, rollback_triggers, slo, rollback_outcome, reconciliation),
    *(drift, cutover, queue, migration, governance, meta),
)
LARGEST_GROUP = 20


def areas(config: Config) -> tuple[Area, ...]:
    """Every area, whatever the overrides say."""
    q = Promql(config)
    return tuple(module.area(q, config) for module in AREAS)


def alerts(config: Config) -> tuple[Alert, ...]:
    """Every alert in force, as the overrides have it; raises ConfigError for an alert that does not exist."""
    every = {alert.name: alert for area in areas(config) for alert in area.alerts}
    for name in config.alerts:
        if name not in every:
            meant = get_close_matches(name, every, 1) or sorted(every)
            raise ConfigError(config.file, f"alerts.{name}", f"no such alert; there is {', '.join(meant)}")
    return tuple(tuned(alert, config) for alert in every.values() if in_force(alert, config))


def in_force(alert: Alert, config: Config) -> bool:
    """Whether the phase and the overrides leave the alert in."""
    override = config.alerts.get(alert.name)
    return not (alert.migration_only and config.phase == "completed") and not (override and override.disabled)


def tuned(alert: Alert, config: Config) -> Alert:
    """The alert with what its override changes. Its severity is the worst: what follows the mode still lowers it."""
    override = config.alerts.get(alert.name, AlertOverride())
    conditions = (
        replace(
            condition,
            for_=condition.for_ if override.for_ is None else override.for_,
            labels={**condition.labels, **override.labels},
        )
        for condition in alert.conditions
    )
    return replace(
        alert,
        conditions=tuple(conditions),
        keep_firing_for=alert.keep_firing_for if override.keep_firing_for is None else override.keep_firing_for,
        severity=override.severity or alert.severity,
    )


def recordings(config: Config) -> tuple[Recording, ...]:
    """Every recording rule."""
    return tuple(recording for area in areas(config) for recording in area.recordings)


def groups(config: Config) -> tuple[Group, ...]:
    """Everything as Prometheus reads it; each group says how often, because Prometheus's own default is too seldom.

    Raises ConfigError for windows in which two scrapes or evaluations do not fit.
    """
    _checked(config)
    recorded = {recording.name for recording in recordings(config)}
    every = alerts(config)
    made = []
    for area in areas(config):
        records = [Rule(formatted(r.expr, recorded), record=r.name, labels=r.labels) for r in area.recordings]
        alerting = [rule for alert in every if alert.area == area.name for rule in rules(alert, config, recorded)]
        for index, part in enumerate(_parts([*records, *alerting])):
            name = f"memoryos-{area.name}" + (f"-{index + 1}" if index else "")
            made.append(
                Group(name, area.name, tuple(part), area.notes, area.interval or config.prometheus.evaluation_interval)
            )
    return tuple(made)


def _checked(config: Config) -> None:
    for name in ("scrape_interval", "evaluation_interval"):
        interval = getattr(config.prometheus, name)
        if config.rules.recent < 2 * interval:
            raise ConfigError(
                config.file,
                "rules.recent",
                f"{config.rules.recent} is less than twice prometheus.{name}, {interval}: what happens once would be "
                "missed",
            )


def rules(alert: Alert, config: Config, recorded: set[str]) -> Iterator[Rule]:
    """The rules of one alert: each condition in each severity that it can have."""
    for condition in alert.conditions:
        for severity, expr in variants(alert, condition, Promql(config)):
            yield Rule(
                expr=formatted(expr, recorded),
                alert=alert.name,
                for_=condition.for_,
                keep_firing_for=alert.keep_firing_for,
                labels={"severity": severity, "playbook": alert.step.playbook, **condition.labels},
                annotations={
                    "summary": alert.summary,
                    "description": _with_labels(alert.description, condition),
                    "playbook": alert.step.id,
                    "playbook_step": alert.step.title,
                    "runbook_url": runbook_url(config, alert.name),
                    "dashboard_url": dashboard_url(config, alert.dashboard),
                },
            )


def variants(alert: Alert, condition: Condition, q: Promql) -> Iterator[tuple[str, str]]:
    """Severity → expression, for each severity that what the alert follows can give it; no two hold at once."""
    expr = condition.expr
    rank = f"{q.on_fleet} {fleet_state.MODE_RANK}"
    match alert.follows:
        case Follows.NOTHING:
            yield alert.severity, expr
        case _ if alert.severity == "info":
            yield "info", f"{expr} or {condition.legacy}" if condition.legacy else expr
        case Follows.EFFECTIVE_MODE:
            yield alert.severity, expr
            yield "info", condition.legacy
        case Follows.MODE | Follows.MODE_BUT_LEGACY:
            if alert.severity == "critical":
                yield "critical", f"({expr}) and {rank} == 2"
                yield "warning", f"({expr}) unless {rank} != 1"
            else:
                yield "warning", f"({expr}) unless {rank} == 0"
            if alert.follows is Follows.MODE:
                yield "info", f"({expr}) and {rank} == 0"


def _with_labels(description: str, condition: Condition) -> str:
    """Templates only know the labels of the series: those that the rule adds are written in."""
    for name, value in condition.labels.items():
        description = description.replace(f"{{{{ $labels.{name} }}}}", value)
    return description


def _parts(rules: Sequence[Rule]) -> Iterator[Sequence[Rule]]:
    for start in range(0, len(rules), LARGEST_GROUP):
        yield rules[start : start + LARGEST_GROUP]

"""What Prometheus and Alertmanager know: alerts now, alerts over time, the health of every rule."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from live.stack import Stack
from memoryos_generators.config import load
from support.programs import get

WATCHDOG = "MemoryOSWatchdog"
JOB = load().prometheus.job
OWN_LABELS = frozenset({"__name__", "alertname", "alertstate", "severity"})


@dataclass(frozen=True)
class Episode:
    """One alert that fired, from and to unix times; `to` is None while it still does."""

    alert: str
    severity: str
    labels: dict[str, str]
    """What it is about: everything but its name and severity."""
    since: float
    until: float | None

    @property
    def node(self) -> str:
        """The instance; empty for an alert about a whole fleet."""
        return self.labels.get("instance", "")


def alerts(stack: Stack) -> list[dict[str, Any]]:
    """Prometheus's alerts, pending and firing, the Watchdog excepted."""
    found: list[dict[str, Any]] = _prometheus(stack, "alerts")["alerts"]
    return [alert for alert in found if alert["labels"]["alertname"] != WATCHDOG]


def told_of(stack: Stack, alert: str) -> bool:
    """Whether Alertmanager has an alert by that name now."""
    answer = get(f"{stack.url('Alertmanager')}/api/v2/alerts?" + urlencode({"filter": f"alertname={alert}"}))
    return bool(answer.json)


def inhibited(stack: Stack) -> list[dict[str, str]]:
    """The labels of the alerts that Alertmanager keeps quiet now because of others."""
    answer = get(f"{stack.url('Alertmanager')}/api/v2/alerts?" + urlencode({"active": "false", "silenced": "false"}))
    return [alert["labels"] for alert in answer.json if alert["status"]["inhibitedBy"]]


def query(stack: Stack, expression: str) -> list[dict[str, Any]]:
    """The result of an expression now: a list of {metric, value}."""
    found: list[dict[str, Any]] = _prometheus(stack, "query?" + urlencode({"query": expression}))["result"]
    return found


def first_scrape(stack: Stack, start: float, end: float, step: float) -> float | None:
    """The unix time of the first scrape of the fleet after `start`; None while there is none.

    Prometheus takes some seconds to look for its targets, at any speed, and until then says that there are none.
    """
    query = urlencode({"query": f'count(up{{job="{JOB}"}})', "start": start, "end": end, "step": step})
    found = _prometheus(stack, f"query_range?{query}")["result"]
    return float(found[0]["values"][0][0]) if found else None


def rule_groups(stack: Stack) -> list[dict[str, Any]]:
    """The groups of rules that Prometheus evaluates, each with its rules and their health."""
    found: list[dict[str, Any]] = _prometheus(stack, "rules")["groups"]
    return found


def unhealthy_rules(stack: Stack) -> list[str]:
    """The rules that Prometheus has not evaluated yet, or not without an error: group, rule, error."""
    return [
        f"{group['name']}: {rule['name']}: {rule.get('lastError') or rule['health']}"
        for group in rule_groups(stack)
        for rule in group["rules"]
        if rule["health"] != "ok"
    ]


def episodes(stack: Stack, start: float, end: float, step: float) -> list[Episode]:
    """Every alert that fired between two unix times, as Prometheus stored it every `step` seconds; in order."""
    firing = f'ALERTS{{alertstate="firing",alertname!="{WATCHDOG}"}}'
    query = urlencode({"query": firing, "start": start, "end": end, "step": step})
    found = _prometheus(stack, f"query_range?{query}")["result"]
    told = [episode for series in found for episode in _episodes(series, end, step)]
    return sorted(told, key=lambda episode: episode.since)


def _episodes(series: dict[str, Any], end: float, step: float) -> Iterator[Episode]:
    metric, moments = series["metric"], [moment for moment, _ in series["values"]]
    labels = {name: value for name, value in metric.items() if name not in OWN_LABELS}
    since = before = moments[0]
    for moment in [*moments[1:], float("inf")]:
        if moment - before > 1.5 * step:
            until = None if before + 1.5 * step >= end else before + step
            yield Episode(metric["alertname"], metric["severity"], labels, since, until)
            since = moment
        before = moment


def _prometheus(stack: Stack, path: str) -> Any:
    answer = get(f"{stack.url('Prometheus')}/api/v1/{path}").json
    if answer["status"] != "success":
        raise RuntimeError(f"Prometheus: {path}: {answer}")
    return answer["data"]

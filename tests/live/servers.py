"""Prometheus and Alertmanager: programs that can be asked what they know."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from live.program import Program
from memoryos_generators.config import load
from support.programs import get

JOB = load().prometheus.job
WATCHDOG = "MemoryOSWatchdog"
OWN_LABELS = frozenset({"__name__", "alertname", "alertstate", "severity"})


@dataclass(frozen=True)
class Episode:
    """One alert that fired, from and to unix times; `until` is None while it still does."""

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


class Prometheus(Program):
    """A Prometheus, with its API."""

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The result of an expression now: a list of {metric, value}."""
        found: list[dict[str, Any]] = self._ask("query", query=expression)["result"]
        return found

    def scrapes(self) -> bool:
        """Whether it has found the fleet, and says so in its alerts: no alert fires any more because it had not."""
        return bool(self.query(f'count(up{{job="{JOB}"}})')) and not self.states("MemoryOSExporterDown")

    def alerts(self) -> list[dict[str, Any]]:
        """Its alerts, pending and firing, the Watchdog excepted."""
        found: list[dict[str, Any]] = self._ask("alerts")["alerts"]
        return [alert for alert in found if alert["labels"]["alertname"] != WATCHDOG]

    def states(self, alert: str) -> list[str]:
        """The states of an alert now, pending or firing; empty: it is quiet."""
        return [each["state"] for each in self.alerts() if each["labels"]["alertname"] == alert]

    def rule_groups(self) -> list[dict[str, Any]]:
        """The groups of rules that it evaluates, each with its rules and their health."""
        found: list[dict[str, Any]] = self._ask("rules")["groups"]
        return found

    def unhealthy_rules(self) -> list[str]:
        """The rules that it has not evaluated yet, or not without an error: group, rule, error."""
        return [
            f"{group['name']}: {rule['name']}: {rule.get('lastError') or rule['health']}"
            for group in self.rule_groups()
            for rule in group["rules"]
            if rule["health"] != "ok"
        ]

    def episodes(self, start: float, end: float, step: float) -> list[Episode]:
        """Every alert that fired between two unix times, as it is stored every `step` seconds; in order."""
        firing = f'ALERTS{{alertstate="firing",alertname!="{WATCHDOG}"}}'
        found = self._ask("query_range", query=firing, start=start, end=end, step=step)["result"]
        told = [episode for series in found for episode in _episodes(series, end, step)]
        return sorted(told, key=lambda episode: episode.since)

    def _ask(self, path: str, **parameters: str | float) -> Any:
        answer = get(f"{self.url}/api/v1/{path}?{urlencode(parameters)}").json
        if answer["status"] != "success":
            raise RuntimeError(f"Prometheus: {path} {parameters}: {answer}")
        return answer["data"]


class Alertmanager(Program):
    """An Alertmanager, with its API."""

    def has(self, alert: str) -> bool:
        """Whether it has an alert by that name now."""
        return bool(self._alerts(filter=f"alertname={alert}"))

    def inhibited(self) -> list[dict[str, str]]:
        """The labels of the alerts that it keeps quiet now because of others."""
        found = self._alerts(active="false", silenced="false")
        return [alert["labels"] for alert in found if alert["status"]["inhibitedBy"]]

    def _alerts(self, **parameters: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = get(f"{self.url}/api/v2/alerts?{urlencode(parameters)}").json
        return found


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

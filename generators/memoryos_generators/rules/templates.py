"""Go templates of annotations: the value, the live threshold, and links that open on the instance and the time."""

from __future__ import annotations

from memoryos_exporter.catalog import Metric

from ..config import Config

VALUE = '{{ printf "%.4g" $value }}'
PERCENT = "{{ $value | humanizePercentage }}"
GENERAL = 'printf "%.4g"'
DURATION = "{{ $value | humanizeDuration }}"
MILLISECONDS = '{{ printf "%.0f" $value }} ms'
WHOLE = '{{ printf "%.0f" $value }}'
NODE = "{{ $labels.instance }}"


def fleet(config: Config, name: str = "fleet") -> str:
    """Which fleet an alert is about: `fleet east/memoryos`."""
    return f"{name} " + "/".join(f"{{{{ $labels.{label} }}}}" for label in config.fleet_labels)


def live(config: Config, metric: Metric, then: str = 'printf "%.0f"', *, per_fleet: bool = False) -> str:
    """The value of ``metric`` on the alert's node (or the largest of its fleet) now, formatted by ``then``."""
    labels = [*config.fleet_labels, *([] if per_fleet else ["instance"])]
    selector = ",".join(f"{label}=%q" for label in labels)
    arguments = " ".join(f"$labels.{label}" for label in labels)
    query = f"max(last_over_time({metric.name}{{{selector}}}[{config.rules.state_window}]))"
    found = f"{{{{ . | first | value | {then} }}}}"
    return f"{{{{ with printf `{query}` {arguments} | query }}}}{found}{{{{ else }}}}unknown{{{{ end }}}}"


def dashboard_url(config: Config, uid: str) -> str:
    """The dashboard, on the alert's fleet and node (or all of its nodes), from an hour before until now."""
    variables = "".join(f"&var-{label}={_variable(label)}" for label in (*config.fleet_labels, "instance"))
    return f"{config.grafana.base_url.rstrip('/')}/d/{uid}?from={_moment(3600)}&to={_moment(0)}{variables}"


def runbook_url(config: Config, alert: str) -> str:
    """The alert's page."""
    return f"{config.playbooks.base_url.rstrip('/')}/{alert}{config.playbooks.suffix}"


def _variable(label: str) -> str:
    return f"{{{{ with $labels.{label} }}}}{{{{ . | urlquery }}}}{{{{ else }}}}$__all{{{{ end }}}}"


def _moment(seconds_ago: int) -> str:
    return f'{{{{ printf `vector((time() - {seconds_ago}) * 1000)` | query | first | value | printf "%.0f" }}}}'

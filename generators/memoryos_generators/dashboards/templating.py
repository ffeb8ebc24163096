"""Variables and annotations, the same on every dashboard."""

from __future__ import annotations

from typing import Any

from grafanalib import core as g

from memoryos_exporter.catalog import Metric, exporter, reading, rollout

from ..config import Config
from .expressions import PAGE, TICKET, firing
from .grafana import DATASOURCE
from .promql import held, sel
from .style import BAD, MEMORY_OS, WATCH

ON_TIME_RANGE_CHANGE = 2
SERIES = f'{{__name__=~"{reading.UP.name}|{exporter.EXPORTER_BUILD_INFO.name}"'
"""What tells which targets there are: a MemoryOS that was scraped, and the exporter's own /metrics."""

STEP = "60s"


def variables() -> list[g.Template]:
    """Data source, cluster, job, instance: each narrows the next; all may hold several values, and begin with all.

    `All` is `.*` for cluster, which a target may lack, and `.+` for job and instance, which every target has.
    """
    return [
        g.Template(name="datasource", label="Data source", type="datasource", query="prometheus"),
        values("cluster", f"{SERIES}}}", every=".*"),
        values("job", f'{SERIES},cluster=~"$cluster"}}'),
        values("instance", f'{SERIES},cluster=~"$cluster",job=~"$job"}}'),
    ]


def values(label: str, series: str, every: str = ".+") -> g.Template:
    """A variable with the values that ``label`` has in ``series``."""
    return g.Template(
        name=label,
        label=label.title(),
        query=f"label_values({series}, {label})",
        dataSource=DATASOURCE,
        multi=True,
        includeAll=True,
        allValue=every,
        refresh=ON_TIME_RANGE_CHANGE,
    )


def marks(config: Config) -> list[dict[str, Any]]:
    """Annotations of every time axis: mode and stage changes, rollbacks, firing pages; tickets when asked for."""
    return [
        mark("Mode changes", changed(rollout.MODE, config, "mode"), MEMORY_OS, "Mode: {{mode}}"),
        mark(
            "Stage changes",
            changed(rollout.ROLLOUT_STAGE, config, "rollout_stage"),
            "#8AB8FF",
            "Stage: {{rollout_stage}}",
        ),
        mark(
            "Rollbacks",
            f"1000 * max by (cluster, job, instance) ({sel(rollout.LAST_ROLLBACK)} > 0)",
            BAD,
            "Rolled back: {{instance}}",
            useValueForTime=True,
        ),
        mark("Pages", alerts(PAGE), BAD, "{{alertname}}", textFormat="playbook {{playbook}}"),
        mark("Tickets", alerts(TICKET), WATCH, "{{alertname}}", textFormat="playbook {{playbook}}", enable=False),
    ]


def changed(metric: Metric, config: Config, label: str) -> str:
    """Nodes that came into a state since the step before; Grafana puts the step into `$__interval`."""
    window = config.rules.recent
    now, before = held(metric, window), held(metric, window, offset="$__interval")
    return f"count by (cluster, job, {label}) ({now} == 1 and {before} == 0)"


def alerts(severity: str) -> str:
    """Alerts of one severity while they fire, without the one that always does."""
    return f"count by (cluster, job, alertname, playbook) ({firing(severity)})"


def mark(name: str, expr: str, color: str, title: str, **more: Any) -> dict[str, Any]:
    """One annotation query."""
    return {
        "name": name,
        "datasource": DATASOURCE,
        "enable": True,
        "expr": expr,
        "iconColor": color,
        "step": STEP,
        "titleFormat": title,
        **more,
    }

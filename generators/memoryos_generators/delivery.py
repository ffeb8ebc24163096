"""The same rules in other people's forms: the Prometheus operator's objects, a Mimir namespace, and a jsonnet mixin.

Thanos's ruler reads the plain rule files of alerts/rules as they are.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from .config import Config
from .rules.delivery import HEADER, group_fields, to_yaml
from .rules.groups import groups
from .rules.model import Group

NAME = "memoryos"
EXPORTER = {"app.kubernetes.io/name": "memoryos-exporter"}
MONITORING = "monitoring.coreos.com"


def files(config: Config) -> Mapping[str, str]:
    """Path below the output directory → text."""
    every = groups(config)
    return {
        "alerts/kubernetes/prometheusrule.yaml": _manifests(_prometheus_rules(every)),
        "alerts/kubernetes/servicemonitor.yaml": _manifests([_service_monitor(config)]),
        "alerts/kubernetes/scrapeconfig.yaml": _manifests([_scrape_config(config)]),
        "alerts/mimir/memoryos.yml": HEADER
        + "# mimirtool rules load alerts/mimir/memoryos.yml\n"
        + to_yaml({"namespace": NAME, "groups": [group_fields(group) for group in every]}),
        "generators/mixin/rules.json": _json({"groups": [group_fields(group) for group in every]}),
    }


def _prometheus_rules(every: Sequence[Group]) -> list[dict[str, Any]]:
    """One object an area: each stays far below what etcd stores in one object (1.5 MiB)."""
    areas = dict.fromkeys(group.area for group in every)
    return [
        _object(
            "PrometheusRule", "v1", f"{NAME}-{area}", {"groups": [group_fields(g) for g in every if g.area == area]}
        )
        for area in areas
    ]


def _service_monitor(config: Config) -> dict[str, Any]:
    """The exporter's own /metrics, under the job that the rules know it by."""
    settings = config.prometheus
    endpoint = {
        "port": "http",
        "interval": str(settings.scrape_interval),
        "scrapeTimeout": str(settings.scrape_timeout),
        "relabelings": [{"targetLabel": "job", "replacement": settings.exporter_job}],
        "metricRelabelings": [
            {"sourceLabels": ["__name__"], "regex": "(memoryos_exporter|process|python)_.+", "action": "keep"}
        ],
    }
    return _object(
        "ServiceMonitor", "v1", f"{NAME}-exporter", {"selector": {"matchLabels": EXPORTER}, "endpoints": [endpoint]}
    )


def _scrape_config(config: Config) -> dict[str, Any]:
    """Every MemoryOS that the exporter's /sd lists, each through /probe."""
    settings = config.prometheus
    spec = {
        "httpSDConfigs": [
            {"url": "http://memoryos-exporter:9943/sd", "refreshInterval": str(settings.discovery_interval)}
        ],
        "scrapeInterval": str(settings.scrape_interval),
        "scrapeTimeout": str(settings.scrape_timeout),
        "relabelings": [{"targetLabel": "job", "replacement": settings.job}],
    }
    return _object("ScrapeConfig", "v1alpha1", NAME, spec)


def _object(kind: str, version: str, name: str, spec: Mapping[str, Any]) -> dict[str, Any]:
    labels = {"app.kubernetes.io/name": NAME, "app.kubernetes.io/part-of": "memoryos-observability"}
    metadata = {"name": name, "labels": labels}
    return {"apiVersion": f"{MONITORING}/{version}", "kind": kind, "metadata": metadata, "spec": dict(spec)}


def _manifests(objects: Sequence[dict[str, Any]]) -> str:
    return HEADER + "---\n".join(to_yaml(each) for each in objects)


def _json(document: Any) -> str:
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"

"""How the dashboards get into a Grafana: its own provisioning files, and ConfigMaps for the operator's sidecar."""

from __future__ import annotations

import json
from collections.abc import Mapping

import yaml

from ..cli import MARK
from ..config import Config

HEADER = f"# {MARK}: change the configuration and run make generate.\n"
PATH = "/var/lib/grafana/dashboards/memoryos"


def provisioning(config: Config, dashboards: Mapping[str, str]) -> dict[str, str]:
    """Path → text; ``dashboards`` is uid → JSON."""
    return {
        "dashboards/provisioning/datasources/memoryos.yml": document(datasources(config)),
        "dashboards/provisioning/dashboards/memoryos.yml": document(providers(config)),
        **{
            f"dashboards/kubernetes/{uid}.configmap.yml": document(config_map(config, uid, text))
            for uid, text in dashboards.items()
        },
        "dashboards/README.md": readme(config, dashboards),
    }


def datasources(config: Config) -> dict[str, object]:
    """Grafana's data source file: the Prometheus that scrapes the exporter."""
    return {
        "apiVersion": 1,
        "datasources": [
            {
                "name": "Prometheus",
                "uid": config.grafana.datasource_uid,
                "type": "prometheus",
                "access": "proxy",
                "url": config.grafana.datasource_url,
                "isDefault": True,
                "jsonData": {
                    # $__rate_interval is four times this: it must be the real scrape interval.
                    "timeInterval": str(config.prometheus.scrape_interval),
                    "httpMethod": "POST",
                },
            }
        ],
    }


def providers(config: Config) -> dict[str, object]:
    """Grafana's dashboard provider file: a folder that is read from disk."""
    return {
        "apiVersion": 1,
        "providers": [
            {
                "name": "memoryos",
                "folder": config.grafana.folder,
                "type": "file",
                "disableDeletion": True,
                "allowUiUpdates": False,
                "updateIntervalSeconds": 30,
                "options": {"path": PATH},
            }
        ],
    }


def config_map(config: Config, uid: str, text: str) -> dict[str, object]:
    """A ConfigMap that the dashboard sidecar of kube-prometheus-stack picks up by its label."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": f"grafana-dashboard-{uid}",
            "labels": {"app.kubernetes.io/part-of": "memoryos-observability", "grafana_dashboard": "1"},
            "annotations": {"grafana_folder": config.grafana.folder},
        },
        "data": {f"{uid}.json": json.dumps(json.loads(text), sort_keys=True, ensure_ascii=False) + "\n"},
    }


def document(content: Mapping[str, object]) -> str:
    """One YAML document with the header of a generated file."""
    return HEADER + yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=120)


def readme(config: Config, dashboards: Mapping[str, str]) -> str:
    """How to install them, one way a paragraph, and what each is for."""
    rows = "\n".join(
        f"| [{uid}]({uid}.json) | {model['title']} | {model['description']} |"
        for uid, model in ((uid, json.loads(text)) for uid, text in dashboards.items())
    )
    return README.format(
        mark=MARK, rows=rows, path=PATH, interval=config.prometheus.scrape_interval, folder=config.grafana.folder
    )


README = """<!-- {mark}: change the configuration and run make generate. -->
# Dashboards

Classic dashboard JSON for Grafana 11 to 13, made from the same catalog as the exporter's metrics.

| file | title | what it answers |
|---|---|---|
{rows}

Every panel says in its description (the *i* beside its title) what good looks like and which trap misleads there.
Limits of MemoryOS are read live and drawn as dashed lines. Modes are drawn alike everywhere: legacy dotted, dual_run
dashed, memory_os solid; states carry a sign and a word beside their colour.

The dashboards need the recording and alerting rules in `alerts/` to be loaded: verdicts, steps and marks read `ALERTS`
and recorded series. Without them the overview says *blind*.

## Provisioning, Grafana on a host

1. Copy `provisioning/datasources/memoryos.yml` to `/etc/grafana/provisioning/datasources/`, unless Grafana has a
   Prometheus data source already. Its `timeInterval` must be the scrape interval ({interval}): `$__rate_interval`
   follows from it.
2. Copy `provisioning/dashboards/memoryos.yml` to `/etc/grafana/provisioning/dashboards/`.
3. Copy `*.json` to `{path}/` and restart Grafana. The dashboards stand in the folder *{folder}*.

## Kubernetes, with the dashboard sidecar of kube-prometheus-stack

`kubectl apply -n monitoring -f kubernetes/`: each dashboard is a ConfigMap with the label `grafana_dashboard: "1"`, for
which the sidecar looks by default; the folder comes from the annotation `grafana_folder`, if the sidecar is told so
(`sidecar.dashboards.folderAnnotation: grafana_folder`, `sidecar.dashboards.provider.foldersFromFilesStructure: true`).

## By hand

*Dashboards → New → Import → Upload dashboard JSON file*, one file after the other, the folder of your choice. Keep the
uid: the links between dashboards, and from alerts, rely on it. The data source is a variable at the top of each
dashboard; nothing is asked during import.
"""

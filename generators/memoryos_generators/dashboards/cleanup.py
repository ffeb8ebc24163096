"""One pass over grafanalib's JSON: what Grafana 11 to 13 would write itself.

grafanalib 0.7.1 writes keys that Grafana forgot, null for what is absent, data sources as strings, gauges as Grafana 6
did, and no plugin version, without which Grafana migrates stat and bar gauge panels from version 6 on every load.
Lists of keys that are kept, by kind of object, say what a dashboard consists of.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any

from grafanalib._gen import DashboardEncoder
from grafanalib.core import Dashboard

SCHEMA_VERSION = 41
PLUGIN_VERSION = "12.4.0"

DASHBOARD = (
    *("annotations", "description", "editable", "graphTooltip", "links", "panels", "refresh", "tags", "templating"),
    *("time", "timezone", "title", "uid"),
)
ROW = ("collapsed", "gridPos", "id", "panels", "title", "type")
PANEL = (
    *("datasource", "description", "fieldConfig", "gridPos", "id", "links", "options", "targets", "title"),
    *("transformations", "type"),
)
TARGET = ("datasource", "expr", "format", "legendFormat", "refId")
LINK = ("asDropdown", "icon", "includeVars", "keepTime", "tags", "targetBlank", "title", "tooltip", "type", "url")
VARIABLE = (
    *("allValue", "current", "datasource", "hide", "includeAll", "label", "multi", "name", "options", "query"),
    *("refresh", "regex", "sort", "type"),
)
FIELD = ("color", "custom", "decimals", "links", "mappings", "max", "min", "noValue", "thresholds", "unit")

Json = dict[str, Any]


def modern(dashboard: Dashboard) -> Json:
    """The JSON of ``dashboard`` as Grafana 11 to 13 write it, ready to be provisioned."""
    data = json.loads(json.dumps(dashboard.to_json_data(), cls=DashboardEncoder))
    return {
        **keep(data, DASHBOARD),
        "schemaVersion": SCHEMA_VERSION,
        "timepicker": {},
        "links": [keep(link, LINK) for link in data["links"]],
        "panels": [panel(item) for item in data["panels"]],
        "templating": {"list": [variable(item) for item in data["templating"]["list"]]},
        "annotations": {"list": [annotation(item) for item in data["annotations"]["list"]]},
    }


def keep(data: Mapping[str, Any], names: Collection[str]) -> Json:
    """What of ``data`` is in ``names`` and says something."""
    return {name: data[name] for name in names if data.get(name) not in (None, {}, "")}


def source(uid: str) -> Json:
    """A data source as Grafana has written it since 8.3."""
    return {"type": "prometheus", "uid": uid}


def panel(data: Json) -> Json:
    """A row with its panels, or a panel."""
    if data["type"] == "row":
        return {**keep(data, ROW), "panels": [panel(inner) for inner in data["panels"]]}
    out = keep(data, PANEL)
    options, defaults = options_and_defaults(data)
    out["options"] = options
    out["pluginVersion"] = PLUGIN_VERSION
    if not data.get("targets"):
        return {name: value for name, value in out.items() if name not in ("fieldConfig", "targets", "datasource")}
    out["fieldConfig"] = {"defaults": defaults, "overrides": data["fieldConfig"].get("overrides", [])}
    out["datasource"] = source(data["datasource"])
    out["targets"] = [target(item) for item in data["targets"]]
    return out


def options_and_defaults(data: Json) -> tuple[Json, Json]:
    """The panel's options and field defaults, each where today's Grafana reads it."""
    options = dict(data.get("options") or {})
    defaults = dict(data["fieldConfig"]["defaults"])
    if data["type"] == "bargauge":
        old = options.pop("fieldOptions")
        defaults |= keep(old["defaults"], FIELD)
        options["reduceOptions"] = {"calcs": old["calcs"], "fields": "", "values": False}
        del options["showThresholdLabels"], options["showThresholdMarkers"]
    if "legend" in options and "displayMode" in options["legend"]:
        options["legend"] = {"calcs": [], **options["legend"], "showLegend": True}
    if data["type"] == "table":
        defaults["custom"] = {"align": "auto", "cellOptions": {"type": "auto"}, "filterable": False, "inspect": False}
    steps = defaults["thresholds"]["steps"]
    defaults["thresholds"] = thresholds(steps) if steps else None
    defaults["custom"] = {k: v for k, v in defaults.get("custom", {}).items() if v not in (None, {}, "")}
    return options, keep(defaults, FIELD)


def thresholds(steps: list[Json]) -> Json:
    """Threshold steps; the first is the base and has no value."""
    return {
        "mode": "absolute",
        "steps": [
            {"color": step["color"], "value": whole(step["value"]) if index else None}
            for index, step in enumerate(steps)
        ],
    }


def whole(value: float) -> float:
    """An integer where the number is one: `1`, not `1.0`."""
    return int(value) if value == int(value) else value


def target(data: Json) -> Json:
    """A query, either instant or over a range."""
    instant = data["instant"]
    return {
        **keep(data, TARGET),
        "datasource": source(data["datasource"]),
        "editorMode": "code",
        "instant": instant,
        "range": not instant,
    }


def variable(data: Json) -> Json:
    """A variable; one that may hold all values begins with all."""
    out = keep(data, VARIABLE)
    if data["includeAll"]:
        out["current"] = {"text": ["All"], "value": ["$__all"]}
    else:
        out.pop("current", None)
    if data.get("datasource"):
        out["datasource"] = source(data["datasource"])
    return out


def annotation(data: Json) -> Json:
    """An annotation query."""
    return {**data, "datasource": source(data["datasource"])}

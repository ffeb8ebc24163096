"""The rules of Grafana's dashboard-linter, and ours, for one dashboard's JSON; nothing is fetched."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import combinations
from typing import Any

import promql_parser

Json = dict[str, Any]

# Unit ids of Grafana that the dashboards use: a typing mistake shows as a number without its unit.
UNITS = {"none", "short", "s", "ms", "bytes", "percentunit", "reqps", "ops"}
TYPES = {"row", "stat", "bargauge", "timeseries", "state-timeline", "heatmap", "table", "text"}
PLACES = ("cluster", "job", "instance")
RATES = ("rate", "increase", "irate", "resets", "changes")
SIGNS = "✓✗!?…–·i"
NAMES = re.compile("legacy|dual_run|memory_os|internal|canary|global|other|transient|permanent|rejected")
DUST = re.compile(r"\d\.\d{7,}")


def problems(dashboard: Json) -> list[str]:
    """One sentence for each rule that is broken."""
    return [*_frame(dashboard), *_grid(dashboard["panels"]), *_every_panel(dashboard)]


def panels(dashboard: Json) -> Iterator[Json]:
    """Every panel, those in collapsed rows included."""
    for panel in dashboard["panels"]:
        yield panel
        yield from panel.get("panels", [])


def targets(dashboard: Json) -> Iterator[tuple[Json, Json]]:
    """Every query with its panel."""
    return ((panel, target) for panel in panels(dashboard) for target in panel.get("targets", []))


def without_variables(expr: str) -> str:
    """PromQL in which Grafana's variables are values of their kind."""
    return re.sub(r"\$__\w+", "5m", re.sub(r"\$(cluster|job|instance)\b", r"\1", expr))


def selectors(expr: str) -> list[tuple[str, dict[str, str], str]]:
    """Each selector of a query: metric name, matchers, and the function right around it."""
    found: list[tuple[str, dict[str, str], str]] = []
    calls = {match.start(2): match[1] for match in re.finditer(r"(\w+)\(([a-zA-Z_:][\w:]*)\{", expr)}
    for match in re.finditer(r"([a-zA-Z_:][\w:]*)\{([^}]*)\}", expr):
        matchers = dict(re.findall(r'(\w+)(?:=~|!~|!=|=)"([^"]*)"', match[2]))
        found.append((match[1], matchers, calls.get(match.start(), "")))
    return found


def _frame(dashboard: Json) -> Iterator[str]:
    if not re.fullmatch(r"memoryos-[a-z]+", dashboard["uid"]):
        yield f"uid {dashboard['uid']!r} is not readable"
    if not 36 <= dashboard["schemaVersion"] <= 42:
        yield "schemaVersion: provisioning takes 36 to 42"
    if dashboard.get("editable") is not False:
        yield "a generated dashboard is not edited by hand"
    if dashboard.get("id") is not None or "__inputs" in dashboard:
        yield "id and __inputs belong to an export, not to a file"
    if DUST.search(json.dumps(dashboard)):
        yield f"floating-point dust: {DUST.search(json.dumps(dashboard))[0]}"  # type: ignore[index]
    if any(not link.get("includeVars") or not link.get("keepTime") for link in dashboard["links"]):
        yield "links between dashboards carry variables and time"
    yield from _variables(dashboard["templating"]["list"])


def _variables(variables: list[Json]) -> Iterator[str]:
    if [variable["name"] for variable in variables] != ["datasource", *PLACES]:
        yield "variables are datasource, cluster, job, instance"
    for variable in variables[1:]:
        if variable.get("refresh") != 2 or not variable.get("multi") or not variable.get("includeAll"):
            yield f"variable {variable['name']}: several values, all, and new ones when the time range changes"
        if variable.get("allValue") not in (".+", ".*"):
            yield f"variable {variable['name']}: all of them would go into each query"


def _grid(items: list[Json]) -> Iterator[str]:
    ids = [panel["id"] for panel in panels({"panels": items})]
    if len(ids) != len(set(ids)):
        yield "two panels have one id"
    cells = [(panel["title"], panel["gridPos"]) for panel in items]
    for title, cell in cells:
        if cell["x"] < 0 or cell["x"] + cell["w"] > 24 or cell["h"] < 1:
            yield f"{title}: outside of the grid"
    for (one, a), (other, b) in combinations(cells, 2):
        apart = a["x"] + a["w"] <= b["x"] or b["x"] + b["w"] <= a["x"]
        if not (apart or a["y"] + a["h"] <= b["y"] or b["y"] + b["h"] <= a["y"]):
            yield f"{one} and {other} overlap"


def _every_panel(dashboard: Json) -> Iterator[str]:
    for panel in panels(dashboard):
        if panel["type"] == "row":
            continue
        for problem in (*_panel(panel), *_queries(panel), *_states(panel)):
            yield f"{panel['title']}: {problem}"


def _panel(panel: Json) -> Iterator[str]:
    if panel["type"] not in TYPES:
        yield f"type {panel['type']} is not one of those that were looked at"
    description = panel.get("description", "")
    if len(description) < 30:
        yield "the description does not say what good looks like"
    if panel["type"] == "text":
        return
    defaults = panel["fieldConfig"]["defaults"]
    overridden = {
        prop["value"]
        for override in panel["fieldConfig"]["overrides"]
        for prop in override["properties"]
        if prop["id"] == "unit"
    }
    unknown = {*overridden, *([defaults["unit"]] if "unit" in defaults else [])} - UNITS
    if unknown or ("unit" not in defaults and panel["type"] not in ("table", "heatmap")):
        yield f"unit {sorted(unknown) or 'missing'}"
    if not defaults.get("noValue"):
        yield "what empty means is not said"
    if panel["datasource"] != {"type": "prometheus", "uid": "${datasource}"}:
        yield "the data source is not the variable"
    if "pluginVersion" not in panel:
        yield "Grafana would migrate it from version 6"


def _queries(panel: Json) -> Iterator[str]:
    refs = [target["refId"] for target in panel.get("targets", [])]
    if len(refs) != len(set(refs)) or (not refs and panel["type"] != "text"):
        yield "queries without distinct letters"
    for target in panel.get("targets", []):
        expr = target["expr"]
        try:
            promql_parser.parse(without_variables(expr))
        except ValueError as error:
            yield f"no PromQL: {error}"
        if target["instant"] == target["range"]:
            yield "a query is either instant or over a range"
        if target["instant"] != (panel["type"] in ("stat", "bargauge", "table")):
            yield "verdicts and tables ask for one moment, all else for a range"
        yield from _selectors(expr)


def _selectors(expr: str) -> Iterator[str]:
    for name, matchers, function in selectors(expr):
        for label in PLACES:
            if matchers.get(label) not in (f"${label}", f"${label}|"):
                yield f"{name} is not limited to ${label}"
        if name.endswith(("_total", "_bucket", "_sum", "_count")) and function not in RATES:
            yield f"counter {name} without rate"
    for function, window in re.findall(r"\b(i?rate)\([^()\[]*\[([^\]]+)\]", expr):
        if window != "$__rate_interval":
            yield f"{function} over {window} instead of $__rate_interval"


def _states(panel: Json) -> Iterator[str]:
    """A colour never stands alone: what is mapped to one has a sign, or is itself a name."""
    configs = [panel.get("fieldConfig", {}).get("defaults", {}).get("mappings", [])]
    for override in panel.get("fieldConfig", {}).get("overrides", []):
        configs += [prop["value"] for prop in override["properties"] if prop["id"] == "mappings"]
    for mapping in (mapping for config in configs for mapping in config):
        for state in mapping["options"].values():
            text = state["text"]
            if not NAMES.fullmatch(text) and (text[0] not in SIGNS or len(text) < 4):
                yield f"{text!r} is told by its colour alone"

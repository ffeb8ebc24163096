"""The seven dashboards as files: they keep every rule, say what they show, and come out the same each time."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from dashboards.linter import Json, panels, problems, selectors, targets
from memoryos_exporter.catalog import CATALOG
from memoryos_generators.config import Config, load
from memoryos_generators.dashboards import built, files
from memoryos_generators.dashboards.model import panel_id
from memoryos_generators.rules import alerts, groups, recordings

ROOT = Path(__file__).parents[2]
UIDS = [f"memoryos-{name}" for name in ("overview", "latency", "queue", "drift", "rollout", "incident", "exporter")]
DASHBOARDS = built(load())

# Metrics that no dashboard, rule or playbook page uses, with the reason why they are exported all the same.
UNUSED: dict[str, str] = {}


@pytest.fixture
def dashboard() -> Json:
    """A dashboard to spoil."""
    return copy.deepcopy(DASHBOARDS["memoryos-overview"])


def test_there_are_the_seven_dashboards() -> None:
    assert list(DASHBOARDS) == UIDS


@pytest.mark.parametrize("uid", UIDS)
def test_a_dashboard_breaks_no_rule(uid: str) -> None:
    assert problems(DASHBOARDS[uid]) == []


def first(dashboard: Json, kind: str) -> Json:
    """The first panel of a type."""
    return next(panel for panel in panels(dashboard) if panel["type"] == kind)


def spoil_expr(change: Callable[[str], str]) -> Callable[[Json], None]:
    """Changes the first query over a range."""

    def spoil(dashboard: Json) -> None:
        target = first(dashboard, "timeseries")["targets"][0]
        target["expr"] = change(target["expr"])

    return spoil


SPOILT: dict[str, tuple[Callable[[Json], Any], str]] = {
    "two panels with one id": (lambda d: d["panels"][1].update(id=d["panels"][2]["id"]), "one id"),
    "overlapping panels": (lambda d: d["panels"][1]["gridPos"].update(x=3), "overlap"),
    "a panel outside of the grid": (lambda d: d["panels"][1]["gridPos"].update(x=23), "outside"),
    "no description": (lambda d: first(d, "stat").update(description=""), "what good looks like"),
    "an unknown unit": (lambda d: first(d, "timeseries")["fieldConfig"]["defaults"].update(unit="milli"), "unit"),
    "no unit": (lambda d: first(d, "timeseries")["fieldConfig"]["defaults"].pop("unit"), "unit"),
    "no meaning of empty": (lambda d: first(d, "table")["fieldConfig"]["defaults"].pop("noValue"), "empty"),
    "a fixed data source": (lambda d: first(d, "stat")["datasource"].update(uid="prometheus"), "data source"),
    "a query for every cluster": (spoil_expr(lambda e: re.sub(r'cluster=~"[^"]*",', "", e)), "limited to $cluster"),
    "a query for every instance": (spoil_expr(lambda e: re.sub(r',instance=~"[^"]*"', "", e)), "limited to $instance"),
    "broken PromQL": (spoil_expr(lambda e: e + ")"), "no PromQL"),
    "a naked counter": (
        spoil_expr(lambda _: 'memoryos_queued_total{cluster=~"$cluster",job=~"$job",instance=~"$instance"}'),
        "without rate",
    ),
    "a fixed rate window": (
        spoil_expr(lambda _: 'rate(memoryos_queued_total{cluster=~"$cluster",job=~"$job",instance=~"$instance"}[1m])'),
        "$__rate_interval",
    ),
    "a colour without a word": (
        lambda d: first(d, "stat")["fieldConfig"]["defaults"]["mappings"][0]["options"]["0"].update(text="ok"),
        "colour alone",
    ),
    "an instant time series": (
        lambda d: first(d, "timeseries")["targets"][0].update(instant=True, range=False),
        "one moment",
    ),
    "a variable that never refreshes": (lambda d: d["templating"]["list"][1].update(refresh=0), "variable cluster"),
    "an old schema": (lambda d: d.update(schemaVersion=16), "schemaVersion"),
    "floating-point dust": (lambda d: d["panels"][1].update(interval=0.1 + 0.2), "dust"),
    "links that forget the time": (lambda d: d["links"][0].update(keepTime=False), "carry"),
}


@pytest.mark.parametrize("fault", SPOILT)
def test_the_rules_find_a_dashboard_with(fault: str, dashboard: Json) -> None:
    spoil, expected = SPOILT[fault]
    spoil(dashboard)
    assert any(expected in problem for problem in problems(dashboard)), problems(dashboard)


def test_every_panel_keeps_its_id_wherever_it_moves() -> None:
    for data in DASHBOARDS.values():
        for panel in panels(data):
            if panel["type"] != "row":
                assert panel["id"] == panel_id(panel["title"])


def test_generation_gives_the_same_bytes_each_time(config: Config) -> None:
    assert files(config) == files(load())


def test_the_committed_files_are_what_is_generated(config: Config) -> None:
    stale = [path for path, text in files(config).items() if (ROOT / path).read_text(encoding="utf-8") != text]
    assert stale == [], "run make generate"


def test_every_link_to_a_dashboard_leads_to_one_and_to_a_panel_that_exists() -> None:
    ids = {uid: {panel["id"] for panel in panels(data)} for uid, data in DASHBOARDS.items()}
    links = re.findall(r"/d/([a-z-]+)\?([^\"]*)", json.dumps(DASHBOARDS))
    assert links
    for uid, query in links:
        assert uid in ids
        assert "${__url_time_range}" in query, "the time must travel with the link"
        assert all(f"{name}" in query for name in ("datasource", "cluster", "job", "instance"))
        for panel in re.findall(r"viewPanel=(\d+)", query):
            assert int(panel) in ids[uid]


def test_every_playbook_that_a_panel_opens_is_a_page(config: Config) -> None:
    pages = {path.stem for path in (ROOT / "alerts/playbooks").glob("*.md")}
    opened = set(
        re.findall(rf"{re.escape(config.playbooks.base_url)}/([\w-]+){config.playbooks.suffix}", json.dumps(DASHBOARDS))
    )
    assert opened
    assert opened <= pages


def test_every_alert_leads_to_a_dashboard_that_exists(config: Config) -> None:
    assert {alert.dashboard for alert in alerts(config)} <= set(UIDS)


def test_every_alert_that_a_query_names_exists(config: Config) -> None:
    known = {alert.name for alert in alerts(config)}
    for data in DASHBOARDS.values():
        for _, target in targets(data):
            for name, matchers, _ in selectors(target["expr"]):
                if name == "ALERTS" and matchers["alertname"] != "MemoryOS.+":
                    assert any(re.fullmatch(matchers["alertname"], alert) for alert in known)
                    for part in re.findall(r"[(|](\w+)", matchers["alertname"]):
                        assert f"MemoryOS{part}" in known


def test_a_query_names_only_series_that_are_exported_or_recorded(config: Config) -> None:
    exported = {series for metric in CATALOG.values() for series in metric.series}
    known = exported | {recording.name for recording in recordings(config)} | {"ALERTS"}
    named = {
        name for data in DASHBOARDS.values() for _, target in targets(data) for name, _, _ in selectors(target["expr"])
    }
    assert named - known == set()


def test_every_metric_is_used_by_a_dashboard_a_rule_or_a_page(config: Config) -> None:
    pages = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "alerts/playbooks").glob("*.md"))
    rules = " ".join(rule.expr for group in groups(config) for rule in group.rules)
    used = set(re.findall(r"[a-zA-Z_:][\w:]*", " ".join((json.dumps(DASHBOARDS), rules, pages))))
    unused = {name for name, metric in CATALOG.items() if not used.intersection(metric.series)}
    assert unused == set(UNUSED)


def test_limits_of_memoryos_are_drawn_from_what_it_exports() -> None:
    for threshold in ("latency_p95_ms", "error_rate", "queue_depth"):
        drawn = [
            panel["title"]
            for data in DASHBOARDS.values()
            for panel, target in targets(data)
            if panel["type"] == "timeseries" and f"memoryos_rollback_threshold_{threshold}" in target["expr"]
        ]
        assert drawn, f"the live {threshold} limit is drawn nowhere"


def test_a_mode_has_one_colour_and_one_dash_everywhere() -> None:
    styles: dict[str, set[str]] = {}
    for data in DASHBOARDS.values():
        for panel in panels(data):
            if panel["type"] != "timeseries" or panel["title"].startswith("Percentiles"):
                continue
            for override in panel["fieldConfig"]["overrides"]:
                found = re.fullmatch(r"/\^(legacy|dual_run|memory_os)/", override["matcher"]["options"])
                if found:
                    look = {
                        p["id"]: p["value"] for p in override["properties"] if p["id"] in ("color", "custom.lineStyle")
                    }
                    styles.setdefault(found[1], set()).add(json.dumps(look))
    assert {mode: len(looks) for mode, looks in styles.items()} == {"legacy": 1, "dual_run": 1, "memory_os": 1}
    assert len(set.union(*styles.values())) == 3, "two modes look alike"


def test_provisioning_names_the_data_source_and_the_folder_of_the_configuration(config: Config) -> None:
    produced = files(config)
    (source,) = yaml.safe_load(produced["dashboards/provisioning/datasources/memoryos.yml"])["datasources"]
    assert source["uid"] == config.grafana.datasource_uid
    assert source["jsonData"]["timeInterval"] == str(config.prometheus.scrape_interval)
    (provider,) = yaml.safe_load(produced["dashboards/provisioning/dashboards/memoryos.yml"])["providers"]
    assert provider["folder"] == config.grafana.folder


@pytest.mark.parametrize("uid", UIDS)
def test_a_config_map_holds_the_dashboard_and_fits_into_etcd(uid: str, config: Config) -> None:
    text = files(config)[f"dashboards/kubernetes/{uid}.configmap.yml"]
    config_map = yaml.safe_load(text)
    assert json.loads(config_map["data"][f"{uid}.json"]) == DASHBOARDS[uid]
    assert config_map["metadata"]["labels"]["grafana_dashboard"] == "1"
    assert len(text.encode()) < 1_000_000

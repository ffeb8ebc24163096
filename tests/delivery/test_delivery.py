"""The rules in other people's forms are the same rules: the operator's objects, Mimir's namespace, the mixin."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import _jsonnet
import pytest
import yaml

from memoryos_generators import delivery
from memoryos_generators.config import load
from memoryos_generators.rules import alerts
from memoryos_generators.rules.delivery import group_fields
from memoryos_generators.rules.groups import groups
from support.programs import ROOT, tool

FILES = delivery.files(load())
GROUPS = [group_fields(group) for group in groups(load())]
MIXIN = ROOT / "generators" / "mixin" / "mixin.libsonnet"


def objects(path: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(FILES[path]))


def mixin(config: str = "{}", field: str = "prometheusAlerts") -> Any:
    code = f"((import '{MIXIN}') + {{ _config+:: {config} }}).{field}"
    return json.loads(_jsonnet.evaluate_snippet("test", code))


def rules(found: dict[str, Any]) -> list[dict[str, Any]]:
    return [rule for group in found["groups"] for rule in group["rules"]]


def test_the_operator_gets_every_group_once_in_objects_that_etcd_can_store() -> None:
    found = objects("alerts/kubernetes/prometheusrule.yaml")
    assert [group for each in found for group in each["spec"]["groups"]] == GROUPS
    assert len({each["metadata"]["name"] for each in found}) == len(found)
    for each in found:
        assert (each["apiVersion"], each["kind"]) == ("monitoring.coreos.com/v1", "PrometheusRule")
        assert len(json.dumps(each)) < 1_000_000


def test_the_operator_scrapes_under_the_jobs_that_the_rules_know() -> None:
    settings = load().prometheus
    (monitor,) = objects("alerts/kubernetes/servicemonitor.yaml")
    (scrape,) = objects("alerts/kubernetes/scrapeconfig.yaml")
    (endpoint,) = monitor["spec"]["endpoints"]
    assert {"targetLabel": "job", "replacement": settings.exporter_job} in endpoint["relabelings"]
    assert {"targetLabel": "job", "replacement": settings.job} in scrape["spec"]["relabelings"]


def test_the_service_that_is_packaged_is_the_one_that_is_monitored() -> None:
    manifest = (ROOT / "exporter/packaging/kubernetes/memoryos-exporter.yaml").read_text()
    (service,) = (each for each in yaml.safe_load_all(manifest) if each["kind"] == "Service")
    (monitor,) = objects("alerts/kubernetes/servicemonitor.yaml")
    (scrape,) = objects("alerts/kubernetes/scrapeconfig.yaml")
    assert monitor["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    assert monitor["spec"]["endpoints"][0]["port"] in {port["name"] for port in service["spec"]["ports"]}
    assert scrape["spec"]["httpSDConfigs"][0]["url"] == f"http://{service['metadata']['name']}:9943/sd"


def test_mimir_gets_one_namespace_that_promtool_finds_sound(tmp_path: Path) -> None:
    (found,) = objects("alerts/mimir/memoryos.yml")
    assert (found.pop("namespace"), found) == ("memoryos", {"groups": GROUPS})
    file = tmp_path / "rules.json"
    file.write_text(json.dumps(found))
    subprocess.run([tool("promtool"), "check", "rules", file], check=True, capture_output=True)


def test_the_mixin_has_the_generated_rules_and_every_dashboard() -> None:
    assert json.loads(FILES["generators/mixin/rules.json"]) == {"groups": GROUPS}
    assert {rule["alert"] for rule in rules(mixin()) if "alert" in rule} == {alert.name for alert in alerts(load())}
    shipped = {path.name: json.loads(path.read_text()) for path in (ROOT / "dashboards").glob("*.json")}
    assert mixin(field="grafanaDashboards") == shipped
    assert mixin(field="prometheusRules") == {"groups": []}


def test_the_mixin_tunes_one_alert_by_name_and_leaves_the_others() -> None:
    tuned = "{ alerts+: { MemoryOSThrottling: { 'for': '30m', severity: 'info', labels: { team: 'a' } } } }"
    before, after = rules(mixin()), rules(mixin(tuned))
    changed = [(old, new) for old, new in zip(before, after, strict=True) if old != new]
    assert {new["alert"] for _, new in changed} == {"MemoryOSThrottling"}
    for old, new in changed:
        assert new == {**old, "for": "30m", "labels": {**old["labels"], "severity": "info", "team": "a"}}


def test_the_mixin_disables_an_alert_and_labels_all_others() -> None:
    found = rules(mixin("{ alerts+: { MemoryOSJournalFull: { disabled: true } }, labels+: { owner: 'memory' } }"))
    named = [rule for rule in found if "alert" in rule]
    assert "MemoryOSJournalFull" not in {rule["alert"] for rule in named}
    assert {rule["labels"]["owner"] for rule in named} == {"memory"}
    assert len([rule for rule in found if "record" in rule]) == len(
        [r for r in rules({"groups": GROUPS}) if "record" in r]
    )


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ("{ alerts+: { MemoryOSNonsense: { disabled: true } } }", "there is no alert MemoryOSNonsense"),
        ("{ alerts+: { MemoryOSThrottling: { fro: '30m' } } }", "unknown key fro; known keys: disabled, for,"),
    ],
)
def test_the_mixin_refuses_what_does_not_exist(config: str, says: str) -> None:
    with pytest.raises(RuntimeError, match=says):
        mixin(config)

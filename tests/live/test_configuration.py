"""The Prometheus configuration that is shipped: what promtool says, and what a real Prometheus makes of it."""

from __future__ import annotations

import json
import re
import subprocess
from itertools import zip_longest
from pathlib import Path

import pytest
import yaml

from live import clock
from live.stack import Stack
from memoryos_generators import alertmanager, prometheus, rules
from memoryos_generators.config import load
from memoryos_generators.duration import SYNTAX, Duration
from support.programs import ROOT, exporter, query, tool, until
from support.programs import prometheus as running_prometheus

SHIPPED = ("alerts/prometheus.yml", "alerts/prometheus-single.yml")
LOOK_BACK = re.compile(r"\[[^\]]+\]|offset \w+")
NUMBER = re.compile(r"((?:[0-9]+[wdhms])+|[0-9]+(?:\.[0-9]+)?)")


@pytest.mark.parametrize("path", SHIPPED)
def test_promtool_finds_nothing_wrong_with_what_is_shipped_and_every_rule_file_is_named_by_it(path: str) -> None:
    checked = subprocess.run(
        [tool("promtool"), "check", "config", ROOT / path], capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stderr
    found = re.findall(r"Checking (\S+/rules/\S+)", checked.stdout)
    assert {Path(each).name for each in found} == {each.name for each in (ROOT / "alerts/rules").iterdir()}


@pytest.mark.parametrize("speed", [speed for speed in clock.SPEEDS if speed > 1])
def test_the_demonstration_differs_from_what_is_shipped_only_in_lengths_of_time_shortened_alike(
    speed: int, tmp_path: Path
) -> None:
    shipped, faster = _generated({}, tmp_path), _generated(clock.settings(speed), tmp_path)
    assert faster.keys() == shipped.keys()
    lengths = 0
    for path, text in shipped.items():
        for before, after in zip_longest(_parts(text), _parts(faster[path])):
            lengths += before != after
            assert after == before or _seconds(after) == -(-_seconds(before) // speed), (path, before, after)
    assert lengths > 500


def test_every_alert_waits_a_fifteenth_as_long_in_the_demonstration(tmp_path: Path) -> None:
    shipped, faster = _generated({}, tmp_path), _generated(clock.settings(15), tmp_path)
    waits = [(_waits(text), _waits(faster[path])) for path, text in shipped.items() if path.startswith("alerts/rules")]
    assert sum(len(before) for before, _ in waits) > 50
    for before, after in waits:
        assert [(name, seconds / 15) for name, seconds in before] == after


def test_no_rule_looks_back_as_far_in_the_demonstration_as_it_does_when_shipped_but_the_idle_canary(
    tmp_path: Path,
) -> None:
    shipped, faster = _generated({}, tmp_path), _generated(clock.settings(15), tmp_path)
    same = {
        before.get("alert", before.get("record"))
        for path in shipped
        if path.startswith("alerts/rules")
        for before, after in zip(_rules(shipped[path]), _rules(faster[path]), strict=True)
        if set(LOOK_BACK.findall(before["expr"])) & set(LOOK_BACK.findall(after["expr"]))
    }
    assert same == {"MemoryOSCanaryIdle"}  # its hour is no setting: it cannot fire in a demonstration


def test_each_discovered_target_is_scraped_once_with_the_fleet_s_labels_and_every_rule_is_healthy(
    tmp_path: Path,
) -> None:
    document = ROOT / "tests/recorded/08-healthy-memory-os.json"
    targets = [
        {"name": "memory-a", "file": str(document)},
        {"name": "memory-b", "file": str(document), "labels": {"cluster": "east"}},
    ]
    config = tmp_path / "exporter.json"
    config.write_text(json.dumps({"targets": targets}))
    with Stack(tmp_path, ["serve", f"--config={config}"], 15) as stack:
        until(lambda: len(stack.prometheus.query("memoryos_up == 1")) == 2, "both targets to be scraped")
        until(lambda: stack.prometheus.query("memoryos_exporter_build_info"), "the exporter itself to be scraped")
        up = [each["metric"] for each in stack.prometheus.query("memoryos_up")]
        assert {(each["cluster"], each["job"], each["instance"]) for each in up} == {
            ("demo", "memoryos", "memory-a"),
            ("east", "memoryos", "memory-b"),
        }
        until(lambda: not stack.prometheus.unhealthy_rules(), "every rule to be evaluated without an error")
        assert {each["name"] for each in stack.prometheus.rule_groups()} == {
            group.name for group in rules.groups(load())
        }


def test_a_single_memoryos_is_scraped_from_metrics_with_the_fleet_s_labels(tmp_path: Path) -> None:
    with exporter(tmp_path, "--demo") as serving:
        address = serving.url.removeprefix("http://")
        settings = clock.settings(15)
        settings["prometheus"] |= {"exporter_address": address, "alertmanagers": []}
        document = yaml.safe_load(_generated(settings, tmp_path)["alerts/prometheus-single.yml"])
        with running_prometheus(tmp_path / "prometheus", document) as url:
            until(lambda: query(url, "memoryos_up == 1"), "MemoryOS to be scraped")
            found = query(url, 'max by (cluster, job, instance) ({__name__=~"memoryos_mode|memoryos_exporter_.+"})')
            assert [each["metric"] for each in found] == [
                {"cluster": "default", "job": "memoryos", "instance": address}
            ]


def _generated(settings: dict[str, object], directory: Path) -> dict[str, str]:
    override = directory / "override.json"
    override.write_text(json.dumps(settings))
    config = load(override)
    produced = {**rules.files(config), **prometheus.files(config), **alertmanager.files(config)}
    return {path: text for path, text in produced.items() if path.endswith(".yml")}


def _parts(text: str) -> list[str]:
    """What the YAML says, without white space, cut at each number and length of time."""
    return NUMBER.split(re.sub(r"\\n|\s", "", json.dumps(yaml.safe_load(text))))


def _seconds(part: str | None) -> float:
    assert part is not None
    assert NUMBER.fullmatch(part), part
    return Duration.parse(part) if SYNTAX.fullmatch(part) else float(part)


def _waits(rule_file: str) -> list[tuple[str, float]]:
    """How long each alert of a rule file waits, and stays, in seconds."""
    return [
        (f"{rule['alert']} {key}", float(Duration.parse(rule[key])))
        for rule in _rules(rule_file)
        for key in ("for", "keep_firing_for")
        if key in rule
    ]


def _rules(rule_file: str) -> list[dict[str, str]]:
    return [rule for group in yaml.safe_load(rule_file)["groups"] for rule in group["rules"]]

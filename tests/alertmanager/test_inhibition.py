"""What silences what: held for all sets of alerts by our own evaluation, which a real Alertmanager confirms."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from hypothesis import given
from hypothesis import strategies as st

from alertmanager.inhibition import Labels, inhibitors, matches
from alertmanager.running import alertmanager
from memoryos_generators import alertmanager as generator
from memoryos_generators.alertmanager.inhibitions import INHIBITIONS, SEVERITIES
from memoryos_generators.config import load
from memoryos_generators.rules import alerts
from support.programs import until

CONFIG = load()
RULES: list[dict[str, Any]] = yaml.safe_load(generator.document(CONFIG))["inhibit_rules"]
ALERTS = {alert.name: alert for alert in alerts(CONFIG)}
RANK = {severity: rank for rank, severity in enumerate(SEVERITIES)}


def of(name: str, severity: str = "critical", **labels: str) -> dict[str, str]:
    return {"alertname": name, "severity": severity, "cluster": "a", "job": "memoryos", "instance": "n1"} | labels


def silenced(alert: Labels, *firing: Labels) -> bool:
    return bool(inhibitors(alert, firing, RULES))


@st.composite
def alert_labels(draw: st.DrawFn) -> dict[str, str]:
    """An alert of any name and severity on a small fleet, with labels missing."""
    labels = {
        "alertname": draw(st.sampled_from([*ALERTS, "KubePodCrashLooping"])),
        "severity": draw(st.sampled_from([*SEVERITIES, ""])),
        "cluster": draw(st.sampled_from(["a", "b", ""])),
        "job": draw(st.sampled_from(["memoryos", "other"])),
        "instance": draw(st.sampled_from(["n1", "n2", ""])),
    }
    return {name: value for name, value in labels.items() if value}


some_alerts = st.lists(alert_labels(), max_size=12)


# -- the evaluation itself


def test_a_matcher_holds_as_alertmanager_reads_it() -> None:
    assert matches(['severity="critical"'], {"severity": "critical"})
    assert matches(['severity=~"critical|warning"'], {"severity": "warning"})
    assert not matches(['severity=~"crit"'], {"severity": "critical"})
    assert matches(['instance=""'], {})
    assert not matches(['instance!=""'], {})
    assert matches(['instance!~"n.+"'], {})


@given(alert_labels(), some_alerts)
def test_a_label_that_is_empty_is_a_label_that_is_missing(alert: dict[str, str], firing: list[dict[str, str]]) -> None:
    names = ("cluster", "instance", "severity")
    filled = [{name: other.get(name, "") for name in names} | other for other in [alert, *firing]]
    assert bool(inhibitors(alert, firing, RULES)) == bool(inhibitors(filled[0], filled[1:], RULES))


# -- the rules that are shipped


@given(some_alerts)
def test_no_alert_is_silenced_by_a_milder_one(firing: list[dict[str, str]]) -> None:
    for alert in firing:
        for source in inhibitors(alert, firing, RULES):
            assert RANK[source["severity"]] <= RANK.get(alert.get("severity", ""), len(RANK))


@given(some_alerts)
def test_whatever_fires_in_a_fleet_something_of_its_worst_severity_is_told(firing: list[dict[str, str]]) -> None:
    told = [alert for alert in firing if not inhibitors(alert, firing, RULES)]
    for alert in firing:
        fleet = [other for other in told if _fleet(other) == _fleet(alert)]
        assert fleet
        worst = min(RANK.get(other.get("severity", ""), len(RANK)) for other in fleet)
        assert worst <= RANK.get(alert.get("severity", ""), len(RANK))


@given(alert_labels(), some_alerts)
def test_an_alert_is_only_silenced_from_within_its_own_fleet(
    alert: dict[str, str], firing: list[dict[str, str]]
) -> None:
    assert all(_fleet(source) == _fleet(alert) for source in inhibitors(alert, firing, RULES))


@given(alert_labels(), some_alerts)
def test_another_node_silences_only_what_is_judged_for_the_whole_fleet_at_once(
    alert: dict[str, str], firing: list[dict[str, str]]
) -> None:
    by_fleet = {name for each in INHIBITIONS if each.scope == "fleet" for name in each.targets}
    for source in inhibitors(alert, firing, RULES):
        same_node = source.get("instance", "") == alert.get("instance", "")
        assert same_node or alert["alertname"] in by_fleet


@given(some_alerts)
def test_the_watchdog_and_the_alerts_of_others_are_never_silenced(firing: list[dict[str, str]]) -> None:
    assert not inhibitors({"alertname": "MemoryOSWatchdog", "severity": "none"}, firing, RULES)
    for severity in SEVERITIES:
        assert not inhibitors(of("KubePodCrashLooping", severity), firing, RULES)


def test_a_label_missing_on_both_sides_does_not_make_two_alerts_of_one_node() -> None:
    """Alertmanager takes it for equal, so a source without an instance would silence for the whole fleet."""
    fleet = of("MemoryOSDown", instance="")
    assert not silenced(of("MemoryOSStatsStale", "warning", instance=""), fleet)
    assert silenced(of("MemoryOSStatsStale", "warning"), of("MemoryOSDown"))


def test_a_fleet_without_a_cluster_label_is_still_a_fleet() -> None:
    rolled_back, spike = of("MemoryOSRolledBack"), of("MemoryOSFallbackSpike", "warning")
    del rolled_back["cluster"], spike["cluster"]
    assert silenced(spike, rolled_back)


def test_every_pair_of_the_table_silences_on_its_node_or_in_its_fleet_and_not_beyond() -> None:
    for inhibition in INHIBITIONS:
        for source in inhibition.sources:
            for target in inhibition.targets:
                assert silenced(of(target, "warning"), of(source))
                assert silenced(of(target, "warning"), of(source, instance="n2")) == (inhibition.scope == "fleet")
                assert not silenced(of(target, "warning"), of(source, cluster="b"))
                assert not silenced(of(target, "critical"), of(source, "warning"))


def test_the_table_names_alerts_that_exist_and_labels_that_they_have() -> None:
    for inhibition in INHIBITIONS:
        assert {*inhibition.sources, *inhibition.targets} <= ALERTS.keys()
        for name in inhibition.sources if inhibition.scope == "node" else ():
            assert not ALERTS[name].per_fleet, f"{name} has no instance and could silence nothing"
        for name in inhibition.targets if inhibition.scope == "node" else ():
            assert not ALERTS[name].per_fleet, f"{name} has no instance and could never be silenced"


# -- against the real one


def test_a_real_alertmanager_silences_exactly_the_same_alerts(tmp_path: Path) -> None:
    """Three hundred random sets of alerts, each as a fleet of its own, missing labels included."""
    for path, text in generator.files(CONFIG).items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    fleets = [_random_fleet(random.Random(number), f"job-{number}") for number in range(300)]
    expected = {_key(alert): bool(inhibitors(alert, fleet, RULES)) for fleet in fleets for alert in fleet}
    assert 100 < sum(expected.values()) < len(expected) - 100
    with alertmanager(tmp_path / "alerts/alertmanager.yml", tmp_path / "storage") as running:
        running.post([{"labels": alert} for fleet in fleets for alert in fleet])
        until(lambda: _silenced_by(running.ask("alerts")) == expected, "the same alerts to be silenced")


def _silenced_by(answered: Sequence[Mapping[str, Any]]) -> dict[frozenset[tuple[str, str]], bool]:
    return {_key(alert["labels"]): bool(alert["status"]["inhibitedBy"]) for alert in answered}


def _random_fleet(chance: random.Random, job: str) -> list[dict[str, str]]:
    """Alerts that have much to do with one another: those of one rule, over few nodes."""
    inhibition = chance.choice(INHIBITIONS)
    names = [*inhibition.sources, *inhibition.targets, chance.choice(list(ALERTS))]
    fleet = []
    for _ in range(chance.randint(2, 8)):
        labels = {
            "alertname": chance.choice(names),
            "severity": chance.choice(SEVERITIES),
            "cluster": chance.choice(["a", "a", "b", ""]),
            "job": job,
            "instance": chance.choice(["n1", "n1", "n2", ""]),
        }
        fleet.append({name: value for name, value in labels.items() if value})
    return fleet


def _key(labels: Labels) -> frozenset[tuple[str, str]]:
    return frozenset(labels.items())


def _fleet(labels: Labels) -> tuple[str, ...]:
    return tuple(labels.get(name, "") for name in CONFIG.fleet_labels)

"""The configuration: every default can be overridden, and what cannot be is one clear sentence and no output."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from memoryos_exporter.catalog import operations, rollout
from memoryos_generators.__main__ import EXTRA
from memoryos_generators.cli import main
from memoryos_generators.config import DEFAULTS, Config, ConfigError, convert, load, merge, read
from memoryos_generators.duration import Duration
from memoryos_generators.rules import alerts, groups
from memoryos_generators.rules.model import Rule
from memoryos_generators.rules.promql import Promql, formatted

BAD = {
    "unknown alert": (
        {"alerts": {"MemoryOSDwon": {"disabled": True}}},
        "alerts.MemoryOSDwon",
        "no such alert; there is MemoryOSDown",
    ),
    "unknown key": ({"rules": {"windov": "5m"}}, "rules", "`windov`"),
    "unknown key of an alert": ({"alerts": {"MemoryOSDown": {"fro": "1m"}}}, "alerts.MemoryOSDown", "`fro`"),
    "negative for": ({"alerts": {"MemoryOSDown": {"for": "-5m"}}}, "alerts.MemoryOSDown.for", "without a sign"),
    "a number for a duration": ({"rules": {"window": 300}}, "rules.window", "duration"),
    "scrapes too seldom for what happens once": (
        {"prometheus": {"scrape_interval": "1m"}},
        "rules.recent",
        "less than twice prometheus.scrape_interval",
    ),
    "evaluations too seldom for what happens once": (
        {"prometheus": {"evaluation_interval": "1m"}},
        "rules.recent",
        "less than twice prometheus.evaluation_interval",
    ),
    "budget of 0": ({"slos": {"errors": {"permanent": {"budget": 0}}}}, "slos.errors.permanent.budget", "> 0"),
    "budget of 1": ({"slos": {"errors": {"permanent": {"budget": 1}}}}, "slos.errors.permanent.budget", "< 1"),
    "unknown class": ({"slos": {"errors": {"fatal": {"budget": 0.1}}}}, "slos.errors", "fatal"),
    "unknown severity": ({"alerts": {"MemoryOSDown": {"severity": "page"}}}, "alerts.MemoryOSDown.severity", "page"),
    "unknown phase": ({"phase": "done"}, "phase", "done"),
    "no fleet labels": ({"fleet_labels": []}, "fleet_labels", ">= 1"),
    "a label that cannot be": ({"fleet_labels": ["my-cluster"]}, "fleet_labels", "regex"),
    "off the histogram": (
        {"slos": {"latency": {"retrieve_p95": {"seconds": 0.66}}}},
        "slos.latency.retrieve_p95.seconds",
        "no bound of the histogram",
    ),
    "unknown operation": (
        {"slos": {"latency": {"retrieve_p95": {"operation": "recall"}}}},
        "slos.latency.retrieve_p95.operation",
        "none of",
    ),
    "a tier out of step": (
        {"slos": {"tiers": [{"long": "1h", "short": "7m", "factor": 2, "for": "2m"}]}},
        "slos.tiers[0]",
        "no multiple",
    ),
    "a budget that no tier can watch": (
        {"slos": {"tiers": [{"long": "1h", "short": "5m", "factor": 14.4, "for": "2m"}]}},
        "slos.errors.transient.budget",
        "no tier can fire",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_override_is_one_sentence_with_file_and_key_and_nothing_is_written(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    override, key, problem = BAD[name]
    file = tmp_path / "mine.yml"
    file.write_text(yaml.safe_dump(override))

    status = main(["--config", str(file), "--output", str(tmp_path / "out")])

    told = capsys.readouterr()
    assert status == 2
    assert told.out == ""
    assert told.err.count("\n") == 1
    assert f"memoryos-generate: {file}: {key}" in told.err
    assert problem in told.err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("text", "suffix", "told"),
    [
        ("rules: {window: 5m\n", ".yml", "line"),
        ("- rules\n", ".yml", "an object of settings"),
        ("{ rules: { window: '5m' }", ".jsonnet", "mine.jsonnet:1:"),
        ("{ rules: { window: error 'no' } }", ".jsonnet", "no"),
        ("(import 'nothing.libsonnet')", ".libsonnet", "nothing.libsonnet"),
    ],
)
def test_a_broken_file_is_named_with_its_line(
    text: str, suffix: str, told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / f"mine{suffix}"
    file.write_text(text)

    assert main(["--config", str(file), "--output", str(tmp_path / "out")]) == 2
    error = capsys.readouterr().err
    assert told in error
    assert "Traceback" not in error
    assert error.count("\n") == 1


def test_a_file_that_is_not_there_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--config", str(tmp_path / "none.yml")]) == 2
    assert f"{tmp_path / 'none.yml'}: cannot be read: No such file" in capsys.readouterr().err


def test_jsonnet_and_yaml_say_the_same(tmp_path: Path) -> None:
    (tmp_path / "a.yml").write_text("rules: {minimum_operations: 1}\nalerts: {MemoryOSDown: {for: 2m}}\n")
    (tmp_path / "b.jsonnet").write_text(
        "{ rules+: { minimum_operations: 1 }, alerts: { MemoryOSDown: { 'for': '2m' } } }"
    )
    (tmp_path / "c.jsonnet").write_text(
        "(import 'config.libsonnet') + { rules+: { minimum_operations: 1 }, alerts: { MemoryOSDown: { 'for': '2m' } } }"
    )

    texts = {str(groups(load(tmp_path / name))) for name in ("a.yml", "b.jsonnet", "c.jsonnet")}

    assert len(texts) == 1


def changed(**override: Any) -> Config:
    return convert(merge(read(DEFAULTS), override), "test")


def rules_of(config: Config, alert: str) -> list[Rule]:
    return [rule for group in groups(config) for rule in group.rules if rule.alert == alert]


def test_one_alert_is_tuned_by_name_and_no_other_is() -> None:
    config = changed(
        alerts={"MemoryOSDown": {"for": "2m", "keep_firing_for": "10m", "severity": "warning", "labels": {"team": "a"}}}
    )
    tuned = rules_of(config, "MemoryOSDown")

    assert {rule.labels["severity"] for rule in tuned} == {"warning", "info"}
    assert {(str(rule.for_), str(rule.keep_firing_for), rule.labels["team"]) for rule in tuned} == {("2m", "10m", "a")}
    others = [rule for group in groups(config) for rule in group.rules if rule.alert != "MemoryOSDown"]
    assert others == [rule for group in groups(load()) for rule in group.rules if rule.alert != "MemoryOSDown"]


def test_a_severity_that_is_raised_still_follows_the_mode() -> None:
    tuned = rules_of(changed(alerts={"MemoryOSThrottling": {"severity": "critical"}}), "MemoryOSThrottling")

    assert [rule.labels["severity"] for rule in tuned] == ["critical", "warning", "info"]


def test_a_disabled_alert_is_gone() -> None:
    assert rules_of(changed(alerts={"MemoryOSJournalFull": {"disabled": True}}), "MemoryOSJournalFull") == []


def test_a_completed_migration_keeps_what_protects_and_drops_what_only_a_migration_needs() -> None:
    kept = {alert.name for alert in alerts(changed(phase="completed"))}

    assert {"MemoryOSDown", "MemoryOSRollbackLatency", "MemoryOSModeLostUnannounced", "MemoryOSModeSplit"} <= kept
    assert not kept & {
        "MemoryOSDriftRegression",
        "MemoryOSFallbackDisabled",
        "MemoryOSCanaryIdle",
        "MemoryOSCutoverWatch",
    }


def test_fleet_labels_and_the_job_and_further_matchers_reach_every_expression() -> None:
    config = changed(fleet_labels=["region", "service"], prometheus={"job": "agents", "selector": 'env="prod"'})
    expressions = [rule.expr for group in groups(config) for rule in group.rules]

    assert not any("cluster" in expr for expr in expressions)
    assert any("by (region, service)" in expr for expr in expressions)
    assert any('up{env="prod",job="agents"}' in expr for expr in expressions)
    assert any('memoryos_up{env="prod"}' in expr for expr in expressions)


def test_a_tier_that_cannot_fire_is_left_out_and_the_file_says_why() -> None:
    tiers = [rule for rule in rules_of(load(), "MemoryOSErrorBudgetBurn") if rule.labels["window"] in {"1h", "6h"}]
    notes = [note for group in groups(load()) if group.area == "slo" for note in group.notes]

    assert tiers
    assert not any("transient" in rule.expr for rule in tiers)
    assert any(
        "1h at 14.4 times slos.errors.transient.budget (0.2) asks for 288% failed calls" in note for note in notes
    )


def test_check_names_the_stale_file_and_generation_mends_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--output", str(tmp_path)]) == 0
    assert main(["--output", str(tmp_path), "--check"]) == 0
    (tmp_path / "alerts/rules/queue.yml").write_text("groups: []\n")
    (tmp_path / "alerts/rules/meta.yml").unlink()
    (tmp_path / "alerts/rules/old.yml").write_text("# Generated by memoryos-generate\n")
    capsys.readouterr()

    assert main(["--output", str(tmp_path), "--check"]) == 1
    told = capsys.readouterr().out
    assert "alerts/rules/queue.yml is stale" in told
    assert "alerts/rules/meta.yml is missing" in told
    assert "alerts/rules/old.yml is no longer generated: remove it" in told

    main(["--output", str(tmp_path)])
    assert "2 changed" in capsys.readouterr().out


def test_diff_shows_what_an_override_changes_and_writes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "mine.yml"
    file.write_text("alerts: {MemoryOSDown: {for: 2m}}\n")

    assert main(["diff", "--config", str(file), "--output", str(tmp_path / "out")]) == 1
    told = capsys.readouterr().out
    assert "+++ override/alerts/rules/availability.yml" in told
    assert "-    for: 45s" in told
    assert "+    for: 2m" in told
    assert not (tmp_path / "out").exists()

    file.write_text("{}\n")
    assert main(["diff", "--config", str(file)]) == 0


@given(st.integers(min_value=0, max_value=10**7))
def test_a_duration_reads_back_as_it_was_written(seconds: int) -> None:
    assert Duration.parse(str(Duration(seconds))) == seconds


@pytest.mark.parametrize("text", ["", "-5m", "5", "m", "5 m", "1.5h", "5x", "5m-"])
def test_what_is_no_duration_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match="30s, 5m or 1h30m"):
        Duration.parse(text)


def test_a_name_that_the_exporter_does_not_have_cannot_be_written() -> None:
    q = Promql(load())
    with pytest.raises(ValueError, match="mode is never memoryos"):
        q(rollout.MODE, mode="memoryos")
    with pytest.raises(ValueError, match="has no label stage"):
        q(rollout.MODE, stage="canary")
    with pytest.raises(ValueError, match="is no series of"):
        q(operations.OPERATION_DURATION)
    with pytest.raises(ValueError, match="no such series: memoryos_queue_dept"):
        formatted("memoryos_queue_dept > 1", [])


def test_an_override_error_is_an_exception_of_its_own() -> None:
    with pytest.raises(ConfigError, match=r"test: rules\.minimum_operations"):
        changed(rules={"minimum_operations": 0})


@pytest.mark.parametrize("missing", EXTRA)
def test_where_only_the_exporter_is_installed_one_sentence_names_the_extra(missing: str, tmp_path: Path) -> None:
    without = (
        f"import sys; sys.modules[{missing!r}] = None; from memoryos_generators.__main__ import main; sys.exit(main())"
    )
    finished = subprocess.run(
        [sys.executable, "-c", without, "--output", str(tmp_path / "out")], capture_output=True, text=True, check=False
    )

    assert finished.returncode == 2
    assert finished.stderr.count("\n") == 1
    assert "memoryos-observability[generators]" in finished.stderr

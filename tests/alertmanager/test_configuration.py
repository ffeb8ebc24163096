"""alertmanager.yml: valid whatever is configured, and every alert reaches the people whom its severity names."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml

from alertmanager.running import alertmanager, amtool
from memoryos_generators import alertmanager as generator
from memoryos_generators.config import load
from memoryos_generators.rules import groups

WAYS: dict[str, dict[str, Any]] = {
    "pagerduty": {"routing_key_file": "/run/secrets/pagerduty"},
    "slack": {"api_url_file": "/run/secrets/slack", "channel": "#memoryos"},
    "email": {
        "to": "a@example.org, b@example.org",
        "from": "alerts@example.org",
        "smarthost": "mail.example.org:587",
        "username": "alerts",
        "password_file": "/run/secrets/mail",
    },
    "webhook": {"url": "http://127.0.0.1:9095/", "credentials_file": "/run/secrets/webhook"},
}
CONFIGURED = [names for size in range(len(WAYS) + 1) for names in combinations(WAYS, size)]
RECEIVER = {"critical": "pager", "warning": "tickets", "info": "context", "none": "watchdog"}
RULES = [rule for group in groups(load()) for rule in group.rules if rule.alert]


def generate(folder: Path, **settings: Any) -> Path:
    """alertmanager.yml and its templates below ``folder``, with these settings of `alertmanager`."""
    (folder / "override.yml").write_text(yaml.safe_dump({"alertmanager": settings}))
    for path, text in generator.files(load(folder / "override.yml")).items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    return folder / "alerts/alertmanager.yml"


def read(file: Path) -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load(file.read_text())
    return document


@pytest.mark.parametrize("names", CONFIGURED, ids=lambda names: "+".join(names) or "none")
def test_every_choice_of_receivers_is_a_valid_configuration(names: tuple[str, ...], tmp_path: Path) -> None:
    file = generate(tmp_path, receivers={name: WAYS[name] for name in names})
    assert "SUCCESS" in amtool("check-config", str(file))
    told = {key for receiver in read(file)["receivers"] for key in receiver if key != "name"}
    assert told == {f"{name}_configs" for name in names}


def test_without_any_receiver_alertmanager_starts_and_shows_the_alerts(tmp_path: Path) -> None:
    with alertmanager(generate(tmp_path), tmp_path / "storage") as running:
        running.post([{"labels": {"alertname": "MemoryOSDown", "severity": "critical"}}])
        assert [alert["receivers"] for alert in running.ask("alerts")] == [[{"name": "pager"}]]


def test_no_secret_stands_in_the_file(tmp_path: Path) -> None:
    for receiver in read(generate(tmp_path, receivers=WAYS))["receivers"]:
        for key in ("api_url", "routing_key", "service_key", "auth_password"):
            assert f"'{key}'" not in str(receiver)


@pytest.mark.parametrize(
    ("name", "severity"), sorted({(rule.alert, rule.labels["severity"]) for rule in RULES}), ids=lambda value: value
)
def test_an_alert_reaches_the_people_whom_its_severity_names(
    name: str, severity: str, shipped: Path, playbooks: dict[str, str]
) -> None:
    labels = [f"alertname={name}", f"severity={severity}", f"playbook={playbooks[name]}", "cluster=a", "job=memoryos"]
    routed = amtool("config", "routes", "test", f"--config.file={shipped}", *labels)
    assert routed.split() == [RECEIVER[severity]]


def test_an_alert_without_a_known_severity_is_a_ticket(shipped: Path) -> None:
    for labels in (["alertname=Other"], ["alertname=Other", "severity=urgent"]):
        assert amtool("config", "routes", "test", f"--config.file={shipped}", *labels).split() == ["tickets"]


def test_one_incident_is_one_page_after_ten_seconds(shipped: Path) -> None:
    routes = {route["receiver"]: route for route in read(shipped)["route"]["routes"]}
    assert read(shipped)["route"]["group_by"] == ["cluster", "job", "playbook"]
    assert routes["pager"]["group_wait"] == "10s"
    assert "group_by" not in routes["pager"]


def test_a_maintenance_window_mutes_people_but_never_the_watchdog(tmp_path: Path) -> None:
    window = {
        "times": [{"start_time": "02:00", "end_time": "05:00"}],
        "weekdays": ["sunday"],
        "days_of_month": ["1:7"],
        "location": "Europe/Berlin",
    }
    document = read(file := generate(tmp_path, maintenance=[window]))
    assert "SUCCESS" in amtool("check-config", str(file))
    assert document["time_intervals"] == [{"name": "maintenance", "time_intervals": [window]}]
    muted = {route["receiver"] for route in document["route"]["routes"] if route.get("mute_time_intervals")}
    assert muted == {"pager", "tickets", "context"}


def test_the_watchdog_is_told_at_least_as_often_as_it_is_asked_for(tmp_path: Path) -> None:
    document = read(generate(tmp_path, watchdog={"url": "http://127.0.0.1:1/", "repeat_interval": "30s"}))
    route = next(route for route in document["route"]["routes"] if route["receiver"] == "watchdog")
    assert (route["group_interval"], route["repeat_interval"]) == ("30s", "30s")


def test_fleet_labels_decide_what_one_incident_is(tmp_path: Path) -> None:
    (tmp_path / "override.yml").write_text("fleet_labels: [region, app]")
    document = yaml.safe_load(generator.document(load(tmp_path / "override.yml")))
    assert document["route"]["group_by"] == ["region", "app", "playbook"]
    assert all({"region", "app"} <= set(rule["equal"]) for rule in document["inhibit_rules"])


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return generate(tmp_path_factory.mktemp("shipped"))


@pytest.fixture(scope="module")
def playbooks() -> dict[str, str]:
    """Alert → its label `playbook`."""
    return {rule.alert: rule.labels["playbook"] for rule in RULES}

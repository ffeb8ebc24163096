"""What people read, delivered by a real Alertmanager to receivers on loopback."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from alertmanager.loopback import Inbox, http, smtp
from alertmanager.running import Alertmanager, alertmanager
from memoryos_generators import alertmanager as generator
from memoryos_generators.config import load
from support.programs import tool, until

RUNBOOK = "https://pages.example.org/MemoryOSRollbackLatency"
DASHBOARD = "https://grafana.example.org/d/memoryos-incident?var-instance=node-1"
DESCRIPTION = "p95 latency of memory_os is 910 ms, the live rollback limit is 450 ms."


def breach(instance: str = "node-1", **changes: str) -> dict[str, Any]:
    """A critical alert as Prometheus sends it."""
    labels = {
        "alertname": "MemoryOSRollbackLatency",
        "severity": "critical",
        "playbook": "4.1",
        "cluster": "prod",
        "job": "memoryos",
        "instance": instance,
    }
    annotations = {
        "summary": "MemoryOS is slower than its rollback limit.",
        "description": DESCRIPTION,
        "playbook": "4.1.1",
        "playbook_step": "Call evaluate_rollback/2 with a live snapshot",
        "runbook_url": RUNBOOK,
        "dashboard_url": DASHBOARD,
    }
    return {"labels": labels | changes, "annotations": annotations, "generatorURL": "http://127.0.0.1:9090/graph"}


@dataclass
class Desk:
    """A running Alertmanager and every way in which it tells."""

    alertmanager: Alertmanager
    web: Inbox
    mail: Inbox

    def posts(self, number: int) -> dict[str, Any]:
        """The next ``number`` HTTP deliveries by path."""
        return {delivery.path: delivery for delivery in (self.web.next() for _ in range(number))}


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with http() as web, smtp("alerts", "mail secret") as mail:
        secrets = {
            "pagerduty": "routing-key",
            "slack": f"http://{web.address}/slack",
            "mail": "mail secret",
            "webhook": "web secret",
        }
        for name, secret in secrets.items():
            (tmp_path / name).write_text(secret)
        override = {
            "alertmanager": {
                "receivers": {
                    "pagerduty": {"routing_key_file": str(tmp_path / "pagerduty")},
                    "slack": {"api_url_file": str(tmp_path / "slack"), "channel": "#memoryos"},
                    "email": {
                        "to": "oncall@example.org",
                        "from": "alerts@example.org",
                        "smarthost": mail.address,
                        "username": "alerts",
                        "password_file": str(tmp_path / "mail"),
                        "require_tls": False,
                    },
                    "webhook": {"url": f"http://{web.address}/webhook", "credentials_file": str(tmp_path / "webhook")},
                },
                "routing": {
                    "critical": {
                        "receivers": ["pagerduty", "slack", "email", "webhook"],
                        "group_wait": "1s",
                        "group_interval": "1s",
                    },
                },
                "watchdog": {"url": f"http://{web.address}/watchdog"},
            }
        }
        (tmp_path / "override.yml").write_text(yaml.safe_dump(override))
        for path, text in generator.files(load(tmp_path / "override.yml")).items():
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_text(text)
        config = tmp_path / "alerts/alertmanager.yml"
        document = yaml.safe_load(config.read_text())
        document["global"]["pagerduty_url"] = f"http://{web.address}/v2/enqueue"
        config.write_text(yaml.safe_dump(document))
        with alertmanager(config, tmp_path / "storage") as running:
            yield Desk(running, web, mail)


def test_a_page_says_everywhere_what_is_wrong_what_to_do_and_where_to_read_on(desk: Desk) -> None:
    desk.alertmanager.post([breach()])
    posts = desk.posts(3)
    mail = desk.mail.next()

    page = posts["/v2/enqueue"].body
    assert page["routing_key"] == "routing-key"
    assert page["payload"]["summary"] == "[CRITICAL] MemoryOSRollbackLatency on prod/memoryos node-1"
    assert page["payload"]["severity"] == "critical"
    assert page["payload"]["group"] == "4.1"
    assert [link["href"] for link in page["links"]] == [RUNBOOK, DASHBOARD]

    message = posts["/slack"].body
    attachment = message["attachments"][0]
    assert message["channel"] == "#memoryos"
    assert attachment["color"] == "danger"
    assert attachment["title_link"] == RUNBOOK
    assert f"<{RUNBOOK}|Playbook>" in attachment["text"]

    assert mail["To"] == "oncall@example.org"
    assert mail["Subject"] == page["payload"]["summary"]
    html = mail.get_body(("html",)).get_content()
    text = mail.get_body(("plain",)).get_content()
    assert f'href="{RUNBOOK}"' in html
    for told in (page["payload"]["custom_details"]["alerts"], attachment["text"], html, text):
        assert DESCRIPTION in told
        assert "4.1.1 Call evaluate_rollback/2 with a live snapshot" in told
        assert "memory_os" in told
        assert "amtool silence add" in told or told is page["payload"]["custom_details"]["alerts"]
        assert "<no value>" not in told

    webhook = posts["/webhook"]
    assert webhook.headers["authorization"] == "Bearer web secret"
    assert webhook.body["groupLabels"] == {"cluster": "prod", "job": "memoryos", "playbook": "4.1"}


def test_the_text_of_a_page_reads_as_written_here(desk: Desk) -> None:
    desk.alertmanager.post([breach() | {"startsAt": "2026-03-01T03:00:00Z"}])
    text = desk.mail.next().get_body(("plain",)).get_content()
    assert (
        text.replace("\r\n", "\n").strip()
        == f"""\
MemoryOSRollbackLatency (critical) on prod/memoryos node-1
MemoryOS is slower than its rollback limit.
{DESCRIPTION}
Do: 4.1.1 Call evaluate_rollback/2 with a live snapshot
Playbook: {RUNBOOK}
Dashboard: {DASHBOARD}
Since: 2026-03-01 03:00:00 UTC

Silence these for two hours:
amtool silence add --alertmanager.url='{desk.alertmanager.url}' --duration=2h --comment='taken over' \
'cluster="prod"' 'job="memoryos"' 'playbook="4.1"'"""
    )


def test_one_incident_on_two_nodes_is_one_page_that_counts_a_storm(desk: Desk) -> None:
    desk.alertmanager.post([breach(f"node-{number}") for number in range(12)])
    page = desk.posts(3)["/v2/enqueue"].body
    assert page["payload"]["summary"] == "[CRITICAL] MemoryOSRollbackLatency and 11 more on prod/memoryos"
    told = page["payload"]["custom_details"]["alerts"]
    assert told.count(DESCRIPTION) == 10
    assert "… and 2 more." in told


def test_the_silence_line_of_a_page_silences_it_whatever_the_labels_contain(desk: Desk) -> None:
    desk.alertmanager.post([breach(cluster='it\'s "big" \\ $HOME')])
    line = desk.posts(3)["/v2/enqueue"].body["payload"]["custom_details"]["silence"]
    # The line is pasted into a shell as it is; only the program is looked for in another place.
    assert shlex.split(line)[0] == "amtool"
    command = line.replace("amtool", tool("amtool"), 1) + " --author=test"
    silence = subprocess.run(["/bin/sh", "-c", command], check=True, capture_output=True, text=True).stdout.strip()
    until(lambda: desk.alertmanager.ask("alerts")[0]["status"]["silencedBy"] == [silence], "the alert to be silenced")


def test_a_label_value_cannot_call_everybody_in_slack_or_add_html_to_a_mail(desk: Desk) -> None:
    alert = breach()
    alert["annotations"]["description"] = "<!channel> & <b>value</b>"
    desk.alertmanager.post([alert])
    assert "&lt;!channel&gt; &amp; &lt;b&gt;" in desk.posts(3)["/slack"].body["attachments"][0]["text"]
    html = desk.mail.next().get_body(("html",)).get_content()
    assert "<b>" not in html
    assert "<!channel>" not in html


def test_what_is_over_is_told_as_over_without_a_silence_line(desk: Desk) -> None:
    desk.alertmanager.post([breach()])
    desk.posts(3)
    desk.mail.next()
    desk.alertmanager.post([breach() | {"startsAt": "2026-03-01T03:00:00Z", "endsAt": "2026-03-01T03:05:00Z"}])
    mail = desk.mail.next(timeout=90)
    assert mail["Subject"] == "[RESOLVED] MemoryOSRollbackLatency on prod/memoryos node-1"
    text = mail.get_body(("plain",)).get_content()
    assert "Over now:" in text
    assert "amtool" not in text
    assert desk.posts(3)["/v2/enqueue"].body["event_action"] == "resolve"


def test_the_watchdog_reaches_its_own_receiver_and_nobody_else(desk: Desk) -> None:
    desk.alertmanager.post([{"labels": {"alertname": "MemoryOSWatchdog", "severity": "info", "cluster": "prod"}}])
    assert desk.web.next().path == "/watchdog"
    assert desk.alertmanager.ask("alerts")[0]["receivers"] == [{"name": "watchdog"}]

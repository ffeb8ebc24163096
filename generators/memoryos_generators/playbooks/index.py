"""The index of the pages: by incident, then by area."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import groupby

from ..rules import Alert
from .source import Source

INTRODUCTION = """\
# Playbooks

Read the page that your notification links to: first the thing to do, then why.

Every page of an alert has the same parts: Meaning, Impact, Diagnosis, Mitigation, Verify fixed. Paste a query into
Prometheus as it stands; it answers for every node, and the labels say which is which. The line below a query says when
it has rows. Elixir is for a console of the node that the alert names (`bin/app remote`). `MemoryOSBridge` is the bridge
that this project puts beside MemoryOS."""

TITLES = {"slo": "SLOs"}
INCIDENTS = ("slo-breach", "drift-regression", "post-incident-reconciliation", "rollout")


def render(alerts: Iterable[Alert], sources: Mapping[str, Source]) -> str:
    """The markdown of README.md."""
    incidents = [f"- [{_title(sources[name])}]({name}.md)" for name in INCIDENTS]
    areas = [
        f"### {TITLES.get(area, area.replace('-', ' ').capitalize())}\n\n" + "\n".join(map(_entry, members))
        for area, members in groupby(alerts, key=lambda alert: alert.area)
    ]
    return "\n\n".join([INTRODUCTION, "## Incidents", "\n".join(incidents), "## Alerts", *areas])


def _title(source: Source) -> str:
    return source.headings[0]


def _entry(alert: Alert) -> str:
    return f"- [{alert.name}]({alert.name}.md) ({alert.severity}): {alert.summary}"

"""The page of one alert: what people wrote, between the facts that the registry knows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..config import Config
from ..rules import Alert, recordings
from ..rules.model import Follows
from ..rules.promql import formatted
from ..rules.steps import PLAYBOOKS, PlaybookStep
from .source import SECTIONS, Source, anchor

# The page of each playbook; the other steps of the specification have none of their own.
PAGE_OF_PLAYBOOK = {
    **dict.fromkeys(("2.1", "2.2", "2.3"), "rollout"),
    "4.1": "slo-breach",
    "4.2": "drift-regression",
    "4.3": "post-incident-reconciliation",
}


def render(alert: Alert, config: Config, sources: Mapping[str, Source]) -> str:
    """The markdown of the page; raises ValueError when a section is missing or out of order."""
    source = sources[alert.name]
    if source.headings != SECTIONS:
        raise ValueError(f"playbooks/pages/{alert.name}.md: its sections must be {', '.join(SECTIONS)}")
    first, sections = source.markdown.split("\n## ", 1)
    recorded = {recording.name for recording in recordings(config)}
    return "\n\n".join(
        [
            f"# {alert.name}",
            f"> {alert.summary}",
            first.strip(),
            _table(_facts(alert, config, sources)),
            f"## {sections.strip()}",
            "## The rule",
            *(f"```promql\n{formatted(condition.expr, recorded)}\n```" for condition in alert.conditions),
        ]
    )


def step_link(step: PlaybookStep, sources: Mapping[str, Source]) -> str:
    """The step in words, linked to where it is explained, if it is."""
    page = PAGE_OF_PLAYBOOK.get(step.playbook)
    text = f"{step.id} {step.title}"
    if page is None:
        return f"{text} ({PLAYBOOKS[step.playbook]})"
    begins = (f"Step {step.id.rpartition('.')[2]}: ", f"{step.playbook} ")
    heading = next(heading for heading in sources[page].headings if heading.startswith(begins))
    return f"[{text}]({page}.md#{anchor(heading)})"


def _facts(alert: Alert, config: Config, sources: Mapping[str, Source]) -> list[tuple[str, str]]:
    override = config.alerts.get(alert.name)
    waits = " or ".join(str(wait) for wait in sorted({condition.for_ for condition in alert.conditions}))
    stays = f", and stays for {alert.keep_firing_for}" if alert.keep_firing_for else ""
    return [
        ("Severity", _severity(alert)),
        ("About", "the whole fleet" if alert.per_fleet else "one node"),
        ("Waits", f"for {waits}{stays}. {alert.reason}"),
        ("Asks for", step_link(alert.step, sources)),
        ("Dashboard", f"[{alert.dashboard}]({config.grafana.base_url.rstrip('/')}/d/{alert.dashboard})"),
        *([("Disabled", "by the configuration")] if override and override.disabled else []),
    ]


def _severity(alert: Alert) -> str:
    if alert.follows is Follows.NOTHING:
        return alert.severity
    return f"{alert.severity} at worst; it follows {alert.follows}"


def _table(rows: Sequence[tuple[str, str]]) -> str:
    return "\n".join(["| | |", "|---|---|", *(f"| {name} | {text} |" for name, text in rows)])

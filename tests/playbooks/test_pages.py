"""The pages as they are shipped: complete, linked, and naming only what exists."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

import promql_parser
import pytest

from memoryos_exporter.catalog import CATALOG
from memoryos_generators import dashboards
from memoryos_generators.config import load
from memoryos_generators.playbooks import files
from memoryos_generators.playbooks.source import SECTIONS, Expectation, anchor, read
from memoryos_generators.rules import groups, recordings
from memoryos_generators.rules.promql import series_names
from support.programs import ROOT

CONFIG = load()
PAGES = {PurePosixPath(path).stem: text for path, text in files(CONFIG).items()}
RULES = [rule for group in groups(CONFIG) for rule in group.rules if rule.alert]
ALERTS = sorted({rule.alert for rule in RULES})
SOURCES = {source.name: source for source in read(CONFIG)}
DASHBOARDS = {
    json.loads(text)["uid"]
    for path, text in dashboards.files(CONFIG).items()
    if re.fullmatch(r"dashboards/[\w-]+\.json", path)
}
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
PROMQL = re.compile(r"^ *```promql\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
FENCED = re.compile(r"^ *```.*?^ *```$", re.MULTILINE | re.DOTALL)
# Series that Prometheus itself makes.
BUILT_IN = {"up", "ALERTS"}


def headings(text: str) -> list[str]:
    return re.findall(r"^#{1,6} (.+)$", FENCED.sub("", text), re.MULTILINE)


@pytest.mark.parametrize("alert", ALERTS)
def test_an_alert_has_a_page_that_says_first_what_to_do_and_last_how_to_know_that_it_is_fixed(alert: str) -> None:
    text = PAGES[alert]
    assert headings(text) == [alert, *SECTIONS, "The rule"]
    assert text.index("**First:**") < text.index("| Severity |") < text.index("## Meaning")
    section = text[text.index("## Verify fixed") : text.index("## The rule")]
    assert PROMQL.search(section), "it does not say by a query how to know"


@pytest.mark.parametrize("page", sorted(PAGES))
def test_every_link_of_a_page_leads_to_a_page_and_a_heading_that_exist(page: str) -> None:
    for target in LINK.findall(FENCED.sub("", PAGES[page])):
        if target.startswith("http"):
            assert urlsplit(target).path.removeprefix("/d/") in DASHBOARDS, target
            continue
        file, _, fragment = target.partition("#")
        linked = PAGES[PurePosixPath(file).stem if file else page]
        assert not fragment or fragment in map(anchor, headings(linked)), target


@pytest.mark.parametrize("page", sorted(SOURCES))
def test_every_query_is_promql_on_series_of_the_catalog(page: str) -> None:
    known = {name for metric in CATALOG.values() for name in metric.series} | BUILT_IN
    for query in SOURCES[page].queries:
        promql_parser.parse(query.expr)
        assert series_names(query.expr) <= known, query.expr


@pytest.mark.parametrize("page", sorted(PAGES))
def test_no_promql_of_a_page_escapes_the_checks(page: str) -> None:
    """A fence that is written otherwise would not be extracted, and nobody would evaluate it."""
    shown = len(PROMQL.findall(PAGES[page]))
    rules = len(PROMQL.findall(PAGES[page].partition("\n## The rule\n")[2]))
    assert shown - rules == len(SOURCES[page].queries if page in SOURCES else ())
    assert PAGES[page].count("```promql") == shown
    for query in SOURCES[page].queries if page in SOURCES else ():
        assert f"*{query.expectation.sentence}*" in PAGES[page]


def test_every_query_of_a_rule_on_a_page_is_the_rule_that_is_shipped() -> None:
    recorded = {recording.name for recording in recordings(CONFIG)}
    known = {name for metric in CATALOG.values() for name in metric.series} | BUILT_IN | recorded
    for alert in ALERTS:
        for expr in PROMQL.findall(PAGES[alert].partition("\n## The rule\n")[2]):
            assert series_names(expr) <= known


@pytest.mark.parametrize("suffix", [".md", "/"])
def test_the_runbook_of_every_alert_is_its_page_wherever_pages_are_published(suffix: str, tmp_path: Path) -> None:
    base = "https://runbooks.example.org/memoryos"
    (tmp_path / "override.yml").write_text(json.dumps({"playbooks": {"base_url": base, "suffix": suffix}}))
    for rule in (rule for group in groups(load(tmp_path / "override.yml")) for rule in group.rules if rule.alert):
        url = rule.annotations["runbook_url"]
        assert url == f"{base}/{rule.alert}{suffix}"
        assert rule.alert in PAGES


def test_the_runbook_of_every_alert_is_a_file_of_this_checkout_by_default() -> None:
    for rule in RULES:
        assert (ROOT / rule.annotations["runbook_url"]).is_file(), rule.annotations["runbook_url"]


def test_the_dashboard_of_every_alert_exists() -> None:
    for rule in RULES:
        path = urlsplit(rule.annotations["dashboard_url"]).path
        assert path.removeprefix("/d/") in DASHBOARDS, f"{rule.alert}: {path}"


@pytest.mark.parametrize("alert", ALERTS)
def test_the_step_that_an_alert_asks_for_stands_on_its_page(alert: str) -> None:
    annotations: Mapping[str, str] = next(rule for rule in RULES if rule.alert == alert).annotations
    assert f"{annotations['playbook']} {annotations['playbook_step']}" in PAGES[alert]


def test_the_index_leads_to_every_page() -> None:
    linked = {PurePosixPath(target).stem for target in LINK.findall(PAGES["README"])}
    assert linked == PAGES.keys() - {"README"}


def test_values_of_the_configuration_stand_in_the_pages(tmp_path: Path) -> None:
    changes = "fleet_labels: [region], rules: {mailbox_limit: 1234, reconciliation_deadline: 45m}"
    (tmp_path / "override.yml").write_text(f"{{{changes}}}")
    changed = files(load(tmp_path / "override.yml"))
    assert "More than 1234 messages wait" in changed["alerts/playbooks/MemoryOSBacklogGrowing.md"]
    assert "count by (region, mode) (memoryos_mode == 1)" in changed["alerts/playbooks/MemoryOSModeSplit.md"]
    assert "must begin within 45m" in changed["alerts/playbooks/slo-breach.md"]


def test_an_alert_that_is_disabled_keeps_its_page_and_says_so(tmp_path: Path) -> None:
    (tmp_path / "override.yml").write_text("alerts: {MemoryOSJournalFull: {disabled: true}}")
    assert "| Disabled |" in files(load(tmp_path / "override.yml"))["alerts/playbooks/MemoryOSJournalFull.md"]
    assert "| Disabled |" not in PAGES["MemoryOSJournalFull"]


def test_every_page_says_that_it_is_generated_and_from_what() -> None:
    assert all("Generated by memoryos-generate" in text.splitlines()[0] for text in PAGES.values())


def test_no_value_is_left_to_be_filled_in() -> None:
    assert all("${" not in text for text in PAGES.values())


def test_every_expectation_has_its_own_sentence() -> None:
    assert len({expectation.sentence for expectation in Expectation}) == len(Expectation)

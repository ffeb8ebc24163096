"""Every PromQL of every page, asked of a real Prometheus in the story of its alert: rows come when the page says so."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from memoryos_generators.config import load
from memoryos_generators.playbooks.source import Expectation, Query, read
from playbooks.told import History, Told, history, told_alerts

PAGES = {source.name: source for source in read(load())}
TOLD = told_alerts()
ALERTS = sorted(PAGES.keys() & TOLD.keys())


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> Iterator[History]:
    with history({told.story for told in TOLD.values()}, tmp_path_factory.mktemp("told")) as remembered:
        yield remembered


def queries(*expectations: Expectation) -> list[tuple[str, Query]]:
    return [(name, query) for name in PAGES for query in PAGES[name].queries if query.expectation in expectations]


def rows(past: History, told: Told, expr: str, at: int) -> int:
    """How many rows are about the nodes that the alert names, or about the whole fleet."""
    found = past.rows(expr, told.story, at)
    return sum(row.get("instance") is None or row["instance"] in told.nodes or not told.nodes for row in found)


def test_every_alert_is_told_by_a_story() -> None:
    incidents = {name for name in PAGES if not name.startswith("MemoryOS")}
    assert set(ALERTS) == PAGES.keys() - incidents


@pytest.mark.parametrize("alert", ALERTS)
def test_queries_have_rows_while_the_alert_fires_as_its_page_says(alert: str, past: History) -> None:
    told = TOLD[alert]
    wrong = []
    for query in PAGES[alert].queries:
        found = rows(past, told, query.expr, told.firing)
        if query.expectation is Expectation.ONCE_FIXED and found:
            wrong.append(f"rows before it is fixed: {query.expr}")
        if query.expectation in {Expectation.ALWAYS, Expectation.FIRING, Expectation.UNTIL_FIXED} and not found:
            wrong.append(f"no rows while it fires: {query.expr}")
    assert not wrong, "\n".join([f"{told}", *wrong])


@pytest.mark.parametrize("alert", [alert for alert in ALERTS if TOLD[alert].fixed])
def test_queries_have_rows_once_it_is_fixed_as_the_page_says(alert: str, past: History) -> None:
    told = TOLD[alert]
    assert told.fixed
    wrong = []
    for query in PAGES[alert].queries:
        found = rows(past, told, query.expr, told.fixed)
        if query.expectation is Expectation.UNTIL_FIXED and found:
            wrong.append(f"rows although it is fixed: {query.expr}")
        if query.expectation in {Expectation.ALWAYS, Expectation.ONCE_FIXED} and not found:
            wrong.append(f"no rows once it is fixed: {query.expr}")
    assert not wrong, "\n".join([f"{told}", *wrong])


@pytest.mark.parametrize("expr", sorted({query.expr for _, query in queries(Expectation.CAUSE)}))
def test_a_sign_of_a_cause_is_seen_in_some_story_and_not_in_all(expr: str, past: History) -> None:
    seen = past.ever(expr)
    assert seen
    assert seen != {told.story for told in TOLD.values()}, "it says nothing"


@pytest.mark.parametrize(
    ("page", "query"),
    [(name, query) for name, query in queries(*Expectation) if name not in TOLD],
    ids=lambda value: value if isinstance(value, str) else value.expr,
)
def test_queries_of_the_incident_pages_have_rows(page: str, query: Query, past: History) -> None:
    assert past.ever(query.expr)

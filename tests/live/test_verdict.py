"""When a story counts as told: what is said of alerts that come too late, never, elsewhere, or unasked."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from live.clock import Clock
from live.inbox import Inbox, Message
from live.servers import Episode
from live.times import since_cause, times
from live.verdict import SLACK, Told, problems
from memoryos_simulator.story import Duration, Expectation, Step, Story

CLOCK = Clock(began=1000.0, speed=15)
LATE = SLACK * CLOCK.speed + 1
DOWN = Expectation(
    alert="MemoryOSDown",
    severity="critical",
    starts=(Duration(60), Duration(120)),
    ends=(Duration(300), Duration(400)),
    nodes=["memory-a"],
    why="It is gone.",
)
STORY = Story(
    title="A node goes away",
    shows="",
    kind="scene",
    duration=Duration(600),
    nodes={"memory-a": {}, "memory-b": {}},
    timeline=[Step(at=Duration(45)), Step(at=Duration(290))],
    expects=[DOWN],
    tolerates={"MemoryOSStatsStale": "warning"},
)


def fired(alert: str, severity: str, since: float, until: float | None, node: str = "memory-a") -> Episode:
    """An alert that fired, moments in seconds of the story."""
    ended = None if until is None else CLOCK.wall(until)
    return Episode(alert, severity, {"instance": node}, CLOCK.wall(since), ended)


def page(alert: str, at: float) -> Message:
    labels = {"alertname": alert, "severity": "critical"}
    return Message(CLOCK.wall(at), {"receiver": "pager", "alerts": [{"status": "firing", "labels": labels}]})


AS_TOLD = Told([fired("MemoryOSDown", "critical", 90, 350)], Inbox("", [page("MemoryOSDown", 100)]), frozenset())


def judged(*episodes: Episode) -> list[str]:
    return list(problems(STORY, CLOCK, replace(AS_TOLD, episodes=episodes)))


def test_an_alert_at_its_time_that_was_delivered_is_as_told() -> None:
    assert judged(*AS_TOLD.episodes) == []


@pytest.mark.parametrize(
    ("episode", "problem"),
    [
        (None, "MemoryOSDown on memory-a should begin to fire between 1m and 2m; it did: never"),
        (
            fired("MemoryOSDown", "critical", 120 + LATE, 350),
            "MemoryOSDown on memory-a should begin to fire between 1m and 2m; it did: 3m1s",
        ),
        (
            fired("MemoryOSDown", "critical", 90, 400 + LATE),
            "MemoryOSDown on memory-a should have ended between 5m and 6m40s; it ended at 7m41s",
        ),
        (
            fired("MemoryOSDown", "critical", 90, 300 - LATE),
            "MemoryOSDown on memory-a should have ended between 5m and 6m40s; it ended at 3m59s",
        ),
        (
            fired("MemoryOSDown", "critical", 90, None),
            "MemoryOSDown on memory-a should have ended between 5m and 6m40s; it still fires",
        ),
        (
            fired("MemoryOSDown", "critical", 90, 350, node="memory-b"),
            "MemoryOSDown on memory-a should begin to fire between 1m and 2m; it did: never",
        ),
    ],
)
def test_an_alert_that_does_not_come_or_go_as_told_is_named_with_its_time(
    episode: Episode | None, problem: str
) -> None:
    assert judged(*[episode] if episode else []) == [problem]


def test_a_few_seconds_of_the_machine_are_forgiven_on_both_sides() -> None:
    early, late = 60 - LATE + 2, 400 + LATE - 2
    assert judged(fired("MemoryOSDown", "critical", early, late)) == []


@pytest.mark.parametrize(
    ("alert", "severity", "foreseen"),
    [
        ("MemoryOSTimeouts", "info", False),
        ("MemoryOSDown", "warning", False),
        ("MemoryOSStatsStale", "critical", False),
        ("MemoryOSStatsStale", "warning", True),
        ("MemoryOSStatsStale", "info", True),
    ],
)
def test_what_the_story_neither_expects_nor_tolerates_at_that_severity_is_told(
    alert: str, severity: str, foreseen: bool
) -> None:
    found = judged(*AS_TOLD.episodes, fired(alert, severity, 200, 250))
    assert found == ([] if foreseen else [f"{alert} on memory-a fired as {severity} at 3m20s; the story has no such"])


def test_a_page_that_nobody_got_is_told_unless_another_one_told_of_it() -> None:
    silent = replace(AS_TOLD, inbox=Inbox(""))
    assert list(problems(STORY, CLOCK, silent)) == ["MemoryOSDown is a page, and none was delivered"]
    assert not list(problems(STORY, CLOCK, replace(silent, inhibited=frozenset({("MemoryOSDown", "memory-a")}))))


def test_what_was_due_before_the_beginning_is_not_asked_for() -> None:
    later = Clock(began=1000.0, speed=1, skip=500)
    assert not list(problems(STORY, later, Told([], Inbox(""), frozenset())))


def test_the_time_to_a_page_counts_from_the_last_step_before_it_was_due() -> None:
    told = [page("MemoryOSDown", 100), page("MemoryOSDown", 300), page("MemoryOSTimeouts", 310)]
    assert [(time.alert, round(time.seconds)) for time in times(STORY, CLOCK, Inbox("", told))] == [
        ("MemoryOSDown", 55)
    ]


@given(st.floats(0, 1e6), st.floats(0.1, 1000), st.floats(0, 1e5))
def test_the_clock_leads_to_a_moment_of_the_story_and_back(elapsed: float, speed: float, skip: float) -> None:
    clock = Clock(1.8e9, speed, skip)
    assert clock.elapsed(clock.wall(elapsed)) == pytest.approx(elapsed, abs=1e-3 * speed)


def test_an_alert_without_an_expectation_has_no_cause() -> None:
    assert since_cause(STORY, CLOCK, "MemoryOSTimeouts", CLOCK.wall(200)) is None

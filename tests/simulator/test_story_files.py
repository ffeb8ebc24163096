"""Reading stories: what is wrong is told with file, line and cure."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memoryos_simulator.story import Duration, Story
from memoryos_simulator.story_file import StoryError, load_story, parse_story, story_names

GOOD = """\
title: A small story
shows: Nothing much.
kind: scene
duration: 10m
fleet:
  traffic: {remember: 1}
nodes:
  a: {}
  b: {traffic: {retrieve: 3}}
timeline:
  - at: 1m
    nodes: [a]
    set_mode: dual_run
  - at: 2m
    store: {median_ms: 40}
expects:
  - alert: MemoryOSDown
    severity: critical
    starts: [2m, 5m]
    ends: [6m, 10m]
    why: To have one.
"""


def parse(text: str) -> Story:
    return parse_story(text, Path("story.yaml"))


def test_a_story_is_read_and_its_nodes_have_the_fleets_settings_and_their_own() -> None:
    story = parse(GOOD)
    assert story.name == "story"
    assert (story.settings("a").traffic.remember, story.settings("a").traffic.retrieve) == (1, 1.6)
    assert (story.settings("b").traffic.remember, story.settings("b").traffic.retrieve) == (1, 3)
    assert int(story.timeline[1].at) == 120


@pytest.mark.parametrize(
    ("instead_of", "written", "line", "says"),
    [
        ("kind: scene", "kind: tale", 3, "kind: Invalid enum value 'tale'"),
        ("duration: 10m", "duration: 600", 4, "duration: 600 is no duration: write it as 90s, 5m, 1h30m or 2d"),
        ("duration: 10m", "duration: ten", 4, "'ten' is no duration"),
        ("title: A small story", "titel: A small story", 1, "titel: is no key here; there are: title, shows"),
        ("title: A small story\n", "", 1, "missing required field `title`"),
        ("{remember: 1}", "{remember: -1}", 6, "fleet.traffic.remember: Expected `float` >= 0"),
        ("{remember: 1}", "{remembers: 1}", 6, "traffic.remembers: is no key here; there are: remember, retrieve"),
        ("  traffic: {remember: 1}", "  trafic: {}", 6, "fleet.trafic: is no key here; there are: agents, traffic"),
        ("{retrieve: 3}", "{retrieve: many}", 9, "nodes.b.traffic.retrieve: Expected `float`, got `str`"),
        ("nodes:\n  a: {}\n  b: {traffic: {retrieve: 3}}", "nodes: {}", 7, "nodes: Expected `object` of length >= 1"),
        ("- at: 1m", "- at: 11m", 11, "timeline[0].at: lies after the story's end (10m)"),
        ("- at: 2m", "- at: 30s", 14, "timeline[1].at: comes before the step above it; put the steps in order"),
        ("nodes: [a]", "nodes: [c]", 12, "timeline[0].nodes: names 'c'; the story's nodes are a, b"),
        ("set_mode: dual_run", "set_mode: dualrun", 13, "timeline[0].set_mode: Invalid enum value 'dualrun'"),
        ("set_mode: dual_run", "setmode: dual_run", 13, "timeline[0].setmode: is no key here; there are: at, says"),
        ("median_ms: 40", "median: 40", 15, "timeline[1].store.median: is no key here; there are: median_ms, sigma"),
        ("median_ms: 40", "median_ms: 0", 15, "timeline[1].store.median_ms: Expected `float` > 0"),
        (
            "    store: {median_ms: 40}",
            "    crash: {proces: manager}",
            15,
            "crash.proces: is no key here",
        ),
        ("    store: {median_ms: 40}", "    crash: {process: both}", 15, "crash.process: Invalid enum value 'both'"),
        ("    store: {median_ms: 40}", "    config: {journal_limits: 1}", 15, "is no limit of the manager; they are"),
        ("    store: {median_ms: 40}", "    config: {journal_limit: big}", 15, "is 'big', where the manager has int"),
        ("MemoryOSDown", "memory down", 17, "expects[0].alert: Expected `str` matching regex"),
        ("severity: critical", "severity: page", 18, "expects[0].severity: Invalid enum value 'page'"),
        ("starts: [2m, 5m]", "starts: [5m, 2m]", 19, "expects[0].starts: is no span of time within the story (10m)"),
        ("ends: [6m, 10m]", "ends: [6m, 11m]", 20, "expects[0].ends: is no span of time within the story (10m)"),
        ("ends: [6m, 10m]", "ends: [1m, 1m]", 20, "expects[0].ends: lies before it starts"),
        ("    why: To have one.\n", "", 17, "missing required field `why`"),
        ("  a: {}\n", "  a: {}\n  a: {}\n", 9, "a: stands here for the second time"),
        ("kind: scene", "kind: {scene", 4, ""),
        ("kind: scene", "kind: scene\n\ttab: 1", 4, "found character '\\t' that cannot start any token"),
    ],
)
def test_a_mistake_is_told_with_its_line_and_its_cure(instead_of: str, written: str, line: int, says: str) -> None:
    assert instead_of in GOOD
    with pytest.raises(StoryError) as told:
        parse(GOOD.replace(instead_of, written, 1))
    assert str(told.value).startswith(f"story.yaml:{line}: "), told.value
    assert says in str(told.value)
    assert "\n" not in str(told.value).strip()


@pytest.mark.parametrize("text", ["", "- a list", "just words", "42"])
def test_what_is_no_story_at_all_is_refused(text: str) -> None:
    with pytest.raises(StoryError, match=r"story.yaml:1: a story is a mapping with a title, nodes and a timeline"):
        parse(text)


@given(st.text(max_size=200))
def test_no_text_whatever_fails_otherwise_than_by_an_error_with_a_line(text: str) -> None:
    with pytest.raises(StoryError, match=r"^story\.yaml:\d+: "):
        parse(text)


def test_an_unknown_name_is_answered_with_the_names_that_there_are() -> None:
    with pytest.raises(StoryError, match=r"there is no story 'nothing'; there are: .*happy-rollout"):
        load_story("nothing")


def test_a_file_that_is_not_there_or_no_text_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(StoryError, match=r"missing\.yaml: cannot be read"):
        load_story(tmp_path / "missing.yaml")
    (tmp_path / "bytes.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(StoryError, match=r"bytes\.yaml: cannot be read"):
        load_story(tmp_path / "bytes.yaml")


def test_a_story_of_ones_own_is_played_by_its_path(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(GOOD)
    assert load_story(path).name == "mine"
    assert "mine" not in story_names()


@pytest.mark.parametrize(
    ("written", "seconds"), [("90s", 90), ("5m", 300), ("1h30m", 5400), ("2d", 172_800), ("1h0m15s", 3615), ("0s", 0)]
)
def test_a_duration_is_read(written: str, seconds: int) -> None:
    assert int(Duration.parse(written)) == seconds


@pytest.mark.parametrize("written", ["", "5", "m", "5 m", "5m1h", "-5m", "1.5h", None, 5, 5.0, True])
def test_what_is_no_duration_is_refused(written: object) -> None:
    with pytest.raises(ValueError, match="write it as"):
        Duration.parse(written)


@given(st.integers(0, 10**6))
def test_a_duration_is_written_as_it_is_read(seconds: int) -> None:
    assert int(Duration.parse(str(Duration(seconds)))) == seconds

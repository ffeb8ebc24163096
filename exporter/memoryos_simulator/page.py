"""Draws STORIES.md, which says of each story what happens when: `python -m memoryos_simulator.page [--check]`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct
from msgspec.structs import fields

from memoryos_simulator.player import Player, View
from memoryos_simulator.story import Duration, Expectation, Step, Story
from memoryos_simulator.story_file import load_story, story_names

PAGE = Path(__file__).parent / "STORIES.md"
WIDTH = 72
SIGNS = {"legacy": ".", "dual_run": "=", "memory_os": "#"}
UNKNOWN, GONE = "?", " "
SAID_ELSEWHERE = {"at", "says", "nodes", "over"}

HEAD = """\
# The stories

What a practice MemoryOS lives through, told to the rules, the dashboards and the playbooks. Lives are hours long;
scenes are short, one for each alert that no life needs. `memoryos-exporter replay NAME` plays one, with `--speed 60` an
hour in a minute.

The drawings show the mode of each node over time: `.` legacy, `=` dual_run, `#` memory_os, `?` nobody knows (no
document, or the controller does not answer), blank: not there. Below them stands when each alert should begin to fire
(`<` to `>`) and, where the story says so, by when it should have ended (`[` to `]`). Nothing else fires.

This page is drawn from the stories by `python -m memoryos_simulator.page`.
"""


class Strip:
    """The mode of one node over the length of a story, a character for each moment drawn."""

    def __init__(self, duration: float) -> None:
        self._duration = duration
        self._signs = [GONE] * WIDTH

    def add(self, elapsed: float, view: View | None) -> None:
        """Notes what was to see at a moment."""
        column = min(WIDTH - 1, int(elapsed / self._duration * WIDTH))
        self._signs[column] = GONE if view is None else self._sign(view)

    @staticmethod
    def _sign(view: View) -> str:
        release = view.document["release"] if view.document and view.exporter_up else None
        return SIGNS[release["mode"]] if release else UNKNOWN

    def __str__(self) -> str:
        return "".join(self._signs)


def strips(story: Story) -> dict[str, Strip]:
    """Plays a story and draws the mode of each node."""
    drawn = {node: Strip(story.duration) for node in story.nodes}
    for elapsed, views in Player(story).frames():
        for node, strip in drawn.items():
            strip.add(elapsed, views.get(node))
    return drawn


def draw(stories: Mapping[str, tuple[Story, Mapping[str, Strip]]]) -> str:
    """The page."""
    sections = [HEAD]
    for kind, title in (("life", "Whole lives"), ("scene", "Scenes")):
        sections.append(f"## {title}\n")
        sections += [_section(name, *told) for name, told in stories.items() if told[0].kind == kind]
    return "\n".join(sections)


def _section(name: str, story: Story, drawn: Mapping[str, Strip]) -> str:
    lines = [f"### {name}", "", f"**{story.title}**, {story.duration}. {story.shows.strip()}", ""]
    names = [*drawn, *(expected.alert for expected in story.expects)]
    margin = max(len(each) for each in names) + 2
    lines += ["```", f"{'':{margin}}{_axis(story)}"]
    lines += [f"{node:{margin}}{strip}".rstrip() for node, strip in drawn.items()]
    lines += [f"{each.alert:{margin}}{_marks(story, each)}".rstrip() for each in story.expects]
    lines += ["```", ""]
    if story.timeline:
        lines += ["| at | where | what happens |", "|---|---|---|"]
        lines += [f"| {step.at} | {', '.join(step.nodes) or 'all'} | {_told(step)} |" for step in story.timeline]
        lines.append("")
    if story.expects:
        lines += ["| told | severity | begins | why |", "|---|---|---|---|"]
        lines += [_expected(each) for each in story.expects]
    else:
        lines.append("Nobody is told anything.")
    if story.tolerates:
        tolerated = ", ".join(f"{alert} ({severity} at most)" for alert, severity in story.tolerates.items())
        lines += ["", f"May fire as well: {tolerated}."]
    return "\n".join([*lines, ""])


def _axis(story: Story) -> str:
    """Six moments, each where it stands."""
    axis = [" "] * (WIDTH + 8)
    for part in range(6):
        label = str(Duration(story.duration * part / 6 // 60 * 60))
        column = WIDTH * part // 6
        axis[column : column + len(label)] = label
    return "".join(axis).rstrip()


def _marks(story: Story, expected: Expectation) -> str:
    marks = [" "] * WIDTH
    spans = [("[", "]", expected.ends)] if expected.ends else []
    for opening, closing, span in [*spans, ("<", ">", expected.starts)]:
        first, last = (min(WIDTH - 1, int(moment / story.duration * WIDTH)) for moment in span)
        marks[first : last + 1] = [opening, *"-" * (last - first - 1), closing][: max(1, last - first + 1)]
    return "".join(marks)


def _told(step: Step) -> str:
    """The step in words, and in the story's own terms."""
    terms = []
    for key in step.__struct_fields__:
        value = getattr(step, key)
        if key not in SAID_ELSEWHERE and value != getattr(EMPTY, key):
            terms.append(f"`{key}{_value(value)}`")
    over = f" over {step.over}" if step.over else ""
    return f"{step.says.strip()} {', '.join(terms)}{over}".strip().replace("|", "\\|")


EMPTY = Step(at=Duration(0))


def _value(value: object) -> str:
    if value is True:
        return ""
    if isinstance(value, dict):
        return " " + " ".join(f"{key}={item}" for key, item in value.items())
    if isinstance(value, Struct):
        given = {f.encode_name: getattr(value, f.name) for f in fields(value) if getattr(value, f.name) != f.default}
        return "".join(f" {key}={item}" for key, item in given.items())
    return f" {value}"


def _expected(expected: Expectation) -> str:
    where = f" on {', '.join(expected.nodes)}" if expected.nodes else ""
    begins = f"{expected.starts[0]} to {expected.starts[1]}"
    return f"| {expected.alert}{where} | {expected.severity} | {begins} | {expected.why} |"


def main(arguments: list[str] | None = None) -> int:
    """Writes the page, or says with status 1 that it is stale."""
    parser = argparse.ArgumentParser(description="Draw STORIES.md from the stories.")
    parser.add_argument("--check", action="store_true", help="write nothing; status 1 when the page is stale")
    options = parser.parse_args(arguments)
    loaded = {name: load_story(name) for name in story_names()}
    page = draw({name: (story, strips(story)) for name, story in loaded.items()})
    if not options.check:
        PAGE.write_text(page, encoding="utf-8")
    elif page != PAGE.read_text(encoding="utf-8"):
        print(f"{PAGE} is stale: run python -m memoryos_simulator.page", file=sys.stderr)  # noqa: T201
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""One telling of a story in a terminal, from the first program started to the last one ended."""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

from live import report
from live.clock import Clock
from live.narrator import Narrator
from live.stack import Stack
from live.terminal import Terminal
from live.times import times
from live.verdict import Told, problems
from memoryos_simulator.story import TICK_SECONDS, Story

LOOK_SECONDS = 0.25
AFTERWARDS = 3.0
"""Seconds of the wall clock for the last scrape, evaluation and delivery of a story."""
FAILED = 1


class Demo:
    """One telling of a story."""

    def __init__(self, story: Story, path: str, options: argparse.Namespace) -> None:
        """`path`: what `replay` knows the story by. `options`: the command line, read."""
        self._story, self._path, self._options = story, path, options
        self._terminal = Terminal(sys.stdout)

    def run(self, directory: Path, *, alone: bool) -> int:
        """Plays it, with all that is written below `directory`; returns the exit status. `alone`: only the exporter."""
        speed: int = self._options.speed
        replay = ["replay", self._path, f"--speed={speed}", f"--from={self._options.skip}"]
        usual_ports = not self._options.any_ports
        with Stack(directory, replay, speed, self._story.phase, usual_ports=usual_ports, alone=alone) as stack:
            clock = Clock(stack.serving_since(), speed, self._options.skip)
            self._introduce(stack)
            narrator = Narrator(self._story, clock, stack, self._terminal)
            narrator.skip(clock.skip)
            self._watch(stack, clock, narrator)
            return self._judge(stack, clock, narrator)

    def _introduce(self, stack: Stack) -> None:
        story, speed = self._story, self._options.speed
        say = self._terminal.say
        pace = f"{speed} times as fast: a minute takes {60 / speed:g} s" if speed > 1 else "at its own pace"
        say(f"{story.title}. {story.shows.strip()}")
        say(f"{len(story.nodes)} {'nodes' if len(story.nodes) > 1 else 'node'}, {story.duration}, {pace}.\n")
        pages = {"Prometheus": "/alerts", "Alertmanager": "/#/alerts", "Grafana": "/dashboards"}
        for name, program in stack.programs.items():
            say(f"  {name:<13} {program.url}{pages.get(name, '/')}")
        if "Grafana" not in stack.programs and "Prometheus" in stack.programs:
            say("  Grafana       is not installed here; the dashboards are in dashboards/")
        say()

    def _watch(self, stack: Stack, clock: Clock, narrator: Narrator) -> None:
        """Tells the story to its end; without --once, until somebody stops it."""
        told = False
        while not self._options.once or time.time() < clock.wall(self._story.duration) + AFTERWARDS:
            stack.check()
            narrator.look(time.time())
            ended = not self._story.loops and clock.elapsed(time.time()) >= self._story.duration
            if ended and not told and not self._options.once:
                told = True
                self._terminal.say("\nThe story is told; the nodes live on. Ctrl-C ends it.")
            time.sleep(LOOK_SECONDS)

    def _judge(self, stack: Stack, clock: Clock, narrator: Narrator) -> int:
        now, step = time.time(), TICK_SECONDS / clock.speed
        episodes = stack.prometheus.episodes(stack.watched_since, now, step)
        told = Told(episodes, stack.inbox, frozenset(narrator.inhibited))
        wrong = [*problems(self._story, clock, told), *stack.prometheus.unhealthy_rules()]
        if self._options.report:
            document = report.document(self._story, clock, told, wrong)
            self._options.report.write_text(json.dumps(document, indent=2))
        self._terminal.say()
        for time_told in times(self._story, clock, stack.inbox):
            self._terminal.say(f"  {time_told}")
        if wrong:
            self._terminal.say("\nNot as the story says:")
            for problem in wrong:
                self._terminal.say(f"  {problem}")
            return FAILED
        self._terminal.say("\nAs the story says: every alert at its time, nothing else, every page delivered.")
        return 0

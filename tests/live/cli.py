"""`make demo`: a story of MemoryOS, watched by the whole stack, in a terminal."""

from __future__ import annotations

import argparse
import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType

from live import report, watching
from live.clock import SPEEDS, Clock
from live.narrator import Narrator
from live.program import ProgramError
from live.stack import Stack
from live.terminal import Terminal
from live.verdict import Told, problems
from memoryos_simulator.story import TICK_SECONDS, Duration, Story
from memoryos_simulator.story_file import StoryError, load_story, story_names
from support.programs import ROOT

STORIES = Path(__file__).parent / "stories"
DEFAULT_STORY = "short-slo-breach"
LOOK_SECONDS = 0.25
AFTERWARDS = 3.0
"""Seconds of the wall clock for the last scrape, evaluation and delivery of a story."""
FAILED, WRONG_USE, INTERRUPTED = 1, 2, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit status: 0 as told, 1 otherwise, 2 wrong use, 130 stopped before its end."""
    options = _parser().parse_args(arguments)
    if options.list:
        return _list()
    try:
        path, story = _story(options.story)
        skip = float(Duration.parse(options.skip))
    except (StoryError, ValueError) as error:
        return _wrong(str(error))
    if options.once and story.loops:
        return _wrong(f"{story.name} never ends, so it cannot be played --once")
    try:
        with _stoppable(), TemporaryDirectory(prefix="memoryos-demo-") as directory:
            return Demo(story, path, skip, options).run(Path(directory))
    except ProgramError as error:
        sys.stderr.write(f"demo: {error}\n")
        return FAILED
    except KeyboardInterrupt:
        sys.stdout.write("\nstopped; nothing is left running\n")
        return INTERRUPTED if options.once else 0


class Demo:
    """One telling of a story."""

    def __init__(self, story: Story, path: str, skip: float, options: argparse.Namespace) -> None:
        self._story, self._path, self._skip, self._options = story, path, skip, options
        self._terminal = Terminal(sys.stdout)

    def run(self, directory: Path) -> int:
        """Plays it; returns the exit status."""
        missing = _missing_tools()
        if missing:
            self._terminal.say(f"Prometheus cannot be had here, so the exporter runs alone: {missing}")
            if self._options.once:
                return FAILED  # without alerts there is nothing to judge
        speed: int = self._options.speed
        replay = ["replay", self._path, f"--speed={speed}", f"--from={self._options.skip}"]
        with Stack(
            directory,
            replay,
            speed,
            phase=self._story.phase,
            usual_ports=not self._options.any_ports,
            alone=bool(missing),
        ) as stack:
            clock = Clock(report.serving_since(stack.exporter.log), speed, self._skip)
            self._introduce(stack)
            narrator = Narrator(self._story, clock, stack, self._terminal)
            narrator.skip(self._skip)
            self._watch(stack, clock, narrator)
            return self._judge(stack, clock, narrator)

    def _introduce(self, stack: Stack) -> None:
        story, speed = self._story, self._options.speed
        say = self._terminal.say
        pace = f"{speed} times as fast: a minute takes {60 / speed:g} s" if speed > 1 else "at its own pace"
        say(f"{story.title}. {story.shows.strip()}")
        say(f"{len(story.nodes)} {'nodes' if len(story.nodes) > 1 else 'node'}, {story.duration}, {pace}.\n")
        pages = {"Prometheus": "/alerts", "Alertmanager": "/#/alerts", "Grafana": "/dashboards"}
        for name in stack.programs:
            say(f"  {name:<13} {stack.url(name)}{pages.get(name, '/')}")
        if "Grafana" not in stack.programs and "Prometheus" in stack.programs:
            say("  Grafana       is not installed here; the dashboards are in dashboards/")
        say()

    def _watch(self, stack: Stack, clock: Clock, narrator: Narrator) -> None:
        """Tells the story to its end; without --once, until somebody stops it."""
        told = False
        while not self._options.once or time.time() < clock.wall(self._story.duration) + AFTERWARDS:
            stack.check()
            narrator.look(time.time())
            if not told and not self._story.loops and clock.elapsed(time.time()) >= self._story.duration:
                told = True
                self._terminal.say("\nThe story is told; the nodes live on. Ctrl-C ends it.")
            time.sleep(LOOK_SECONDS)

    def _judge(self, stack: Stack, clock: Clock, narrator: Narrator) -> int:
        now, step = time.time(), TICK_SECONDS / clock.speed
        since = watching.first_scrape(stack, clock.began, now, step)
        if since is None:
            raise ProgramError("Prometheus never scraped the exporter")
        # What fires at the first scrape says that there was none before.
        episodes = [each for each in watching.episodes(stack, clock.began, now, step) if each.since > since + step]
        told = Told(episodes, stack.inbox, frozenset(narrator.inhibited))
        wrong = [*problems(self._story, clock, told), *watching.unhealthy_rules(stack)]
        if self._options.report:
            document = report.document(self._story, clock, told, wrong)
            self._options.report.write_text(json.dumps(document, indent=2))
        self._terminal.say()
        for line in report.times(self._story, clock, stack.inbox):
            self._terminal.say(str(line))
        if wrong:
            self._terminal.say("\nNot as the story says:")
            for problem in wrong:
                self._terminal.say(f"  {problem}")
            return FAILED
        self._terminal.say("\nAs the story says: every alert at its time, nothing else, every page delivered.")
        return 0


def _story(name: str) -> tuple[str, Story]:
    """What to give to `replay`, and the story."""
    own = STORIES / f"{name}.yaml"
    path = str(own) if own.exists() else name
    return path, load_story(path)


def _list() -> int:
    for name in [*sorted(path.stem for path in STORIES.glob("*.yaml")), *story_names()]:
        story = _story(name)[1]
        sys.stdout.write(f"{name:<34} {story.duration!s:>6}  {story.title}\n")
    return 0


def _missing_tools() -> str:
    """Why Prometheus and Alertmanager cannot be had, in one line; empty when they are there."""
    if not (ROOT / ".tools/bin/alertmanager").exists():
        sys.stdout.write("fetching Prometheus and Alertmanager, once …\n")
        sys.stdout.flush()
    fetched = subprocess.run([ROOT / ".ci/tools"], capture_output=True, text=True, check=False)
    return "" if fetched.returncode == 0 else (fetched.stderr.strip() or "see .ci/tools").splitlines()[-1]


@contextmanager
def _stoppable() -> Iterator[None]:
    """Lets Ctrl-C, SIGTERM and a closed terminal end the block, once: tidying up is not to be broken off."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        for number in before:
            signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt

    numbers = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup
        numbers.append(signal.SIGHUP)
    before = {number: signal.signal(number, stop) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _wrong(problem: str) -> int:
    sys.stderr.write(f"demo: {problem}\n")
    return WRONG_USE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog='make demo ARGS="…"',
        description="Plays a story of MemoryOS to the real exporter, Prometheus and Alertmanager, and shows what the "
        "on-call person is told. Everything stays on this machine.",
    )
    parser.add_argument("--list", action="store_true", help="list the stories")
    parser.add_argument(
        "--story", default=DEFAULT_STORY, metavar="NAME|FILE", help="which story (default: %(default)s)"
    )
    parser.add_argument(
        "--speed", type=int, choices=SPEEDS, default=SPEEDS[-1], help="times as fast as life (default: %(default)s)"
    )
    parser.add_argument(
        "--from", dest="skip", default="0s", metavar="DURATION", help="begin that far into it (default: %(default)s)"
    )
    parser.add_argument(
        "--once", action="store_true", help="end with the story: status 0 when it ended as told, 1 and why otherwise"
    )
    parser.add_argument("--report", type=Path, metavar="FILE", help="write all that was told, and when, as JSON")
    parser.add_argument("--any-ports", action="store_true", help="leave the usual ports alone")
    return parser

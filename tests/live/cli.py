"""`make demo`: a story of MemoryOS, watched by the whole stack, in a terminal."""

from __future__ import annotations

import argparse
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType

from live.clock import SPEEDS
from live.demo import FAILED, Demo
from live.program import ProgramError
from memoryos_simulator.story import Duration, Story
from memoryos_simulator.story_file import StoryError, load_story, story_names
from support.programs import ROOT

STORIES = Path(__file__).parent / "stories"
DEFAULT_STORY = "short-slo-breach"
WRONG_USE, INTERRUPTED = 2, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit status: 0 as told, 1 otherwise, 2 wrong use, 130 stopped before its end."""
    options = _parser().parse_args(arguments)
    if options.list:
        return _list()
    try:
        path, story = _story(options.story)
        options.skip = Duration.parse(options.skip)
    except (StoryError, ValueError) as error:
        return _wrong(str(error))
    if options.once and story.loops:
        return _wrong(f"{story.name} never ends, so it cannot be played --once")
    try:
        with _stoppable(), TemporaryDirectory(prefix="memoryos-demo-") as directory:
            missing = _missing_tools()
            if missing:
                sys.stdout.write(f"Prometheus cannot be had here, so the exporter runs alone: {missing}\n")
            if missing and options.once:
                return FAILED  # without alerts there is nothing to judge
            return Demo(story, path, options).run(Path(directory), alone=bool(missing))
    except ProgramError as error:
        sys.stderr.write(f"demo: {error}\n")
        return FAILED
    except KeyboardInterrupt:
        sys.stdout.write("\nstopped; nothing is left running\n")
        return INTERRUPTED if options.once else 0


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
        epilog="A faster story is watched by rules whose windows and waiting times are shorter by as much: each "
        "holds as many scrapes and calls as in production. What the machine itself takes counts for as much more, so "
        "that a time from breach to page is rather too long than too short.",
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

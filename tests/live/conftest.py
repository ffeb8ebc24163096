"""The stories of the live stack: all are told at once, when the first test asks for one."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import pytest

from live.cli import STORIES
from support.programs import ROOT, running

SHORT_STORIES = sorted(path.stem for path in STORIES.glob("short-*.yaml"))
LONGEST_SECONDS = 300
TIMES = pytest.StashKey[dict[str, list[dict[str, Any]]]]()


@dataclass
class Ended:
    """A story that was played with --once: exit status, what the terminal showed, and the report."""

    status: int
    terminal: str
    report: dict[str, Any]

    def messages(self, alert: str, status: str = "firing") -> list[dict[str, Any]]:
        """The messages that tell of an alert as firing, or as resolved."""
        return [message for message in self.report["messages"] if _about(message, alert, status)]

    def first(self, alert: str) -> dict[str, Any]:
        """An alert as the first message about it words it."""
        found: dict[str, Any] = _about(self.messages(alert)[0], alert, "firing")[0]
        return found

    def fired(self, alert: str) -> set[str]:
        """The nodes on which Prometheus saw an alert fire; an empty name stands for the fleet."""
        return {each["labels"].get("instance", "") for each in self.report["fired"] if each["alert"] == alert}


class Telling(Protocol):
    """Waits until a story has ended."""

    def __call__(self, name: str, /) -> Ended: ...


@pytest.fixture(scope="session")
def told(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Telling]:
    """Gives what came of a short story, by name."""
    directory = tmp_path_factory.mktemp("stories")
    times = request.config.stash.setdefault(TIMES, {})
    with ExitStack() as playing:
        commands = {name: running(_play(name, directory), _log(name, directory)) for name in SHORT_STORIES}
        programs = {name: playing.enter_context(command) for name, command in commands.items()}

        @cache
        def end(name: str) -> Ended:
            status = programs[name].wait(LONGEST_SECONDS)
            terminal = _log(name, directory).read_text()
            report = directory / f"{name}.json"
            assert report.exists(), terminal
            ended = Ended(status, terminal, json.loads(report.read_text()))
            times[name] = ended.report["times"]
            return ended

        yield end


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Prints how long it took from each breach to its message."""
    for name, times in config.stash.get(TIMES, {}).items():
        for time in times:
            alert, here = time["alert"], time["seconds"] / time["speed"]
            line = f"{name}: {alert} told {time['seconds']:.0f} s after its cause, {here:.1f} s on this machine"
            terminalreporter.write_line(line)


def _play(name: str, directory: Path) -> list[str]:
    options = ["--any-ports", "--once", "--story", name, "--report", str(directory / f"{name}.json")]
    return [sys.executable, str(ROOT / "tests/live/__main__.py"), *options]


def _log(name: str, directory: Path) -> Path:
    return directory / f"{name}.log"


def _about(message: dict[str, Any], alert: str, status: str) -> list[dict[str, Any]]:
    return [each for each in message["alerts"] if each["labels"]["alertname"] == alert and each["status"] == status]

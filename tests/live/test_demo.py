"""`make demo` as a person or a script uses it: how it ends, what it leaves behind, what it says when it cannot."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from live.cli import main
from support.programs import ROOT, get, running, until

UNTRUE_STORY = """\
title: A story that promises too much
shows: Nothing happens, and an alert is promised.
kind: scene
duration: 1m
nodes: {memory-a: {}}
expects:
  - {alert: MemoryOSDown, severity: critical, starts: [0s, 10s], why: It should.}
"""


def test_a_story_that_ends_otherwise_than_told_fails_and_says_why(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    story = tmp_path / "untrue.yaml"
    story.write_text(UNTRUE_STORY)
    assert main(["--any-ports", "--once", "--story", str(story)]) == 1
    shown = capsys.readouterr().out
    assert "MemoryOSDown should begin to fire between 0s and 10s; it did: never" in shown
    assert "MemoryOSDown is a page, and none was delivered" in shown


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_stopping_it_ends_every_program_and_removes_what_it_wrote(number: signal.Signals, tmp_path: Path) -> None:
    with _demo(tmp_path) as (process, log):
        until(lambda: "  Grafana  " in log.read_text(), "every program to be introduced", 60)
        programs = _started_by(process.pid)
        assert len(programs) == 3
        process.send_signal(number)
        assert process.wait(30) == 0
    assert [pid for pid in programs if Path(f"/proc/{pid}").exists()] == []
    assert "nothing is left running" in log.read_text()
    assert list((tmp_path / "tmp").iterdir()) == []


def test_a_program_that_dies_ends_the_demonstration_with_its_last_words(tmp_path: Path) -> None:
    with _demo(tmp_path) as (process, log):
        until(lambda: "  Grafana  " in log.read_text(), "every program to be introduced", 60)
        victim = next(pid for pid in _started_by(process.pid) if "memoryos_exporter" in _command(pid))
        os.kill(victim, signal.SIGKILL)
        assert process.wait(30) == 1
    assert "demo: exporter ended with status -9" in log.read_text()


def test_without_prometheus_it_says_so_in_one_line_and_runs_the_exporter_alone(tmp_path: Path) -> None:
    _without_tools(tmp_path)
    with _demo(tmp_path, tmp_path) as (process, log):
        until(lambda: "exporter  " in log.read_text(), "the exporter")
        lines = log.read_text().splitlines()
        assert "Prometheus cannot be had here, so the exporter runs alone: tools: no Debian here" in lines
        url = next(word for word in log.read_text().split() if word.startswith("http://"))
        assert "memoryos_up 1" in get(f"{url}probe?target=memory-a").text
        assert len(_started_by(process.pid)) == 1
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0


def test_without_prometheus_nothing_can_be_judged_so_once_fails_at_once(tmp_path: Path) -> None:
    _without_tools(tmp_path)
    command = [sys.executable, "-m", "tests.live", "--once", "--any-ports"]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 1
    assert "Prometheus cannot be had here" in ended.stdout


def test_grafana_is_started_with_the_dashboards_where_one_is_installed(tmp_path: Path) -> None:
    """Told by a stand-in, which shows what a Grafana would be given: the command line and the provisioning files."""
    stand_in = tmp_path / "bin" / "grafana"
    stand_in.parent.mkdir()
    stand_in.write_text(GRAFANA.format(python=sys.executable, record=tmp_path / "given.json"))
    stand_in.chmod(0o755)
    with _demo(tmp_path, PATH=f"{stand_in.parent}:{os.environ['PATH']}") as (_, log):
        until(lambda: "Grafana       http://127.0.0.1:" in log.read_text(), "Grafana", 60)
        given = json.loads((tmp_path / "given.json").read_text())
        assert given["subcommand"] == "server"
        assert Path(given["dashboards"], "memoryos-overview.json").exists()
        assert given["datasource"] == _url(log, "Prometheus")


GRAFANA = """\
#!{python}
import json, sys, yaml
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
settings = dict(word.removeprefix("cfg:default.").split("=", 1) for word in sys.argv if word.startswith("cfg:"))
provisioning = Path(settings["paths.provisioning"])
provider = yaml.safe_load((provisioning / "dashboards/memoryos.yml").read_text())["providers"][0]
source = yaml.safe_load((provisioning / "datasources/memoryos.yml").read_text())["datasources"][0]
given = {{"subcommand": sys.argv[1], "dashboards": provider["options"]["path"], "datasource": source["url"]}}
Path("{record}").write_text(json.dumps(given))
class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/api/health" else 404)
        self.end_headers()
HTTPServer((settings["server.http_addr"], int(settings["server.http_port"])), Handler).serve_forever()
"""


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--story", "no-such"], "there is no story 'no-such'; there are: "),
        (["--story", "living", "--once"], "living never ends, so it cannot be played --once"),
        (["--from", "soon"], "'soon' is no duration: write it as 90s, 5m, 1h30m or 2d"),
    ],
)
def test_a_wrong_wish_is_answered_in_one_sentence(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    assert capsys.readouterr().err.startswith(f"demo: {said}")


def test_the_list_names_the_short_stories_first_and_then_every_other(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--list"]) == 0
    names = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    assert names[:2] == ["short-drift-regression", "short-failed-reconciliation"]
    assert {"slo-breach-latency", "happy-rollout"} <= set(names)


@contextmanager
def _demo(directory: Path, root: Path = ROOT, **environment: str) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    """The demonstration, its files below `directory`, and what it shows."""
    (directory / "tmp").mkdir()
    log = directory / "terminal"
    # Under nohup it ignores a closed terminal, as it should: here it is in a terminal, whatever the tests run under.
    as_in_a_terminal = ["env", "--default-signal=HUP"]
    command = [*as_in_a_terminal, sys.executable, str(root / "tests/live/__main__.py"), "--any-ports"]
    with running(command, log, TMPDIR=str(directory / "tmp"), **environment) as process:
        yield process, log


def _without_tools(directory: Path) -> None:
    """A checkout in which Prometheus cannot be had."""
    (directory / "tests").symlink_to(ROOT / "tests")
    (directory / ".ci").mkdir()
    (directory / ".ci/tools").write_text("#!/bin/sh\necho 'tools: no Debian here' >&2\nexit 1\n")
    (directory / ".ci/tools").chmod(0o755)


def _started_by(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _command(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_text()


def _url(log: Path, program: str) -> str:
    line = next(line for line in log.read_text().splitlines() if line.split()[:1] == [program])
    return line.split()[1].removesuffix("/alerts")

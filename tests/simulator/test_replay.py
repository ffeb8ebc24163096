"""`memoryos-exporter replay` and `serve --demo`, as a person starts them."""

from __future__ import annotations

import contextlib
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from memoryos_simulator.story_file import story_names
from simulator.driver import RECORDED
from support.programs import Serving, exporter, prometheus, query, running, until


@contextlib.contextmanager
def replaying(directory: Path, *arguments: str) -> Iterator[Serving]:
    log = directory / "replay.log"
    command = [sys.executable, "-m", "memoryos_exporter", "replay", "--listen", "127.0.0.1:0", *arguments]
    with running(command, log) as process:

        def address() -> str | None:
            assert process.poll() is None, log.read_text()
            match = re.search(r"address=([0-9.:]+)", log.read_text())
            return match[1] if match else None

        yield Serving(f"http://{until(address, 'the replay to serve')}", log, process)


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "memoryos_exporter", "replay", *arguments], capture_output=True, text=True, check=False
    )


def value(text: str, series: str) -> float | None:
    match = re.search(rf"^{re.escape(series)} (.+)$", text, re.MULTILINE)
    return float(match[1]) if match else None


def test_the_list_says_what_each_story_shows() -> None:
    listed = command("--list")
    assert listed.returncode == 0
    for name in story_names():
        assert f"\n{name}: " in f"\n{listed.stdout}"
    assert "Nobody is woken" in listed.stdout


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "name a story or a directory of recorded documents; --list shows the stories"),
        (["nothing"], "there is no story 'nothing'; there are: "),
        (["living", "--speed", "fast"], "--speed fast: write a number over 0 and up to 1000"),
        (["living", "--speed", "0"], "--speed 0: write a number over 0"),
        (["living", "--speed", "nan"], "--speed nan: write a number over 0"),
        (["living", "--from", "soon"], "--from soon: 'soon' is no duration: write it as 90s, 5m, 1h30m or 2d"),
    ],
)
def test_a_mistake_is_one_sentence_and_no_stack_trace(arguments: list[str], says: str) -> None:
    told = command(*arguments, "--listen", "127.0.0.1:0")
    assert told.returncode == 1
    assert says in told.stderr
    assert len(told.stderr.strip().splitlines()) == 1


def test_a_bad_story_and_a_bad_directory_are_told_with_file_and_line(tmp_path: Path) -> None:
    story = tmp_path / "mine.yaml"
    story.write_text("title: Mine\nkind: tale\n")
    told = command(str(story)).stderr
    assert f"{story}:2: kind: Invalid enum value 'tale'" in told or f"{story}:1: " in told
    (tmp_path / "1.json").write_text("{\n")
    assert f"{tmp_path / '1.json'}:2: is no JSON" in command(str(tmp_path)).stderr


def test_a_real_prometheus_finds_the_nodes_of_a_story_and_reads_them(tmp_path: Path) -> None:
    with replaying(tmp_path, "rolling-deploy-loses-the-mode", "--from", "2h4m") as serving:
        names = {entry["labels"]["instance"] for entry in serving.get("/sd").json}
        assert names == {"memory-2", "memory-3", "memory-4"}
        configuration = {
            "global": {"scrape_interval": "1s", "scrape_timeout": "1s"},
            "scrape_configs": [{"job_name": "memoryos", "http_sd_configs": [{"url": f"{serving.url}/sd"}]}],
        }
        with prometheus(tmp_path / "prometheus", configuration) as url:
            found = until(
                lambda: rows if len(rows := query(url, "memoryos_mode == 1")) == 3 else [], "three nodes to be scraped"
            )
        modes = {row["metric"]["instance"]: row["metric"]["mode"] for row in found}
        assert modes == {"memory-2": "memory_os", "memory-3": "memory_os", "memory-4": "legacy"}


def test_a_node_whose_exporter_is_down_answers_503_and_one_that_is_gone_says_so(tmp_path: Path) -> None:
    with replaying(tmp_path, "exporter-down", "--from", "31m") as serving:
        assert serving.get("/probe?target=memory-a").status == 503
        assert serving.get("/-/healthy").status == 200


def test_a_node_that_cannot_be_reached_in_the_story_is_down_here(tmp_path: Path) -> None:
    with replaying(tmp_path, "memoryos-unreachable", "--from", "31m") as serving:
        assert value(serving.get("/probe?target=memory-a").text, "memoryos_up") == 1
        assert value(serving.get("/probe?target=memory-b").text, "memoryos_up") == 0


def test_a_source_that_hangs_in_the_story_costs_one_bounded_scrape(tmp_path: Path) -> None:
    with replaying(tmp_path, "memoryos-hangs", "--from", "31m") as serving:
        answer = serving.get("/probe?target=memory-b", X_Prometheus_Scrape_Timeout_Seconds="1")
        assert value(answer.text, "memoryos_up") == 0
        assert value(answer.text, 'memoryos_read_error{reason="timeout"}') == 1


def test_a_recorded_directory_is_served_as_it_was_recorded(tmp_path: Path) -> None:
    with replaying(tmp_path, str(RECORDED), "--from", "6m45s") as serving:
        text = serving.get("/metrics").text
    # The document that was recorded with the manager stalled is the last one: 299 messages wait.
    assert value(text, 'memoryos_message_queue_length{process="manager"}') == 299
    assert value(text, 'memoryos_part_up{part="manager"}') == 0


def test_the_demonstration_is_the_simulator(tmp_path: Path) -> None:
    with exporter(tmp_path, "--demo") as serving:
        text = serving.get("/metrics").text
        assert value(text, "memoryos_up") == 1
        assert value(text, "memoryos_migration_success_total") is not None
        assert 'erlang_node="memory_os@memory-demo"' in text
        assert serving.get("/snapshot").json["mode"] in {"legacy", "dual_run", "memory_os"}

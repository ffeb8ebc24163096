"""The rules: what it costs to generate them, to test them, and to evaluate them once in a real Prometheus."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path

from dashboards.conftest import shortened
from memoryos_generators import cli
from memoryos_generators.config import load
from memoryos_generators.rules import files, groups
from memoryos_generators.rules.promql import series_names
from memoryos_simulator.story_file import load_story
from rules import promtool
from rules.contract import config, every_alert, rule_file
from rules.contracts import CONTRACTS
from rules.suite import promtool_tests
from support.history import backfill, lines, series_of
from support.programs import get, prometheus, until

FLEETS = (10, 100, 1000)
STORY = "near-the-limit"
PAST = 360
"""Seconds that are told: the windows of minutes are full."""


def run() -> Sequence[tuple[str, str]]:
    """Generation, the contracts, and one evaluation of every rule for fleets of three sizes."""
    return [_generation(), _contracts(), *(_evaluation(instances) for instances in FLEETS)]


def _generation() -> tuple[str, str]:
    started = time.perf_counter()
    produced = cli.files(load())
    seconds = time.perf_counter() - started
    size = sum(map(len, produced.values()))
    return "generation of everything", f"{len(produced)} files, {size / 1e6:.1f} MB, {seconds:.1f} s"


def _contracts() -> tuple[str, str]:
    config(), every_alert()
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(2) as pool:
        passed = list(pool.map(lambda name: _kept(name, Path(folder)), CONTRACTS))
    seconds = time.perf_counter() - started
    return "the promtool suite", f"{sum(passed)} of {len(passed)} contracts kept, {seconds:.0f} s with two processes"


def _kept(name: str, folder: Path) -> bool:
    own = folder / name.replace(" ", "-").replace("/", "-")
    own.mkdir()
    contract = CONTRACTS[name]
    rules = {"rules.yml": rule_file(contract.alert)}
    suite = promtool.write_suite(own, rules, promtool_tests(contract), f"{contract.every}s")
    return promtool.run(suite).returncode == 0


def _evaluation(instances: int) -> tuple[str, str]:
    # Prometheus stores nothing that is older than its blocks: they must end when it is ready, and not long before.
    end = int(time.time()) // 15 * 15 + 15 + instances // 10
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "rules").mkdir()
        for path, text in files(load()).items():
            if path.startswith("alerts/rules/"):
                (folder / "rules" / Path(path).name).write_text(text)
        backfill(_fleet(instances, end - PAST), folder)
        configuration = {"global": {"evaluation_interval": "15s"}, "rule_files": [str(folder / "rules/*.yml")]}
        with prometheus(folder, configuration) as url:
            late = time.time() - end
            evaluated = until(lambda: _evaluated(url, end + 15), "every group to be evaluated", timeout=240)
    assert late < 15, f"Prometheus was ready {late:.0f} s after the last sample: nothing would be in the windows"
    slowest = max(evaluated, key=lambda group: evaluated[group])
    total = sum(evaluated.values())
    rules = sum(len(group.rules) for group in groups(load()))
    return (
        f"one evaluation, {instances} instances",
        f"{rules} rules in {total * 1000:.0f} ms; slowest group {slowest} {evaluated[slowest] * 1000:.0f} ms",
    )


def _fleet(instances: int, start: int) -> Iterator[str]:
    """The series that rules read, of one node, as that of so many."""
    story = shortened(load_story(STORY), PAST)
    (node,) = story.nodes
    read = {name for group in groups(load()) for rule in group.rules for name in series_names(rule.expr)}
    own = f'instance="{node}"'
    wanted = [one for one in series_of(story) if one["series"].partition("{")[0] in read]
    for line in lines(wanted, start):
        yield from (line.replace(own, f'instance="memory-{i:04}"') for i in range(instances))


def _evaluated(url: str, since: float) -> dict[str, float]:
    """Seconds of the last evaluation of each group, once all were evaluated without an error since a unix time."""
    found = get(f"{url}/api/v1/rules").json["data"]["groups"]
    done = all(
        datetime.fromisoformat(rule["lastEvaluation"]).timestamp() > since and rule["health"] == "ok"
        for group in found
        for rule in group["rules"]
    )
    return {group["name"]: float(group["evaluationTime"]) for group in found} if found and done else {}

"""Runs promtool on tests made of data, and reads what it found.

promtool passes an empty suite, an empty glob and a case without assertion: whoever asks here for nothing is refused.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support.programs import tool

SAMPLE = re.compile(r"(?:\{(?P<labels>[^{}]*)\}|(?P<name>\w+\{[^{}]*\})) (?P<value>[-+0-9.eEInfNa]+)")
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


@dataclass(frozen=True)
class Series:
    """One series of an instant query's result."""

    labels: Mapping[str, str]
    value: float


def group_names(rule_files: Mapping[str, Any]) -> list[str]:
    """The groups in the order in which they must be evaluated; promtool takes any order otherwise."""
    return [group["name"] for document in rule_files.values() for group in document["groups"]]


def write_suite(
    directory: Path, rule_files: Mapping[str, Any], tests: Sequence[Mapping[str, Any]], every: str = "15s"
) -> Path:
    """A promtool test file beside its rule files; returns its path. JSON is YAML, and ten times faster to write."""
    assert rule_files, "no rule files: promtool would pass"
    assert tests, "no tests: promtool would pass"
    for test in tests:
        asserted = [*test.get("alert_rule_test", ()), *test.get("promql_expr_test", ())]
        assert asserted, f"a case without assertion: promtool would pass {test.get('name')}"
    for name, document in rule_files.items():
        (directory / name).write_text(json.dumps(document))
    suite = {
        "rule_files": list(rule_files),
        "evaluation_interval": every,
        "group_eval_order": group_names(rule_files),
        "tests": list(tests),
    }
    path = directory / "suite.yml"
    path.write_text(json.dumps(suite))
    return path


def run(suite: Path) -> subprocess.CompletedProcess[str]:
    """promtool's own verdict."""
    # Its memory is small: collecting garbage more seldom saves a quarter of its time. It works in one thread, beside
    # which others only get in the way of what else runs.
    environment = {**os.environ, "GOGC": "800", "GOMAXPROCS": "1"}
    command = [tool("promtool"), "test", "rules", str(suite)]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


def ask(
    directory: Path,
    rule_files: Mapping[str, Any],
    input_series: Sequence[Mapping[str, str]],
    questions: Sequence[tuple[str, int]],
    every: str = "15s",
) -> list[list[Series]]:
    """The answer to each question (PromQL, seconds), after the rules were evaluated up to there.

    promtool only tells what it got when it had expected something else: an impossible sample is expected.
    """
    impossible = [{"labels": "never", "value": 0.123456789}]
    expected = [{"expr": expr, "eval_time": f"{at}s", "exp_samples": impossible} for expr, at in questions]
    test = {"name": "questions", "interval": "15s", "input_series": list(input_series), "promql_expr_test": expected}
    finished = run(write_suite(directory, rule_files, [test], every))
    output = finished.stdout + finished.stderr
    answers = re.findall(r"^\s*got: ?(.*)$", output, re.MULTILINE)
    assert len(answers) == len(questions), output
    return [_series(answer) for answer in answers]


def _series(answer: str) -> list[Series]:
    found = []
    for match in SAMPLE.finditer(answer):
        labels = dict(LABEL.findall(match["labels"] or match["name"] or ""))
        found.append(Series(labels, float(match["value"])))
    return found

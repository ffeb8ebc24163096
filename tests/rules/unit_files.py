"""promtool's own test files, in unit/: what recording rules say, value by value, and what contracts cannot tell."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

FILES = {path.name: path for path in sorted((Path(__file__).parent / "unit").glob("*.yml"))}
NAME = re.compile(r"\w+:\w+:\w+|MemoryOS\w+")


@dataclass(frozen=True)
class UnitTest:
    """One test of a file. ``asserted`` are its questions, ``every`` is the file's evaluation interval."""

    file: str
    every: str
    test: Mapping[str, Any]
    asserted: tuple[Mapping[str, Any], ...]

    def about(self, rule: str) -> UnitTest | None:
        """The same with only the questions about ``rule``, an alert or a recording rule; None when there are none."""
        asked = tuple(each for each in self.asserted if rule in names(each["expr"]))
        return UnitTest(self.file, self.every, self.test, asked) if asked else None


@cache
def unit_tests() -> tuple[UnitTest, ...]:
    """Every test of every file."""
    return tuple(_read())


def _read() -> Iterator[UnitTest]:
    for name, path in FILES.items():
        document = yaml.safe_load(path.read_text())
        for test in document["tests"]:
            yield UnitTest(name, document["evaluation_interval"], test, tuple(test["promql_expr_test"]))


def unit_tests_of(rule: str) -> list[UnitTest]:
    """The tests that ask for one alert or recording rule."""
    return [own for unit in unit_tests() if (own := unit.about(rule))]


def names(expr: str) -> set[str]:
    """The alerts and recording rules that a question is about."""
    return set(NAME.findall(expr))

"""What the recording rules say, value by value: promtool's own test files, in recordings/, and who they are about."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

FILES = {path.name: path for path in sorted((Path(__file__).parent / "recordings").glob("*.yml"))}
RECORD = re.compile(r"\w+:\w+:\w+")


@dataclass(frozen=True)
class Told:
    """One test of a file. ``asserted`` are its questions, ``every`` is the file's evaluation interval."""

    file: str
    every: str
    test: Mapping[str, Any]
    asserted: tuple[Mapping[str, Any], ...]

    def about(self, record: str) -> Told | None:
        """The same with only the questions that ask for ``record``; None when there are none."""
        asked = tuple(each for each in self.asserted if record in RECORD.findall(each["expr"]))
        return Told(self.file, self.every, self.test, asked) if asked else None


@cache
def tests() -> tuple[Told, ...]:
    """Every test of every file."""
    return tuple(_tests())


def _tests() -> Iterator[Told]:
    for name, path in FILES.items():
        document = yaml.safe_load(path.read_text())
        for test in document["tests"]:
            yield Told(name, document["evaluation_interval"], test, tuple(test["promql_expr_test"]))


def tests_of(record: str) -> list[Told]:
    """The tests that ask for one recording rule."""
    return [own for told in tests() if (own := told.about(record))]

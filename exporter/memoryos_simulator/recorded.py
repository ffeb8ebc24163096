"""A directory of recorded stats documents, played in the order of their names."""

from __future__ import annotations

import json
from bisect import bisect_right
from itertools import pairwise
from pathlib import Path
from typing import Any

from memoryos_simulator.player import View
from memoryos_simulator.story import TICK_SECONDS

PARTS = ("manager", "release", "process", "operations", "latency")


class RecordingError(ValueError):
    """A directory that cannot be played; the message names the file, the line and what to do."""


class Recording:
    """Documents of one node or several, each shown for as long as it was the newest, but at least for one scrape.

    What is no stats document (it has no `at`, or none of a document's parts) is left out; `left_out` names it.
    """

    def __init__(self, directory: Path) -> None:
        """Reads the directory; RecordingError when a file is broken, or nothing can be played."""
        self.left_out: list[str] = []
        self._documents: dict[str, list[dict[str, Any]]] = {}
        for path in sorted(directory.glob("*.json")):
            document = _read(path)
            if document is None:
                self.left_out.append(path.name)
            else:
                self._documents.setdefault(str(document.get("node") or directory.name), []).append(document)
        if not self._documents:
            raise RecordingError(f"{directory}: holds no stats document; one is a .json file with `at` and a part")
        self._begins = {node: _begins(documents) for node, documents in self._documents.items()}
        self.elapsed = 0.0

    @property
    def node_names(self) -> list[str]:
        """The nodes that were recorded."""
        return list(self._documents)

    @property
    def duration(self) -> float:
        """Seconds until the last document is shown."""
        return max(begins[-1] for begins in self._begins.values())

    def running(self, node: str) -> bool:
        """Always: a recording does not say when a node is gone."""
        return node in self._documents

    def seek(self, elapsed: float) -> None:
        """Goes to a moment, seconds since the first document."""
        self.elapsed = elapsed

    def view(self, node: str) -> View:
        """The document that is the newest now."""
        index = max(0, bisect_right(self._begins[node], self.elapsed) - 1)
        return View(node, "answers", self._documents[node][index])

    def moment(self, node: str, at_ms: float) -> float:
        """When something that was recorded at a unix time happens, seconds since the first document is shown."""
        documents, begins = self._documents[node], self._begins[node]
        times: list[int] = [document["at"] for document in documents]
        # Documents of another life (an earlier `at`) begin anew: their times count from their own.
        index = max((i for i, time in enumerate(times) if time <= at_ms and begins[i] <= self.elapsed), default=0)
        shown = float(begins[index]) + (at_ms - times[index]) / 1000
        return min(shown, begins[index + 1]) if index + 1 < len(begins) else shown


def _begins(documents: list[dict[str, Any]]) -> list[float]:
    """When each document is shown first, seconds after the first one."""
    begins = [0.0]
    for before, after in pairwise(documents):
        begins.append(begins[-1] + max(TICK_SECONDS, (after["at"] - before["at"]) / 1000))
    return begins


def _read(path: Path) -> dict[str, Any] | None:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise RecordingError(f"{path}:{error.lineno}: is no JSON ({error.msg}); repair it, or take it away") from None
    except (OSError, UnicodeDecodeError, RecursionError) as error:
        raise RecordingError(f"{path}:1: cannot be read: {error}") from None
    if not isinstance(value, dict) or not any(part in value for part in PARTS):
        return None
    return value if isinstance(value.get("at"), int) else None

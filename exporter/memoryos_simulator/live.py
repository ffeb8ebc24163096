"""A story or a recording on the wall clock, faster or slower than life."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from threading import Lock
from typing import Any, Protocol

from memoryos_simulator.player import View

MOMENTS = (
    ("at",),
    ("operations", "since"),
    ("process", "manager", "started_at"),
    ("process", "release", "started_at"),
    ("release", "last_rollback", "at"),
    ("migration", "last_at"),
    ("reconciliation", "last_at"),
    ("parity", "checked_at"),
    ("rollback_evaluations", "last_at"),
)
"""Where a document holds unix times in milliseconds; 0 = never."""


class Playable(Protocol):
    """What can be played: a story or a recording."""

    @property
    def node_names(self) -> list[str]:
        """Its nodes."""

    def seek(self, elapsed: float) -> None:
        """Goes on to a moment, seconds since the beginning."""

    def running(self, node: str) -> bool:
        """Whether the node is there now."""

    def view(self, node: str) -> View:
        """What the node shows now."""

    def moment(self, node: str, at_ms: float) -> float:
        """Seconds since the beginning at which a unix time of a document lies."""


class Live:
    """Plays on the wall clock. Times inside the documents move along, durations stay as they are."""

    def __init__(
        self,
        playable: Playable,
        speed: float = 1.0,
        skip: float = 0.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`speed` 60 tells an hour in a minute; `skip` begins that many seconds into the story."""
        self.playable, self._speed, self._skip, self._clock = playable, speed, skip, clock
        self._started = clock()
        self._lock = Lock()

    @property
    def elapsed(self) -> float:
        """Seconds of the story that have passed."""
        return self._skip + (self._clock() - self._started) * self._speed

    def running_nodes(self) -> list[str]:
        """The nodes that are there now."""
        with self._lock:
            self.playable.seek(self.elapsed)
            return [node for node in self.playable.node_names if self.playable.running(node)]

    def view(self, node: str) -> View:
        """What a node shows now, its document on the wall clock. May be called from any thread."""
        with self._lock:
            self.playable.seek(self.elapsed)
            view = self.playable.view(node)
            if view.document is None:
                return view
            return replace(view, document=self._retimed(node, view.document))

    def _retimed(self, node: str, document: dict[str, Any]) -> dict[str, Any]:
        for path in MOMENTS:
            document = _changed(document, path, lambda at_ms: self._wall_ms(node, at_ms))
        return document

    def _wall_ms(self, node: str, at_ms: float) -> int:
        moment = self.playable.moment(node, at_ms)
        return round((self._started + (moment - self._skip) / self._speed) * 1000)


def _changed(document: dict[str, Any], path: tuple[str, ...], change: Callable[[float], int]) -> dict[str, Any]:
    """`document` with the number at `path` changed, if there is one and it is not 0; the original stays as it is."""
    value = document.get(path[0])
    if len(path) > 1 and isinstance(value, dict):
        return {**document, path[0]: _changed(value, path[1:], change)}
    if len(path) == 1 and isinstance(value, int) and value:
        return {**document, path[0]: change(value)}
    return document

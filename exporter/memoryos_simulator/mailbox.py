"""The controller's mailbox: one process, one message at a time, in the order in which they came.

Whatever occupies the process, a slow store, a stall or a reconciliation, everybody behind it waits.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice

from memoryos_simulator.agents import Agent


@dataclass(slots=True)
class Work:
    """What the process is busy with: when it ends, and what is to be noted then."""

    ends_ms: float
    done: Callable[[float], None]
    in_manager: bool = False
    """The manager is busy with it as well, and answers nobody meanwhile."""


@dataclass(slots=True)
class Call:
    """`times` equal calls of one agent."""

    arrived_ms: float
    operation: str
    agent: Agent
    times: int = 1
    abandoned: bool = False
    """Its caller has stopped waiting; the message stays, and is served all the same."""


@dataclass(slots=True)
class Message:
    """Another message: `take` says what it does when its turn has come, None when it cannot begin yet."""

    arrived_ms: float
    take: Callable[[float], Work | None]


class Mailbox:
    """The messages of one process, and what it is working on."""

    def __init__(self, free_ms: float) -> None:
        self.waiting: deque[Call | Message] = deque()
        self.work: Work | None = None
        self.current: Call | None = None
        self.stuck = False
        self.mean_ms = 0.0
        self._free_ms = free_ms
        self._abandoned = 0

    def serve(self, to_ms: float, begin: Callable[[Call, float], Work | None]) -> None:
        """Works until `to_ms`. What ends later is kept; `begin` says None for a call that cannot begin: it blocks."""
        while True:
            if self.work is None and not self._take(to_ms, begin):
                return
            assert self.work is not None  # noqa: S101
            if self.work.ends_ms > to_ms:
                return
            ended, self._free_ms = self.work, self.work.ends_ms
            self.work = self.current = None
            ended.done(ended.ends_ms)

    def _take(self, to_ms: float, begin: Callable[[Call, float], Work | None]) -> bool:
        self.stuck = False
        if not self.waiting:
            return False
        head = self.waiting[0]
        start_ms = max(self._free_ms, head.arrived_ms)
        if start_ms >= to_ms:
            return False
        work = begin(head, start_ms) if isinstance(head, Call) else head.take(start_ms)
        if work is None:
            self.stuck, self._free_ms = True, to_ms
            return False
        self.waiting.popleft()
        self._abandoned = max(0, self._abandoned - 1)
        if isinstance(head, Call):
            self.current = head
            self.mean_ms += ((work.ends_ms - start_ms) - self.mean_ms) * 0.1
        self.work = work
        return True

    def give_up(self, before_ms: float, gave_up: Callable[[Call], None]) -> None:
        """Lets the callers go who have waited since before `before_ms`."""
        if self.current is not None and not self.current.abandoned and self.current.arrived_ms < before_ms:
            self.current.abandoned = True
            gave_up(self.current)
        while self._abandoned < len(self.waiting):
            message = self.waiting[self._abandoned]
            if message.arrived_ms >= before_ms:
                return
            if isinstance(message, Call):
                message.abandoned = True
                gave_up(message)
            self._abandoned += 1

    def open_calls(self) -> list[Call]:
        """Calls whose callers still wait, the one being served first."""
        calls = [item for item in islice(self.waiting, self._abandoned, None) if isinstance(item, Call)]
        if self.current is not None and not self.current.abandoned:
            return [self.current, *calls]
        return calls

    def length(self) -> int:
        """`message_queue_len`: messages that the process has not taken yet."""
        count = sum(item.times if isinstance(item, Call) else 1 for item in self.waiting)
        return count - 1 if self.stuck and count else count

    def wait_ms(self, now_ms: float) -> float:
        """How long a message that is sent now would wait for its turn, roughly; infinity while it is stuck."""
        if self.stuck:
            return float("inf")
        remaining = max(0.0, self.work.ends_ms - now_ms) if self.work else 0.0
        return remaining + self.length() * self.mean_ms

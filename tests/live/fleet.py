"""A MemoryOS that a test can kill, hold still, restart and slow down, with the whole stack behind it."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from live.inbox import Message
from live.program import Program
from live.stack import Stack
from support.programs import NO_PROXY, free_port, get, until

SPEED = 15
NODE = "memory-a"
STORY = Path(__file__).with_name("steady.yaml")


class Fleet:
    """One node, its MemoryOS a process of its own, and the stack that watches it."""

    def __init__(self, memoryos: Program, stack: Stack) -> None:
        self.memoryos, self.stack = memoryos, stack

    def let(self, **step: Any) -> None:
        """Lets something happen in MemoryOS: a step of a story."""
        NO_PROXY.open(f"{self.memoryos.url}/", json.dumps(step).encode(), timeout=10).close()

    def enter_memory_os(self) -> None:
        """The rollout in short: dual_run until the gate is green, then the cutover; as Prometheus sees it."""
        self.let(set_mode="dual_run")
        until(lambda: self._release()["drift"]["ready?"], "the gate to be green")
        self.let(set_mode="memory_os")
        until(lambda: self._release()["mode"] == "memory_os", "the cutover")
        self.until_known("fleet:memoryos_memory_os:max == 1")

    def switch_fallback_off(self) -> None:
        """A mistake that is a page after a minute, 4 s here, and over as soon as it is undone."""
        self.let(configure_rollout={"fallback_enabled": False})

    def switch_fallback_on(self) -> None:
        """Undoes it."""
        self.let(configure_rollout={"fallback_enabled": True})

    def as_new(self) -> None:
        """Everything runs, the node is in memory_os, nothing is told: whatever a test has left behind."""
        for program in (self.memoryos, *self.stack.programs.values()):
            if program.running:
                program.go_on()
            else:
                program.start()
        self.until_known(f'memoryos_up{{instance="{NODE}"}} == 1')
        self.switch_fallback_on()
        if self._release()["mode"] != "memory_os":
            self.enter_memory_os()
        until(lambda: not self._pages_now(), "nothing to be a page any more, and told so", 90)
        self.stack.inbox.messages.clear()

    def _pages_now(self) -> set[str]:
        """The alerts that are pages, or that the pager believes to be."""
        firing = (each["labels"] for each in self.stack.prometheus.alerts() if each["state"] == "firing")
        pages = {labels["alertname"] for labels in firing if labels["severity"] == "critical"}
        return pages | self.stack.inbox.open_pages()

    def until_known(self, expression: str) -> None:
        """Waits until Prometheus has a result for an expression."""
        until(lambda: self.stack.prometheus.query(expression), f"Prometheus to know {expression}", 60)

    def until_alert(self, name: str, state: str) -> None:
        """Waits until Prometheus has the alert in a state, pending or firing."""
        until(lambda: state in self.stack.prometheus.states(name), f"{name} to be {state}", 90)

    def until_paged(self, name: str, status: str = "firing", times: int = 1) -> list[Message]:
        """Waits until so many messages to the pager have told of an alert as firing, or as resolved."""
        inbox = self.stack.inbox
        until(lambda: len(inbox.pages(name, status)) >= times, f"a page that tells {name} as {status}", 120)
        return inbox.pages(name, status)

    def _release(self) -> Any:
        return get(f"{self.memoryos.url}/{NODE}").json["release"]


@contextmanager
def fleet(directory: Path) -> Iterator[Fleet]:
    """A fleet of one node in legacy mode that Prometheus scrapes already."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, str(Path(__file__).with_name("practice_memoryos.py")), str(port), str(STORY), str(SPEED)]
    memoryos = Program("MemoryOS", command, directory / "memoryos.log", url, f"/{NODE}")
    config = directory / "exporter.json"
    config.write_text(json.dumps({"targets": [{"name": NODE, "url": f"{url}/{NODE}"}]}))
    memoryos.start()
    try:
        with Stack(directory, ["serve", f"--config={config}"], SPEED) as stack:
            yield Fleet(memoryos, stack)
    finally:
        memoryos.stop()

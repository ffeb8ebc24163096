"""The Elixir of the pages, read by Elixir itself: it parses, and every call exists with that number of arguments."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass

import pytest

from memoryos_generators.config import load
from memoryos_generators.playbooks import files
from support import elixir
from support.elixir import BRIDGE
from support.programs import ROOT

BLOCK = re.compile(r"^ *```elixir\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`([A-Z][\w.]*\.[a-z_]+[?!]?\([^`]*\))`")
CONTROLLER = "Jido.MemoryOS.ReleaseController"

# MemoryOS's own functions: name → every number of arguments. Optional arguments are filled from the left, so that with
# one optional server in front and options behind, a call in between takes its first argument for the server.
CONTROLLER_FUNCTIONS = {
    "mode": {0, 1},
    "status": {0, 1},
    "drift_summary": {0, 1},
    "cutover_ready?": {0, 1},
    "configure_rollout": {1, 2},
    "set_mode": {1, 2},
    "evaluate_rollback": {1, 2},
    "remember": {2, 3, 4},
    "retrieve": {2, 3, 4},
    "reconcile_post_rollback": {1, 2, 3},
}
FUNCTIONS: dict[str, dict[str, set[int]]] = {
    CONTROLLER: CONTROLLER_FUNCTIONS,
    "Jido.MemoryOS.MemoryManager": {
        "metrics": {0, 1},
        "current_config": {0, 1},
        "dead_letters": {0, 1},
        "cancel_pending": {0, 1, 2},
    },
    "Jido.MemoryOS.Migration": {"migrate_target": {1, 2}, "reconcile_target": {1, 2}},
    "Jido.MemoryOS.Performance": {"benchmark_retrieval": {3, 4}},
    "Jido.MemoryOS": {"retrieve": {2, 3}, "remember": {2, 3}},
    "Jido.Memory.Runtime": {"recall": {2}},
}
SERVERS = (CONTROLLER, "MemoryOSBridge.ReleaseController", "Jido.MemoryOS.MemoryManager")
SERVER_FIRST = {("cancel_pending", 1), ("remember", 3), ("retrieve", 3), ("reconcile_post_rollback", 2)}


@dataclass(frozen=True)
class Call:
    """One call that a page tells the reader to make."""

    page: str
    module: str
    function: str
    arity: int
    first: str
    exists: bool

    @property
    def known(self) -> bool:
        """Whether MemoryOS has the function; a function of the bridge or of Elixir must exist where it was read."""
        if self.module in FUNCTIONS:
            return self.arity in FUNCTIONS[self.module].get(self.function, ())
        return self.exists

    def __str__(self) -> str:
        return f"{self.page}: {self.module}.{self.function}/{self.arity}"


@pytest.fixture(scope="module")
def calls() -> list[Call]:
    """Every remote call of every page, and the last one as an example of a wrong one."""
    pieces = [
        (path, piece)
        for path, text in files(load()).items()
        for piece in [*BLOCK.findall(text), *INLINE.findall(BLOCK.sub("", text))]
    ]
    return read_calls([*pieces, ("wrong", f"{CONTROLLER}.reconcile_post_rollback(targets, batch: 20)")])


def read_calls(pieces: list[tuple[str, str]]) -> list[Call]:
    """The remote calls in (page, Elixir); Elixir that does not parse fails."""
    found = []
    for line in _elixir("\x1e".join(piece for _, piece in pieces)).splitlines():
        number, *fields = line.split("\t")
        page, piece = pieces[int(number)]
        assert len(fields) == 5, f"{page}: {fields} in\n{piece}"
        module, function, arity, first, exists = fields
        found.append(Call(page, module, function, int(arity), first, exists == "true"))
    return found


def _elixir(text: str) -> str:
    environment = elixir.environment()  # compiles the bridge
    compiled = BRIDGE / "_build/test/lib/memory_os_bridge/ebin"
    command = ["elixir", "-pa", str(compiled), str(ROOT / "tests/playbooks/calls.exs")]
    return subprocess.run(command, env=environment, input=text, capture_output=True, text=True, check=True).stdout


def test_every_call_exists_with_that_many_arguments(calls: list[Call]) -> None:
    assert not [str(call) for call in calls if not call.known]


def test_the_pages_call_the_bridge_and_memory_os(calls: list[Call]) -> None:
    modules = {call.module for call in calls}
    assert {"MemoryOSBridge", "MemoryOSBridge.ReleaseController", CONTROLLER, "Jido.MemoryOS"} <= modules


def test_a_call_with_options_names_its_server(calls: list[Call]) -> None:
    """`reconcile_post_rollback(targets, batch: 20)` would take the targets for the controller."""
    servers = {CONTROLLER, "Jido.MemoryOS.MemoryManager"}
    wrong = [call for call in calls if (call.function, call.arity) in SERVER_FIRST and call.first not in servers]
    assert [call.page for call in wrong if call.module in SERVERS] == ["wrong"]

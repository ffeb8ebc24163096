"""An Elixir application with the bridge in it, told line by line what to do."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support.elixir import BRIDGE
from support.programs import Answer, get

ATOMS = ("mode", "rollout_stage", "mode_before", "mode_after")


@dataclass
class Host:
    """A running application; ``url`` is where its bridge serves the stats document."""

    url: str
    process: subprocess.Popen[str]
    log: Path

    def do(self, expression: str) -> str:
        """Evaluate Elixir in the application; what it gave, as Elixir writes it."""
        assert self.process.stdin
        self.process.stdin.write(" ".join(expression.splitlines()) + "\n")
        self.process.stdin.flush()
        return self._line("= ")

    def get(self, **headers: str) -> Answer:
        """The answer of the bridge's listener."""
        return get(self.url, headers)

    def _line(self, prefix: str) -> str:
        assert self.process.stdout
        line = self.process.stdout.readline()
        assert line.startswith(prefix), f"{line}{self.log.read_text()}"
        return line.removeprefix(prefix).strip()


@contextlib.contextmanager
def start(environment: Mapping[str, str], log: Path, options: str) -> Iterator[Host]:
    """The application with these options of the bridge (Elixir, as in ``timeout_ms: 300``); ended with the block."""
    command = ["mix", "run", "--no-compile", "test/support/host.exs", options]
    with log.open("w") as errors:
        process = subprocess.Popen(
            command,
            cwd=BRIDGE,
            env=dict(environment),
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
        )
    with process:
        host = Host("", process, log)
        host.url = f"http://127.0.0.1:{host._line('port=')}/stats"
        try:
            yield host
        finally:
            process.kill()


def literal(value: Any, key: str = "") -> str:
    """Elixir for a value of a recorded document, as MemoryOS itself had it: atoms for keys and for modes."""
    if isinstance(value, dict):
        return "%{" + ", ".join(f'"{name}": {literal(member, name)}' for name, member in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(literal(member) for member in value) + "]"
    if isinstance(value, str):
        return f':"{value}"' if key in ATOMS else f'"{value}"'
    if value is None or isinstance(value, bool):
        return {None: "nil", True: "true", False: "false"}[value]
    return repr(value)

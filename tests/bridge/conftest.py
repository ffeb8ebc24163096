"""A bridge on a real Elixir, beside stand-ins of MemoryOS; skipped with one line where there is no Elixir."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from bridge.host import BRIDGE, Host, start
from support.programs import ROOT


@pytest.fixture(scope="session")
def elixir() -> dict[str, str]:
    """The environment in which `mix` runs the bridge."""
    provided = subprocess.run([ROOT / ".ci" / "elixir"], capture_output=True, text=True, check=False)
    if provided.returncode != 0:
        pytest.skip(f"no Elixir: {provided.stderr.strip().splitlines()[-1]}")
    path = f"{ROOT / '.tools' / 'bin'}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "MIX_ENV": "test", "LC_ALL": "C.UTF-8"}
    subprocess.run(["mix", "compile"], cwd=BRIDGE, env=environment, check=True, capture_output=True)
    return environment


@pytest.fixture
def hosts(elixir: dict[str, str], tmp_path: Path) -> Iterator[Callable[..., Host]]:
    """Starts an application with a bridge, given the bridge's options; stopped after the test."""
    with ExitStack() as stack:
        yield lambda options="": stack.enter_context(start(elixir, tmp_path / "host.log", options))

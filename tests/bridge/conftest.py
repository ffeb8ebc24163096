"""A bridge on a real Elixir, beside stand-ins of MemoryOS; skipped with one line where there is no Elixir."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from bridge.host import Host, start
from support.elixir import environment


@pytest.fixture(scope="session")
def elixir() -> dict[str, str]:
    """The environment in which `mix` runs the bridge."""
    return environment()


@pytest.fixture
def hosts(elixir: dict[str, str], tmp_path: Path) -> Iterator[Callable[..., Host]]:
    """Starts an application with a bridge, given the bridge's options; stopped after the test."""
    with ExitStack() as stack:
        yield lambda options="": stack.enter_context(start(elixir, tmp_path / "host.log", options))

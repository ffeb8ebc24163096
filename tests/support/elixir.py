"""A real Elixir with the bridge compiled, for the tests that need one."""

from __future__ import annotations

import fcntl
import os
import subprocess
from functools import cache

import pytest

from support.programs import ROOT

BRIDGE = ROOT / "exporter" / "elixir"


@cache
def environment() -> dict[str, str]:
    """The environment in which `mix` and `elixir` run; the test is skipped, with one line, where there is no Elixir."""
    (ROOT / ".tools").mkdir(exist_ok=True)
    with (ROOT / ".tools" / "elixir.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # tests that run side by side must not unpack and compile at once
        return _provide()


def _provide() -> dict[str, str]:
    provided = subprocess.run([ROOT / ".ci" / "elixir"], capture_output=True, text=True, check=False)
    if provided.returncode:
        pytest.skip(f"no Elixir: {provided.stderr.strip().splitlines()[-1]}")
    path = f"{ROOT / '.tools' / 'bin'}{os.pathsep}{os.environ['PATH']}"
    found = {**os.environ, "PATH": path, "MIX_ENV": "test", "LC_ALL": "C.UTF-8"}
    subprocess.run(["mix", "compile"], cwd=BRIDGE, env=found, check=True, capture_output=True)
    return found

"""The bridge's own tests, in Elixir."""

from __future__ import annotations

import re
import subprocess

import pytest

from support.elixir import BRIDGE


def mix(environment: dict[str, str], *arguments: str) -> str:
    """What mix says; the test fails with it when mix does."""
    done = subprocess.run(["mix", *arguments], cwd=BRIDGE, env=environment, capture_output=True, text=True, check=False)
    said = done.stdout + done.stderr
    if done.returncode != 0:
        pytest.fail(said, pytrace=False)
    return said


def test_the_bridge_passes_its_own_tests(elixir: dict[str, str]) -> None:
    said = mix(elixir, "test", "--no-color")
    ran = re.search(r"^(?:(\d+) tests, 0 failures|Result: (\d+) passed)", said, re.MULTILINE)
    assert ran, said
    assert int(ran[1] or ran[2]) > 0


def test_the_bridge_compiles_without_a_warning_and_without_memory_os_or_plug(elixir: dict[str, str]) -> None:
    mix({**elixir, "MIX_ENV": "prod"}, "compile", "--force", "--warnings-as-errors")


def test_the_bridge_is_formatted(elixir: dict[str, str]) -> None:
    mix(elixir, "format", "--check-formatted")


def test_the_cost_table_has_a_figure_in_every_row(elixir: dict[str, str]) -> None:
    said = mix(elixir, "run", "bench/cost.exs", "1000")
    assert len(re.findall(r"^\S.* +-?\d+\.\d\d$", said, re.MULTILINE)) == 7

"""Versions and deprecations (specification 1)."""

from __future__ import annotations

from memoryos_exporter.catalog import governance

from ..config import Config
from ..duration import Duration
from .model import Alert, Area, Condition, Follows
from .promql import Promql
from .steps import STEPS
from .templates import NODE, WHOLE

AREA = "governance"


def area(q: Promql, config: Config) -> Area:
    """The alerts of this area."""
    return Area(AREA, (_incompatible(q), _deprecated(q, config)))


def _incompatible(q: Promql) -> Alert:
    return Alert(
        name="MemoryOSIncompatible",
        area=AREA,
        conditions=(Condition(f"{q.recent(governance.COMPATIBLE)} == 0", Duration(900)),),
        severity="warning",
        follows=Follows.MODE,
        reason="A quarter of an hour: during a rolling upgrade pairs are mixed for some minutes.",
        summary="MemoryOS runs with a version of jido_memory that is not supported.",
        description=f"The versions of MemoryOS and jido_memory on {NODE} are not a supported pair of the compatibility "
        "matrix; memoryos_build_info names them.",
        step=STEPS["1.3"],
        dashboard="memoryos-overview",
    )


def _deprecated(q: Promql, config: Config) -> Alert:
    calls = f"increase({q(governance.DEPRECATED_CALLS)}[{config.rules.edge_window}]) > 0"
    return Alert(
        name="MemoryOSDeprecatedApiUse",
        area=AREA,
        conditions=(Condition(calls, Duration(300)),),
        severity="info",
        reason="Five minutes: nothing about it is urgent.",
        summary="A deprecated API of MemoryOS is called.",
        description=f"{{{{ $labels.api }}}} was called {WHOLE} times on {NODE}; release {{{{ $labels.removal }}}} "
        "removes it.",
        step=STEPS["1.2"],
        dashboard="memoryos-overview",
    )

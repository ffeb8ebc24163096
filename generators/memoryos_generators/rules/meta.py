"""Is the chain from Prometheus to people alive."""

from __future__ import annotations

from ..config import Config
from ..duration import Duration
from .model import Alert, Area, Condition
from .promql import Promql
from .steps import STEPS

AREA = "meta"


def area(_q: Promql, _config: Config) -> Area:
    """The dead man's switch."""
    return Area(
        AREA,
        (
            Alert(
                name="MemoryOSWatchdog",
                area=AREA,
                conditions=(Condition("vector(1)", Duration(0)),),
                severity="none",
                per_fleet=True,
                reason="It always fires.",
                summary="The alerting chain works: this alert always fires, and its silence is the alarm.",
                description="Routed alone, to a service that complains when it stops hearing this.",
                step=STEPS["4.1.1"],
                dashboard="memoryos-exporter",
            ),
        ),
    )

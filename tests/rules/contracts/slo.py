"""Contracts of the error and latency budgets. What follows a breach is so much good traffic that every ratio falls."""

from __future__ import annotations

from rules.contract import Change, Contract
from rules.world import Calls

TICKETS = {"memory_os": "warning"}
PERMANENT, TRANSIENT = "runtime_exception", "upstream_error"


def traffic(mode: str = "memory_os", **changed: float | str) -> Change:
    """Calls of one effective mode."""
    return Change(calls=(Calls(mode, **changed),))  # type: ignore[arg-type]


LITTLE, MUCH = traffic(ok=1), traffic(ok=60_000)


def burnt(objective: str, times: float, window: str, mode: str = "memory_os") -> str:
    """What the page says."""
    budgets = "permanent 5%, transient 20%"
    if not objective.endswith("errors"):
        budgets = "remember_p95 5%, remember_p99 1%, retrieve_p95 5%, retrieve_p99 1%"
    return (
        f"The budget of {objective} in {mode} on a is spent {times} times too fast, within {window}. "
        f"Budgets of the calls: {budgets}."
    )


def errors(window: str, kind: str, breach: Change, times: float, **more: object) -> Contract:
    """One tier of the error budget; ``times``: how many times too fast it is burnt when it fires."""
    return Contract(
        alert="MemoryOSErrorBudgetBurn",
        calm=more.pop("calm", LITTLE),  # type: ignore[arg-type]
        after=MUCH,
        breach=breach,
        labels={"class": kind, "mode": "memory_os", "window": window},
        severities=TICKETS,
        description=burnt(f"{kind} errors", times, window),
        **more,  # type: ignore[arg-type]
    )


CONTRACTS = (
    errors(
        "1h",
        "permanent",
        traffic(ok=10, errors=90, code=PERMANENT),
        17.63,
        fires=300,
        clears=0,
        below=traffic(ok=30, errors=70, code=PERMANENT),
        breach_ticks=40,
        more_silent={
            "rejected": traffic(ok=10, errors=90, code="access_denied"),
            "too-few-calls": Change(
                calls=(Calls("memory_os", ok=0, errors=0.2, code=PERMANENT),), before=Change(calls=())
            ),
        },
        without={"dual-run": "calls are judged by their own mode", "legacy": "calls are judged by their own mode"},
    ),
    Contract(
        alert="MemoryOSErrorBudgetBurn",
        variant="legacy calls",
        calm=traffic("legacy", ok=1),
        breach=traffic("legacy", ok=10, errors=90, code=PERMANENT),
        after=traffic("legacy", ok=60_000),
        breach_ticks=40,
        fires=300,
        clears=0,
        labels={"class": "permanent", "mode": "legacy", "window": "1h"},
        severities={"memory_os": "info"},
        description=burnt("permanent errors", 17.63, "1h", "legacy"),
    ),
    errors(
        "6h", "permanent", traffic(ok=50, errors=50, code=PERMANENT), 9.963, fires=1080, clears=180, variant="six hours"
    ),
    errors(
        "3d",
        "permanent",
        traffic(ok=80, errors=20, code=PERMANENT),
        3.997,
        fires=4980,
        clears=180,
        variant="three days",
        breach_ticks=360,
    ),
    errors(
        "3d",
        "transient",
        traffic(ok=50, errors=50, code=TRANSIENT),
        2.498,
        fires=4980,
        clears=180,
        variant="transient",
        breach_ticks=360,
    ),
    errors(
        "6h absolute",
        "permanent",
        traffic(ok=0, errors=0.25, code=PERMANENT),
        19.43,
        fires=1080,
        clears=180,
        variant="low traffic",
        calm=traffic(ok=0.02),
        breach_ticks=80,
    ),
    Contract(
        alert="MemoryOSLatencyBudgetBurn",
        calm=LITTLE,
        breach=traffic(ok=100, seconds=0.7),
        below=traffic(ok=100, seconds=0.62),
        boundary=traffic(ok=100, seconds=0.65),
        after=MUCH,
        breach_ticks=40,
        fires=300,
        clears=0,
        labels={"objective": "retrieve_p95", "mode": "memory_os", "window": "1h"},
        more_silent={"other-operation": traffic(ok=100, seconds=2.0, operation="forget")},
        without={"dual-run": "calls are judged by their own mode", "legacy": "calls are judged by their own mode"},
        severities=TICKETS,
        description=burnt("retrieve_p95", 19.59, "1h"),
    ),
    Contract(
        alert="MemoryOSLatencyBudgetBurn",
        variant="slowest calls of remember",
        calm=traffic(ok=1, operation="remember"),
        breach=traffic(ok=100, seconds=0.95, operation="remember"),
        after=traffic(ok=60_000, operation="remember"),
        breach_ticks=40,
        fires=300,
        clears=0,
        labels={"objective": "remember_p95", "mode": "memory_os", "window": "1h"},
        also=(
            ({"objective": "remember_p99", "mode": "memory_os", "window": "1h"}, burnt("remember_p99", 97.97, "1h")),
        ),
        severities=TICKETS,
        description=burnt("remember_p95", 19.59, "1h"),
    ),
)

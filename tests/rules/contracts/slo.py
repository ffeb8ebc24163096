"""Contracts of the error and latency budgets: each tier, at a share of bad calls just beyond and just below its limit.

Long windows are summed at full five minutes and hours: an alert begins at such a mark, plus its wait.
"""

from __future__ import annotations

from rules.contract import Change, Contract
from rules.world import Calls

SEVERITIES = {"memory_os": "warning", "dual_run": "warning", "legacy": "info"}
PERMANENT, TRANSIENT = "runtime_exception", "upstream_error"
LONG_WINDOWS = "its windows hold for hours what the node was"


def burnt(objective: str, times: float, window: str) -> str:
    """What the page says."""
    budgets = "permanent 5%, transient 20%"
    if not objective.endswith("errors"):
        budgets = "remember_p95 5%, remember_p99 1%, retrieve_p95 5%, retrieve_p99 1%"
    return (
        f"The budget of {objective} in {{mode}} on a is spent {times} times too fast, within {window}. "
        f"Budgets of the calls: {budgets}."
    )


def failing(bad: float, of: float = 100, code: str = PERMANENT) -> Change:
    """So many of the calls of each tick fail."""
    return Change(calls=(Calls("", ok=of - bad, errors=bad, code=code),))


def slow(bad: float, of: float = 100, seconds: float = 0.7, operation: str = "retrieve") -> Change:
    """So many of the calls of each tick take so long, the others no time."""
    good = Calls("", ok=of - bad, operation=operation)
    return Change(calls=(good, Calls("", ok=bad, seconds=seconds, operation=operation)))


def well(calls: float, operation: str = "retrieve") -> Change:
    """So many good calls each tick."""
    return Change(calls=(Calls("", ok=calls, operation=operation),))


def errors(window: str, kind: str, times: float, **more: object) -> Contract:
    """One tier of the error budget; ``times``: how many times too fast it is burnt when it fires."""
    return tier_of("MemoryOSErrorBudgetBurn", {"class": kind}, window, burnt(f"{kind} errors", times, window), more)


def latency(window: str, objective: str, times: float, **more: object) -> Contract:
    """One tier of the latency budget of one objective."""
    labels = {"objective": objective}
    return tier_of("MemoryOSLatencyBudgetBurn", labels, window, burnt(objective, times, window), more)


def tier_of(alert: str, labels: dict[str, str], window: str, description: str, more: dict[str, object]) -> Contract:
    """What the contracts of all tiers have in common."""
    return Contract(
        alert=alert,
        start=1800,
        every=60,
        labels={**labels, "mode": "{mode}", "window": window},
        severities=SEVERITIES,
        description=description,
        **{"narrowed": ("window",), "calm": well(1), "after": well(100), **more},  # type: ignore[arg-type]
    )


CONTRACTS = (
    errors(
        "1h",
        "permanent",
        17.63,
        breach=failing(90),
        below=failing(70),
        more_silent={
            "rejected": failing(90, code="access_denied"),
            "brief-for-its-hour": Change({}, failing(90).calls, before=well(2000)),
            "too-few-calls": Change({}, failing(0.3, 0.3).calls, before=Change(calls=())),
        },
        fires=300,
        clears=60,
        vanishes=300,
        breach_ticks=40,
    ),
    errors(
        "1h",
        "permanent",
        20,
        variant="few calls",
        calm=well(0),
        breach=failing(0.5, 0.5),
        after=well(10),
        fires=900,
        clears=0,
        vanishes=300,
        breach_ticks=72,
    ),
    errors(
        "6h",
        "permanent",
        7.971,
        variant="six hours",
        breach=failing(40),
        below=failing(25),
        more_silent={
            "brief-for-its-hours": Change({}, failing(40).calls, before=well(2000)),
            "too-few-calls": Change({}, failing(0.06, 0.15).calls, before=Change(calls=())),
        },
        without={"vanished": LONG_WINDOWS},
        fires=1080,
        clears=480,
        breach_ticks=80,
    ),
    errors(
        "3d",
        "permanent",
        1.199,
        variant="three days",
        breach=failing(6),
        below=failing(4),
        more_silent={
            "too-few-calls": Change({}, failing(0.01, 0.04).calls, before=Change(calls=())),
        },
        without={"vanished": LONG_WINDOWS},
        fires=4980,
        clears=1080,
        breach_ticks=360,
    ),
    errors(
        "3d",
        "transient",
        1.199,
        variant="transient",
        breach=failing(24, code=TRANSIENT),
        below=failing(16, code=TRANSIENT),
        without={"vanished": LONG_WINDOWS},
        fires=4980,
        clears=1080,
        breach_ticks=360,
    ),
    errors(
        "6h absolute",
        "permanent",
        19.26,
        variant="low traffic",
        calm=well(0.02),
        breach=failing(0.125, 0.125),
        below=failing(0.075, 0.075),
        more_silent={"too-many-calls": failing(0.125, 0.25)},
        after=well(60_000),
        without={"vanished": LONG_WINDOWS},
        fires=1680,
        clears=180,
        breach_ticks=120,
    ),
    latency(
        "1h",
        "retrieve_p95",
        17.63,
        breach=slow(90),
        below=slow(70),
        boundary=slow(90, seconds=0.65),
        more_silent={
            "other-operation": slow(100, seconds=2.0, operation="forget"),
            "brief-for-its-hour": Change({}, slow(90).calls, before=well(2000)),
            "too-few-calls": Change({}, slow(0.3, 0.3).calls, before=Change(calls=())),
        },
        fires=300,
        clears=60,
        vanishes=300,
        breach_ticks=40,
    ),
    latency(
        "1h",
        "retrieve_p99",
        16.65,
        variant="slowest calls of retrieve",
        breach=slow(17, seconds=1.05),
        below=slow(12, seconds=1.05),
        boundary=slow(17, seconds=1.0),
        fires=300,
        clears=60,
        vanishes=300,
        breach_ticks=40,
    ),
    latency(
        "1h",
        "remember_p95",
        17.63,
        variant="remember",
        calm=well(1, "remember"),
        breach=slow(90, operation="remember"),
        below=slow(70, operation="remember"),
        boundary=slow(90, seconds=0.6, operation="remember"),
        after=well(100, "remember"),
        fires=300,
        clears=60,
        vanishes=300,
        breach_ticks=40,
    ),
    latency(
        "1h",
        "remember_p99",
        16.65,
        variant="slowest calls of remember",
        calm=well(1, "remember"),
        breach=slow(17, seconds=0.95, operation="remember"),
        below=slow(12, seconds=0.95, operation="remember"),
        boundary=slow(17, seconds=0.9, operation="remember"),
        after=well(100, "remember"),
        fires=300,
        clears=60,
        vanishes=300,
        breach_ticks=40,
    ),
    latency(
        "1h",
        "retrieve_p95",
        20,
        variant="few calls",
        calm=well(0),
        breach=slow(0.5, 0.5),
        after=well(10),
        fires=900,
        clears=0,
        vanishes=300,
        breach_ticks=72,
    ),
    latency(
        "6h",
        "retrieve_p95",
        7.971,
        variant="six hours",
        breach=slow(40),
        below=slow(25),
        more_silent={
            "brief-for-its-hours": Change({}, slow(40).calls, before=well(2000)),
            "too-few-calls": Change({}, slow(0.06, 0.15).calls, before=Change(calls=())),
        },
        without={"vanished": LONG_WINDOWS},
        fires=1080,
        clears=480,
        breach_ticks=80,
    ),
    latency(
        "3d",
        "retrieve_p95",
        1.199,
        variant="three days",
        breach=slow(6),
        below=slow(4),
        more_silent={
            "too-few-calls": Change({}, slow(0.01, 0.04).calls, before=Change(calls=())),
        },
        without={"vanished": LONG_WINDOWS},
        fires=4980,
        clears=1080,
        breach_ticks=360,
    ),
    latency(
        "6h absolute",
        "retrieve_p95",
        19.26,
        variant="low traffic",
        calm=well(0.02),
        breach=slow(0.125, 0.125),
        below=slow(0.075, 0.075),
        more_silent={"too-many-calls": slow(0.125, 0.25)},
        after=well(60_000),
        without={"vanished": LONG_WINDOWS},
        fires=1680,
        clears=180,
        breach_ticks=120,
    ),
)

"""Contracts of the budgets at their limits: the rules are told what they counted, so that every number is exact."""

from __future__ import annotations

from memoryos_exporter.catalog import Kind, Metric
from rules.contract import EVERY_CASE, Change, Contract
from rules.contracts.common import by_the
from rules.contracts.slo import tier_of
from rules.world import Key, Value, of

WINDOW, HOUR = 300, 3600
ERRORS, LATENCY = "MemoryOSErrorBudgetBurn", "MemoryOSLatencyBudgetBurn"
OBJECTIVE = {ERRORS: ("class", "permanent"), LATENCY: ("objective", "retrieve_p95")}
CALLS = {ERRORS: "mode:memoryos_operations:increase", LATENCY: "mode_objective:memoryos_timed_operations:increase"}
BAD = {
    ERRORS: "mode_class:memoryos_operation_errors:increase",
    LATENCY: "mode_objective:memoryos_slow_operations:increase",
}
BURN = {
    ERRORS: "mode_class:memoryos_error_budget_burn:increase",
    LATENCY: "mode_objective:memoryos_latency_budget_burn:increase",
}
ELSEWHERE = "what is told, the other contracts say"
ONLY_HERE = {case: "what it is like in general, the other contracts say" for case in EVERY_CASE if case != "firing"}


def recorded(name: str, mode: str, *labels: tuple[str, str]) -> Key:
    """A series that the rules record otherwise."""
    metric = Metric(name, Kind.GAUGE, name, "the rules", labels=("mode", *(label for label, _ in labels)))
    return of(metric, mode, *(value for _, value in labels))


def calls_of(alert: str, mode: str, window: str = "") -> Key:
    """How many calls were counted: errors are a share of all, slow calls of those that an objective is about."""
    return recorded(CALLS[alert] + window, mode, *([OBJECTIVE[alert]] if alert == LATENCY else []))


def at_the_limit(alert: str, mode: str, tier: tuple[str, str, float, int]) -> Contract:
    """It fires just beyond its factor with twenty calls, not at the factor in either window, nor with nineteen calls.

    tier: the long window, the short one, the factor, and for how many seconds it must hold.
    """
    long, short, factor, fires = tier
    calls = calls_of(alert, mode, long)
    burns = [recorded(BURN[alert] + window, mode, OBJECTIVE[alert]) for window in (long, short)]
    beyond: dict[Key, Value] = {calls: 20, **dict.fromkeys(burns, 1.01 * factor)}
    more: dict[str, object] = {
        "variant": f"at the limit of {long}, {mode}",
        "mode": mode,
        "narrowed": ("window", OBJECTIVE[alert][0]),
        "calm": Change({calls: 20, **dict.fromkeys(burns, 0)}, ()),
        "breach": Change(beyond, ()),
        "after": Change({}, ()),
        "more_silent": {
            "long-window": Change({**beyond, burns[0]: factor}, ()),
            "short-window": Change({**beyond, burns[1]: factor}, ()),
            "nineteen-calls": Change({**beyond, calls: 19}, ()),
        },
        "fires": fires,
        "clears": 0,
        "without": ONLY_HERE,
    }
    return tier_of(alert, dict([OBJECTIVE[alert]]), long, ELSEWHERE, more)


def ten_of_nineteen(alert: str, mode: str) -> Contract:
    """Of few calls ten that are bad within six hours are told, half of them in the older half of these.

    Nine are not, nor ten of twenty, nor five that come after five others have left the window.
    """
    bad = recorded(BAD[alert], mode, OBJECTIVE[alert])
    calls = calls_of(alert, mode, "6h")

    def some(of_older: int, of_newer: int, older_begin: float) -> Value:
        """So many windows with one bad call each: from so many seconds before the breach on, and from the breach on."""

        def counted(now: float, breach: float) -> float:
            older, newer = (now - breach + older_begin) // WINDOW, (now - breach) // WINDOW
            return float(0 <= older < of_older or 0 <= newer < of_newer)

        return counted

    def silent(of_older: int, older_begin: float, calls_in_window: int = 19) -> Change:
        before = {bad: some(of_older, 5, older_begin), calls: calls_in_window}
        return Change(before, (), before=Change(before, ()))

    more: dict[str, object] = {
        "variant": f"ten of nineteen, {mode}",
        "mode": mode,
        "narrowed": ("window", OBJECTIVE[alert][0]),
        "calm": Change({bad: some(5, 5, 5 * HOUR), calls: 19}, ()),
        "breach": Change({}, ()),
        "after": Change({}, ()),
        "more_silent": {
            "nine": silent(4, 5 * HOUR),
            "of-twenty": silent(5, 5 * HOUR, 20),
            "too-long-ago": silent(5, 7 * HOUR),
        },
        "calm_ticks": 7 * 8 * HOUR // WINDOW,
        "breach_ticks": 10,
        "fires": 1500,
        "clears": 900,
        "without": ONLY_HERE,
    }
    return by_the(WINDOW, tier_of(alert, dict([OBJECTIVE[alert]]), "6h absolute", ELSEWHERE, more))


def exactly(alert: str, window: str, share: float, seconds: int, fires: int, clears: int) -> Contract:
    """Exactly what happened in a window counts: in hours before it, ten thousand times the calls, or errors, do not.

    Half of the bad calls are in the older half of the window. share: of bad calls in the window, at which it fires.
    """
    early, late = seconds * (0.95 - share / 2), seconds * (0.95 - share)
    end = fires + 12 * WINDOW + clears

    def calls(now: float, breach: float) -> float:
        return 10_000 if now < breach - seconds else 100

    def bad(now: float, breach: float) -> float:
        return 100 * (breach - early <= now < breach - late or now >= breach)

    def bad_before(now: float, breach: float) -> float:
        return 10_000 * (now < breach - seconds) + 100 * (now >= breach + end - 0.8 * share * seconds)

    every, failed = calls_of(alert, "memory_os"), recorded(BAD[alert], "memory_os", OBJECTIVE[alert])
    more: dict[str, object] = {
        "variant": f"exactly {window}",
        "narrowed": ("window", OBJECTIVE[alert][0]),
        "calm": Change({every: calls, failed: bad}, ()),
        "breach": Change({}, ()),
        "after": Change({failed: 0}, ()),
        "more_silent": {"bad-before": Change({failed: bad_before}, (), before=Change({failed: bad_before}, ()))},
        "calm_ticks": 7 * int(1.2 * seconds) // WINDOW,
        "fires": fires,
        "clears": clears,
        "without": ONLY_HERE,
    }
    return by_the(WINDOW, tier_of(alert, dict([OBJECTIVE[alert]]), window, ELSEWHERE, more))


# The long and the short window, the factor, and for how long it must hold.
TIERS = (("1h", "5m", 14.4, 120), ("6h", "30m", 6, 900), ("3d", "6h", 1, 3600))
# Window, the share of bad calls at which it fires, its length, when it fires and ends.
EXACTLY = (
    ("1h", 0.72, HOUR, 1500, 0),
    ("6h", 0.30, 6 * HOUR, 3900, 1200),
    ("3d", 0.05, 72 * HOUR, 11_400, 20_700),
)
CONTRACTS = (
    *(at_the_limit(alert, mode, tier) for alert in OBJECTIVE for mode in ("memory_os", "legacy") for tier in TIERS),
    *(ten_of_nineteen(alert, mode) for alert in OBJECTIVE for mode in ("memory_os", "legacy")),
    *(exactly(alert, *tier) for alert in OBJECTIVE for tier in EXACTLY),
)

"""Error budgets, burnt in several windows at several rates, per effective mode (specification 3.1 and 2.2).

A budget is the share of calls that may fail or be slow. Long windows are sums of short ones that lie beside each other:
exact, and cheap for Prometheus. Recorded names end with the length of the window.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from memoryos_exporter.catalog import operations
from memoryos_exporter.catalog.labels import LATENCY_BOUNDS_SECONDS, OPERATIONS

from ..config import Config, ConfigError, Tier
from ..duration import Duration
from . import fleet_state, sli
from .model import Alert, Area, Condition, Follows, Recording
from .promql import Promql
from .steps import STEPS
from .templates import NODE, VALUE

AREA = "slo"

# Up to so many windows are summed directly, more of them by twelve at a time: an hour, with the default window.
MANY_WINDOWS, STEP_WINDOWS = 100, 12
REASON = "A thirtieth of the long window or less: the windows wait, and the short one ends it soon."

ERRORS = "mode_class:memoryos_operation_errors:increase"
TIMED = "mode_objective:memoryos_timed_operations:increase"
SLOW = "mode_objective:memoryos_slow_operations:increase"
# The share of calls that may be bad, by class and by objective.
ERROR_BUDGET = "class:memoryos_error_budget:ratio"
LATENCY_BUDGET = "objective:memoryos_latency_budget:ratio"
# How many times faster than sustainable a budget is spent; 1 spends it exactly within the period.
ERROR_BURN = "mode_class:memoryos_error_budget_burn:increase"
LATENCY_BURN = "mode_objective:memoryos_latency_budget_burn:increase"
# 1 while any objective of the fleet is breached in the shortest window, or a rollback limit is; 0 while none is.
BREACHED = "fleet:memoryos_slo_breached:max"


def area(q: Promql, config: Config) -> Area:
    """The alerts of this area; the notes say which tiers were refused."""
    checked(config)
    return Area(
        AREA,
        (_error_burn(config), _latency_burn(config)),
        (*_counted(q, config), *_summed(config), *_budgets(config), *_burn_rates(config), _breached(q, config)),
        tuple(refused(config)),
        config.slos.evaluation_interval,
    )


def checked(config: Config) -> None:
    """Raises ConfigError for an objective that the exporter's histogram cannot measure, or that no tier can watch."""
    for name, objective in config.slos.latency.items():
        key = f"slos.latency.{name}"
        if objective.seconds not in LATENCY_BOUNDS_SECONDS:
            bounds = ", ".join(f"{bound:g}" for bound in LATENCY_BOUNDS_SECONDS)
            raise ConfigError(
                config.file, f"{key}.seconds", f"{objective.seconds:g} is no bound of the histogram: {bounds}"
            )
        if objective.operation not in OPERATIONS:
            raise ConfigError(
                config.file, f"{key}.operation", f"{objective.operation} is none of {', '.join(OPERATIONS)}"
            )
    for index, tier in enumerate(config.slos.tiers):
        for length in (tier.long, tier.short):
            if length % config.rules.window:
                raise ConfigError(
                    config.file,
                    f"slos.tiers[{index}]",
                    f"{length} is no multiple of rules.window, {config.rules.window}",
                )
    for key, budget in budgets(config).items():
        if not any(can_fire(tier, budget) for tier in config.slos.tiers):
            raise ConfigError(
                config.file, key, f"no tier can fire on a budget of {budget:g}: each needs a larger share"
            )


def budgets(config: Config) -> dict[str, float]:
    """Key of each objective in the configuration → its budget."""
    return {
        **{f"slos.errors.{name}.budget": objective.budget for name, objective in config.slos.errors.items()},
        **{f"slos.latency.{name}.budget": objective.budget for name, objective in config.slos.latency.items()},
    }


def can_fire(tier: Tier, budget: float) -> bool:
    """Whether the share of failed calls that a tier asks for is below 1: not even a total outage reaches more."""
    return tier.factor * budget < 1


def refused(config: Config) -> Iterator[str]:
    """One sentence for each tier that cannot fire on a budget."""
    for key, budget in budgets(config).items():
        for tier in config.slos.tiers:
            if not can_fire(tier, budget):
                yield (
                    f"Left out: {tier.long} at {tier.factor:g} times {key} ({budget:g}) asks for "
                    f"{tier.factor * budget:.0%} failed calls, which no outage can reach."
                )


def _counted(q: Promql, config: Config) -> Iterator[Recording]:
    window = config.rules.window
    errors = q(operations.OPERATION_ERRORS, class_=("transient", "permanent"))
    yield Recording(
        ERRORS,
        f"sum without (operation, code) (increase({errors}[{window}]))",
        "Calls of the window that failed, by class.",
    )
    for name, objective in config.slos.latency.items():
        count = q(operations.OPERATION_DURATION, "count", operation=objective.operation)
        # Prometheus 2 keeps the bound as the exporter writes it, Prometheus 3 writes whole numbers with a decimal.
        bound = tuple(sorted({f"{objective.seconds:g}", str(float(objective.seconds))}))
        fast = q(
            operations.OPERATION_DURATION,
            "bucket",
            operation=objective.operation,
            le=bound if len(bound) > 1 else bound[0],
        )
        timed = f"sum without (operation) (increase({count}[{window}]))"
        yield Recording(TIMED, timed, f"Calls of the window that {name} counts.", {"objective": name})
        yield Recording(
            SLOW,
            f'clamp_min({TIMED}{{objective="{name}"}} - ignoring (objective) '
            f"sum without (operation, le) (increase({fast}[{window}])), 0)",
            f"Calls of the window that were slower than {objective.seconds:g} s.",
            {"objective": name},
        )


def _summed(config: Config) -> Iterator[Recording]:
    """Over the longer windows: the counts of calls that ratios are of, and by the hour also what goes wrong."""
    for length in _lengths(config)[1:]:
        for name in (sli.OPERATIONS, TIMED):
            yield Recording(f"{name}{length}", _sum(name, length, config), f"The same within {length}.")
    step = _step(config)
    for name in (ERRORS, SLOW):
        yield Recording(f"{name}{step}", _sum(name, step, config), f"The same within {step}.")


def _lengths(config: Config) -> list[Duration]:
    """Every window that is looked at, the shortest first."""
    tiers = {length for tier in config.slos.tiers for length in (tier.long, tier.short)}
    return sorted({config.rules.window, _step(config), config.slos.absolute_window, *tiers})


def _step(config: Config) -> Duration:
    """What long windows are summed from."""
    return Duration(STEP_WINDOWS * config.rules.window)


def _budgets(config: Config) -> Iterator[Recording]:
    slos = config.slos
    for name, label, objectives in (
        (ERROR_BUDGET, "class", {str(name): each.budget for name, each in slos.errors.items()}),
        (LATENCY_BUDGET, "objective", {name: each.budget for name, each in slos.latency.items()}),
    ):
        shares = (
            f'label_replace(vector({budget:g}), "{label}", "{objective}", "", "")'
            for objective, budget in objectives.items()
        )
        yield Recording(name, " or ".join(shares), f"The share of calls that may be bad, by {label}.")


def _burn_rates(config: Config) -> Iterator[Recording]:
    for length in _lengths(config):
        failed, every = _sum(ERRORS, length, config), _counted_in(sli.OPERATIONS, length, config)
        yield Recording(
            f"{ERROR_BURN}{length}",
            f"{failed} / ignoring (class) group_left () ({every} > 0) / on (class) group_left () {ERROR_BUDGET}",
            f"How fast errors spent their budget within {length}.",
        )
        slow, timed = _sum(SLOW, length, config), _counted_in(TIMED, length, config)
        yield Recording(
            f"{LATENCY_BURN}{length}",
            f"{slow} / ({timed} > 0) / on (objective) group_left () {LATENCY_BUDGET}",
            f"How fast slow calls spent their budget within {length}.",
        )


def _counted_in(name: str, length: Duration, config: Config) -> str:
    """The recorded count of calls within ``length``."""
    return name if length == config.rules.window else f"{name}{length}"


def _any_of(label: str, values: Sequence[str]) -> str:
    return f'{label}="{values[0]}"' if len(values) == 1 else f'{label}=~"{"|".join(values)}"'


def _sum(name: str, length: Duration, config: Config) -> str:
    """The sum of ``name`` over ``length``: of windows beside each other, or of hours where these are too many."""
    window = config.rules.window
    if length == window:
        return name
    if length <= MANY_WINDOWS * window:
        return f"sum_over_time({name}[{length}:{window}])"
    step = _step(config)
    return f"sum_over_time({name}{step}[{length}:{step}])"


def _enough(name: str, length: Duration, config: Config) -> str:
    return f"{_counted_in(name, length, config)} >= {config.slos.minimum_operations}"


def _breached(q: Promql, config: Config) -> Recording:
    window = config.rules.window
    over = (
        f"{ERROR_BURN}{window} > 1 and ignoring (class) {_enough(sli.OPERATIONS, window, config)}",
        f"{LATENCY_BURN}{window} > 1 and {_enough(TIMED, window, config)}",
        sli.BREACH,
    )
    breached = q.by_fleet("group", " or ".join(over))
    return Recording(
        BREACHED,
        f"{breached} or 0 * {fleet_state.IN_MEMORY_OS}",
        "1 while any objective or rollback limit of the fleet is breached, 0 while none is.",
    )


def _error_burn(config: Config) -> Alert:
    budgets = {str(name): objective.budget for name, objective in config.slos.errors.items()}
    conditions = _burns(ERROR_BURN, "class", budgets, sli.OPERATIONS, ERRORS, config)
    return Alert(
        name="MemoryOSErrorBudgetBurn",
        area=AREA,
        conditions=tuple(conditions),
        severity="warning",
        follows=Follows.EFFECTIVE_MODE,
        reason=REASON,
        summary="Calls fail so often that the error budget is being spent too fast.",
        description=f"The budget of {{{{ $labels.class }}}} errors in {{{{ $labels.mode }}}} on {NODE} is spent "
        f"{VALUE} times too fast, within {{{{ $labels.window }}}}. Budgets of the calls: {_shares(budgets)}.",
        step=STEPS["2.2.3"],
        dashboard="memoryos-latency",
    )


def _latency_burn(config: Config) -> Alert:
    budgets = {name: objective.budget for name, objective in config.slos.latency.items()}
    conditions = _burns(LATENCY_BURN, "objective", budgets, TIMED, SLOW, config)
    return Alert(
        name="MemoryOSLatencyBudgetBurn",
        area=AREA,
        conditions=tuple(conditions),
        severity="warning",
        follows=Follows.EFFECTIVE_MODE,
        reason=REASON,
        summary="Calls are slow so often that the latency budget is being spent too fast.",
        description=f"The budget of {{{{ $labels.objective }}}} in {{{{ $labels.mode }}}} on {NODE} is spent {VALUE} "
        f"times too fast, within {{{{ $labels.window }}}}. Budgets of the calls: {_shares(budgets)}.",
        step=STEPS["2.2.3"],
        dashboard="memoryos-latency",
    )


def _burns(
    burn: str, label: str, budgets: Mapping[str, float], events: str, bad: str, config: Config
) -> Iterator[Condition]:
    """One condition a tier, over the objectives that it can fire on, and the slow absolute twin for low traffic."""
    slos = config.slos
    ignoring = "ignoring (class) " if label == "class" else ""
    for tier in slos.tiers:
        possible = [name for name, budget in budgets.items() if can_fire(tier, budget)]
        if possible:
            which = [_any_of(label, possible)] if len(possible) < len(budgets) else []
            still = f"{burn}{tier.short} > {tier.factor:g} and {ignoring}{_enough(events, tier.long, config)}"
            exprs = (f"{burn}{tier.long}{each} > {tier.factor:g} and {still}" for each in _by_mode(which))
            yield _condition(exprs, tier.for_, str(tier.long))
    length = slos.absolute_window
    many = f"{_sum(bad, length, config)} >= {slos.absolute_errors}"
    few = f"{_counted_in(events, length, config)} < {slos.minimum_operations}"
    exprs = (f"{burn}{length}{each} > 1 and {many} and {ignoring}{few}" for each in _by_mode([]))
    yield _condition(exprs, slos.absolute_for, f"{length} absolute")


def _by_mode(matchers: Sequence[str]) -> Iterator[str]:
    """The matchers in braces: for calls that MemoryOS takes part in, and for those of legacy alone."""
    yield from (f"{{{','.join((*matchers, mode))}}}" for mode in ('mode!="legacy"', 'mode="legacy"'))


def _condition(exprs: Iterator[str], for_: Duration, window: str) -> Condition:
    expr, legacy = exprs
    return Condition(expr, for_, {"window": window}, legacy)


def _shares(budgets: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {budget:.0%}" for name, budget in budgets.items())

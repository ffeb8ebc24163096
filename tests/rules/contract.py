"""The test contract of an alert: from one description of a breach, every case in a cluster of its own.

All cases of an alert live in one world and share one clock: calm, then the breach, then what ends it. The clusters in
which the alert must fire are listed with their labels at each moment, and nothing else may fire.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from memoryos_generators.config import Config, load
from memoryos_generators.rules import Alert, alerts, groups
from memoryos_generators.rules.delivery import rule_fields
from memoryos_generators.rules.model import Rule
from memoryos_generators.rules.promql import series_names
from rules.world import TICK, Calls, Key, Value

METRIC = re.compile(r"memoryos_\w+")
ELSEWHERE = "elsewhere"
MODES = {"memory-os": "memory_os", "dual-run": "dual_run", "legacy": "legacy"}
# The cases in which nothing may fire, and those in which the alert must.
NEARLY = tuple(f"{case}{mode}" for case in ("below", "boundary") for mode in ("", *(f"-{mode}" for mode in MODES)))
SILENT = ("quiet", *NEARLY, "no-data", "restarted", "replaced")
FIRING = ("firing", "east", "west", "one-of-two", *MODES, "other-job", "three-jobs")
# These fire too, and are asked at moments of their own.
SILENCED = ("silenced", *(f"silenced-{mode}" for mode in MODES))
VANISHED = ("vanished", *(f"vanished-{mode}" for mode in MODES))
APART = ("flicker", *SILENCED, *VANISHED)
EVERY_CASE = (*SILENT, *FIRING, *APART)


@dataclass(frozen=True)
class Change:
    """What is different from a healthy node.

    values: of series. calls: of each tick; none said: healthy ones. before: what the calm before it is, where it is not
    that of the other cases. null: parts of the stats document that are not read. gone: there is no such node.
    """

    values: Mapping[Key, Value] = field(default_factory=dict)
    calls: tuple[Calls, ...] | None = None
    before: Change | None = None
    null: frozenset[str] = frozenset()
    gone: bool = False


@dataclass(frozen=True, kw_only=True)
class Contract:
    """What one alert promises.

    breach: what makes it fire, ``fires`` seconds later. below, boundary: what just does not.
    after: what ends it (healthy again unless said), so that it is silent ``clears`` seconds later.
    severities: by the fleet's mode; a mode that is missing keeps the alert silent.
    description: what the page says, with {cluster} and {job} of the case. labels: beyond identity and severity.
    without: cases that make no sense for this alert, each with the reason.
    also: labels and description of further alerts that the same breach raises.
    more_silent: further breaches by name, of which nothing must be told.
    still_firing: what does not end it, by name.
    beside: whether every fleet has a second node, which stays well.
    variant: a second contract of the same alert, for another way to breach.
    forgets: seconds after which it ends when the parts that it is read from stay null.
    vanishes: seconds after which it ends when the node is gone: the minute over which a read counts, unless said. None:
    it goes on.
    start: the moment at which the first node is scraped, in seconds. promtool evaluates from 0 on.
    tick: from one scrape to the next, in seconds: longer where hours and days are told.
    every: the evaluation interval, in seconds.
    narrowed: labels by which the alerts asked for are narrowed, because others may be raised at the same time.
    one_of_two: whether a fleet of two nodes, of which one is in breach, is told.
    one_job: whether only the configured job is watched.
    whole_fleet: whether it is about the whole fleet, although the alert is about a node otherwise.
    """

    alert: str
    breach: Change
    fires: int
    clears: int
    description: str
    below: Change | None = None
    boundary: Change | None = None
    calm: Change = Change()
    after: Change | None = None
    mode: str = "memory_os"
    severities: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    without: Mapping[str, str] = field(default_factory=dict)
    also: tuple[tuple[Mapping[str, str], str], ...] = ()
    more_silent: Mapping[str, Change] = field(default_factory=dict)
    still_firing: Mapping[str, Change] = field(default_factory=dict)
    beside: bool = False
    variant: str = ""
    one_of_two: bool = True
    one_job: bool = False
    whole_fleet: bool = False
    forgets: int | None = None
    vanishes: int | None = 60
    narrowed: tuple[str, ...] = ()
    start: int = 1200
    tick: int = TICK
    every: int = TICK
    calm_ticks: int = 28
    breach_ticks: int = 0

    @property
    def name(self) -> str:
        """The alert, with the variant where there is one."""
        return f"{self.alert} {self.variant}".strip()

    @property
    def begins(self) -> int:
        """The moment of the breach, in seconds."""
        return self.start + self.calm_ticks * self.tick

    @property
    def ticks(self) -> int:
        """How long the breach lasts: so long that the slowest case fires."""
        return self.breach_ticks or (self.fires + 8 * self.tick) // self.tick

    @property
    def ends(self) -> int:
        """The moment at which the breach ends, in seconds."""
        return self.begins + self.ticks * self.tick


@cache
def config() -> Config:
    """The defaults: what is delivered is what is tested."""
    return load()


@cache
def every_alert() -> Mapping[str, Alert]:
    """Name → alert."""
    return {alert.name: alert for alert in alerts(config())}


@cache
def every_recording() -> tuple[str, ...]:
    """The name of every recording rule."""
    return tuple(sorted({rule.record for group in groups(config()) for rule in group.rules if rule.record}))


def cases(contract: Contract) -> list[str]:
    """The cases that this alert is tested in."""
    left_out = {*contract.without, *_in_own_mode(contract)}
    if contract.beside:
        left_out.add("one-of-two")  # every case is one
    left_out |= {case for case in NEARLY if nearly(contract, case) is None or case.partition("-")[2] in left_out}
    # What ends as it does in the contract's own mode is only asked where another severity is told.
    ends = {*SILENCED, *VANISHED}
    left_out |= {case for case in ends if "-" in case and not _of_other_severity(contract, case)}
    left_out |= {case for case in ends if case.partition("-")[0] in left_out or case.partition("-")[2] in left_out}
    if contract.forgets is None:
        left_out |= {*SILENCED}
    return [*(case for case in EVERY_CASE if case not in left_out), *contract.more_silent, *contract.still_firing]


def _of_other_severity(contract: Contract, case: str) -> bool:
    severity = contract.severities.get(mode_of(contract, case))
    return severity not in (None, contract.severities.get(contract.mode))


def mode_of(contract: Contract, case: str) -> str:
    """The mode of the fleet in this case."""
    if case == "other-job":  # another mode than the fleet beside it, where the contract allows one
        others = (MODES[name] for name in ("legacy", "dual-run", "memory-os") if name not in contract.without)
        return next((mode for mode in others if mode != contract.mode), contract.mode)
    name = case.partition("-")[2] if case in (*NEARLY, *SILENCED, *VANISHED) else case
    return MODES.get(name, contract.mode)


def told(contract: Contract, case: str) -> list[dict[str, str]]:
    """The labels of the alerts that this case must raise."""
    if case in SILENT or case in contract.more_silent or (case == "one-of-two" and not contract.one_of_two):
        return []
    return [labels for job, mode in fleets(contract, case).items() for labels in _of_fleet(contract, case, job, mode)]


def fleets(contract: Contract, case: str) -> dict[str, str]:
    """Job → mode of the fleets of a case that are in breach."""
    if case == "three-jobs":  # in one cluster, each in another mode
        others = [mode for name, mode in MODES.items() if mode != contract.mode and name not in contract.without]
        return dict(zip(("memoryos", ELSEWHERE, "third"), (contract.mode, *others), strict=False))
    return {ELSEWHERE if case == "other-job" else "memoryos": mode_of(contract, case)}


def _of_fleet(contract: Contract, case: str, job: str, mode: str) -> list[dict[str, str]]:
    severity = contract.severities.get(mode)
    if severity is None or (contract.one_job and job != "memoryos"):
        return []
    alert = every_alert()[contract.alert]
    identity = {"cluster": case, "job": job, **({} if alert.per_fleet or contract.whole_fleet else {"instance": "a"})}
    common = {"severity": severity, "playbook": alert.step.playbook}
    every = (contract.labels, *(labels for labels, _ in contract.also))
    own = ({name: label.format(mode=mode) for name, label in labels.items()} for labels in every)
    return [{**identity, **labels, **common} for labels in own]


def _in_own_mode(contract: Contract) -> Iterator[str]:
    return (
        case for case in EVERY_CASE for name, mode in MODES.items() if mode == contract.mode and case.endswith(name)
    )


def nearly(contract: Contract, case: str) -> Change | None:
    """What just does not make it fire in this case; None where the contract names nothing."""
    return contract.below if case.startswith("below") else contract.boundary


def rule_file(alert: str) -> dict[str, Any]:
    """The rules of one alert and what they are made of, in order; without notes and intervals."""
    kept = needed(alert)
    return {"groups": [{"name": "contract", "rules": [rule_fields(rule) for rule in kept]}]}


@cache
def needed(name: str) -> tuple[Rule, ...]:
    """The rules of an alert, or of a recording rule, behind every recording rule that they need."""
    every = [rule for group in groups(config()) for rule in group.rules]
    wanted = {name, *(used for rule in every if rule.alert == name for used in series_names(rule.expr))}
    while True:
        more = {used for rule in every if rule.record in wanted for used in series_names(rule.expr)} - wanted
        if not more:
            break
        wanted |= more
    return tuple(rule for rule in every if rule.alert == name or rule.record in wanted)


def names(alert: str) -> set[str]:
    """Every series that the alert needs, also in its description."""
    rules = needed(alert)
    described = {name for rule in rules for name in METRIC.findall(rule.annotations.get("description", ""))}
    return described.union(*(series_names(rule.expr) for rule in rules))


def all_contracts(modules: Sequence[Any]) -> dict[str, Contract]:
    """Name, with variant, → contract, of every module; two of one name are an error."""
    found: dict[str, Contract] = {}
    for contract in (each for module in modules for each in module.CONTRACTS):
        assert contract.name not in found, f"{contract.name} has two contracts"
        found[contract.name] = contract
    return found

"""The test contract of an alert: from one description of a breach, every case in a cluster of its own.

All cases of an alert live in one world and share one clock: calm, then the breach, then what ends it. The clusters in
which the alert must fire are listed with their labels at each moment, and nothing else may fire.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any
from urllib.parse import quote_plus

from memoryos_exporter.catalog import CATALOG
from memoryos_generators.config import Config, load
from memoryos_generators.rules import Alert, alerts, groups
from memoryos_generators.rules.delivery import rule_fields
from memoryos_generators.rules.model import Rule
from memoryos_generators.rules.promql import series_names
from rules.world import TICK, Calls, Key, Node, Phase, Value, healthy, input_series, part_of, restart

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
    """What is different from a healthy node: values of series, and the calls of each tick (none said: healthy ones)."""

    values: Mapping[Key, Value] = field(default_factory=dict)
    calls: tuple[Calls, ...] | None = None
    before: Change | None = None
    """What the calm before it is, where it is not that of the other cases."""


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
    every: the evaluation interval, in seconds.
    narrowed: labels by which the alerts asked for are narrowed, because others may be raised at the same time.
    one_of_two: whether a fleet of two nodes, of which one is in breach, is told.
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
    forgets: int | None = None
    vanishes: int | None = 60
    narrowed: tuple[str, ...] = ()
    start: int = 1200
    every: int = TICK
    calm_ticks: int = 28
    breach_ticks: int = 0

    @property
    def begins(self) -> int:
        """The moment of the breach, in seconds."""
        return self.start + self.calm_ticks * TICK

    @property
    def ticks(self) -> int:
        """How long the breach lasts: so long that the slowest case fires."""
        return self.breach_ticks or (self.fires + 120) // TICK

    @property
    def ends(self) -> int:
        """The moment at which the breach ends, in seconds."""
        return self.begins + self.ticks * TICK


@cache
def config() -> Config:
    """The defaults: what is delivered is what is tested."""
    return load()


@cache
def every_alert() -> Mapping[str, Alert]:
    """Name → alert."""
    return {alert.name: alert for alert in alerts(config())}


def cases(contract: Contract) -> list[str]:
    """The cases that this alert is tested in."""
    left_out = {*contract.without, *_in_own_mode(contract)}
    if contract.beside:
        left_out.add("one-of-two")  # every case is one
    left_out |= {case for case in NEARLY if _nearly(contract, case) is None or case.partition("-")[2] in left_out}
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
    return [labels for job, mode in _fleets(contract, case).items() for labels in _of_fleet(contract, case, job, mode)]


def _fleets(contract: Contract, case: str) -> dict[str, str]:
    """Job → mode of the fleets of a case that are in breach."""
    if case == "three-jobs":  # in one cluster, each in another mode
        others = [mode for name, mode in MODES.items() if mode != contract.mode and name not in contract.without]
        return dict(zip(("memoryos", ELSEWHERE, "third"), (contract.mode, *others), strict=False))
    return {ELSEWHERE if case == "other-job" else "memoryos": mode_of(contract, case)}


def _of_fleet(contract: Contract, case: str, job: str, mode: str) -> list[dict[str, str]]:
    severity = contract.severities.get(mode)
    if severity is None:
        return []
    alert = every_alert()[contract.alert]
    identity = {"cluster": case, "job": job, **({} if alert.per_fleet else {"instance": "a"})}
    common = {"severity": severity, "playbook": alert.step.playbook}
    every = (contract.labels, *(labels for labels, _ in contract.also))
    own = ({name: label.format(mode=mode) for name, label in labels.items()} for labels in every)
    return [{**identity, **labels, **common} for labels in own]


def _in_own_mode(contract: Contract) -> Iterator[str]:
    return (
        case for case in EVERY_CASE for name, mode in MODES.items() if mode == contract.mode and case.endswith(name)
    )


def _nearly(contract: Contract, case: str) -> Change | None:
    return contract.below if case.startswith("below") else contract.boundary


def rule_file(alert: str) -> dict[str, Any]:
    """The rules of one alert and what they are made of, in order; without notes and intervals."""
    kept = needed(alert)
    return {"groups": [{"name": "contract", "rules": [rule_fields(rule) for rule in kept]}]}


@cache
def needed(alert: str) -> tuple[Rule, ...]:
    """The alert's rules behind every recording rule that they need."""
    every = [rule for group in groups(config()) for rule in group.rules]
    wanted = {name for rule in every if rule.alert == alert for name in series_names(rule.expr)}
    while True:
        more = {name for rule in every if rule.record in wanted for name in series_names(rule.expr)} - wanted
        if not more:
            break
        wanted |= more
    return tuple(rule for rule in every if rule.alert == alert or rule.record in wanted)


def names(alert: str) -> set[str]:
    """Every series that the alert needs, also in its description."""
    rules = needed(alert)
    described = {name for rule in rules for name in METRIC.findall(rule.annotations.get("description", ""))}
    return described.union(*(series_names(rule.expr) for rule in rules))


@dataclass(frozen=True)
class Asserted:
    """At this moment exactly these alerts are in this state, of those that the matchers ask for."""

    moment: int
    raised: tuple[Mapping[str, str], ...]
    asked: tuple[str, ...]
    state: str = "firing"

    def test(self, alert: str, of_rule: Mapping[str, str] | None = None) -> dict[str, Any]:
        """promtool's test of it under the name ``alert``; of one rule, that sets these labels, only."""
        samples = []
        for labels in self.raised:
            if (of_rule or {}).items() <= labels.items():
                every = {"alertname": alert, "alertstate": self.state, **labels}
                samples.append({"labels": f"ALERTS{_matchers(every)}", "value": 1})
        asked = ",".join((f'alertname="{alert}",alertstate="{self.state}"', *self.asked))
        return {"expr": f"ALERTS{{{asked}}}", "eval_time": f"{self.moment}s", "exp_samples": samples}


@dataclass(frozen=True)
class World:
    """Some cases of a contract as promtool's input series, and what is asserted of them."""

    series: list[dict[str, str]]
    asserted: tuple[Asserted, ...]


def promtool_tests(contract: Contract) -> list[dict[str, Any]]:
    """The promtool tests of one contract, with what is told in full."""
    made: list[dict[str, Any]] = []
    for each in worlds(contract):
        asserted = [every.test(contract.alert) for every in each.asserted]
        in_full = [] if made or set(contract.narrowed) - {"window"} else [_told_in_full(contract)]
        name = f"{contract.alert} {contract.variant}".strip()
        made.append({**as_test(each, name), "promql_expr_test": asserted, "alert_rule_test": in_full})
    return made


def as_test(world: World, name: str) -> dict[str, Any]:
    """The series of a world in a promtool test, in which nothing is asserted yet."""
    return {"name": name, "interval": "15s", "input_series": world.series}


def worlds(contract: Contract) -> Iterator[World]:
    """All cases together, except the one in which values come and go: when it begins to fire is not told exactly."""
    together = [case for case in cases(contract) if case != "flicker"]
    yield World(_series(contract, together), tuple(_assertions(contract)))
    if "flicker" in cases(contract):
        yield World(_series(contract, ["flicker"]), tuple(_flicker(contract)))


def _series(contract: Contract, of_cases: Sequence[str]) -> list[dict[str, str]]:
    nodes = [node for case in of_cases for node in _case(contract, case)]
    # A fleet that was always there: without any target at all, MemoryOSExporterDown has a test of its own.
    always = {"series": 'up{cluster="always",instance="a",job="memoryos"}', "values": "1x10000"}
    return [always, *input_series(nodes, names(contract.alert), contract.start, contract.begins)]


def _assertions(contract: Contract) -> Iterator[Asserted]:
    yield from _together(contract)
    for case in cases(contract):
        if case in SILENCED:
            yield from _silenced(contract, case)
        elif case in VANISHED:
            yield from _vanished(contract, case)


def _together(contract: Contract) -> Iterator[Asserted]:
    """Silent before, pending, firing, still firing at the end, silent after."""
    fires, silent = contract.begins + contract.fires, contract.ends + contract.clears
    raised = [labels for case in cases(contract) if case not in APART for labels in told(contract, case)]
    lasting = [labels for labels in raised if labels["cluster"] in contract.still_firing]

    def at(moment: int, alerts: Sequence[Mapping[str, str]], state: str = "firing") -> Asserted:
        # What will not fire may be pending all the same.
        clusters = "|".join(sorted({labels["cluster"] for labels in raised}))
        which = f'cluster=~"{clusters}"' if state == "pending" else f'cluster!~"{"|".join(APART)}"'
        return Asserted(moment, tuple(alerts), (which, *_narrowed(contract)), state)

    yield at(contract.begins - TICK, [])
    if any(rule.for_ for rule in needed(contract.alert) if rule.alert):
        yield at(fires - TICK, raised, "pending")
    yield at(fires + TICK, raised)
    yield at(contract.ends - TICK, raised)
    if contract.clears > 2 * TICK:
        yield at(silent - 2 * TICK, raised)
    yield at(silent + TICK, lasting)
    yield at(silent + 4 * TICK, lasting)


def _flicker(contract: Contract) -> Iterator[Asserted]:
    fires, silent = contract.begins + contract.fires + 60, contract.ends + contract.clears + 60
    for moment, fire in ((contract.begins - TICK, False), (fires, True), (contract.ends - TICK, True), (silent, False)):
        yield _in_case(contract, "flicker", moment, fire=fire)


def _silenced(contract: Contract, case: str) -> Iterator[Asserted]:
    ends = contract.ends + (contract.forgets or 0)
    yield _in_case(contract, case, contract.ends - TICK, fire=True)
    if contract.forgets and contract.forgets > 2 * TICK:
        yield _in_case(contract, case, ends - 2 * TICK, fire=True)
    yield _in_case(contract, case, ends + TICK, fire=False)


def _vanished(contract: Contract, case: str) -> Iterator[Asserted]:
    """To the second: what ends by a window ends at the tick at which the last scrape leaves it."""
    if contract.vanishes is None:
        yield _in_case(contract, case, contract.ends + contract.clears + TICK, fire=True)
        return
    ends = contract.ends + contract.vanishes
    yield _in_case(contract, case, ends - TICK, fire=True)
    yield _in_case(contract, case, ends, fire=False)


def _in_case(contract: Contract, case: str, moment: int, *, fire: bool) -> Asserted:
    raised = tuple(told(contract, case)) if fire else ()
    return Asserted(moment, raised, (f'cluster="{case}"', *_narrowed(contract)))


def _narrowed(contract: Contract) -> Iterator[str]:
    return (f'{name}="{contract.labels[name]}"' for name in contract.narrowed)


def _matchers(labels: Mapping[str, str]) -> str:
    return "{" + ",".join(f'{name}="{value}"' for name, value in labels.items()) + "}"


def _told_in_full(contract: Contract) -> dict[str, Any]:
    """Everything that is told, annotations too; those that are asked apart fire like the others."""
    moment = (contract.begins + contract.fires + TICK) // contract.every * contract.every
    together = (case for case in cases(contract) if case != "flicker")
    expected = [_expected(contract, labels, moment) for case in together for labels in told(contract, case)]
    return {"eval_time": f"{moment}s", "alertname": contract.alert, "exp_alerts": expected}


def _case(contract: Contract, case: str) -> Iterator[Node]:
    """The nodes of one case, each cluster for itself."""
    ticks = _ticks(contract)
    for job, mode in _fleets(contract, case).items():
        if contract.beside:
            yield Node(case, (replace(_phase(contract, mode, contract.calm), ticks=sum(ticks)),), "b", job)
        yield from _own_nodes(contract, case, job, mode)
    if case == "other-job":  # another fleet in the same cluster, beside one that is well
        yield Node(case, (replace(_phase(contract, contract.mode, contract.calm), ticks=sum(ticks)),), "m")


def _own_nodes(contract: Contract, case: str, job: str, mode: str) -> Iterator[Node]:
    before, during, behind = _ticks(contract)
    change = _change(contract, case)
    calm = _phase(contract, mode, change.before or contract.calm)
    breach = _phase(contract, mode, change)
    after = _phase(contract, mode, contract.still_firing.get(case) or contract.after or contract.calm)
    story = (replace(calm, ticks=before), replace(breach, ticks=during), replace(after, ticks=behind))
    quiet = (replace(calm, ticks=before + during + behind),)
    parts = frozenset(_parts(contract.alert))
    match case:
        case "quiet":
            yield Node(case, quiet)
        case "no-data":
            yield Node(case, (replace(calm, ticks=before), replace(calm, ticks=during, gone=True)))
        case "restarted":
            yield Node(case, (replace(calm, ticks=before), replace(restart(calm), ticks=during + behind)))
        case "replaced":
            yield Node(case, (replace(calm, ticks=before), replace(calm, ticks=during, gone=True)))
            yield Node(case, (replace(calm, ticks=before, gone=True), replace(calm, ticks=during + behind)), "c")
        case "flicker":
            yield Node(case, tuple(replace(phase, flicker=parts) for phase in story))
        case _ if case in SILENCED:
            yield Node(case, (*story[:2], replace(breach, ticks=behind, null=parts)))
        case _ if case in VANISHED:
            yield Node(case, (*story[:2], replace(breach, ticks=behind, gone=True)))
        case _ if case in FIRING or case in contract.still_firing:
            yield Node(case, story, job=job)
        case _:  # what just does not fire goes on until the end
            yield Node(case, (replace(calm, ticks=before), replace(breach, ticks=during + behind)))
    if case == "one-of-two":
        yield Node(case, quiet, "b")


def _ticks(contract: Contract) -> tuple[int, int, int]:
    """How long it is calm, how long the breach lasts, and how long the rest."""
    rest = max(contract.clears, contract.vanishes or 0, contract.forgets or 0)
    return contract.calm_ticks, contract.ticks, rest // TICK + 8


def _change(contract: Contract, case: str) -> Change:
    nearly = _nearly(contract, case) if case in NEARLY else contract.more_silent.get(case)
    return nearly or contract.breach


def _phase(contract: Contract, mode: str, change: Change) -> Phase:
    calls = change.calls if change.calls is not None else contract.calm.calls
    values = {**healthy(mode), **contract.calm.values, **change.values}
    calls = (Calls(""),) if calls is None else calls
    return Phase(1, values, tuple(replace(each, mode=each.mode or mode) for each in calls))


def _parts(alert: str) -> set[str]:
    """The parts of the stats document that the alert is read from."""
    bases = {re.sub("_(bucket|count)$", "", name) for name in names(alert)}
    return {part_of(CATALOG[name]) for name in bases if name in CATALOG} - {""}


def _expected(contract: Contract, labels: Mapping[str, str], moment: int) -> dict[str, Any]:
    alert = every_alert()[contract.alert]
    variables = "".join(
        f"&var-{name}={quote_plus(labels[name]) if labels.get(name) else '$__all'}"
        for name in ("cluster", "job", "instance")
    )
    return {
        "exp_labels": dict(labels),
        "exp_annotations": {
            "summary": alert.summary,
            "description": _description(contract, labels).format(**labels),
            "playbook": alert.step.id,
            "playbook_step": alert.step.title,
            "runbook_url": f"alerts/playbooks/{contract.alert}.md",
            "dashboard_url": f"http://localhost:3000/d/{alert.dashboard}"
            f"?from={(moment - 3600) * 1000}&to={moment * 1000}{variables}",
        },
    }


def _description(contract: Contract, labels: Mapping[str, str]) -> str:
    told_of = ((contract.labels, contract.description), *contract.also)
    return next(
        text
        for own, text in told_of
        if all(label.format(mode=labels.get("mode")) == labels[name] for name, label in own.items())
    )


def all_contracts(modules: Sequence[Any]) -> dict[str, Contract]:
    """Name, with variant, → contract, of every module; two of one name are an error."""
    found: dict[str, Contract] = {}
    for contract in (each for module in modules for each in module.CONTRACTS):
        name = f"{contract.alert} {contract.variant}".strip()
        assert name not in found, f"{name} has two contracts"
        found[name] = contract
    return found

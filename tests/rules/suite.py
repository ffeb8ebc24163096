"""A contract as promtool tests: the nodes of its cases as series, and what is asserted of them, at which moments."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote_plus

from memoryos_exporter.catalog import CATALOG
from rules.contract import (
    APART,
    FIRING,
    NEARLY,
    SILENCED,
    VANISHED,
    Change,
    Contract,
    cases,
    every_alert,
    fleets,
    names,
    nearly,
    needed,
    told,
)
from rules.world import Calls, Node, Phase, healthy, input_series, part_of, restart


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
    """Some cases of a contract as promtool's input series, and what is asserted of them.

    told: promtool's tests of everything that is told at one moment.
    """

    series: list[dict[str, str]]
    asserted: tuple[Asserted, ...]
    tick: int
    told: tuple[dict[str, Any], ...] = ()


def promtool_tests(contract: Contract) -> list[dict[str, Any]]:
    """The promtool tests of one contract, with what is told in full."""
    return [
        {
            **as_test(world, contract.name),
            "promql_expr_test": [each.test(contract.alert) for each in world.asserted],
            "alert_rule_test": list(world.told),
        }
        for world in worlds(contract)
    ]


def as_test(world: World, name: str) -> dict[str, Any]:
    """The series of a world in a promtool test, in which nothing is asserted yet."""
    return {"name": name, "interval": f"{world.tick}s", "input_series": world.series}


def worlds(contract: Contract) -> Iterator[World]:
    """All cases together, except the one in which values come and go: when it begins to fire is not told exactly."""
    together = [case for case in cases(contract) if case != "flicker"]
    in_full = () if set(contract.narrowed) - {"window"} else (_told_in_full(contract),)
    yield World(_series(contract, together), tuple(_assertions(contract)), contract.tick, in_full)
    if "flicker" in cases(contract):
        yield World(_series(contract, ["flicker"]), tuple(_flicker(contract)), contract.tick)


def _series(contract: Contract, of_cases: Sequence[str]) -> list[dict[str, str]]:
    nodes = [node for case in of_cases for node in _case(contract, case)]
    # A fleet that was always there: without any target at all, MemoryOSExporterDown has a test of its own.
    always = {"series": 'up{cluster="always",instance="a",job="memoryos"}', "values": "1x10000"}
    return [always, *input_series(nodes, names(contract.alert), contract.start, contract.begins, contract.tick)]


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

    yield at(contract.begins - contract.tick, [])
    if any(rule.for_ for rule in needed(contract.alert) if rule.alert):
        yield at(fires - contract.tick, raised, "pending")
    yield at(fires + contract.tick, raised)
    yield at(contract.ends - contract.tick, raised)
    if contract.clears > 2 * contract.tick:
        yield at(silent - 2 * contract.tick, raised)
    yield at(silent + contract.tick, lasting)
    yield at(silent + 4 * contract.tick, lasting)


def _flicker(contract: Contract) -> Iterator[Asserted]:
    fires, silent = contract.begins + contract.fires + 60, contract.ends + contract.clears + 60
    for moment, fire in (
        (contract.begins - contract.tick, False),
        (fires, True),
        (contract.ends - contract.tick, True),
        (silent, False),
    ):
        yield _in_case(contract, "flicker", moment, fire=fire)


def _silenced(contract: Contract, case: str) -> Iterator[Asserted]:
    ends = contract.ends + (contract.forgets or 0)
    yield _in_case(contract, case, contract.ends - contract.tick, fire=True)
    if contract.forgets and contract.forgets > 2 * contract.tick:
        yield _in_case(contract, case, ends - 2 * contract.tick, fire=True)
    yield _in_case(contract, case, ends + contract.tick, fire=False)


def _vanished(contract: Contract, case: str) -> Iterator[Asserted]:
    """To the second: what ends by a window ends at the tick at which the last scrape leaves it."""
    if contract.vanishes is None:
        yield _in_case(contract, case, contract.ends + contract.clears + contract.tick, fire=True)
        return
    ends = contract.ends + contract.vanishes
    yield _in_case(contract, case, ends - contract.tick, fire=True)
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
    moment = (contract.begins + contract.fires + contract.tick) // contract.every * contract.every
    together = (case for case in cases(contract) if case != "flicker")
    expected = [_expected(contract, labels, moment) for case in together for labels in told(contract, case)]
    return {"eval_time": f"{moment}s", "alertname": contract.alert, "exp_alerts": expected}


def _case(contract: Contract, case: str) -> Iterator[Node]:
    """The nodes of one case, each cluster for itself."""
    ticks = _ticks(contract)
    for job, mode in fleets(contract, case).items():
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
    return contract.calm_ticks, contract.ticks, rest // contract.tick + 8


def _change(contract: Contract, case: str) -> Change:
    change = nearly(contract, case) if case in NEARLY else contract.more_silent.get(case)
    return change or contract.breach


def _phase(contract: Contract, mode: str, change: Change) -> Phase:
    calls = change.calls if change.calls is not None else contract.calm.calls
    values = {**healthy(mode), **contract.calm.values, **change.values}
    calls = (Calls(""),) if calls is None else calls
    own = tuple(replace(each, mode=each.mode or mode) for each in calls)
    return Phase(1, values, own, null=change.null, gone=change.gone)


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

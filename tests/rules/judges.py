"""Who notices a fault in a rule: the contracts of alerts, and for a recording rule the tests of its values.

Many mutants are evaluated by one promtool, each under a name of its own beside the true recording rules.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol

from memoryos_generators.rules.delivery import rule_fields
from memoryos_generators.rules.model import Rule
from memoryos_generators.rules.promql import series_names
from rules import promtool
from rules.contract import Contract, needed
from rules.contracts import CONTRACTS
from rules.mutants import Mutant
from rules.recordings import Told, tests_of
from rules.suite import World, as_test, worlds

NUMBER = re.compile(r"__m([0-9]+)")
# Faults that may change nothing but the value of an alert. Descriptions are told by templates, which are slow.
VALUES = {"arithmetic", "swapped"}
ASSERTION = re.compile(r"\s*(expr|alertname):")


@dataclass(frozen=True)
class Subject:
    """A mutant and what it was made of; ``judges`` are the names of the rules whose tests can notice it, in order."""

    original: Rule
    mutant: Mutant
    judges: tuple[str, ...]

    def __str__(self) -> str:
        rule = self.original
        labels = " ".join(f"{k}={v}" for k, v in rule.labels.items() if k != "playbook")
        return f"{rule.alert or rule.record} {labels}: {self.mutant.kind} {self.mutant.change}"


class Judge(Protocol):
    """One promtool test that can tell mutants from the true rules."""

    @property
    def every(self) -> str:
        """The evaluation interval."""

    def concerns(self, subject: Subject) -> bool:
        """Whether it asks for the subject's rule."""

    def rules(self, alive: Mapping[int, Subject]) -> Iterator[dict[str, Any]]:
        """The true recording rules, and of each mutant what it reaches, under names with its number."""

    def test(self, alive: Mapping[int, Subject]) -> dict[str, Any]:
        """promtool's test, which asks of each mutant what it asks of the true rule."""


def noticed_by(name: str, several: Sequence[Subject]) -> list[Subject]:
    """Those of the mutants that a test of the rule ``name``, an alert or a recording rule, notices."""
    alive, killed = dict(enumerate(several)), []
    for judge in _by_contract(name) if name in _contracts() else _by_value(name):
        tried = {number: one for number, one in alive.items() if judge.concerns(one)}
        while tried:
            failed, broken = _failing(judge, tried)
            killed += [alive.pop(number) for number in failed | broken]
            tried = {number: one for number, one in tried.items() if number in alive}
            if not broken:  # a mutant that cannot be evaluated ends the whole run: once more without it
                break
    return killed


def _failing(judge: Judge, alive: Mapping[int, Subject]) -> tuple[set[int], set[int]]:
    """The numbers of the mutants that fail, and of those that cannot be evaluated."""
    document = {"groups": [{"name": "mutants", "rules": list(judge.rules(alive))}]}
    with TemporaryDirectory() as directory:
        suite = promtool.write_suite(Path(directory), {"rules.yml": document}, [judge.test(alive)], judge.every)
        finished = promtool.run(suite)
    lines = (finished.stdout + finished.stderr).splitlines()
    failed = {int(match[1]) for line in lines if ASSERTION.match(line) and (match := NUMBER.search(line))}
    broken = {
        int(match[1])
        for line in lines
        if "err" in line and not ASSERTION.match(line) and (match := NUMBER.search(line))
    }
    assert finished.returncode == 0 or failed or broken, finished.stderr
    return failed, broken


@dataclass(frozen=True)
class OfContract:
    """One world of an alert's contract; first those in which the rule fires are asked, then those where it might."""

    contract: Contract
    world: World
    fires: bool

    @property
    def every(self) -> str:
        return f"{self.contract.every}s"

    def concerns(self, subject: Subject) -> bool:
        labels = subject.original.labels.items()
        fires = any(labels <= raised.items() for each in self.world.asserted for raised in each.raised)
        return self._asked_for(subject.original) and fires is self.fires

    def rules(self, alive: Mapping[int, Subject]) -> Iterator[dict[str, Any]]:
        alert = self.contract.alert
        described = {f"{alert}__m{number}" for number, subject in alive.items() if _changes_values(subject)}
        faulty = (rule for number, subject in alive.items() for rule in _renamed(alert, subject, number))
        for rule in (*_recordings(alert), *(rule for rule in faulty if self._asked_for(rule))):
            yield _bare(rule, described)

    def test(self, alive: Mapping[int, Subject]) -> dict[str, Any]:
        asserted, told = [], []
        for number, subject in alive.items():
            of_rule = subject.original.labels if subject.original.alert else {}
            name = f"{self.contract.alert}__m{number}"
            asserted += [each.test(name, of_rule) for each in self.world.asserted]
            if _changes_values(subject):
                told += [_described(each, name, of_rule) for each in self.world.told]
        case = _told_of(as_test(self.world, self.contract.alert), self.contract.alert, alive)
        return {**case, "promql_expr_test": asserted, "alert_rule_test": told}

    def _asked_for(self, rule: Rule) -> bool:
        asked = self.contract.labels
        return all(rule.labels.get(name, asked[name]) == asked[name] for name in self.contract.narrowed)


@dataclass(frozen=True)
class OfValues:
    """One test of what a recording rule says."""

    record: str
    told: Told

    @property
    def every(self) -> str:
        return self.told.every

    def concerns(self, subject: Subject) -> bool:
        return subject.original.record == self.record

    def rules(self, alive: Mapping[int, Subject]) -> Iterator[dict[str, Any]]:
        faulty = (rule for number, subject in alive.items() for rule in _renamed(self.record, subject, number))
        yield from (rule_fields(rule) for rule in (*_recordings(self.record), *faulty))

    def test(self, alive: Mapping[int, Subject]) -> dict[str, Any]:
        asserted = json.dumps(self.told.asserted)
        every = (json.loads(_with_suffix(asserted, {self.record}, f"__m{number}")) for number in alive)
        case = _told_of(self.told.test, self.record, alive)
        return {**case, "promql_expr_test": [each for asked in every for each in asked]}


def _by_contract(alert: str) -> Iterator[Judge]:
    for fires in (True, False):
        for contract in _contracts()[alert]:
            yield from (OfContract(contract, world, fires) for world in _worlds(contract.name))


def _by_value(record: str) -> Iterator[Judge]:
    return (OfValues(record, told) for told in tests_of(record))


@cache
def _worlds(contract_name: str) -> tuple[World, ...]:
    return tuple(worlds(CONTRACTS[contract_name]))


@cache
def _contracts() -> Mapping[str, list[Contract]]:
    found: dict[str, list[Contract]] = {}
    for contract in CONTRACTS.values():
        found.setdefault(contract.alert, []).append(contract)
    return found


def _changes_values(subject: Subject) -> bool:
    return subject.mutant.kind in VALUES or bool(subject.original.record)


def _bare(rule: Rule, described: Collection[str]) -> dict[str, Any]:
    """The rule without what it tells, but for the description where that is tested: it has the alert's value."""
    description = {k: v for k, v in rule.annotations.items() if k == "description" and rule.alert in described}
    return {**rule_fields(rule), **({"annotations": description} if rule.alert else {})}


def _described(told: Mapping[str, Any], name: str, of_rule: Mapping[str, str]) -> dict[str, Any]:
    """promtool's test of the descriptions alone, of one rule under the name ``name``."""
    expected = [
        {**each, "exp_annotations": {"description": each["exp_annotations"]["description"]}}
        for each in told["exp_alerts"]
        if of_rule.items() <= each["exp_labels"].items()
    ]
    return {**told, "alertname": name, "exp_alerts": expected}


def _recordings(name: str) -> Iterator[Rule]:
    return (rule for rule in needed(name) if rule.record)


def _renamed(name: str, subject: Subject, number: int) -> Iterator[Rule]:
    """Of the rules that ``name`` needs those that the fault reaches, under names of their own."""
    suffix = f"__m{number}"
    if subject.original.alert:
        yield replace(subject.mutant.rule, alert=subject.original.alert + suffix)
        return
    reached = _reached(name, subject)
    for rule in needed(name):
        if rule.alert or rule.record in reached:
            faulty = subject.mutant.rule if rule == subject.original else rule
            names = {"record": rule.record + suffix} if rule.record else {"alert": rule.alert + suffix}
            yield replace(faulty, expr=_with_suffix(faulty.expr, reached, suffix), **names)  # type: ignore[arg-type]


def _reached(name: str, subject: Subject) -> set[str]:
    """The recorded series that are others by the fault: of the rule itself, and of those that ``name`` makes of it."""
    reached = {subject.original.record} - {""}
    for rule in needed(name):
        if rule.record and series_names(rule.expr) & reached:
            reached.add(rule.record)
    return reached


def _told_of(test: Mapping[str, Any], name: str, alive: Mapping[int, Subject]) -> dict[str, Any]:
    """The test with the recorded series that it begins with told to the mutants too, under their names."""
    series = [*test["input_series"]]
    for number, subject in alive.items():
        reached = _reached(name, subject)
        recorded = (each for each in test["input_series"] if reached & {each["series"].partition("{")[0]})
        series += [{**each, "series": _with_suffix(each["series"], reached, f"__m{number}")} for each in recorded]
    return {**test, "input_series": series}


def _with_suffix(text: str, names: Collection[str], suffix: str) -> str:
    """``text`` with each of the names followed by ``suffix``, wherever it is a whole name."""
    either = "|".join(map(re.escape, sorted(names)))
    return re.sub(rf"(?<![\w:])({either})(?![\w:])", rf"\g<1>{suffix}", text)

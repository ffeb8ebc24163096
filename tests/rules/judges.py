"""Who notices a fault in a rule: promtool's own tests of it, and of an alert its contracts.

Many mutants are evaluated by one promtool, each under a name of its own beside the true recording rules.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol

from memoryos_generators.rules.delivery import rule_fields
from memoryos_generators.rules.model import Rule
from rules import promtool
from rules.contract import Contract, needed
from rules.contracts import CONTRACTS
from rules.mutants import Mutant
from rules.suite import World, as_test, worlds
from rules.unit_files import UnitTest, unit_tests_of

NUMBER = re.compile(r"__m([0-9]+)")
# Faults that may change nothing but the value of an alert. Descriptions are told by templates, which are slow.
VALUES = {"arithmetic", "swapped"}
ASSERTION = re.compile(r"\s*(expr|alertname):")


@dataclass(frozen=True)
class Subject:
    """A mutant and what it was made of."""

    original: Rule
    mutant: Mutant

    @property
    def name(self) -> str:
        """The alert or recording rule."""
        return self.original.alert or self.original.record

    def __str__(self) -> str:
        rule = self.original
        labels = " ".join(f"{k}={v}" for k, v in rule.labels.items() if k != "playbook")
        return f"{self.name} {labels}: {self.mutant.kind} {self.mutant.change}"


class Judge(Protocol):
    """One promtool test that can tell mutants from the true rules."""

    @property
    def every(self) -> str:
        """The evaluation interval."""

    def concerns(self, subject: Subject, /) -> bool:
        """Whether it asks for this one of the rules of its name."""

    def rules(self, alive: Mapping[int, Subject]) -> Iterator[dict[str, Any]]:
        """The true recording rules, and each mutant under its name with its number."""

    def test(self, alive: Mapping[int, Subject]) -> dict[str, Any]:
        """promtool's test, which asks of each mutant what it asks of the true rule."""


def noticed(name: str, several: Sequence[Subject]) -> list[Subject]:
    """Those of the mutants of the rule ``name``, an alert or a recording rule, that its tests notice."""
    alive, killed = dict(enumerate(several)), []
    for judge in (*(OfUnitTest(name, unit) for unit in unit_tests_of(name)), *_by_contract(name)):
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
        yield from (_bare(rule) for rule in _recordings(self.contract.alert))
        for number, subject in alive.items():
            yield _bare(_renamed(subject.mutant.rule, number), told=subject.mutant.kind in VALUES)

    def test(self, alive: Mapping[int, Subject]) -> dict[str, Any]:
        asserted, told = [], []
        for number, subject in alive.items():
            name, of_rule = _numbered(self.contract.alert, number), subject.original.labels
            asserted += [each.test(name, of_rule) for each in self.world.asserted]
            if subject.mutant.kind in VALUES:
                told += [_described(each, name, of_rule) for each in self.world.told]
        test = as_test(self.world, self.contract.alert)
        return {**test, "promql_expr_test": asserted, "alert_rule_test": told}

    def _asked_for(self, rule: Rule) -> bool:
        asked = self.contract.labels
        return all(rule.labels.get(name, asked[name]) == asked[name] for name in self.contract.narrowed)


@dataclass(frozen=True)
class OfUnitTest:
    """One of promtool's own tests, of what it asks about one rule."""

    name: str
    unit: UnitTest

    @property
    def every(self) -> str:
        return self.unit.every

    def concerns(self, _: Subject, /) -> bool:
        return True

    def rules(self, alive: Mapping[int, Subject]) -> Iterator[dict[str, Any]]:
        # Of several rules of one name all are asked for together: beside the faulty one stand the others.
        own = [rule for rule in needed(self.name) if self.name in {rule.alert, rule.record}]
        yield from (_bare(rule) for rule in _recordings(self.name))
        for number, subject in alive.items():
            faulty = (subject.mutant.rule if rule == subject.original else rule for rule in own)
            yield from (_bare(_renamed(rule, number)) for rule in faulty)

    def test(self, alive: Mapping[int, Subject]) -> dict[str, Any]:
        def numbered(part: Sequence[Mapping[str, Any]], number: int) -> list[dict[str, Any]]:
            return list(json.loads(_numbered_in(json.dumps(part), self.name, number)))

        # What it recorded before the test begins, told to the mutants too.
        before = [each for each in self.unit.test["input_series"] if each["series"].partition("{")[0] == self.name]
        return {
            **self.unit.test,
            "input_series": self.unit.test["input_series"] + [s for number in alive for s in numbered(before, number)],
            "promql_expr_test": [each for number in alive for each in numbered(self.unit.asserted, number)],
        }


def _by_contract(alert: str) -> Iterator[Judge]:
    for fires in (True, False):
        for contract in _contracts().get(alert, ()):
            yield from (OfContract(contract, world, fires) for world in _worlds(contract.name))


@cache
def _worlds(contract_name: str) -> tuple[World, ...]:
    return tuple(worlds(CONTRACTS[contract_name]))


@cache
def _contracts() -> Mapping[str, list[Contract]]:
    found: dict[str, list[Contract]] = {}
    for contract in CONTRACTS.values():
        found.setdefault(contract.alert, []).append(contract)
    return found


def _bare(rule: Rule, *, told: bool = False) -> dict[str, Any]:
    """The rule without what it tells, but for the description where that is tested: it has the alert's value."""
    description = {"annotations": {"description": rule.annotations["description"]}} if told else {}
    return {**rule_fields(rule), **({"annotations": {}, **description} if rule.alert else {})}


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


def _numbered(name: str, number: int) -> str:
    return f"{name}__m{number}"


def _numbered_in(text: str, name: str, number: int) -> str:
    """``text`` with the name numbered, wherever it is a whole name."""
    return re.sub(rf"(?<![\w:]){re.escape(name)}(?![\w:])", _numbered(name, number), text)


def _renamed(rule: Rule, number: int) -> Rule:
    """The rule under a name of its own; one that remembers what it recorded remembers that."""
    if rule.alert:
        return replace(rule, alert=_numbered(rule.alert, number))
    return replace(rule, record=_numbered(rule.record, number), expr=_numbered_in(rule.expr, rule.record, number))

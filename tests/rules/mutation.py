"""How many small faults in the rules the contracts notice: `python -m rules.mutation` in tests/ prints the score.

Many mutants are evaluated by one promtool, each under a name of its own beside the true recording rules. A mutant that
survives its first contract is tried on the others of that alert; a mutated recording rule, on the next alerts that
need it.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from memoryos_generators.rules.delivery import rule_fields
from memoryos_generators.rules.model import Rule
from memoryos_generators.rules.promql import series_names
from rules import promtool
from rules.contract import Contract, config, every_alert, needed
from rules.contracts import CONTRACTS
from rules.equivalent import reason
from rules.mutants import Mutant, mutants
from rules.suite import World, as_test, worlds

AT_ONCE = 80
# Somewhat below what a sample of 139 reached when it was last measured (92.8 %): it may rise, and must not fall.
LEAST = 0.9
NUMBER = re.compile(r"__m([0-9]+)")
# Faults that may change nothing but the value of an alert. Descriptions are told by templates, which are slow.
VALUES = {"arithmetic", "swapped"}
ASSERTION = re.compile(r"\s*(expr|alertname):")


@dataclass(frozen=True)
class Subject:
    """A mutant and what it was made of; ``alerts`` are those whose contracts can notice it."""

    original: Rule
    mutant: Mutant
    alerts: tuple[str, ...]

    def __str__(self) -> str:
        rule = self.original
        labels = " ".join(f"{k}={v}" for k, v in rule.labels.items() if k != "playbook")
        return f"{rule.alert or rule.record} {labels}: {self.mutant.kind} {self.mutant.change}"


@dataclass(frozen=True)
class Score:
    """The outcome for each mutant; those that nobody could notice are explained and do not count."""

    killed: tuple[Subject, ...]
    survived: tuple[Subject, ...]
    explained: tuple[Subject, ...]

    @property
    def ratio(self) -> float:
        """The share of the mutants that count which were noticed."""
        return len(self.killed) / max(1, len(self.killed) + len(self.survived))


def subjects(every: int = 1) -> list[Subject]:
    """All mutants of all rules, or every so manieth of them."""
    originals: dict[tuple[str, ...], tuple[Rule, list[str]]] = {}
    for alert in _by_contract():
        for rule in needed(alert):
            key = (rule.record, rule.alert, rule.expr, json.dumps(dict(rule.labels)))
            originals.setdefault(key, (rule, []))[1].append(alert)
    made = [
        # A recording rule is tried first on the alerts that need little else.
        Subject(rule, mutant, tuple(sorted(alerts, key=lambda alert: len(needed(alert)))))
        for rule, alerts in originals.values()
        for mutant in mutants(rule)
        if mutant.rule.expr != rule.expr or mutant.kind in {"severity", "for", "keep_firing_for"}
    ]
    return made[::every]


def score(chosen: Sequence[Subject], processes: int = 2, progress: Callable[[str], object] = lambda _: None) -> Score:
    """Try every mutant until one contract notices it; ``progress`` is told how far it is."""
    alive, killed = list(chosen), []
    for attempt in range(max(len(subject.alerts) for subject in chosen)):
        tried: dict[str, list[Subject]] = {}
        for subject in alive:
            if attempt < len(subject.alerts):
                tried.setdefault(subject.alerts[attempt], []).append(subject)
        jobs = [(alert, part) for alert, several in tried.items() for part in _parts(several)]
        with ThreadPoolExecutor(processes) as pool:
            tries = [pool.submit(noticed_by, *job) for job in jobs]
            for done, tried_out in enumerate(as_completed(tries), 1):
                killed += tried_out.result()
                progress(f"round {attempt + 1}, {done} of {len(jobs)}: {len(killed)} of {len(chosen)} noticed")
        gone = set(map(id, killed))
        alive = [subject for subject in alive if id(subject) not in gone]
    explained = [subject for subject in alive if reason(str(subject))]
    survived = [subject for subject in alive if not reason(str(subject))]
    return Score(tuple(killed), tuple(survived), tuple(explained))


def noticed_by(alert: str, several: Sequence[Subject]) -> list[Subject]:
    """Those of the mutants that a contract of ``alert`` tells from the true rules."""
    alive, killed = dict(enumerate(several)), []
    # First the contracts in which the rule fires, then those in which it only might.
    for fires in (True, False):
        for contract in _by_contract()[alert]:
            for world in _worlds(contract.name):
                tried = {number: one for number, one in alive.items() if _fires(contract, world, one) is fires}
                while tried:
                    failed, broken = _failing(contract, world, tried)
                    killed += [alive.pop(number) for number in failed | broken]
                    tried = {number: one for number, one in tried.items() if number in alive}
                    if not broken:  # a mutant that cannot be evaluated ends the whole run: once more without it
                        break
    return killed


@cache
def _worlds(contract_name: str) -> tuple[World, ...]:
    return tuple(worlds(CONTRACTS[contract_name]))


def _fires(contract: Contract, world: World, subject: Subject) -> bool | None:
    """Whether the subject's rule fires in this world; None when it is not asked for."""
    if not _asked_for(subject.original, contract):
        return None
    return any(subject.original.labels.items() <= labels.items() for each in world.asserted for labels in each.raised)


def _asked_for(rule: Rule, contract: Contract) -> bool:
    return all(rule.labels.get(name, contract.labels[name]) == contract.labels[name] for name in contract.narrowed)


def _failing(contract: Contract, world: World, alive: Mapping[int, Subject]) -> tuple[set[int], set[int]]:
    """The numbers of the mutants that fail in the world, and of those that cannot be evaluated."""
    rules = [*_recordings(contract.alert)]
    asserted, told = [], []
    for number, subject in alive.items():
        rules += [rule for rule in _renamed(contract.alert, subject, number) if _asked_for(rule, contract)]
        of_rule = subject.original.labels if subject.original.alert else {}
        name = f"{contract.alert}__m{number}"
        asserted += [each.test(name, of_rule) for each in world.asserted]
        if subject.mutant.kind in VALUES or subject.original.record:
            told += [_described(each, name, of_rule) for each in world.told]
    described = {each["alertname"] for each in told}
    document = {"groups": [{"name": "mutants", "rules": [_bare(rule, described) for rule in rules]}]}
    case = {**as_test(world, contract.alert), "promql_expr_test": asserted, "alert_rule_test": told}
    with TemporaryDirectory() as directory:
        finished = promtool.run(
            promtool.write_suite(Path(directory), {"rules.yml": document}, [case], f"{contract.every}s")
        )
    lines = (finished.stdout + finished.stderr).splitlines()
    failed = {int(match[1]) for line in lines if ASSERTION.match(line) and (match := NUMBER.search(line))}
    broken = {
        int(match[1])
        for line in lines
        if "err" in line and not ASSERTION.match(line) and (match := NUMBER.search(line))
    }
    assert finished.returncode == 0 or failed or broken, finished.stderr
    return failed, broken


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


def _recordings(alert: str) -> Iterator[Rule]:
    return (rule for rule in needed(alert) if rule.record)


def _renamed(alert: str, subject: Subject, number: int) -> Iterator[Rule]:
    """The rules with the fault in them, under names of their own, as far as the fault reaches."""
    suffix = f"__m{number}"
    if subject.original.alert:
        yield replace(subject.mutant.rule, alert=alert + suffix)
        return
    reached: set[str] = {subject.original.record} - {""}
    for rule in needed(alert):
        if rule.record and series_names(rule.expr) & reached:
            reached.add(rule.record)
    for rule in needed(alert):
        if rule.alert or rule.record in reached:
            faulty = subject.mutant.rule if rule == subject.original else rule
            expr = faulty.expr
            for name in reached:
                expr = re.sub(rf"(?<![\w:]){re.escape(name)}(?![\w:])", name + suffix, expr)
            names = {"record": rule.record + suffix} if rule.record else {"alert": rule.alert + suffix}
            yield replace(faulty, expr=expr, **names)  # type: ignore[arg-type]


@cache
def _by_contract() -> Mapping[str, list[Contract]]:
    found: dict[str, list[Contract]] = {}
    for contract in CONTRACTS.values():
        found.setdefault(contract.alert, []).append(contract)
    return found


def _parts(several: list[Subject]) -> Iterator[list[Subject]]:
    for start in range(0, len(several), AT_ONCE):
        yield several[start : start + AT_ONCE]


def report(result: Score) -> Iterator[str]:
    """The score by kind of fault, what makes no difference and why, and every survivor."""
    counted = Counter(subject.mutant.kind for subject in (*result.killed, *result.survived))
    noticed = Counter(subject.mutant.kind for subject in result.killed)
    for kind, number in sorted(counted.items()):
        yield f"{kind:16} {noticed[kind]:5} of {number:5} noticed"
    yield f"{'all':16} {len(result.killed):5} of {counted.total():5} noticed: {result.ratio:.1%}"
    yield f"{len(result.explained)} more make no difference that anybody could notice:"
    for why, number in Counter(reason(str(subject)) for subject in result.explained).most_common():
        yield f"  {number:4} {why}"
    yield from (f"  survived: {subject}" for subject in result.survived)


def main(every: int = 1) -> int:
    """Print the report; 1 when the score is below LEAST."""
    config(), every_alert()  # once, before threads ask for them
    result = score(subjects(every), progress=lambda line: print(line, file=sys.stderr, flush=True))  # noqa: T201
    sys.stdout.writelines(line + "\n" for line in report(result))
    return 0 if result.ratio >= LEAST else 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog='make mutation ARGS="…"', description="Score the tests of the rules.")
    parser.add_argument(
        "every", nargs="?", type=int, default=1, help="try only every so manieth mutant, to take less long"
    )
    sys.exit(main(parser.parse_args().every))

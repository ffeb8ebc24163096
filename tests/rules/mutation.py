"""How many small faults in the rules their tests notice: `python -m rules.mutation` in tests/ prints the score.

A mutated alert is tried on every contract of it; a mutated recording rule on the tests of its values, then on the
contracts of the alerts that need it.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass

from memoryos_generators.rules import groups
from memoryos_generators.rules.model import Rule
from rules.contract import config, every_alert, needed
from rules.equivalent import reason
from rules.judges import Subject, noticed_by
from rules.mutants import mutants

AT_ONCE = 80
# It always fires: there is nothing to be right about, and a test of its own sees that it does.
WATCHDOG = "MemoryOSWatchdog"
# Somewhat below what a sample of 139 reached when it was last measured (92.8 %): it may rise, and must not fall.
LEAST = 0.9


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
    every_rule = [rule for group in groups(config()) for rule in group.rules if rule.alert != WATCHDOG]
    made = [
        Subject(rule, mutant, _judges(rule))
        for rule in every_rule
        for mutant in mutants(rule)
        if mutant.rule.expr != rule.expr or mutant.kind in {"severity", "for", "keep_firing_for"}
    ]
    return made[::every]


def _judges(rule: Rule) -> tuple[str, ...]:
    """An alert is judged by itself; a recording rule first by itself, then by the alerts that need little else."""
    if rule.alert:
        return (rule.alert,)
    needing = (alert for alert in every_alert() if alert != WATCHDOG and rule in needed(alert))
    return (rule.record, *sorted(needing, key=lambda alert: len(needed(alert))))


def score(chosen: Sequence[Subject], processes: int = 2, progress: Callable[[str], object] = lambda _: None) -> Score:
    """Try every mutant until one test notices it; ``progress`` is told how far it is."""
    alive, killed = list(chosen), []
    for attempt in range(max(len(subject.judges) for subject in chosen)):
        tried: dict[str, list[Subject]] = {}
        for subject in alive:
            if attempt < len(subject.judges):
                tried.setdefault(subject.judges[attempt], []).append(subject)
        jobs = [(name, part) for name, several in tried.items() for part in _parts(several)]
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

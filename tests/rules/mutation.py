"""How many small faults in the rules their tests notice: `python -m rules.mutation` in tests/ prints the score.

A rule is tried on its own tests alone: promtool's unit tests of it, and an alert on its contracts too.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass

from memoryos_generators.rules import groups
from rules.contract import config, every_alert
from rules.equivalent import reason, unneeded
from rules.judges import Subject, noticed
from rules.mutants import mutants

AT_ONCE = 80
# It always fires: there is nothing to be right about, and a test of its own sees that it does.
WATCHDOG = "MemoryOSWatchdog"
# Somewhat below what was last measured, all but none: it may not fall far before somebody looks.
LEAST = 0.98


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
    rules = [rule for group in groups(config()) for rule in group.rules if rule.alert != WATCHDOG]
    made = [
        Subject(rule, mutant)
        for rule in rules
        for mutant in mutants(rule)
        if mutant.rule.expr != rule.expr or mutant.kind in {"severity", "for", "keep_firing_for"}
    ]
    return made[::every]


def score(chosen: Sequence[Subject], processes: int = 2, progress: Callable[[str], object] = lambda _: None) -> Score:
    """Try every mutant on the tests of its rule; ``progress`` is told how far it is."""
    by_name: dict[str, list[Subject]] = {}
    for subject in chosen:
        by_name.setdefault(subject.name, []).append(subject)
    jobs = [(name, part) for name, several in by_name.items() for part in _parts(several)]
    killed: list[Subject] = []
    with ThreadPoolExecutor(processes) as pool:
        tries = [pool.submit(noticed, *job) for job in jobs]
        for done, tried in enumerate(as_completed(tries), 1):
            killed += tried.result()
            progress(f"{done} of {len(jobs)}: {len(killed)} faults noticed")
    gone = set(map(id, killed))
    alive = [subject for subject in chosen if id(subject) not in gone]
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
    if every == 1:
        idle = unneeded(map(str, result.explained))
        sys.stdout.writelines(f"  explains nothing any more: {pattern}\n" for pattern in idle)
    return 0 if result.ratio >= LEAST else 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog='make mutation ARGS="…"', description="Score the tests of the rules.")
    parser.add_argument(
        "every", nargs="?", type=int, default=1, help="try only every so manieth mutant, to take less long"
    )
    sys.exit(main(parser.parse_args().every))

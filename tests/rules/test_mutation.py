"""The tests of the rules notice small faults: of recording rules and these alerts here, of all by `make mutation`."""

from __future__ import annotations

import pytest

from memoryos_generators.rules import groups
from rules.contract import config, every_alert, every_recording
from rules.equivalent import REASONS
from rules.judges import Subject, noticed
from rules.mutants import Mutant
from rules.mutation import report, score, subjects

# A threshold read live, and a severity that follows the mode.
ALERTS = ("MemoryOSDriftRegression", "MemoryOSBacklogGrowing")


@pytest.mark.parametrize("alert", ALERTS)
def test_nineteen_of_twenty_faults_in_an_alert_are_noticed(alert: str) -> None:
    _most_are_noticed([subject for subject in subjects() if subject.original.alert == alert], more_than=15)


def test_nineteen_of_twenty_faults_in_recording_rules_are_noticed() -> None:
    _most_are_noticed([subject for subject in subjects() if subject.original.record], more_than=600)


def _most_are_noticed(faulty: list[Subject], more_than: int) -> None:
    config(), every_alert()
    result = score(faulty, processes=1)

    assert len(result.killed) > more_than
    assert result.ratio >= 0.95, "\n".join(report(result))


def test_a_rule_without_a_fault_is_noticed_by_nobody() -> None:
    rules = [rule for group in groups(config()) for rule in group.rules]
    for name in (*ALERTS, *every_recording()):
        innocent = [
            Subject(rule, Mutant(rule, "swapped", "nothing")) for rule in rules if name in {rule.alert, rule.record}
        ]

        assert noticed(name, innocent) == []


def test_what_makes_no_difference_is_explained_in_a_sentence() -> None:
    assert all(len(why.split()) > 5 for _, why in REASONS)

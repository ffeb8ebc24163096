"""The contracts notice small faults: of these alerts all of them are tried here, of the others by `make mutation`."""

from __future__ import annotations

import pytest

from rules.contract import config, every_alert
from rules.equivalent import REASONS
from rules.mutation import report, score, subjects

# A threshold read live, and a severity that follows the mode.
CHOSEN = ("MemoryOSDriftRegression", "MemoryOSBacklogGrowing")


@pytest.mark.parametrize("alert", CHOSEN)
def test_nineteen_of_twenty_faults_in_an_alert_are_noticed(alert: str) -> None:
    config(), every_alert()
    result = score([subject for subject in subjects() if subject.original.alert == alert], processes=1)

    assert len(result.killed) > 15
    assert result.ratio >= 0.95, "\n".join(report(result))


def test_what_makes_no_difference_is_explained_in_a_sentence() -> None:
    assert all(len(why.split()) > 5 for _, why in REASONS)

"""promtool's own test files pass as they are, and there is no recording rule whose values they do not tell."""

from __future__ import annotations

import pytest

from rules import promtool
from rules.contract import every_alert, every_recording
from rules.unit_files import FILES, names, unit_tests, unit_tests_of


@pytest.mark.parametrize("name", FILES)
def test_a_file_passes_when_a_person_runs_it(name: str) -> None:
    finished = promtool.run(FILES[name])

    assert finished.returncode == 0, finished.stdout + finished.stderr


@pytest.mark.parametrize("record", every_recording())
def test_a_recording_rule_is_asked_what_it_says(record: str) -> None:
    assert any(question["exp_samples"] for unit in unit_tests_of(record) for question in unit.asserted)


def test_every_question_is_about_rules_that_exist() -> None:
    asked = {name for unit in unit_tests() for question in unit.asserted for name in names(question["expr"])}

    assert asked <= {*every_recording(), *every_alert()}


def test_every_test_asks_something_and_means_its_values_as_they_are_written() -> None:
    for unit in unit_tests():
        assert unit.asserted, f"{unit.file}: {unit.test['name']} asserts nothing: promtool would pass"
        # Without quotes YAML reads 0x20 as the number 32; promtool takes it for twenty-one times 0.
        assert all(isinstance(series["values"], str) for series in unit.test["input_series"]), unit.test["name"]

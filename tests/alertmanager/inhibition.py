"""Which alerts Alertmanager silences by its inhibit rules: amtool cannot say, so this evaluates them.

An inhibit rule silences an alert that matches its target side while another alert fires that matches its source side
and has the same values of the `equal` labels. A missing label has the value "": missing on both sides is equal. An
alert that matches both sides is not silenced by others that do too, so that no alert silences itself.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

Labels = Mapping[str, str]
MATCHER = re.compile(r'(?P<label>[a-zA-Z_]\w*)(?P<operator>=~|!~|!=|=)"(?P<value>.*)"')


def matches(matchers: Sequence[str], alert: Labels) -> bool:
    """Whether every matcher, like `severity=~"critical|warning"`, holds for the labels of ``alert``."""
    return all(_matches(matcher, alert) for matcher in matchers)


def _matches(matcher: str, alert: Labels) -> bool:
    parsed = MATCHER.fullmatch(matcher)
    assert parsed, matcher
    value, wanted = alert.get(parsed["label"], ""), parsed["value"]
    held = re.fullmatch(wanted, value) is not None if "~" in parsed["operator"] else value == wanted
    return held is not parsed["operator"].startswith("!")


def inhibitors(alert: Labels, firing: Sequence[Labels], rules: Sequence[Mapping[str, Any]]) -> list[Labels]:
    """The firing alerts that silence ``alert``."""
    return [source for source in firing if any(_inhibits(rule, source, alert) for rule in rules)]


def _inhibits(rule: Mapping[str, Any], source: Labels, target: Labels) -> bool:
    if not (matches(rule["source_matchers"], source) and matches(rule["target_matchers"], target)):
        return False
    two_sided = matches(rule["source_matchers"], target) and matches(rule["target_matchers"], source)
    return not two_sided and all(source.get(label, "") == target.get(label, "") for label in rule["equal"])

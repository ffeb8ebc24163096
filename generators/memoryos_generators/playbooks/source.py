"""Reading the pages that people wrote: markdown in pages/, with values of the configuration and checked PromQL.

`${rules.window}` stands for that value of the configuration. A fence that begins with ```promql EXPECTATION says when
its query has rows; the reader gets the sentence for it, and the tests hold the page to it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from importlib.resources import files
from string import Template
from typing import Any

from ..config import Config

SECTIONS = ("Meaning", "Impact", "Diagnosis", "Mitigation", "Verify fixed")
FENCE = re.compile(
    r"^(?P<indent> *)```promql (?P<expectation>[a-z-]+)\n(?P<expr>.*?)\n *```$", re.MULTILINE | re.DOTALL
)
HEADING = re.compile(r"^#{1,6} (.+)$", re.MULTILINE)


class Expectation(StrEnum):
    """When a query has rows."""

    ALWAYS = "always"
    FIRING = "firing"
    UNTIL_FIXED = "until-fixed"
    ONCE_FIXED = "once-fixed"
    CAUSE = "cause"

    @property
    def sentence(self) -> str:
        """What the reader of the page is told about it."""
        return {
            Expectation.ALWAYS: "Always has rows; read the values.",
            Expectation.FIRING: "Has rows while the alert fires.",
            Expectation.UNTIL_FIXED: "Has rows until it is fixed, then none.",
            Expectation.ONCE_FIXED: "Has no rows until it is fixed.",
            Expectation.CAUSE: "Rows mean: yes.",
        }[self]


@dataclass(frozen=True, slots=True)
class Query:
    """One PromQL query of a page."""

    expr: str
    expectation: Expectation


@dataclass(frozen=True, slots=True)
class Source:
    """One page as written, with the values of the configuration filled in."""

    name: str
    text: str

    @property
    def queries(self) -> tuple[Query, ...]:
        """Its PromQL, in the order of the page."""
        return tuple(Query(_flat(match), Expectation(match["expectation"])) for match in FENCE.finditer(self.text))

    @property
    def headings(self) -> tuple[str, ...]:
        """Its headings, in the order of the page."""
        return tuple(HEADING.findall(re.sub(r"^```.*?^```", "", self.text, flags=re.MULTILINE | re.DOTALL)))

    @property
    def markdown(self) -> str:
        """The text for the reader: each expectation as a sentence below its query."""
        return FENCE.sub(_fence, self.text)


class _Values(Template):
    """Names are paths into the configuration."""

    idpattern = r"[a-z_][a-z0-9_]*(?:\.[a-z_][a-z0-9_]*)*"


class _Paths(dict[str, str]):
    def __init__(self, config: Config) -> None:
        self.config = config

    def __missing__(self, path: str) -> str:
        value: Any = self.config
        for name in path.split("."):
            value = value[name] if isinstance(value, dict) else getattr(value, name)
        if isinstance(value, list):
            return ", ".join(map(str, value))
        return f"{value:g}" if isinstance(value, float) else str(value)


def read(config: Config) -> Iterator[Source]:
    """Every page by name; raises ValueError for a `$` that names no value of the configuration."""
    for page in sorted(files(__package__).joinpath("pages").iterdir(), key=lambda page: page.name):
        template = _Values(page.read_text(encoding="utf-8"))
        try:
            text = template.substitute(_Paths(config))
        except (ValueError, KeyError, AttributeError) as error:
            raise ValueError(f"playbooks/pages/{page.name}: {error}") from error
        yield Source(page.name.removesuffix(".md"), text)


def anchor(heading: str) -> str:
    """The anchor that GitHub gives a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def _fence(match: re.Match[str]) -> str:
    indent = match["indent"]
    sentence = Expectation(match["expectation"]).sentence
    return f"{indent}```promql\n{match['expr']}\n{indent}```\n\n{indent}*{sentence}*"


def _flat(match: re.Match[str]) -> str:
    return " ".join(line.strip() for line in match["expr"].splitlines())

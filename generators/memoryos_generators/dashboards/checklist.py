"""A checklist: a table with one row a condition, whether it is met, the number it is at and the one it needs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .model import Column, Link, Query, State, Table
from .promql import named
from .style import BAD, GOOD, NEUTRAL

CONDITIONS = (
    State("-1", "? unknown", NEUTRAL),
    State("0", "✗ no", BAD),
    State("1", "✓ yes", GOOD),
    State("2", "– passed", NEUTRAL),
)


@dataclass(frozen=True, slots=True)
class Check:
    """One condition: PromQL that gives 1 when it is met and 0 when it is not, without labels.

    now, needed: PromQL of the number it is at and of the one it needs; empty where there is no number.
    """

    name: str
    met: str
    now: str = ""
    needed: str = ""


def checklist(
    title: str,
    description: str,
    checks: Sequence[Check],
    width: int,
    height: int,
    passed: str = "",
    links: tuple[Link, ...] = (),
) -> Table:
    """The table of ``checks``, in their order; where ``passed`` has a value, they no longer matter."""
    over = f"0 * ({passed}) + 2 or " if passed else ""
    numbered = [(f"{i}. {check.name}", check) for i, check in enumerate(checks, 1)]
    met = " or ".join(named(f"{over}({check.met}) or vector(-1)", check=name) for name, check in numbered)
    now = " or ".join(named(check.now, check=name) for name, check in numbered if check.now)
    needed = " or ".join(named(check.needed, check=name) for name, check in numbered if check.needed)
    return Table(
        title=title,
        description=description,
        queries=(
            Query(met, "met", instant=True),
            Query(now, "now", instant=True),
            Query(needed, "needed", instant=True),
        ),
        empty="–",
        width=width,
        height=height,
        columns=(
            Column("check", "Condition"),
            Column("met", "Met", states=CONDITIONS, width=95),
            Column("now", "Now", unit="short", width=70),
            Column("needed", "Needed", unit="short", width=70),
        ),
        sort_by="Condition",
        links=links,
    )

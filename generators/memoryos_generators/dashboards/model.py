"""What a dashboard is made of, free of Grafana's JSON: queries, panels, sections.

Title, description, unit and the meaning of "no data" are required: a panel that does not say what good looks like
cannot be written.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field

COLUMNS = 24
"""Width of Grafana's grid."""


@dataclass(frozen=True, slots=True)
class Query:
    """One PromQL query of a panel.

    expr: PromQL, with Grafana's variables.
    legend: the name of its series, `{{label}}` allowed; a style applies by this name.
    instant: one value now instead of a range; tables and verdicts ask so.
    """

    expr: str
    legend: str = ""
    instant: bool = False


@dataclass(frozen=True, slots=True)
class State:
    """What one value (a number, or a label's text) is shown as; the text carries the meaning, the colour repeats it."""

    value: str
    text: str
    color: str


@dataclass(frozen=True, slots=True)
class Step:
    """From ``value`` on, the colour is ``color``; the first step has no value."""

    color: str
    value: float | None = None


@dataclass(frozen=True, slots=True)
class Style:
    """How the series whose name matches ``pattern`` are drawn: colour and dash together, never colour alone."""

    pattern: str
    color: str
    dash: tuple[int, ...] = ()
    width: int = 1
    fill: int = 0
    right_axis_unit: str = ""


@dataclass(frozen=True, slots=True)
class Link:
    """A link of a panel, or of a cell; ``url`` may hold Grafana's variables."""

    title: str
    url: str


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table.

    source: the label, or the legend of the query whose value it shows.
    """

    source: str
    title: str
    unit: str = ""
    decimals: int | None = None
    width: int | None = None
    states: tuple[State, ...] = ()
    steps: tuple[Step, ...] = ()
    link: Link | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """What every panel has.

    description: what good looks like, and the trap that misleads here.
    empty: what no data means.
    unit: Grafana's unit id.
    width, height: grid cells.
    """

    title: str
    description: str
    queries: tuple[Query, ...]
    unit: str
    empty: str
    width: int
    height: int = 8
    decimals: int | None = None
    states: tuple[State, ...] = ()
    steps: tuple[Step, ...] = ()
    links: tuple[Link, ...] = ()

    @property
    def id(self) -> int:
        """Made from the title: a panel keeps its id, and the links to it, wherever it moves."""
        return panel_id(self.title)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stat(Panel):
    """One value or a few, large.

    text: what is written: value, name, value_and_name.
    by_name: steps of a value by its name, where they differ from the panel's.
    """

    text: str = "value"
    by_name: Mapping[str, tuple[Step, ...]] = field(default_factory=dict)
    sparkline: bool = False
    height: int = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Bars(Panel):
    """Horizontal bars from 0 to ``maximum``, in which the steps show."""

    maximum: float
    height: int = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeSeries(Panel):
    """Lines over time.

    styles: how series are drawn by name; all others are shades of ``color``.
    """

    styles: tuple[Style, ...] = ()
    stacked: bool = False
    minimum: float | None = 0
    maximum: float | None = None
    color: str = "#8AB8FF"
    logarithmic: bool = False
    legend_values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline(Panel):
    """States over time, one row a series."""

    unit: str = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Heatmap(Panel):
    """Buckets over time; ``unit`` is that of the bucket bounds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table(Panel):
    """Instant values, one row a label set; ``sort_by`` is a column title."""

    columns: tuple[Column, ...]
    sort_by: str = ""
    unit: str = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Text(Panel):
    """Markdown."""

    content: str
    queries: tuple[Query, ...] = ()
    unit: str = ""
    empty: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """A titled row and what stands below it, left to right, top to bottom."""

    title: str
    panels: tuple[Panel, ...]
    collapsed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Dashboard:
    """One dashboard; ``since`` is the time range it opens with, as in `now-6h`."""

    uid: str
    title: str
    description: str
    sections: tuple[Section, ...]
    since: str = "now-6h"

    @property
    def panels(self) -> tuple[Panel, ...]:
        """All panels, in reading order."""
        return tuple(panel for section in self.sections for panel in section.panels)


def panel_id(title: str) -> int:
    """A number from 1 to 999,999 that depends on the title alone."""
    return zlib.crc32(title.encode()) % 999_999 + 1

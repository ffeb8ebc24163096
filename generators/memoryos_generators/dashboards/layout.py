"""Where panels stand: sections one below the other, panels left to right on Grafana's grid of 24 columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .model import COLUMNS, Dashboard, Panel, Section


@dataclass(frozen=True, slots=True)
class Cell:
    """A place on the grid, in grid units."""

    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Placed:
    """A section with the place of its title and of each of its panels."""

    section: Section
    title: Cell
    panels: tuple[tuple[Panel, Cell], ...]


def place(dashboard: Dashboard) -> Iterator[Placed]:
    """Place every section. Raises ValueError for a panel wider than the grid, or two panels with one title."""
    titles = [panel.title for panel in dashboard.panels]
    if twice := {title for title in titles if titles.count(title) > 1}:
        raise ValueError(f"{dashboard.uid}: panel titles stand twice: {', '.join(sorted(twice))}")
    y = 0
    for section in dashboard.sections:
        title = Cell(0, y, COLUMNS, 1)
        panels = tuple(flow(section.panels, y + 1))
        yield Placed(section, title, panels)
        y += 1 if section.collapsed else 1 + max(cell.y + cell.height for _, cell in panels) - (y + 1)


def flow(panels: Sequence[Panel], y: int) -> Iterator[tuple[Panel, Cell]]:
    """Panels left to right from the line ``y``; one that does not fit begins the next line.

    A panel as wide as the one before it goes below that one while the line is high enough.
    """
    x = tallest = 0
    last = Cell(0, y, 0, 0)
    for panel in panels:
        if panel.width > COLUMNS:
            raise ValueError(f"panel {panel.title!r} is {panel.width} columns wide, the grid has {COLUMNS}")
        below = last.y + last.height
        if panel.width == last.width and below + panel.height <= y + tallest:
            last = Cell(last.x, below, panel.width, panel.height)
            yield panel, last
            continue
        if x + panel.width > COLUMNS:
            x, y, tallest = 0, y + tallest, 0
        last = Cell(x, y, panel.width, panel.height)
        yield panel, last
        x += panel.width
        tallest = max(tallest, panel.height)

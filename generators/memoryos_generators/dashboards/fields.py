"""Field options as Grafana writes them: mappings, steps, styles by name, columns of a table."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .model import Column, Link, State, Step, Style

Json = dict[str, Any]


def mappings(states: Sequence[State]) -> list[Json]:
    """States as one value mapping."""
    if not states:
        return []
    options = {
        state.value: {"text": state.text, "color": state.color, "index": index} for index, state in enumerate(states)
    }
    return [{"type": "value", "options": options}]


def steps(levels: Sequence[Step]) -> Json:
    """Threshold steps as Grafana writes them."""
    return {"mode": "absolute", "steps": [{"color": level.color, "value": level.value} for level in levels]}


def link(model: Link) -> Json:
    """A link as Grafana writes it."""
    return {"title": model.title, "url": model.url}


def style(model: Style) -> Json:
    """A style as an override by series name."""
    properties: list[Json] = [
        {"id": "color", "value": {"mode": "fixed", "fixedColor": model.color}},
        {"id": "custom.lineWidth", "value": model.width},
    ]
    if model.dash:
        properties.append({"id": "custom.lineStyle", "value": {"fill": "dash", "dash": list(model.dash)}})
    if model.fill:
        properties.append({"id": "custom.fillOpacity", "value": model.fill})
    if model.right_axis_unit:
        properties += [
            {"id": "custom.axisPlacement", "value": "right"},
            {"id": "unit", "value": model.right_axis_unit},
        ]
    return {"matcher": {"id": "byRegexp", "options": f"/{model.pattern}/"}, "properties": properties}


def steps_by_name(name: str, levels: Sequence[Step]) -> Json:
    """Steps of the value that has this name."""
    return {"matcher": {"id": "byName", "options": name}, "properties": [{"id": "thresholds", "value": steps(levels)}]}


Property = Callable[[Column], Any]

COLUMN_PROPERTIES: Mapping[str, Property] = {
    "unit": lambda column: column.unit or None,
    "noValue": lambda _: "–",
    "decimals": lambda column: column.decimals,
    "mappings": lambda column: mappings(column.states) or None,
    "thresholds": lambda column: steps(column.steps) if column.steps else None,
    "custom.cellOptions": lambda column: (
        {"type": "color-background", "mode": "basic"}
        if column.states
        else {"type": "color-text"}
        if column.steps
        else None
    ),
    "custom.width": lambda column: column.width,
    # A cell without a state is no good one: its background is not the base colour of the steps.
    "color": lambda column: {"mode": "fixed", "fixedColor": "transparent"} if column.states else None,
    "links": lambda column: [link(column.link)] if column.link else None,
}


def column_override(column: Column) -> Json:
    """What one column differs in."""
    found = {name: value(column) for name, value in COLUMN_PROPERTIES.items()}
    return {
        "matcher": {"id": "byName", "options": column.title},
        "properties": [{"id": name, "value": value} for name, value in found.items() if value is not None],
    }

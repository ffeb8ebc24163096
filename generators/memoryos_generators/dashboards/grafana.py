"""From the model to grafanalib's classes; what they cannot say goes through their `extraJson`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import singledispatch
from typing import Any

from grafanalib import core as g

from .fields import column_override, link, mappings, steps_by_name, style
from .layout import Cell, place
from .model import (
    Bars,
    Dashboard,
    Heatmap,
    Panel,
    Query,
    Stat,
    Table,
    Text,
    Timeline,
    TimeSeries,
)

DATASOURCE = "${datasource}"
TAG = "memoryos"
LEAST_AXIS = {"short": 1, "reqps": 0.1, "ops": 0.1}

Json = dict[str, Any]


def dashboard(
    model: Dashboard, variables: Sequence[g.Template], annotations: Sequence[Json], refresh: str
) -> g.Dashboard:
    """The whole dashboard as grafanalib's object."""
    panels: list[g.Panel] = []
    for placed in place(model):
        inside = [panel(item, cell) for item, cell in placed.panels]
        collapsed = placed.section.collapsed
        title = placed.section.title
        panels.append(
            g.RowPanel(
                title=title,
                gridPos=grid(placed.title),
                id=row_id(title),
                collapsed=collapsed,
                panels=inside * collapsed,
            )
        )
        panels += [] if collapsed else inside
    return g.Dashboard(
        title=model.title,
        uid=model.uid,
        description=model.description,
        tags=[TAG],
        editable=False,
        sharedCrosshair=True,
        refresh=refresh,
        time=g.Time(model.since, "now"),
        timezone="browser",
        links=[g.DashboardLink(tags=[TAG], includeVars=True, keepTime=True)],
        templating=g.Templating(list=list(variables)),
        annotations=g.Annotations(list=list(annotations)),
        panels=panels,
    )


def row_id(title: str) -> int:
    """Rows and panels share one space of ids: a row's begins where the panels' ends."""
    return 1_000_000 + Panel(title=title, description="", queries=(), unit="", empty="", width=1).id


def grid(cell: Cell) -> g.GridPos:
    """A cell as Grafana writes it."""
    return g.GridPos(h=cell.height, w=cell.width, x=cell.x, y=cell.y)


@singledispatch
def panel(model: Panel, cell: Cell) -> g.Panel:
    """One panel as grafanalib's object."""
    raise TypeError(f"no Grafana panel for {type(model).__name__} at {cell}")


@panel.register
def stat(model: Stat, cell: Cell) -> g.Panel:
    """Large values; a mapped state fills the tile with its colour."""
    return g.Stat(
        **common(model, cell),
        format=model.unit,
        noValue=model.empty,
        decimals=model.decimals,
        mappings=mappings(model.states),
        color={"mode": "thresholds"},
        colorMode="background_solid" if model.states or model.by_name or len(model.steps) > 1 else "value",
        graphMode="area" if model.sparkline else "none",
        reduceCalc="lastNotNull",
        textMode=model.text,
        alignment="center",
        overrides=[steps_by_name(*item) for item in model.by_name.items()],
        extraJson={"options": {"wideLayout": False}},
    )


@panel.register
def bars(model: Bars, cell: Cell) -> g.Panel:
    """Bars from 0 to the maximum, unfilled part shown."""
    return g.BarGauge(
        **common(model, cell),
        displayMode="lcd",
        orientation="horizontal",
        format=model.unit,
        decimals=model.decimals,
        min=0,
        max=model.maximum,
        calc="lastNotNull",
        thresholdMarkers=False,
        extraJson={
            "options": {
                "valueMode": "text",
                "showUnfilled": True,
                "namePlacement": "left",
                "text": {"titleSize": 14, "valueSize": 18},
            },
            "fieldConfig": {"defaults": {"noValue": model.empty, "mappings": mappings(model.states)}},
        },
    )


@panel.register
def time_series(model: TimeSeries, cell: Cell) -> g.Panel:
    """Lines; each style becomes one override by series name."""
    custom: Json = {"scaleDistribution": {"type": "log", "log": 10} if model.logarithmic else {"type": "linear"}}
    # Nothing but zeros is then drawn at the bottom of a short axis, and not of one that goes to 100.
    custom["axisSoftMax"] = LEAST_AXIS.get(model.unit)
    return g.TimeSeries(
        **common(model, cell),
        unit=model.unit,
        valueDecimals=model.decimals,
        mappings=mappings(model.states),
        fillOpacity=40 if model.stacked else 0,
        stacking={"mode": "normal", "group": "A"} if model.stacked else {"mode": "none"},
        showPoints="auto",
        lineWidth=1,
        legendDisplayMode="table" if model.legend_values else "list",
        legendPlacement="right" if model.legend_values and model.width > 12 else "bottom",
        legendCalcs=list(model.legend_values),
        tooltipMode="multi",
        tooltipSort="desc",
        overrides=[style(item) for item in model.styles],
        extraJson={
            "fieldConfig": {
                "defaults": {
                    "min": model.minimum,
                    "max": model.maximum,
                    "noValue": model.empty,
                    "color": {"mode": "shades", "fixedColor": model.color},
                    "custom": custom,
                }
            }
        },
    )


@panel.register
def timeline(model: Timeline, cell: Cell) -> g.Panel:
    """States over time; the colour is that of the mapped state."""
    return g.StateTimeline(
        **common(model, cell),
        mappings=mappings(model.states),
        colorMode="fixed",
        alignValue="left",
        mergeValues=True,
        showValue="auto",
        rowHeight=0.85,
        fillOpacity=85,
        tooltipMode="multi",
        extraJson={"fieldConfig": {"defaults": {"noValue": model.empty, "unit": model.unit}}},
    )


@panel.register
def heatmap(model: Heatmap, cell: Cell) -> g.Panel:
    """Prometheus buckets as they are, light to dark."""
    options = {
        "calculate": False,
        "cellGap": 1,
        "color": {"mode": "scheme", "scheme": "Blues", "steps": 64, "exponent": 0.5},
        "filterValues": {"le": 1e-9},
        "legend": {"show": True},
        "tooltip": {"mode": "single", "yHistogram": False},
        "yAxis": {"unit": model.unit, "axisPlacement": "left"},
        "rowsFrame": {"layout": "auto"},
    }
    return g.Heatmap(
        **common(model, cell, format="heatmap"),
        dataFormat="tsbuckets",
        options=options,
        extraJson={"fieldConfig": {"defaults": {"noValue": model.empty}}},
    )


@panel.register
def table(model: Table, cell: Cell) -> g.Panel:
    """Instant values merged to one row a label set, columns named and ordered."""
    several = len(model.queries) > 1
    sources = {query.legend: f"Value #{ref}" if several else "Value" for ref, query in refs(model.queries)}
    names = [sources.get(column.source, column.source) for column in model.columns]
    titles = [column.title for column in model.columns]
    transformations = [
        *([{"id": "merge", "options": {}}] if several else []),
        {"id": "filterFieldsByName", "options": {"include": {"names": names}}},
        {
            "id": "organize",
            "options": {
                "indexByName": {name: i for i, name in enumerate(names)},
                "renameByName": {name: title for name, title in zip(names, titles, strict=True) if name != title},
            },
        },
    ]
    return g.Table(
        **common(model, cell, format="table"),
        transformations=transformations,
        displayMode="auto",
        overrides=[column_override(column) for column in model.columns],
        sortBy=[g.TableSortByField(displayName=model.sort_by, desc=False)] if model.sort_by else [],
        extraJson={"fieldConfig": {"defaults": {"noValue": model.empty}}},
    )


@panel.register
def text(model: Text, cell: Cell) -> g.Panel:
    """Markdown."""
    return g.Text(**common(model, cell), content=model.content, mode="markdown")


def common(model: Panel, cell: Cell, **target: str) -> Json:
    """What every grafanalib panel takes."""
    return {
        "title": model.title,
        "description": model.description,
        "dataSource": DATASOURCE if model.queries else None,
        "targets": [
            g.Target(
                expr=query.expr,
                legendFormat=query.legend,
                instant=query.instant,
                refId=ref,
                datasource=DATASOURCE,
                **target,
            )
            for ref, query in refs(model.queries)
        ],
        "gridPos": grid(cell),
        "id": model.id,
        "links": [link(item) for item in model.links],
        "thresholds": [g.Threshold(step.color, i, float(step.value or 0)) for i, step in enumerate(model.steps)],
    }


def refs(queries: Sequence[Query]) -> Iterable[tuple[str, Query]]:
    """Queries with their letters, A to Z."""
    return zip("ABCDEFGHIJKLMNOPQRSTUVWXYZ", queries, strict=False)

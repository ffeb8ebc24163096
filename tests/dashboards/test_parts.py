"""The parts that dashboards are made of refuse what would come out wrong."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memoryos_exporter.catalog import operations, queue, rollout
from memoryos_generators.dashboards.layout import flow, place
from memoryos_generators.dashboards.model import COLUMNS, Dashboard, Query, Section, Stat, panel_id
from memoryos_generators.dashboards.promql import named, sel


def stat(title: str = "One", width: int = 6, height: int = 4) -> Stat:
    """A panel."""
    return Stat(
        title=title, description="d", queries=(Query("1"),), unit="short", empty="none", width=width, height=height
    )


def test_a_selector_takes_only_labels_of_the_metric() -> None:
    with pytest.raises(ValueError, match="memoryos_queue_depth has no label mode"):
        sel(queue.QUEUE_DEPTH, mode="legacy")


def test_a_histogram_is_queried_by_its_parts_and_nothing_else_is() -> None:
    with pytest.raises(ValueError, match="by its parts"):
        sel(operations.OPERATION_DURATION)
    with pytest.raises(ValueError, match="by its parts"):
        sel(queue.QUEUE_DEPTH, "bucket")


def test_a_selector_says_its_operators() -> None:
    assert 'mode=~"a|b"' in sel(rollout.MODE, mode="~a|b")
    assert 'mode!="a"' in sel(rollout.MODE, mode="!a")
    assert 'mode!~"a|b"' in sel(rollout.MODE, mode="!~a|b")


def test_labels_are_added_to_an_expression() -> None:
    assert named("vector(1)", check="1. x") == 'label_replace(vector(1), "check", "1. x", "", "")'


def test_two_panels_with_one_title_are_refused() -> None:
    twins = Dashboard(uid="u", title="t", description="d", sections=(Section("s", (stat(), stat())),))
    with pytest.raises(ValueError, match="u: panel titles stand twice: One"):
        list(place(twins))


def test_a_panel_wider_than_the_grid_is_refused() -> None:
    with pytest.raises(ValueError, match="25 columns wide"):
        list(flow([stat(width=25)], 0))


@given(st.lists(st.tuples(st.integers(1, COLUMNS), st.integers(1, 12)), max_size=30), st.integers(0, 100))
def test_panels_never_overlap_nor_leave_the_grid(sizes: list[tuple[int, int]], top: int) -> None:
    taken: set[tuple[int, int]] = set()
    for _, cell in flow([stat(f"{i}", *size) for i, size in enumerate(sizes)], top):
        squares = {(x, y) for x in range(cell.x, cell.x + cell.width) for y in range(cell.y, cell.y + cell.height)}
        assert not taken & squares
        assert cell.y >= top
        assert cell.x + cell.width <= COLUMNS
        taken |= squares


@given(st.text(max_size=60))
def test_an_id_is_a_positive_number_that_only_the_title_decides(title: str) -> None:
    assert 0 < panel_id(title) == panel_id(title) < 1_000_000

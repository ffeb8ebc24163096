"""What the practice MemoryOS costs: playing, rendering, and a week of it."""

from __future__ import annotations

import resource
import time
from collections.abc import Sequence

from msgspec.structs import replace

from memoryos_exporter.story_series import story_series
from memoryos_simulator.player import Player
from memoryos_simulator.story import TICK_SECONDS, Story
from memoryos_simulator.story_file import load_story, story_names

Row = tuple[str, str]
WEEK_SECONDS = 7 * 86_400


def run() -> Sequence[Row]:
    """Rows of (what, figure)."""
    stories = [load_story(name) for name in story_names()]
    longest = max((story for story in stories if not story.loops), key=lambda story: story.duration)
    # The week first: what it needs would hide behind the peak of the others.
    return [*_week(), _ticks(longest), _ticks(load_story("happy-rollout")), *_busy(), _render()]


def _ticks(story: Story) -> Row:
    started = time.perf_counter()
    ticks = sum(len(views) for _, views in Player(story).frames())
    seconds = time.perf_counter() - started
    figure = f"{ticks / seconds:,.0f} node ticks of {TICK_SECONDS} s a second ({story.duration}, {seconds:.1f} s)"
    return f"play {story.name}", figure


def _busy() -> list[Row]:
    """A tick at 3 and at 3,000 requests a second: the cost must not follow the traffic."""
    rows = []
    for rate in (3, 3000):
        player = Player(load_story("quiet-night"))
        node = player.state("memory-a")
        node.agents *= 60  # enough callers for that many open calls
        node.traffic = type(node.traffic)(remember=rate / 3, retrieve=rate * 2 / 3)
        node.legacy = node.store = type(node.store)(median_ms=0.05, sigma=0.5)
        started, steps = time.perf_counter(), 240
        for _ in range(steps):
            player.nodes["memory-a"].step()
        figure = f"{(time.perf_counter() - started) / steps * 3e3:.2f} ms a tick"
        rows.append((f"{rate} requests/s on one node", figure))
    return rows


def _render() -> Row:
    story = load_story("controller-crash")
    started = time.perf_counter()
    series = story_series(story)
    seconds = time.perf_counter() - started
    size = sum(len(each["values"]) for each in series) / 1e6
    return (
        f"render {story.name} for promtool",
        f"{seconds:.1f} s ({story.duration}, {len(story.nodes)} nodes, {len(series)} series, {size:.1f} MB)",
    )


def _week() -> list[Row]:
    """Memory after a day and after a week of the demonstration, at a tenth of its traffic."""
    player = Player(load_story("living"))
    node = player.state("memory-demo")
    node.traffic = replace(node.traffic, remember=0.12, retrieve=0.24)
    started, sizes = time.perf_counter(), []
    for seconds in (86_400, WEEK_SECONDS - 86_400):
        player.advance(seconds)
        player.views()
        sizes.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    return [
        ("peak resident memory after a simulated day, a week", f"{sizes[0]:.1f} MiB, {sizes[1]:.1f} MiB"),
        ("a simulated week", f"{time.perf_counter() - started:.1f} s"),
    ]

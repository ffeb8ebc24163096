"""Serving a story or a recorded directory as if it happened now."""

from __future__ import annotations

import argparse
import logging
from dataclasses import dataclass
from pathlib import Path
from textwrap import fill
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler

from memoryos_simulator.live import Live, Playable
from memoryos_simulator.player import Player
from memoryos_simulator.recorded import Recording, RecordingError
from memoryos_simulator.story import Duration
from memoryos_simulator.story_file import StoryError, load_story, story_names

from .exporter import Exporter
from .exporter_metrics import ExporterMetrics
from .sources.played import PlayedSource
from .target import Target
from .yamlfile import ConfigError

DEMO_STORY = "living"
DEMO_HEAD_START = 300.0
"""Seconds of the demonstration that have passed when it begins, so that its counters are not all 0."""
LARGEST_SPEED = 1000.0

log = logging.getLogger(__name__)


def list_stories() -> None:
    """Print every story with what it shows."""
    for name in story_names():
        story = load_story(name)
        nodes = "1 node" if len(story.nodes) == 1 else f"{len(story.nodes)} nodes"
        print(f"{name}: {story.title} ({story.kind}, {story.duration}, {nodes})")  # noqa: T201
        print(fill(story.shows, 110, initial_indent="    ", subsequent_indent="    "), end="\n\n")  # noqa: T201


def demo_source() -> PlayedSource:
    """The node of the demonstration, a story that never ends."""
    story = load_story(DEMO_STORY)
    return PlayedSource(Live(Player(story), skip=DEMO_HEAD_START), next(iter(story.nodes)), "demo")


def replayed_exporter(options: argparse.Namespace, external_url: str | None) -> ReplayedExporter:
    """An exporter whose targets are the nodes of what ``options`` name.

    Raises:
        ConfigError: there is no such story or directory, or it cannot be played.
    """
    if options.what is None:
        raise ConfigError("replay: name a story or a directory of recorded documents; --list shows the stories")
    speed, skip = _speed(options.speed), _skip(options.skip)
    playable, description = _playable(options.what)
    metrics, live = ExporterMetrics(), Live(playable, speed, skip)
    targets = {node: Target(node, PlayedSource(live, node, description), metrics) for node in playable.node_names}
    single = next(iter(targets.values())) if len(targets) == 1 else None
    return ReplayedExporter(metrics, single=single, external_url=external_url, targets=targets, live=live)


def _speed(written: str) -> float:
    try:
        speed = float(written)
    except ValueError:
        speed = 0.0
    if not 0 < speed <= LARGEST_SPEED:
        raise ConfigError(f"replay: --speed {written}: write a number over 0 and up to {LARGEST_SPEED:g}")
    return speed


def _skip(written: str) -> float:
    try:
        return float(Duration.parse(written))
    except ValueError as error:
        raise ConfigError(f"replay: --from {written}: {error}") from None


def _playable(what: str) -> tuple[Playable, str]:
    try:
        if Path(what).is_dir():
            recording = Recording(Path(what))
            if recording.left_out:
                log.warning("files that are no stats documents", extra={"left_out": " ".join(recording.left_out)})
            return recording, f"recording {what}"
        story = load_story(what)
    except (StoryError, RecordingError) as error:
        raise ConfigError(f"replay: {error}") from None
    return Player(story), f"story {story.name}"


@dataclass(slots=True)
class ReplayedExporter(Exporter):
    """An exporter in which nodes come and go, and which itself is down, as the story says."""

    live: Live | None = None

    def service_discovery(self) -> list[dict[str, Any]] | None:
        """The nodes that are running now."""
        found = Exporter.service_discovery(self)
        running = self.live.running_nodes() if self.live else []
        return [entry for entry in found if entry["labels"]["instance"] in running] if found else found

    def middleware(self) -> Any:
        """Answers 503 for a node whose exporter is down in the story: Prometheus sees a failed scrape."""

        @web.middleware
        async def as_told(request: web.Request, handler: Handler) -> web.StreamResponse:
            node = request.query.get("target", self.single.name if self.single else "")
            scraped = request.path in {"/metrics", "/probe"} and node in self.targets
            if scraped and self.live and not self.live.view(node).exporter_up:
                return web.Response(status=503, text="the exporter is down now, the story says\n")
            return await handler(request)

        return as_told

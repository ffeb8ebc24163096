"""Stats documents of a practice MemoryOS, or of a recording, as they would be read from the real one."""

from __future__ import annotations

import asyncio

from msgspec import json

from memoryos_simulator.live import Live

from .model import Fetched, SourceError


class PlayedSource:
    """One node of what is being played. A node that hangs in the story hangs here."""

    def __init__(self, live: Live, node: str, description: str) -> None:
        self._live = live
        self._node = node
        self._description = description

    @property
    def description(self) -> str:
        """What is played, and which node of it."""
        return f"{self._description}, node {self._node}"

    async def fetch(self) -> Fetched:
        """The document of this moment."""
        view = await asyncio.to_thread(self._live.view, self._node)
        if view.source == "hangs":
            await asyncio.Event().wait()
        if view.document is None:
            raise SourceError("refused", f"{self.description}: nobody listens there now, the story says")
        return Fetched(json.encode(view.document))

    async def close(self) -> None:
        """Nothing is kept open."""

"""What a source of stats documents is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

LARGEST_DOCUMENT = 8 * 1024 * 1024


class SourceError(Exception):
    """A source gave no bytes. ``reason`` is one of `labels.READ_ERRORS`; the message holds no secret."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Fetched:
    """The bytes of one document, and when they were written (unix seconds) if the source knows."""

    data: bytes
    made_at: float | None = None


class Source(Protocol):
    """Where a target's stats documents come from. The caller bounds the time that a fetch may take."""

    @property
    def description(self) -> str:
        """The source in a few words for people, without secrets."""

    async def fetch(self) -> Fetched:
        """Fetch the present document.

        Raises:
            SourceError: there is none to be had.
        """

    async def close(self) -> None:
        """Let go of connections."""

"""Lines for a person who watches: the story's clock, what kind of news it is, and the news."""

from __future__ import annotations

import os
import shutil
import textwrap
from collections.abc import Iterable
from typing import TextIO

from memoryos_simulator.story import Duration

KINDS = {
    "story": "1",
    "MemoryOS": "2",
    "pending": "33",
    "firing": "31",
    "quiet": "2",
    "over": "32",
    "PAGE": "1;41;97",
    "ticket": "1;33",
    "note": "1;36",
}
"""Kinds of news, and how a terminal shows them."""
INDENT = 21


class Terminal:
    """Writes to a terminal, in colour and with a line of state at the bottom; to anything else, in plain lines."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._live = out.isatty()
        self._colour = self._live and "NO_COLOR" not in os.environ
        self._width = min(120, shutil.get_terminal_size((120, 24)).columns)

    def say(self, text: str = "") -> None:
        """A line, or several, as they are."""
        self._write(text)

    def news(self, elapsed: float, kind: str, text: str, details: Iterable[str] = ()) -> None:
        """Something that happened `elapsed` seconds into the story, with details below it."""
        label = f"{kind:<9}"
        if self._colour:
            label = f"\033[{KINDS[kind]}m{kind}\033[0m" + " " * (len(label) - len(kind))
        head, *rest = self._wrapped(text) or [""]
        lines = [f"{Duration(round(elapsed))!s:>8}  {label}  {head}"]
        lines += [" " * INDENT + line for part in (rest, *map(self._wrapped, details)) for line in part]
        self._write("\n".join(lines))

    def state(self, text: str) -> None:
        """What is true now, in the last line of a terminal."""
        if self._live:
            self._out.write(f"\r\033[K{text[: self._width - 1]}")
            self._out.flush()

    def _wrapped(self, text: str) -> list[str]:
        return textwrap.wrap(text, self._width - INDENT, break_long_words=False, break_on_hyphens=False)

    def _write(self, text: str) -> None:
        self._out.write(("\r\033[K" if self._live else "") + text + "\n")
        self._out.flush()

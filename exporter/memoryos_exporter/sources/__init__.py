"""Where stats documents come from: HTTP, a file, or (`sources.played`) a simulated MemoryOS."""

from __future__ import annotations

from .file import FileSource
from .http import Credentials, HttpSource
from .model import LARGEST_DOCUMENT, Fetched, Source, SourceError

__all__ = [
    "LARGEST_DOCUMENT",
    "Credentials",
    "Fetched",
    "FileSource",
    "HttpSource",
    "Source",
    "SourceError",
]

"""Where stats documents come from: HTTP, a file, or a simulated MemoryOS."""

from __future__ import annotations

from .file import FileSource
from .http import Credentials, HttpSource
from .model import LARGEST_DOCUMENT, Fetched, Source, SourceError
from .played import PlayedSource

__all__ = [
    "LARGEST_DOCUMENT",
    "Credentials",
    "Fetched",
    "FileSource",
    "HttpSource",
    "PlayedSource",
    "Source",
    "SourceError",
]

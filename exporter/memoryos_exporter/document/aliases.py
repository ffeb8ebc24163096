"""Renamed keys of MemoryOS's replies: part → old key → the key as this exporter knows it.

A renamed key is read under both names for one minor release of MemoryOS (specification 1.2). MemoryOS 0.1 has renamed
none. Where a document has both, the present name counts.
"""

from __future__ import annotations

from collections.abc import Mapping

ALIASES: Mapping[str, Mapping[str, str]] = {}

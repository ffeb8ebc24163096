"""Samples of release governance, from the parts versions and deprecations."""

from __future__ import annotations

import re

from msgspec import UNSET

from ..catalog import governance
from ..document import Document
from .model import Samples

# The compatibility matrix of specification 1.3: versions of MemoryOS and jido_memory (major.minor) → supported.
# A row that is only planned is not supported yet, nor is a pair that does not stand here.
MATRIX = {
    ("0.1", "0.1"): True,
    ("0.2", "0.1"): False,  # planned, through a compatibility shim if one is needed
}
MINOR = re.compile(r"(\d{1,6}\.\d{1,6})(\.|-|\+|$)")
MOST_DEPRECATED = 50  # a document cannot make more series than that


def add_governance(samples: Samples, document: Document) -> None:
    """Add the samples of specification 1."""
    samples.add(governance.COMPATIBLE, _compatible(document))
    calls: dict[tuple[str, str], int] = {}
    for deprecated in document.deprecations or ():
        if deprecated.api is not UNSET and deprecated.removal is not UNSET and deprecated.calls is not UNSET:
            key = (deprecated.api, deprecated.removal)
            calls[key] = calls.get(key, 0) + deprecated.calls
    for (api, removal), count in sorted(calls.items())[:MOST_DEPRECATED]:
        samples.add(governance.DEPRECATED_CALLS, count, api, removal)


def _compatible(document: Document) -> bool | None:
    versions = document.versions
    if not versions or versions.memory_os is UNSET or versions.jido_memory is UNSET:
        return None
    memory_os, jido_memory = MINOR.match(versions.memory_os), MINOR.match(versions.jido_memory)
    if not memory_os or not jido_memory:
        return None
    return MATRIX.get((memory_os[1], jido_memory[1]), False)

"""Reading the stats document, one part at a time, so that a broken part never hurts another."""

from __future__ import annotations

from dataclasses import dataclass

from .calls import Buckets, Calls, CallTable, call_table
from .parts import Document
from .reader import BadField, UnreadableError, read_document

__all__ = ["BadField", "Buckets", "CallTable", "Calls", "Document", "Stats", "UnreadableError", "read_stats"]


@dataclass(frozen=True, slots=True)
class Stats:
    """What one read gave: the document, its caller-side timing in one shape (None without it), and its bad fields."""

    document: Document
    calls: CallTable | None
    bad: tuple[BadField, ...]


def read_stats(data: bytes) -> Stats:
    """Read a stats document.

    Raises:
        UnreadableError: no document could be had from these bytes.
    """
    read = read_document(data)
    table = call_table(read.document.operations) if read.document.operations else None
    return Stats(read.document, table, (*read.bad, *(table.bad if table else ())))

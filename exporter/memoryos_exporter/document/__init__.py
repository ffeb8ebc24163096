"""Reading the stats document, one part at a time, so that a broken part never hurts another."""

from __future__ import annotations

from dataclasses import dataclass

from .calls import Buckets, Calls, CallTable, call_table
from .parts import Document
from .reader import BadField, TooManyBadFieldsError, UnreadableError, give_up, read_document

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
    document, bad = read.document, list(read.bad)
    table = None
    if document.operations:
        try:
            table = call_table(document.operations, bad)
        except TooManyBadFieldsError:
            give_up("operations", len(read.bad), bad)
            document.operations = None
    return Stats(document, table, tuple(bad))

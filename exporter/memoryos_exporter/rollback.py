"""Step 1 of playbook 4.1 made safe: the snapshot for `evaluate_rollback/2`, and what MemoryOS will decide on it.

MemoryOS reads a missing or malformed input as 0 and answers `:stable`. So an answer is given only where no missing
input could change it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from msgspec import UNSET, Struct

from .document import Document
from .document.parts import Snapshot
from .target import Reading
from .window import MEMORY_OS

INPUTS = ("latency_p95_ms", "error_rate", "queue_depth")
CONTROLLER = "Jido.MemoryOS.ReleaseController"
BRIDGE = "MemoryOSBridge"


@dataclass(frozen=True, slots=True)
class Decision:
    """What `evaluate_rollback/2` will decide.

    snapshot: the inputs that are known; verdict: `rollback`, `stable`, or None where a missing input could change it;
    because: the inputs over their limits; missing: what is not known, by name, with the reason; mode, thresholds: the
    controller's own; notes: what the reader must know of the numbers.
    """

    snapshot: Mapping[str, float | int]
    verdict: str | None
    because: tuple[str, ...] = ()
    missing: Mapping[str, str] = field(default_factory=dict)
    mode: str | None = None
    thresholds: Mapping[str, float | int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def elixir(self) -> str:
        """The call, ready to paste. It has no timeout option: when it times out, MemoryOS may still roll back."""
        return self._call(CONTROLLER)

    @property
    def elixir_through_bridge(self) -> str:
        """The same through the bridge, which refuses bad input, counts the evaluation and tells a timeout apart."""
        return self._call(f"{BRIDGE}.ReleaseController")

    def _call(self, module: str) -> str:
        # An input that is not known cannot change the verdict. MemoryOS reads it as 0; the bridge wants that said.
        values = ", ".join(f"{name}: {_literal(self.snapshot.get(name, 0))}" for name in INPUTS)
        return f"{module}.evaluate_rollback({CONTROLLER}, %{{{values}}})"

    def as_json(self) -> dict[str, Any]:
        """The decision for `/snapshot`; the three inputs stand at the top, under the names that MemoryOS asks for."""
        return {
            **{name: self.snapshot.get(name) for name in INPUTS},
            "verdict": self.verdict,
            "because": list(self.because),
            "mode": self.mode,
            "thresholds": dict(self.thresholds),
            "missing": dict(self.missing),
            "notes": list(self.notes),
            "elixir": self.elixir if self.verdict else None,
            "elixir_through_bridge": self.elixir_through_bridge if self.verdict else None,
        }


def over_limits(snapshot: Mapping[str, float | int], thresholds: Mapping[str, float | int]) -> tuple[str, ...]:
    """The inputs that are over their limit, by MemoryOS's rule: a strict >."""
    return tuple(name for name in INPUTS if name in snapshot and snapshot[name] > thresholds.get(name, float("inf")))


def decide(reading: Reading) -> Decision:
    """What MemoryOS will decide on what was just read."""
    if reading.stats is None:
        return Decision({}, None, missing={"document": reading.message})
    document = reading.stats.document
    release = document.release or None
    mode = release.mode if release and release.mode is not UNSET else None
    thresholds = _known(release.rollback_thresholds if release else None)
    snapshot, missing, notes = _inputs(reading)
    over = over_limits(snapshot, thresholds)
    for name in INPUTS:
        if name not in thresholds:
            missing[f"rollback_thresholds.{name}"] = _why(document, "release")
    if mode is None:
        missing["mode"] = _why(document, "release")
    verdict = _verdict(mode, over, missing)
    return Decision(snapshot, verdict, over if verdict == "rollback" else (), missing, mode, thresholds, notes)


def _verdict(mode: str | None, over: tuple[str, ...], missing: Mapping[str, str]) -> str | None:
    if mode is not None and mode != MEMORY_OS:
        return "stable"
    if mode == MEMORY_OS and over:
        return "rollback"
    return None if missing else "stable"


def _inputs(reading: Reading) -> tuple[dict[str, float | int], dict[str, str], tuple[str, ...]]:
    """The inputs that are known, why others are not, and what must be known of them."""
    assert reading.stats is not None  # noqa: S101 - decide() has looked
    document = reading.stats.document
    snapshot: dict[str, float | int] = {}
    missing: dict[str, str] = {}
    notes: list[str] = []
    window = reading.measured.get(MEMORY_OS)
    for name, value in (
        ("latency_p95_ms", window.p95_ms if window else None),
        ("error_rate", window.error_rate if window else None),
    ):
        if value is None:
            missing[name] = _why_unmeasured(reading)
        else:
            snapshot[name] = value
    if window:
        notes.append(f"latency_p95_ms and error_rate: {window.operations} memory_os calls in {window.seconds:.0f} s")
    mailbox = document.process.manager if document.process else UNSET
    waiting = mailbox.message_queue_len if mailbox else UNSET
    if document.manager and document.manager.queue_depth is not UNSET:
        snapshot["queue_depth"] = document.manager.queue_depth
        if waiting:
            notes.append(f"queue_depth does not count the {waiting} messages in the manager's mailbox")
    else:
        missing["queue_depth"] = _why(document, "manager")
        if waiting is not UNSET:
            snapshot["queue_depth"] = waiting
            notes.append(f"queue_depth is a lower bound: the manager's mailbox, because {_why(document, 'manager')}")
    return snapshot, missing, tuple(notes)


def _known(fields: Snapshot | object) -> dict[str, float | int]:
    if not isinstance(fields, Snapshot):
        return {}
    return {name: getattr(fields, name) for name in INPUTS if getattr(fields, name) is not UNSET}


def _why(document: Document, part: str) -> str:
    """Why a part of the document does not give what was asked of it."""
    value = getattr(document, part)
    if value is UNSET:
        return f"the document has no {part}"
    if isinstance(value, Struct):
        return f"{part} does not say"
    reason = (document.errors or {}).get(part, "null").removeprefix(":")
    return f"{part} did not answer ({reason})"


def _why_unmeasured(reading: Reading) -> str:
    assert reading.stats is not None  # noqa: S101 - decide() has looked
    document = reading.stats.document
    if document.operations is UNSET and document.latency is UNSET:
        return "the document has no operations: MemoryOS itself keeps no latency, only its caller can time a call"
    if not document.operations and not document.latency:
        return _why(document, "operations" if document.operations is None else "latency")
    if not reading.measured:
        return "no window yet: calls are measured between two readings, so read again"
    return "no memory_os calls in the window"


def _literal(value: float) -> str:
    """A number as Elixir writes it: a float always with a point, never `1e-05`."""
    if isinstance(value, int):
        return str(value)
    plain = format(Decimal(repr(value)), "f")
    return plain if "." in plain else f"{plain}.0"

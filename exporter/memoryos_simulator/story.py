"""A story as data: who lives in it, what happens when, and what an on-call person should be told."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType, convert, field

from memoryos_simulator.dials import NodeSettings, Number, Share
from memoryos_simulator.release_controller import Mode, Stage

TICK_SECONDS = 15
"""The scrape interval that stories are told and tested at."""


Severity = Literal["critical", "warning", "info"]


class Duration(float):
    """A time in seconds, written as `90s`, `5m`, `1h30m` or `2d`."""

    _UNITS = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")

    @classmethod
    def parse(cls, written: object) -> Duration:
        """Reads one; ValueError says how to write it."""
        match = cls._UNITS.fullmatch(written) if isinstance(written, str) else None
        if not match or not written:
            raise ValueError(f"{written!r} is no duration: write it as 90s, 5m, 1h30m or 2d")
        days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
        return cls(((days * 24 + hours) * 60 + minutes) * 60 + seconds)

    def __str__(self) -> str:
        minutes, seconds = divmod(round(self), 60)
        hours, minutes = divmod(minutes, 60)
        return "".join(f"{n}{unit}" for n, unit in ((hours, "h"), (minutes, "m"), (seconds, "s")) if n) or "0s"


class Part(Struct, frozen=True, forbid_unknown_fields=True):
    """A piece of a story."""


class ConfigureRollout(Part, frozen=True):
    """`configure_rollout/2`."""

    rollout_stage: Stage | None = None
    canary_ratio: Share | None = None
    fallback_enabled: bool | None = None


class EvaluateRollback(Part, frozen=True):
    """`evaluate_rollback/2` with the live snapshot, or with another one; through the bridge or by hand."""

    snapshot: dict[str, Any] | None = None
    by_hand: bool = False


class Migrate(Part, frozen=True):
    """`Migration.migrate_target/2` for these agents, one after the other, by the host."""

    targets: Literal["all", "internal"] | Annotated[int, Meta(ge=1)] = "all"
    bad_records: Share = 0.0
    """Share of records that MemoryOS refuses."""


class Reconcile(Part, frozen=True):
    """`reconcile_post_rollback/3`, so many agents a call, with a pause between calls."""

    targets: Literal["all", "internal"] | Annotated[int, Meta(ge=1)] = "all"
    batch: Annotated[int, Meta(ge=1)] = 20
    pause: Duration = Duration(30)


class Crash(Part, frozen=True):
    """One of MemoryOS's processes dies; its supervisor starts it again after `down`."""

    process: Literal["controller", "manager"]
    down: Duration = Duration(0)


class Restart(Part, frozen=True):
    """The whole Erlang node restarts: nobody answers for as long as it is `down`, and all process state is lost."""

    down: Duration = Duration(30)


class Source(Part, frozen=True):
    """The stats document cannot be had: nobody listens, or somebody listens and never answers."""

    is_: Literal["unreachable", "hangs", "answers"] = field(name="is")
    lasts: Duration | None = None


class DeprecatedCalls(Part, frozen=True):
    """Calls of a deprecated API, counted by the bridge."""

    api: str
    removal: str
    calls: Number = 1


class Step(Part, frozen=True):
    """What happens at one moment, to some nodes or to all. A dial keeps the keys that it does not name."""

    at: Duration
    says: str = ""
    """The moment in words, for the reader."""
    nodes: list[str] = []
    """On which nodes; none named: all."""
    over: Duration = Duration(0)
    """Numbers of dials go to their new value evenly over this time."""
    traffic: dict[str, Any] = {}
    direct: dict[str, Any] = {}
    store: dict[str, Any] = {}
    legacy: dict[str, Any] = {}
    host: dict[str, Any] = {}
    release: dict[str, Any] = {}
    """Start options, which take effect when the controller starts the next time."""
    config: dict[str, Any] = {}
    """The manager's limits."""
    set_mode: Mode | None = None
    configure_rollout: ConfigureRollout | None = None
    evaluate_rollback: EvaluateRollback | None = None
    migrate: Migrate | None = None
    reconcile: Reconcile | None = None
    check_parity: bool = False
    cancel_pending: bool = False
    approvals: Number | UnsetType = UNSET
    """Approval tokens in force from now on."""
    deprecated_calls: DeprecatedCalls | None = None
    crash: Crash | None = None
    restart: Restart | None = None
    source: Source | None = None
    exporter: Literal["up", "down"] | None = None
    running: bool | None = None
    """True: the node joins; False: it is gone, with its series."""


class Expectation(Part, frozen=True):
    """An alert that the on-call person should get."""

    alert: Annotated[str, Meta(pattern="^MemoryOS[A-Za-z]+$", max_length=40)]
    severity: Severity
    starts: tuple[Duration, Duration]
    """It begins to fire at some time between these two."""
    why: str
    ends: tuple[Duration, Duration] | None = None
    """It has stopped firing, everywhere, at some time between these two; none given: the story does not say."""
    nodes: list[str] = []
    """It fires for each of these nodes; none named: for the fleet, or for any node of it."""


class Story(Part, frozen=True):
    """A whole life, hours long, or a short scene made for one alert."""

    title: str
    shows: str
    kind: Literal["life", "scene"]
    duration: Duration
    nodes: Annotated[dict[str, dict[str, Any]], Meta(min_length=1)]
    """Nodes by name, each with what sets it apart from the fleet."""
    name: str = ""
    """The file's name without its ending."""
    seed: int = 1
    loops: bool = False
    """At its end it begins again, on nodes that live on."""
    phase: Literal["migrating", "completed"] = "migrating"
    """`completed`: told under a configuration for a finished migration."""
    fleet: dict[str, Any] = {}
    """What is common to all nodes: the settings of `NodeSettings`."""
    timeline: list[Step] = []
    expects: list[Expectation] = []
    """Nothing else fires, the Watchdog and `tolerates` excepted."""
    tolerates: dict[str, Severity] = {}
    """Alerts that may fire as well, another view of the same thing, with the worst severity that they may have."""

    def settings(self, node: str) -> NodeSettings:
        """What a node starts as: the fleet's settings, with its own over them."""
        merged = {**self.fleet}
        for key, value in self.nodes[node].items():
            merged[key] = {**merged.get(key, {}), **value} if isinstance(value, dict) else value
        return convert(merged, NodeSettings)

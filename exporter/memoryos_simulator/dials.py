"""What a story can set on a node: its traffic, its stores, its host, and the options its processes start with."""

from __future__ import annotations

from math import exp
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, field

from memoryos_simulator.release_controller import Mode, Stage

Share = Annotated[float, Meta(ge=0, le=1)]
Positive = Annotated[float, Meta(gt=0)]
Rate = Annotated[float, Meta(ge=0, le=100_000)]
Number = Annotated[int, Meta(ge=0, le=1_000_000)]


class Dial(Struct, frozen=True, forbid_unknown_fields=True):
    """A group of settings of which a story may change any."""


class Agents(Dial, frozen=True):
    """Who lives on a node; fixed for its life."""

    internal: Number = 4
    external: Number = 56
    records: Number = 12
    """Records of each agent in the legacy store at the start."""
    migrated: bool = False
    """Whether MemoryOS has these records as well."""


class Traffic(Dial, frozen=True):
    """Calls through the controller. An agent waits for its answer, so a node never has more open calls than agents."""

    remember: Rate = 0.8
    """Writes a second."""
    retrieve: Rate = 1.6
    """Reads a second."""
    without_id: Share = 0.0
    """Share of writes without an explicit id: in dual_run their two records never match."""
    repeated: Share = 0.2
    """Share of reads asked again before the query cache forgets."""
    idempotent: Share = 0.0
    """Share of writes that repeat an idempotency key."""


class Direct(Dial, frozen=True):
    """Calls past the controller, straight to the manager: imports, clean-up jobs, other operations."""

    operation: Literal["remember", "retrieve", "forget", "prune", "consolidate", "explain_retrieval"] = "remember"
    rate: Rate = 0.0
    """Calls a second, whatever happens to earlier ones."""
    workers: Number = 0
    """Workers who each send a call as soon as they have the answer to the last."""
    agents: Annotated[int, Meta(ge=1, le=100_000)] = 40
    """Agents that these calls are for; the queue admits only so many of each."""
    denied: Share = 0.0
    """Share that policy denies."""


class Store(Dial, frozen=True):
    """A store that a call ends in: a lognormal latency, and its faults."""

    median_ms: Positive = 12.0
    sigma: Positive = 0.6
    """Spread of the logarithm: 0.6 puts the 95th percentile at 2.7 medians."""
    error_rate: Share = 0.0
    code: str = "upstream_error"
    """The error code of its faults."""
    stalled: bool = False
    """Calls that reach it never return until it recovers."""

    @property
    def mean_ms(self) -> float:
        """Mean latency."""
        return self.median_ms * exp(self.sigma**2 / 2)


class Host(Dial, frozen=True):
    """The Elixir application around MemoryOS, which times its calls and serves the stats document."""

    timing: Literal["histogram", "percentiles", "none"] = "histogram"
    """What it knows of its calls: `operations`, only `latency`, or nothing."""
    call_timeout_ms: Annotated[float, Meta(ge=0)] = 0.0
    """How long a caller waits; 0: for ever, which is MemoryOS's default."""
    read_timeout_ms: Positive = 1000.0
    """How long the bridge waits for `metrics/1` and `status/1`."""
    evaluate_seconds: Annotated[float, Meta(ge=0)] = 0.0
    """How often it evaluates the rollback triggers by itself; 0: never, an operator does."""
    frozen: bool = False
    """The document is served from a cache that nobody refreshes."""
    memory_os: str = "0.1.0"
    jido_memory: str = "0.1.0"


class Options(Dial, frozen=True):
    """Start options of the ReleaseController; a restart returns to them."""

    mode: Mode = "legacy"
    rollout_stage: Stage = "internal"
    canary_ratio: Share = 0.1
    fallback_enabled: bool = True
    drift_threshold: Share = 0.2
    drift_min_samples: Number = 20
    rollback_thresholds: dict[str, float] = field(default_factory=dict)


class NodeSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """One node as it is at the start of its life."""

    agents: Agents = Agents()
    traffic: Traffic = Traffic()
    direct: Direct = Direct()
    store: Store = Store()
    legacy: Store = Store(median_ms=22.0, sigma=0.5, code="other")
    host: Host = Host()
    release: Options = Options()
    config: dict[str, Any] = field(default_factory=dict)
    """The manager's limits that are not default."""
    memory_bytes: Annotated[int, Meta(ge=0)] = 140_000
    """Memory of the manager's process at the start."""
    running: bool = True
    """False: the node joins later, by a `start` step."""

"""Queue, backpressure and what wears out (specification 3.2)."""

from __future__ import annotations

from memoryos_exporter.catalog import Metric, queue

from ..config import Config
from ..duration import Duration
from .model import Alert, Area, Condition, Follows
from .promql import Promql
from .steps import STEPS
from .templates import NODE, WHOLE, live

AREA = "queue"
STEP = STEPS["3.2"]
DASHBOARD = "memoryos-queue"


def area(q: Promql, config: Config) -> Area:
    """The alerts of this area."""
    return Area(
        AREA,
        (
            _throttling(q, config),
            _overloaded(q),
            _backlog(q, config),
            _dead_letters(q),
            _timeouts(q),
            _journal_full(q, config),
            _memory_high(q, config),
        ),
    )


def _grows(q: Promql, counter: Metric, for_: Duration) -> tuple[Condition, ...]:
    return (Condition(f"increase({q(counter)}[{q.rules.window}]) > 0", for_),)


def _throttling(q: Promql, config: Config) -> Alert:
    return Alert(
        name="MemoryOSThrottling",
        area=AREA,
        conditions=_grows(q, queue.THROTTLED, Duration(300)),
        severity="warning",
        follows=Follows.MODE,
        reason="With the window, ten minutes of throttling: a short burst is what the throttle is for.",
        summary="MemoryOS rejects requests to keep its queue short.",
        description=f"{WHOLE} requests on {NODE} were throttled in the window; throttling begins at a queue depth of "
        f"{live(config, queue.QUEUE_THROTTLE_DEPTH)}.",
        step=STEP,
        dashboard=DASHBOARD,
    )


def _overloaded(q: Promql) -> Alert:
    return Alert(
        name="MemoryOSOverloaded",
        area=AREA,
        conditions=_grows(q, queue.OVERLOADED, Duration(60)),
        severity="warning",
        follows=Follows.MODE,
        reason="A hard limit was hit, of the queue or of one agent; the window holds it, a minute is enough to see it.",
        summary="MemoryOS rejects requests because a hard queue limit is reached.",
        description=f"{WHOLE} requests on {NODE} were rejected in the window: the queue, or the queue of one agent, is "
        "full. With default limits the throttle stops the whole queue before, so it is one agent.",
        step=STEP,
        dashboard=DASHBOARD,
    )


def _backlog(q: Promql, config: Config) -> Alert:
    return Alert(
        name="MemoryOSBacklogGrowing",
        area=AREA,
        conditions=(Condition(f"{q.recent(queue.MESSAGE_QUEUE_LENGTH)} > {config.rules.mailbox_limit}", Duration(45)),),
        severity="critical",
        follows=Follows.MODE,
        keep_firing_for=Duration(120),
        reason="Three scrapes: a burst is worked off in seconds, a backlog is not; it shrinks unevenly, so it clears "
        "after two minutes.",
        summary="Messages pile up in a mailbox of MemoryOS: the true sign of saturation.",
        description=f"{WHOLE} messages wait in the mailbox of {{{{ $labels.process }}}} on {NODE}; the limit is "
        f"{config.rules.mailbox_limit}. queue_depth reads low exactly then: it says "
        f"{live(config, queue.QUEUE_DEPTH)}.",
        step=STEPS["4.1.1"],
        dashboard=DASHBOARD,
    )


def _dead_letters(q: Promql) -> Alert:
    return Alert(
        name="MemoryOSDeadLetterGrowth",
        area=AREA,
        conditions=_grows(q, queue.DEAD_LETTERED, Duration(60)),
        severity="warning",
        follows=Follows.MODE,
        reason="Every dead letter is a write that was lost; the window holds it, a minute is enough to see it.",
        summary="Writes to MemoryOS end as dead letters.",
        description=f"{WHOLE} writes on {NODE} became dead letters in the window. Only failed remember calls of the "
        "short tier do: failed mid and long writes leave no trace here.",
        step=STEP,
        dashboard=DASHBOARD,
    )


def _timeouts(q: Promql) -> Alert:
    return Alert(
        name="MemoryOSTimeouts",
        area=AREA,
        conditions=_grows(q, queue.TIMED_OUT, Duration(120)),
        severity="warning",
        follows=Follows.MODE,
        reason="With the window, seven minutes: one request that came too late is not a ticket if it stays alone.",
        summary="Requests to MemoryOS time out before they begin.",
        description=f"{WHOLE} requests on {NODE} waited longer than their deadline in the window. A slow request that "
        "began in time is not counted.",
        step=STEP,
        dashboard=DASHBOARD,
    )


def _journal_full(q: Promql, config: Config) -> Alert:
    return Alert(
        name="MemoryOSJournalFull",
        area=AREA,
        conditions=(Condition(f"{q.state(queue.JOURNAL_EVENTS)} >= {q.known(queue.JOURNAL_LIMIT)}", Duration(300)),),
        severity="info",
        reason="It never empties again: five minutes only pass over the start.",
        summary="The journal is full: from now on every event rewrites the whole file.",
        description=f"The journal of {NODE} holds {WHOLE} events, its limit is {live(config, queue.JOURNAL_LIMIT)}. "
        "Measured: 1.0 ms an operation before, 86 ms after. A node with default limits is there after 667 operations.",
        step=STEP,
        dashboard=DASHBOARD,
    )


def _memory_high(q: Promql, config: Config) -> Alert:
    memory = q.recent(queue.PROCESS_MEMORY, process="manager")
    return Alert(
        name="MemoryOSMemoryHigh",
        area=AREA,
        conditions=(
            Condition(f"max without (process) ({memory}) > {config.rules.manager_memory_bytes}", Duration(600)),
        ),
        severity="warning",
        follows=Follows.MODE,
        reason="Ten minutes: garbage collection brings a peak down, a leak stays.",
        summary="The memory of the MemoryManager is high.",
        description=f"The manager of {NODE} holds {{{{ $value | humanize1024 }}}}B, the limit is "
        f"{config.rules.manager_memory_bytes} bytes. It leaks about 3.4 KB an operation: plan a restart.",
        step=STEP,
        dashboard=DASHBOARD,
    )

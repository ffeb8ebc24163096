"""Is MemoryOS there, does it answer, and can it be judged at all (specification 4.1)."""

from __future__ import annotations

from memoryos_exporter.catalog import migration, operations, queue, reading, rollout

from ..config import Config
from ..duration import Duration
from . import fleet_state, sli
from .model import Alert, Area, Condition, Follows
from .promql import Promql
from .steps import STEPS
from .templates import DURATION, NODE, WHOLE

AREA = "availability"

# Less than two of five reads: a part that answers every second time is slow, not gone.
ANSWERS_SELDOM = 0.4


def area(q: Promql, config: Config) -> Area:
    """The alerts of this area."""
    return Area(
        AREA,
        (
            _exporter_down(q),
            _down(q),
            _manager_unresponsive(q),
            _controller_unresponsive(q),
            _stale(q),
            _latency_missing(q),
            _calls_hanging(q, config),
        ),
    )


def _exporter_down(q: Promql) -> Alert:
    vanished = f"({fleet_state.MODE_RANK} unless {q.on_fleet} {q.up(every_job=True)})"
    return Alert(
        name="MemoryOSExporterDown",
        area=AREA,
        conditions=(
            Condition(
                f"{q.up()} == 0 or {vanished} or (absent({q.up()}) unless on () {fleet_state.MODE_RANK})", Duration(60)
            ),
        ),
        severity="critical",
        follows=Follows.MODE,
        reason="Four failed scrapes: a restart of the exporter takes one or two.",
        summary="Prometheus cannot scrape the MemoryOS exporter: nothing about MemoryOS is known.",
        description=f"No scrape of target {NODE} has succeeded for a minute, or the whole fleet has vanished from "
        "service discovery. Every other alert about it is blind.",
        step=STEPS["4.1.1"],
        dashboard="memoryos-exporter",
    )


def _down(q: Promql) -> Alert:
    return Alert(
        name="MemoryOSDown",
        area=AREA,
        conditions=(Condition(f"{q(reading.UP)} == 0", Duration(45)),),
        severity="critical",
        follows=Follows.MODE,
        reason="Three failed reads in a row: one can be lost to a restart of the host's listener.",
        summary="The exporter cannot read MemoryOS's stats.",
        description=f"The stats document of {NODE} cannot be read: the node is down, or its listener is. "
        "memoryos_read_error says why.",
        step=STEPS["4.1.1"],
        dashboard="memoryos-overview",
    )


def _manager_unresponsive(q: Promql) -> Alert:
    dead = f"max without (process) ({q.recent(queue.PROCESS_UP, process='manager')}) == 0"
    return Alert(
        name="MemoryOSManagerUnresponsive",
        area=AREA,
        conditions=(Condition(f"{_answers(q, 'manager')} or {dead}", Duration(30)),),
        severity="critical",
        follows=Follows.MODE,
        keep_firing_for=Duration(120),
        reason="Two scrapes on top of the minute over which answers are counted; a stalled manager answers now and "
        "then, so it stays for two minutes.",
        summary="The MemoryManager does not answer or is dead.",
        description=f"The manager of {NODE} answers less than two of five reads, or its process is dead. Its mailbox "
        "(memoryos_message_queue_length) tells a stall from a crash.",
        step=STEPS["4.1.1"],
        dashboard="memoryos-queue",
    )


def _controller_unresponsive(q: Promql) -> Alert:
    dead = f"max without (process) ({q.recent(queue.PROCESS_UP, process='release')}) == 0"
    reconciling = f"max_over_time({q(migration.RECONCILIATION_RUNNING)}[{q.rules.recent}]) == 1"
    return Alert(
        name="MemoryOSControllerUnresponsive",
        area=AREA,
        conditions=(Condition(f"({_answers(q, 'release')} unless {reconciling}) or {dead}", Duration(30)),),
        severity="critical",
        follows=Follows.MODE,
        keep_firing_for=Duration(120),
        reason="Two scrapes on top of the minute over which answers are counted; a running reconciliation occupies the "
        "controller and is no failure.",
        summary="The ReleaseController does not answer or is dead, so that no rollback can be decided.",
        description=f"The controller of {NODE} answers less than two of five reads and no reconciliation runs, or its "
        "process is dead. evaluate_rollback/2 may time out and still roll back later.",
        step=STEPS["4.1.1"],
        dashboard="memoryos-incident",
    )


def _answers(q: Promql, part: str) -> str:
    answered = f"avg_over_time({q(reading.PART_UP, part=part)}[{q.rules.recent}])"
    return f"max without (part) ({answered}) < {ANSWERS_SELDOM}"


def _stale(q: Promql) -> Alert:
    stamp = q(reading.STATS_TIMESTAMP)
    return Alert(
        name="MemoryOSStatsStale",
        area=AREA,
        conditions=(
            Condition(
                f"(changes({stamp}[{q.rules.window}]) == 0 and {stamp} offset {q.rules.window}) and {stamp}",
                Duration(60),
            ),
        ),
        severity="warning",
        follows=Follows.MODE,
        reason="The window already holds twenty reads; a minute more lets a file that is written every five minutes "
        "pass.",
        summary="MemoryOS's stats are read but do not change: what they say is old.",
        description=f"The stats of {NODE} are stamped the same for longer than the window: whoever writes them has "
        "stopped, or a cache answers in their place.",
        step=STEPS["4.1.1"],
        dashboard="memoryos-exporter",
    )


def _latency_missing(q: Promql) -> Alert:
    window = Duration(2 * q.rules.window)
    calls = f"sum without (operation, path) (increase({q(rollout.PATH_CALLS)}[{window}]))"
    seen = f"max without (mode) (max_over_time({sli.OPERATIONS}[{window}])) > 0"
    return Alert(
        name="MemoryOSLatencyMissing",
        area=AREA,
        conditions=(Condition(f"{calls} >= {q.rules.minimum_operations} unless {seen}", Duration(300)),),
        severity="warning",
        follows=Follows.MODE,
        reason="Calls are counted over two windows, and five minutes more let a host begin to time its calls.",
        summary="MemoryOS is called but no call is timed: the rollback triggers for latency and errors are blind.",
        description=f"{WHOLE} calls went through the controller of {NODE} and none of them has a latency: the host "
        "does not call through the bridge, or sends neither operations nor latency.",
        step=STEPS["4.1.1"],
        dashboard="memoryos-latency",
    )


def _calls_hanging(q: Promql, config: Config) -> Alert:
    oldest = f"{q.recent(operations.OLDEST_OPERATION)} > {config.rules.hanging_seconds:g}"
    return Alert(
        name="MemoryOSCallsHanging",
        area=AREA,
        conditions=(Condition(oldest, Duration(30)),),
        severity="critical",
        follows=Follows.MODE,
        keep_firing_for=Duration(60),
        reason="Two scrapes: the age itself already says how long it lasts.",
        summary="Calls to MemoryOS do not return; latency looks fine because nothing ends.",
        description=f"The oldest call in flight on {NODE} has waited {DURATION}, longer than the request timeout. "
        f"Calls through the controller wait without a limit. Limit: {config.rules.hanging_seconds:g} s.",
        step=STEPS["4.1.1"],
        dashboard="memoryos-latency",
    )

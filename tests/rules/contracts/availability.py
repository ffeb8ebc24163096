"""Contracts of the availability alerts."""

from __future__ import annotations

from memoryos_exporter.catalog import migration, operations, queue, reading, rollout
from rules.contract import Change, Contract
from rules.contracts.common import GONE, PAGES, TICKETS, by_the, every, value
from rules.world import SCRAPED, Calls, Key, Value, mode, of

FLICKERS = "the part that is null every second time is what it judges: see below"

NO_LEGACY = {of(rollout.PATH_CALLS, operation, "legacy"): 0.0 for operation in ("remember", "retrieve")}

MANAGER = (
    "The manager of a answers less than two of five reads, or its process is dead. Its mailbox "
    "(memoryos_message_queue_length) tells a stall from a crash."
)
CONTROLLER = (
    "The controller of a answers less than two of five reads and no reconciliation runs, or its process is dead. "
    "evaluate_rollback/2 may time out and still roll back later."
)


def path_calls(growth: float) -> dict[Key, Value]:
    """Calls of both operations to MemoryOS, each tick."""
    return {of(rollout.PATH_CALLS, operation, "memory_os"): growth for operation in ("remember", "retrieve")}


def answers_seldom(alert: str, part: str, description: str) -> Contract:
    """One of five reads is too few."""
    return Contract(
        alert=alert,
        variant="answers seldom",
        breach=value(reading.PART_UP, part, every(5, 1)),
        fires=75,
        vanishes=180,
        clears=135,
        breach_ticks=15,
        severities=PAGES,
        without={"flicker": FLICKERS},
        description=description,
    )


def dead(alert: str, process: str, other: str, description: str) -> Contract:
    """The process is dead, whatever is read meanwhile."""
    return Contract(
        alert=alert,
        variant="dead",
        breach=value(queue.PROCESS_UP, process, 0),
        more_silent={"another-process": value(queue.PROCESS_UP, other, 0)},
        fires=30,
        vanishes=180,
        clears=120,
        severities=PAGES,
        without={"flicker": FLICKERS},
        description=description,
    )


CONTRACTS = (
    Contract(
        alert="MemoryOSExporterDown",
        breach=value(SCRAPED, 0),
        fires=60,
        clears=0,
        severities=PAGES,
        description="No scrape of target a has succeeded for a minute, or the whole fleet has vanished from service "
        "discovery. Every other alert about it is blind.",
        one_job=True,
        without={
            "no-data": "that a whole fleet is gone is what it tells",
            "vanished": "that a whole fleet is gone is what it tells",
            "flicker": "it is not read from a part of the stats document",
        },
    ),
    Contract(
        alert="MemoryOSExporterDown",
        variant="fleet vanished",
        breach=Change(gone=True),
        whole_fleet=True,
        one_of_two=False,
        fires=60,
        clears=0,
        severities=PAGES,
        description="No scrape of target  has succeeded for a minute, or the whole fleet has vanished from service "
        "discovery. Every other alert about it is blind.",
        without={
            "no-data": "that a whole fleet is gone is what it tells",
            "vanished": "that a whole fleet is gone is what it tells",
            "flicker": "it is not read from a part of the stats document",
        },
    ),
    by_the(
        3600,
        Contract(
            # Told for as long as the fleet's last mode is known: a day.
            alert="MemoryOSExporterDown",
            variant="fleet vanished for a day",
            breach=Change(gone=True),
            after=Change(gone=True),
            whole_fleet=True,
            one_of_two=False,
            fires=3600,
            breach_ticks=20,
            clears=4 * 3600,
            severities=PAGES,
            description="No scrape of target  has succeeded for a minute, or the whole fleet has vanished from service "
            "discovery. Every other alert about it is blind.",
            without={
                "no-data": "that a whole fleet is gone is what it tells",
                "vanished": "that a whole fleet is gone is what it tells",
                "flicker": "it is not read from a part of the stats document",
            },
        ),
    ),
    Contract(
        alert="MemoryOSDown",
        breach=value(reading.UP, 0),
        fires=45,
        vanishes=0,
        clears=0,
        severities=PAGES,
        description="The stats document of a cannot be read: the node is down, or its listener is. "
        "memoryos_read_error says why.",
    ),
    Contract(
        alert="MemoryOSManagerUnresponsive",
        breach=value(reading.PART_UP, "manager", 0),
        # Two of five reads are not few enough.
        below=Change({of(reading.PART_UP, "manager"): lambda now, _: float(now // 15 % 2)}),
        fires=75,
        vanishes=180,
        clears=135,
        more_silent={"two-of-five": value(reading.PART_UP, "manager", every(5, 2))},
        severities=PAGES,
        without={"flicker": FLICKERS},
        description=MANAGER,
    ),
    answers_seldom("MemoryOSManagerUnresponsive", "manager", MANAGER),
    answers_seldom("MemoryOSControllerUnresponsive", "release", CONTROLLER),
    dead("MemoryOSManagerUnresponsive", "manager", "release", MANAGER),
    dead("MemoryOSControllerUnresponsive", "release", "manager", CONTROLLER),
    Contract(
        # A reconciliation excuses its silence for a minute after the last time that it was seen to run.
        alert="MemoryOSControllerUnresponsive",
        variant="since a reconciliation",
        calm=value(migration.RECONCILIATION_RUNNING, 1),
        breach=Change({of(migration.RECONCILIATION_RUNNING): 0, of(reading.PART_UP, "release"): 0}),
        fires=90,
        vanishes=180,
        clears=120,
        severities=PAGES,
        without={"flicker": FLICKERS},
        description=CONTROLLER,
    ),
    Contract(
        alert="MemoryOSControllerUnresponsive",
        breach=value(reading.PART_UP, "release", 0),
        more_silent={"two-of-five": value(reading.PART_UP, "release", every(5, 2))},
        below=Change({of(reading.PART_UP, "release"): lambda now, _: float(now // 15 % 2)}),
        # A running reconciliation occupies the controller.
        boundary=Change({of(reading.PART_UP, "release"): 0, of(migration.RECONCILIATION_RUNNING): 1}),
        fires=75,
        vanishes=180,
        clears=135,
        severities=PAGES,
        without={"flicker": FLICKERS},
        description=CONTROLLER,
    ),
    Contract(
        alert="MemoryOSStatsStale",
        breach=Change({of(reading.STATS_TIMESTAMP): lambda _, breach: breach}),
        below=Change({of(reading.STATS_TIMESTAMP): lambda now, _: now // 240 * 240}),
        more_silent={
            # Never seen for a window yet, and seldom new.
            "just-begun": Change({of(reading.STATS_TIMESTAMP): lambda now, breach: (now - breach) // 240}, before=GONE),
        },
        fires=360,
        vanishes=0,
        clears=0,
        severities=TICKETS,
        description="The stats of a are stamped the same for longer than the window: whoever writes them has "
        "stopped, or a cache answers in their place.",
    ),
    Contract(
        alert="MemoryOSLatencyMissing",
        variant="exactly enough calls",
        calm=Change({**NO_LEGACY, **path_calls(0.25)}, (Calls("memory_os"),)),
        breach=Change(path_calls(0.25), ()),
        fires=1185,
        clears=15,
        without={"vanished": "exactly enough calls are too few with one less"},
        severities=TICKETS,
        description="20 calls went through the controller of a and none of them has a latency: the host does not "
        "call through the bridge, or sends neither operations nor latency.",
    ),
    Contract(
        alert="MemoryOSLatencyMissing",
        calm=Change(NO_LEGACY, (Calls("memory_os"),)),
        breach=Change(calls=()),
        below=Change(
            {of(rollout.PATH_CALLS, "retrieve", "memory_os"): 0, of(rollout.PATH_CALLS, "remember", "memory_os"): 0.2},
            (),
        ),
        boundary=Change(path_calls(0.25), (Calls("memory_os", ok=0.03),)),
        fires=1185,
        vanishes=450,
        clears=15,
        forgets=450,
        severities=TICKETS,
        description="80 calls went through the controller of a and none of them has a latency: the host does not "
        "call through the bridge, or sends neither operations nor latency.",
    ),
    Contract(
        # For a quarter of an hour after memory_os was left it is as severe as before.
        alert="MemoryOSCallsHanging",
        variant="after memory_os",
        breach=Change({**mode("legacy"), of(operations.OLDEST_OPERATION): 31}),
        after=Change({**mode("legacy"), of(operations.OLDEST_OPERATION): 31}),
        narrowed=("severity",),
        without={"one-of-two": "the other node is in memory_os still"},
        labels={"severity": "critical"},
        severities={"memory_os": "critical"},
        fires=30,
        breach_ticks=40,
        vanishes=120,
        clears=345,
        description="what is told, the other contracts say",
    ),
    Contract(
        alert="MemoryOSCallsHanging",
        breach=value(operations.OLDEST_OPERATION, 31),
        below=value(operations.OLDEST_OPERATION, 29),
        boundary=value(operations.OLDEST_OPERATION, 30),
        fires=30,
        vanishes=120,
        clears=60,
        forgets=120,
        severities=PAGES,
        description="The oldest call in flight on a has waited 31s, longer than the request timeout. Calls through "
        "the controller wait without a limit. Limit: 30 s.",
    ),
)

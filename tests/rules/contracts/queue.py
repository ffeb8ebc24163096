"""Contracts of the queue alerts."""

from __future__ import annotations

from memoryos_exporter.catalog import queue
from rules.contract import Change, Contract
from rules.contracts.common import ALWAYS_TELLS, PAGES, TICKETS, value
from rules.world import of

GIB = 2**30
# Less than one in the window, whatever promtool can count: any growth is told.
LITTLE = 3 / 64

CONTRACTS = (
    Contract(
        alert="MemoryOSThrottling",
        breach=value(queue.THROTTLED, LITTLE),
        fires=300,
        vanishes=285,
        clears=285,
        forgets=285,
        severities=TICKETS,
        description="1 requests on a were throttled in the window; throttling begins at a queue depth of 204.",
        more_silent={"one-burst": Change({of(queue.THROTTLED): lambda now, breach: 50.0 * (now == breach)})},
    ),
    Contract(
        alert="MemoryOSOverloaded",
        breach=value(queue.OVERLOADED, LITTLE),
        fires=60,
        vanishes=285,
        clears=285,
        forgets=285,
        severities=TICKETS,
        description="0 requests on a were rejected in the window: the queue, or the queue of one agent, is full. "
        "With default limits the throttle stops the whole queue before, so it is one agent.",
    ),
    Contract(
        alert="MemoryOSBacklogGrowing",
        breach=value(queue.MESSAGE_QUEUE_LENGTH, "manager", 257),
        below=value(queue.MESSAGE_QUEUE_LENGTH, "manager", 255),
        boundary=value(queue.MESSAGE_QUEUE_LENGTH, "manager", 256),
        fires=45,
        vanishes=180,
        clears=120,
        forgets=180,
        labels={"process": "manager"},
        severities=PAGES,
        description="257 messages wait in the mailbox of manager on a; the limit is 256. queue_depth reads low "
        "exactly then: it says 1.",
    ),
    Contract(
        alert="MemoryOSDeadLetterGrowth",
        breach=value(queue.DEAD_LETTERED, LITTLE),
        fires=60,
        vanishes=285,
        clears=285,
        forgets=285,
        severities=TICKETS,
        description="0 writes on a became dead letters in the window. Only failed remember calls of the short tier "
        "do: failed mid and long writes leave no trace here.",
    ),
    Contract(
        alert="MemoryOSTimeouts",
        breach=value(queue.TIMED_OUT, LITTLE),
        fires=120,
        vanishes=285,
        clears=285,
        forgets=285,
        severities=TICKETS,
        description="0 requests on a waited longer than their deadline in the window. A slow request that began in "
        "time is not counted.",
    ),
    Contract(
        alert="MemoryOSJournalFull",
        breach=value(queue.JOURNAL_EVENTS, 2000),
        fires=300,
        forgets=600,
        clears=0,
        severities=ALWAYS_TELLS,
        description="The journal of a holds 2000 events, its limit is 2000. Measured: 1.0 ms an operation before, 86"
        " ms after. A node with default limits is there after 667 operations.",
        more_silent={"nearly-full": value(queue.JOURNAL_EVENTS, 1999)},
    ),
    Contract(
        alert="MemoryOSMemoryHigh",
        breach=value(queue.PROCESS_MEMORY, "manager", 2 * GIB + 1),
        below=value(queue.PROCESS_MEMORY, "manager", 2 * GIB - 1),
        boundary=value(queue.PROCESS_MEMORY, "manager", 2 * GIB),
        fires=600,
        clears=0,
        forgets=60,
        severities=TICKETS,
        description="The manager of a holds 2GiB, the limit is 2147483648 bytes. It leaks about 3.4 KB an operation:"
        " plan a restart.",
        more_silent={"other-process": value(queue.PROCESS_MEMORY, "release", 3 * GIB)},
    ),
)

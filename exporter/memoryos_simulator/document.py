"""The stats document of a node, `memoryos-stats/1`, degraded as a real one is when its processes do not answer."""

from __future__ import annotations

from typing import Any

from memoryos_simulator.direct import direct_mode
from memoryos_simulator.host import STEP_SECONDS, WINDOW_STEPS
from memoryos_simulator.state import NEVER, NodeState

RELEASE_MEMORY = 60_000
MESSAGE_BYTES = 1_200


def build_document(state: NodeState) -> dict[str, Any]:
    """What the bridge of this node answers now."""
    document: dict[str, Any] = {
        "schema": "memoryos-stats/1",
        "at": round(state.now_ms),
        "node": f"memory_os@{state.name}",
        "versions": {"memory_os": state.host.memory_os, "jido_memory": state.host.jido_memory},
        **_answers(state),
        "process": {"manager": _manager_process(state), "release": _release_process(state)},
        **state.totals.parts(),
    }
    if state.host.timing == "histogram":
        document["operations"] = state.timing.operations(open_calls(state))
    elif state.host.timing == "percentiles":
        document["latency"] = state.timing.percentiles(WINDOW_STEPS * STEP_SECONDS)
    return document


def _answers(state: NodeState) -> dict[str, Any]:
    """The parts that a process is asked for; each is null, with the reason, when it does not answer in time."""
    manager = state.manager
    asked: dict[str, tuple[bool, float, Any]] = {
        "manager": (state.manager_alive, state.manager_wait_ms, manager.metrics),
        "config": (state.manager_alive, state.manager_wait_ms, lambda: dict(manager.config)),
        "dead_letters": (
            state.manager_alive,
            state.manager_wait_ms,
            lambda: min(manager.counters["dead_lettered"], int(manager.config["dead_letter_limit"])),
        ),
        "release": (state.controller_alive, state.mailbox.wait_ms(state.now_ms), state.controller.status),
    }
    parts: dict[str, Any] = {}
    errors: dict[str, str] = {}
    call_us: dict[str, int] = {}
    for part, (alive, wait_ms, read) in asked.items():
        in_time = wait_ms <= state.host.read_timeout_ms
        if alive and in_time:
            parts[part], call_us[part] = read(), round(wait_ms * 1000) + 12
        else:
            parts[part] = None
            errors[part] = ":timeout" if alive else ":noproc"
            call_us[part] = round(state.host.read_timeout_ms * 1000) + 700 if alive else 3
    return {**parts, "errors": errors, "call_us": call_us}


def _manager_process(state: NodeState) -> dict[str, Any] | None:
    if not state.manager_alive:
        return None
    manager = state.manager
    waiting = manager.depth + manager.mailbox
    if state.manager_wait_ms < NEVER:  # those who call while the drain messages are worked off
        waiting += round(state.direct.rate * state.manager_wait_ms / 1000)
    return {
        "pid": state.manager_pid,
        "message_queue_len": waiting,
        "memory": manager.memory + MESSAGE_BYTES * waiting,
        "started_at": round(state.manager_started_ms),
    }


def _release_process(state: NodeState) -> dict[str, Any] | None:
    if not state.controller_alive:
        return None
    waiting = state.mailbox.length()
    return {
        "pid": state.controller_pid,
        "message_queue_len": waiting,
        "memory": RELEASE_MEMORY + MESSAGE_BYTES * waiting + 700 * len(state.controller.samples),
        "started_at": round(state.controller_started_ms),
    }


def open_calls(state: NodeState) -> dict[tuple[str, str], tuple[int, float]]:
    """Calls in flight by effective mode and operation: (how many, age of the oldest in ms)."""
    found: dict[tuple[str, str], tuple[int, float]] = {}

    def add(mode: str, operation: str, calls: int, age_ms: float) -> None:
        count, oldest_ms = found.get((mode, operation), (0, 0.0))
        found[mode, operation] = (count + calls, max(oldest_ms, age_ms))

    for call in state.mailbox.open_calls():
        mode = state.controller.effective_mode(call.agent.id, call.agent.group)
        add(mode, call.operation, call.times, state.now_ms - call.arrived_ms)
    manager = state.manager
    if manager.depth or manager.mailbox:
        first_ms = manager.queue[0].first_ms if manager.queue else manager.mailbox_since_ms
        mode = direct_mode(state)
        add(mode, state.direct.operation, manager.depth + manager.mailbox, state.now_ms - first_ms)
    return found

"""Calls past the controller: they fill the manager's queue, and its limits apply to them."""

from __future__ import annotations

from memoryos_simulator.memory_manager import AGENT_OVERLOADED
from memoryos_simulator.release_controller import Mode
from memoryos_simulator.state import NodeState


def serve_direct_calls(state: NodeState, from_ms: float, to_ms: float) -> None:
    """Lets the direct calls of a while come, wait, be served, expire or be turned away."""
    dial, manager = state.direct, state.manager
    busy_ms, state.manager_busy_ms = state.manager_busy_ms, 0.0
    arrivals = state.draws.poisson(dial.rate * (to_ms - from_ms) / 1000)
    if not state.manager_alive:
        if arrivals:
            _note(state, arrivals, 0.1, {"exit": arrivals})
        state.rejected_share = 0.0
        return
    wait_ms = state.manager_wait_ms if manager.depth else 0.0
    drained = manager.drain(from_ms, to_ms, arrivals, dial.workers, dial.agents, busy_ms, state.manager_operation_ms)
    served = sum(count for _, count in drained.served)
    offered = drained.rejected + served + drained.expired
    # At the limit of one agent only that agent is turned away; at the queue's, everybody is.
    for_all = drained.code != AGENT_OVERLOADED and manager.depth and offered
    state.rejected_share = drained.rejected / offered if for_all else 0.0
    state.rejected_code = drained.code
    for waited_ms, count in drained.served:
        _note(state, count, waited_ms + manager.overhead_ms, _failures(state, count))
    if drained.expired:
        timeout_ms = float(manager.config["request_timeout_ms"])
        _note(state, drained.expired, timeout_ms, {"manager_timeout": drained.expired})
    if drained.rejected:
        _note(state, drained.rejected, min(wait_ms, 60_000.0), {drained.code: drained.rejected})


def _failures(state: NodeState, count: int) -> dict[str, int]:
    failed = state.draws.binomial(count, state.store.error_rate)
    denied = state.draws.binomial(count - failed, state.direct.denied)
    if state.direct.operation == "remember":
        state.manager.fail_writes(failed)
    return {state.store.code: failed, "access_denied": denied}


def _note(state: NodeState, count: int, shift_ms: float, errors: dict[str, int]) -> None:
    drawn = state.draws.durations(count, shift_ms, state.store.median_ms, state.store.sigma)
    state.timing.finished_many(direct_mode(state), state.direct.operation, *drawn, errors)


def direct_mode(state: NodeState) -> Mode:
    """The effective mode of the targets of direct calls, who are in nobody's cohort before the global stage."""
    return state.controller.mode if state.controller.rollout_stage == "global" else "legacy"

"""Calls: how they come, what each does to the two stores, and what its caller sees of it."""

from __future__ import annotations

from collections.abc import Callable
from math import exp

from memoryos_simulator.agents import Agent
from memoryos_simulator.dials import Store
from memoryos_simulator.mailbox import Call, Work
from memoryos_simulator.release_controller import Mode
from memoryos_simulator.state import NodeState

READ_ENTRY = 1
RETRY_MS = 90.0
"""What the retries of a write that fails for good cost: two pauses of 30 ms and a jitter."""


def send_calls(state: NodeState, from_ms: float, to_ms: float) -> None:
    """The agents' calls of a while, put into the controller's mailbox in the order of their arrival."""
    waiting = sum(call.times for call in state.mailbox.open_calls()) if state.mailbox.waiting else 0
    free = max(0.0, 1 - waiting / max(1, len(state.agents)))
    seconds = (to_ms - from_ms) / 1000 * free
    calls: list[Call] = []
    for operation, rate in (("remember", state.traffic.remember), ("retrieve", state.traffic.retrieve)):
        pairs = state.draws.spread(state.draws.poisson(rate * seconds), len(state.agents))
        gap = (to_ms - from_ms) / max(1, len(pairs))
        for index, (number, times) in enumerate(pairs):
            arrived = from_ms + (index + state.draws.uniform()) * gap
            calls.append(Call(arrived, operation, state.agents[number], times))
    calls.sort(key=lambda call: call.arrived_ms)
    if state.controller_alive:
        state.mailbox.waiting.extend(calls)
        return
    for call in calls:  # nobody is there: the call exits at once
        fail_open_call(state, call, 0.1, "exit")


def fail_open_call(state: NodeState, call: Call, duration_ms: float, code: str) -> None:
    """Ends a call that never had an answer: its caller counts an error."""
    mode = state.controller.effective_mode(call.agent.id, call.agent.group)
    for _ in range(call.times):
        state.timing.finished(mode, call.operation, duration_ms, code)


def begin_call(state: NodeState, call: Call, start_ms: float) -> Work | None:
    """Serves one call of an agent in its effective mode; None while a store that it needs is stalled."""
    mode = state.controller.effective_mode(call.agent.id, call.agent.group)
    uses_memory_os = mode != "legacy" and state.manager_alive
    if (uses_memory_os and state.store.stalled) or (mode != "memory_os" and state.legacy.stalled):
        return None
    state.controller_operations += call.times
    service = _Service(state, call, mode)
    if mode == "legacy":
        service.legacy(call.times)
        _count(state, f"{call.operation}_legacy", call.times)
        service.errors = service.legacy_errors
        if call.operation == "remember":
            call.agent.wrote(True, False, times=call.times - service.legacy_failed)
    elif mode == "dual_run":
        _dual_run(state, call, service)
    else:
        _memory_os(state, call, service)
    report = _reporter(state, call, mode, service, start_ms)
    return Work(start_ms + service.busy_ms, report, in_manager=uses_memory_os)


def _dual_run(state: NodeState, call: Call, service: _Service) -> None:
    """Both stores are asked; the caller gets legacy's answer, and each read is a drift sample."""
    service.legacy(call.times)
    service.memory_os()
    _count(state, f"{call.operation}_legacy", call.times)
    _count(state, f"{call.operation}_memory_os", call.times)
    agent, answered = call.agent, call.times - service.legacy_failed
    lost = service.legacy_failed
    if state.controller.fallback_enabled:  # MemoryOS stands in where it did not fail as well
        lost = state.draws.binomial(lost, service.failed / call.times)
    service.errors = {state.legacy.code: lost}
    if call.operation == "remember":
        both = max(0, answered - service.failed)
        matching = both - state.draws.binomial(both, state.traffic.without_id)
        agent.wrote(True, True, times=matching)
        agent.wrote(True, True, explicit_id=False, times=both - matching)
        agent.wrote(True, False, times=answered - both)
        agent.wrote(False, True, times=call.times - service.failed - both)
        return
    degraded = min(service.failed, answered)
    if answered > degraded:
        state.controller.sample_drift(agent.drift, answered - degraded)
    if degraded:
        state.controller.sample_drift(agent.drift_degraded, degraded)


def _memory_os(state: NodeState, call: Call, service: _Service) -> None:
    """MemoryOS alone answers; legacy stands in for a failure where fallback is on, and the caller sees ok."""
    service.memory_os()
    succeeded = call.times - service.failed
    _count(state, f"{call.operation}_memory_os", succeeded)
    if call.operation == "remember":
        call.agent.wrote(False, True, times=succeeded)
    if not service.failed:
        return
    if not state.controller.fallback_enabled:
        service.errors = {service.code: service.failed}
        return
    service.legacy(service.failed)
    _count(state, "fallbacks", service.failed)
    service.errors = service.legacy_errors
    if call.operation == "remember":
        call.agent.wrote(True, False, times=service.failed - service.legacy_failed)


def _count(state: NodeState, counter: str, times: int) -> None:
    state.controller.metrics[counter] += times


class _Service:
    """The time that one call, or `times` equal ones, takes the stores, and what failed in them."""

    def __init__(self, state: NodeState, call: Call, mode: Mode) -> None:
        self._state, self._call = state, call
        self.busy_ms = 0.0
        self.failed = self.legacy_failed = 0
        self.code = ""
        self.errors: dict[str, int] = {}
        self.legacy_errors: dict[str, int] = {}
        self.main_store = state.legacy if mode == "legacy" else state.store

    def legacy(self, times: int) -> None:
        """Asks the legacy store for `times` of the calls."""
        store = self._state.legacy
        self.busy_ms += self._latency_ms(store, times)
        self.legacy_failed = self._state.draws.binomial(times, store.error_rate)
        if self.legacy_failed:
            self.legacy_errors = {store.code: self.legacy_failed}

    def memory_os(self) -> None:
        """Asks MemoryOS: its manager may be dead, turn calls away, or fail in its store."""
        state, call, manager = self._state, self._call, self._state.manager
        if not state.manager_alive:
            self.failed, self.code = call.times, "exit"
            return
        wait_ms, times = manager.depth * state.manager_operation_ms if manager.depth else 0.0, call.times
        rejected = state.draws.binomial(times, state.rejected_share)
        if rejected:
            manager.reject(rejected, state.rejected_code)
            self.failed, self.code = rejected, state.rejected_code
            self.busy_ms += wait_ms * rejected
            times -= rejected
        reused = state.draws.binomial(times, state.traffic.idempotent) if call.operation == "remember" else 0
        manager.reuse(reused)
        times -= reused
        if not times:
            return
        failed = state.draws.binomial(times, state.store.error_rate)
        own_ms = manager.overhead_ms * times + self._latency_ms(state.store, times)
        if call.operation == "remember":
            manager.fail_writes(failed)
            own_ms += RETRY_MS * failed
            self._wrote(call.agent, times - failed)
        else:
            hits = state.draws.binomial(times - failed, state.traffic.repeated)
            manager.read(call.agent, READ_ENTRY, times - failed, hits)
        manager.finish(times)
        state.manager_busy_ms += own_ms
        self.busy_ms += own_ms + wait_ms * times
        if failed:
            self.failed, self.code = self.failed + failed, state.store.code

    def _wrote(self, agent: Agent, times: int) -> None:
        manager = self._state.manager
        if times:
            manager.wrote(agent)
        if manager.config["auto_consolidate"]:  # consolidation writes a page of its own into MemoryOS
            manager.finish(times)
            agent.memory_os_only += times

    def _latency_ms(self, store: Store, times: int) -> float:
        if times == 1:
            return store.median_ms * exp(store.sigma * self._state.draws.normal())
        return times * store.mean_ms


def _reporter(state: NodeState, call: Call, mode: Mode, service: _Service, start_ms: float) -> Callable[[float], None]:
    """What the caller notes when it has its answer, unless it has stopped waiting."""

    def report(ended_ms: float) -> None:
        if call.abandoned:
            return
        if call.times == 1:
            code = next((code for code, failed in service.errors.items() if failed), None)
            state.timing.finished(mode, call.operation, ended_ms - call.arrived_ms, code)
            return
        store = service.main_store
        shift_ms = start_ms - call.arrived_ms + max(0.0, service.busy_ms / call.times - store.mean_ms)
        drawn = state.draws.durations(call.times, shift_ms, store.median_ms, store.sigma)
        state.timing.finished_many(mode, call.operation, *drawn, service.errors)

    return report

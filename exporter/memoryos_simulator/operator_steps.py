"""The calls of the runbook and of the playbooks, which wait their turn as all calls do; and crashes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from memoryos_simulator.agents import Agent
from memoryos_simulator.jobs import check_parity
from memoryos_simulator.mailbox import Message, Work
from memoryos_simulator.release_controller import Mode, Stage
from memoryos_simulator.state import NEVER, Evaluation, NodeState

CALL_TIMEOUT_MS = 5_000
"""After this a caller of `evaluate_rollback/2` gives up; the message stays in the mailbox and is served later."""


def _send(state: NodeState, act: Callable[[], None], what: str) -> bool:
    if not state.controller_alive:
        state.note(f"{what}: the controller is dead")
        return False

    def take(start_ms: float) -> Work:
        act()
        return Work(start_ms, lambda _: None)

    state.mailbox.waiting.append(Message(state.now_ms, take))
    return True


def set_mode(state: NodeState, mode: Mode) -> None:
    """`set_mode/2`; the drift gate may block the cutover, which the log then says."""

    def act() -> None:
        changed = state.controller.set_mode(mode)
        state.note(f"set_mode {mode}: {'ok' if changed else 'cutover_blocked'}")

    _send(state, act, f"set_mode {mode}")


def configure_rollout(
    state: NodeState, stage: Stage | None, canary_ratio: float | None, fallback_enabled: bool | None
) -> None:
    """`configure_rollout/2`."""

    def act() -> None:
        state.controller.configure_rollout(stage, canary_ratio, fallback_enabled)

    _send(state, act, "configure_rollout")


def evaluate_rollback(
    state: NodeState, snapshot: dict[str, Any] | None, by_hand: bool = False, routine: bool = False
) -> None:
    """`evaluate_rollback/2` with `snapshot`, or with the live one.

    Through the bridge it is counted, and refused when MemoryOS would misread it; by hand, in a console, neither. A
    `routine` one is worth a line in the log only when it rolls back.
    """
    totals = state.totals.evaluations
    taken = live_snapshot(state) if snapshot is None else snapshot
    if not by_hand:
        totals["last_at"] = round(state.now_ms)
        if not _understood(taken):
            totals["refused"] += 1
            state.note("evaluate_rollback: refused by the bridge, MemoryOS would misread it")
            return
    evaluation = Evaluation(state.now_ms, by_hand)

    def act() -> None:
        rolled_back = state.controller.evaluate_rollback(taken, round(state.now_ms))
        evaluation.answered = True
        if rolled_back or not routine:
            late = " (its caller had given up)" if evaluation.timed_out else ""
            state.note(f"evaluate_rollback: {'rollback' if rolled_back else 'stable'}{late}")
        if not by_hand and not evaluation.timed_out:
            state.totals.evaluations["rollback" if rolled_back else "stable"] += 1

    if _send(state, act, "evaluate_rollback"):
        state.evaluations.append(evaluation)
    elif not by_hand:
        totals["error"] += 1


def live_snapshot(state: NodeState) -> dict[str, float]:
    """The live inputs; the mailbox stands in for a queue depth that nobody can read."""
    readable = state.manager_alive and state.manager_wait_ms <= state.host.read_timeout_ms
    depth = state.manager.depth if readable else state.manager.mailbox + state.manager.depth
    return state.timing.live_snapshot(depth)


def _understood(snapshot: dict[str, Any]) -> bool:
    latency, rate, depth = (snapshot.get(key) for key in ("latency_p95_ms", "error_rate", "queue_depth"))
    return (
        isinstance(latency, (int, float))
        and isinstance(rate, (int, float))
        and isinstance(depth, int)
        and latency >= 0
        and 0 <= rate <= 1
        and depth >= 0
    )


def expire_evaluations(state: NodeState) -> None:
    """Counts the evaluations whose callers have given up by now."""
    for evaluation in state.evaluations:
        if not evaluation.answered and state.now_ms - evaluation.sent_ms > CALL_TIMEOUT_MS:
            evaluation.timed_out = True
            state.note("evaluate_rollback: timeout")
            if not evaluation.by_hand:
                state.totals.evaluations["timeout"] += 1
    state.evaluations = [each for each in state.evaluations if not each.answered and not each.timed_out]


def start_migration(state: NodeState, targets: str | int, bad_records: float) -> None:
    """Migrates `targets` (all, internal, or a number of agents) in the background; MemoryOS refuses bad records."""
    state.migrating.extend((agent, bad_records) for agent in _chosen(state, targets))


def start_reconciliation(state: NodeState, targets: str | int, batch: int, pause_s: float) -> None:
    """`reconcile_post_rollback/3` for `targets`, `batch` agents a call, with a pause between calls."""
    chosen = _chosen(state, targets)
    state.reconcile_pause_ms, state.reconcile_next_ms = pause_s * 1000, state.now_ms
    state.reconciling.extend(chosen[first : first + batch] for first in range(0, len(chosen), batch))


def verify_parity(state: NodeState) -> None:
    """Asks for parity of every agent and notes the answer."""
    answered = check_parity(state, state.agents)
    counts = {key: value for key, value in state.totals.parity.items() if key != "checked_at"}
    state.note(f"check_parity: {counts}" if answered else "check_parity: no answer")


def _chosen(state: NodeState, targets: str | int) -> list[Agent]:
    if targets == "all":
        return list(state.agents)
    if targets == "internal":
        return [agent for agent in state.agents if agent.group == "internal"]
    return state.agents[: int(targets)]


def crash(state: NodeState, process: str, down_s: float) -> None:
    """Ends one of MemoryOS's processes; its supervisor brings it back after `down_s`, at once if 0."""
    state.note(f"{process} crashed")
    back_ms = state.now_ms + down_s * 1000
    if process == "manager":
        state.manager_alive, state.manager_back_ms = False, back_ms
        state.manager.depth = 0
        state.manager.queue.clear()
        return
    for call in state.mailbox.open_calls():
        mode = state.controller.effective_mode(call.agent.id, call.agent.group)
        state.timing.finished(mode, call.operation, state.now_ms - call.arrived_ms, "exit")
    state.mailbox.waiting.clear()
    state.totals.reconciliation["running"] = False
    state.controller_alive, state.controller_back_ms = False, back_ms


def come_back(state: NodeState) -> None:
    """Starts what is due to come back."""
    if not state.manager_alive and state.now_ms >= state.manager_back_ms:
        state.start_manager()
    if not state.controller_alive and state.now_ms >= state.controller_back_ms:
        state.start_controller()
    if state.source != "answers" and state.now_ms >= state.source_until_ms:
        state.source, state.source_until_ms = "answers", NEVER

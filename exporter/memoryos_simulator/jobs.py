"""Work over many agents: migration in the host, reconciliation inside the controller, and the parity check."""

from __future__ import annotations

from collections.abc import Sequence

from memoryos_simulator.agents import Agent, parity
from memoryos_simulator.mailbox import Message, Work
from memoryos_simulator.state import NEVER, NodeState

MIGRATION_SHARE = 0.5
"""A migration runs in one process of the host, so it leaves the manager at least half of its time."""
TIER_ENTRIES = (2, 4, 8)


def migrate(state: NodeState, from_ms: float, to_ms: float) -> None:
    """Goes on with the migration of the agents that wait for it, as far as the time allows."""
    budget_ms = (to_ms - from_ms) * MIGRATION_SHARE
    totals = state.totals.migration
    while state.migrating and budget_ms > 0 and state.manager_operation_ms < NEVER:
        agent, bad_records = state.migrating.popleft()
        moved, failed, spent_ms = _migrate_agent(state, agent, bad_records)
        totals["targets_failed" if failed else "targets_succeeded"] += 1
        totals["records_migrated"] += moved
        totals["records_failed"] += failed
        totals["last_at"] = round(to_ms)
        budget_ms -= spent_ms


def _migrate_agent(state: NodeState, agent: Agent, bad_records: float = 0.0) -> tuple[int, int, float]:
    """`Migration.migrate_target/2` with `on_error: :continue`: (records migrated, failed, ms it took)."""
    records = agent.both + agent.legacy_only
    if not state.manager_alive:
        return 0, records, 1.0
    failed = state.draws.binomial(records, max(bad_records, state.store.error_rate))
    state.manager.finish(records)
    state.manager.fail_writes(failed, short_tier=False)
    if failed == 0:
        agent.migrated()
    else:
        moved = max(0, agent.legacy_only - failed)
        agent.both, agent.legacy_only = agent.both + moved, agent.legacy_only - moved
    if records > failed:
        state.manager.wrote(agent)
    return records - failed, failed, records * state.manager_operation_ms


def reconcile(state: NodeState) -> None:
    """Sends the next batch of a reconciliation when it is due: a message to the controller like any other."""
    totals = state.totals.reconciliation
    if totals["running"] or not state.reconciling or state.now_ms < state.reconcile_next_ms:
        return
    if not state.controller_alive:
        state.reconciling.clear()
        return
    batch = state.reconciling.popleft()
    totals["running"] = True
    state.mailbox.waiting.append(Message(state.now_ms, lambda start_ms: _reconcile(state, batch, start_ms)))


def _reconcile(state: NodeState, batch: list[Agent], start_ms: float) -> Work | None:
    if state.manager_operation_ms == NEVER and state.manager_alive:
        return None
    moved = failed = 0
    spent_ms = 0.0
    for agent in batch:
        agent_moved, agent_failed, agent_ms = _migrate_agent(state, agent)
        moved, failed, spent_ms = moved + agent_moved, failed + agent_failed, spent_ms + agent_ms

    def done(ended_ms: float) -> None:
        totals = state.totals.reconciliation
        totals["running"] = False
        totals["failed" if failed else "succeeded"] += 1
        totals["records_migrated"] += moved
        totals["records_failed"] += failed
        totals["last_at"] = round(ended_ms)
        state.reconcile_next_ms = ended_ms + state.reconcile_pause_ms

    return Work(start_ms + spent_ms, done, in_manager=True)


def check_parity(state: NodeState, agents: Sequence[Agent]) -> bool:
    """`Migration.reconcile_target/2` for these agents: three reads of MemoryOS each. False when it does not answer."""
    if not state.manager_alive or state.manager_operation_ms == NEVER:
        return False
    for agent in agents:
        for entry in TIER_ENTRIES:
            state.manager.read(agent, entry, 1, 0)
        state.manager.finish(len(TIER_ENTRIES))
    state.totals.parity = {**parity(agents), "checked_at": round(state.now_ms)}
    return True

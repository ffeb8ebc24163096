"""Puts a step of a story into effect on one node."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from msgspec.structs import replace

from memoryos_simulator import operator_steps
from memoryos_simulator.state import NEVER, NodeState
from memoryos_simulator.story import Step
from memoryos_simulator.story_file import DIALS


@dataclass(slots=True)
class Ramp:
    """A number of a dial on its way to a new value; times in seconds of the story."""

    state: NodeState
    dial: str
    key: str
    first: float
    last: float
    since: float
    until: float

    def apply(self, now: float) -> None:
        """Sets the dial to where it should be now."""
        share = min(1.0, max(0.0, (now - self.since) / (self.until - self.since)))
        value = self.first + (self.last - self.first) * share
        whole = isinstance(self.first, int) and isinstance(self.last, int)
        changed = replace(getattr(self.state, self.dial), **{self.key: round(value) if whole else value})
        setattr(self.state, self.dial, changed)


def perform(step: Step, state: NodeState, now: float) -> list[Ramp]:
    """Does what the step says to this node; the ramps that it begins, `now` in seconds of the story."""
    ramps = _turn_dials(step, state, now)
    _happen(step, state)
    _operate(step, state)
    return ramps


def _turn_dials(step: Step, state: NodeState, now: float) -> list[Ramp]:
    ramps: list[Ramp] = []
    for name in DIALS:
        changes: dict[str, Any] = getattr(step, name)
        attribute = "options" if name == "release" else name
        dial = getattr(state, attribute)
        for key, value in changes.items():
            numeric = isinstance(value, (int, float)) and not isinstance(value, bool)
            if step.over and numeric:
                until = now + step.over
                ramps.append(Ramp(state, attribute, key, getattr(dial, key), value, now, until))
            else:
                setattr(state, attribute, replace(getattr(state, attribute), **{key: value}))
    state.manager.config.update(step.config)
    return ramps


def _happen(step: Step, state: NodeState) -> None:
    """What nobody asked for, and what the platform does."""
    if step.crash:
        operator_steps.crash(state, step.crash.process, step.crash.down)
    if step.running is not None:
        if step.running and not state.running:
            state.boot()
        state.running = step.running
    if step.restart:
        state.boot()
        state.source, state.source_until_ms = "unreachable", state.now_ms + step.restart.down * 1000
        state.note("restarted")
    if step.source:
        lasts = step.source.lasts
        state.source = step.source.is_
        state.source_until_ms = NEVER if lasts is None else state.now_ms + lasts * 1000
    if step.deprecated_calls:
        calls = step.deprecated_calls
        key = (calls.api, calls.removal)
        state.totals.deprecated[key] = state.totals.deprecated.get(key, 0) + calls.calls


def _operate(step: Step, state: NodeState) -> None:
    """What an operator does."""
    if step.set_mode:
        operator_steps.set_mode(state, step.set_mode)
    if step.configure_rollout:
        rollout = step.configure_rollout
        operator_steps.configure_rollout(state, rollout.rollout_stage, rollout.canary_ratio, rollout.fallback_enabled)
    if step.evaluate_rollback:
        operator_steps.evaluate_rollback(state, step.evaluate_rollback.snapshot, step.evaluate_rollback.by_hand)
    if step.migrate:
        operator_steps.start_migration(state, step.migrate.targets, step.migrate.bad_records)
    if step.reconcile:
        work = step.reconcile
        operator_steps.start_reconciliation(state, work.targets, work.batch, work.pause)
    if step.check_parity:
        operator_steps.verify_parity(state)
    if step.cancel_pending:
        state.note(f"cancel_pending: {state.manager.cancel()}")
    if isinstance(step.approvals, int):
        state.manager.approvals_active = step.approvals

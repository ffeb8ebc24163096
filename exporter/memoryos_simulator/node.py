"""One practice MemoryOS node: advance it, ask it for its stats document."""

from __future__ import annotations

from typing import Any

from memoryos_simulator.dials import NodeSettings
from memoryos_simulator.direct import serve_direct_calls
from memoryos_simulator.document import build_document
from memoryos_simulator.host import STEP_SECONDS
from memoryos_simulator.jobs import migrate, reconcile
from memoryos_simulator.mailbox import Call
from memoryos_simulator.operator_steps import come_back, evaluate_rollback, expire_evaluations
from memoryos_simulator.serving import begin_call, fail_open_call, send_calls
from memoryos_simulator.state import NodeState


class Node:
    """A node on its own clock, deterministic for its seed."""

    def __init__(self, name: str, settings: NodeSettings, seed: str, start_ms: int) -> None:
        self.state = NodeState(name, settings, seed, start_ms)

    def step(self) -> None:
        """Advances by one step of `STEP_SECONDS`."""
        state = self.state
        from_ms, to_ms = state.now_ms, state.now_ms + STEP_SECONDS * 1000
        serving = state.running and state.source != "unreachable"
        if serving:
            send_calls(state, from_ms, to_ms)
            every_ms = state.host.evaluate_seconds * 1000
            if every_ms and from_ms % every_ms < STEP_SECONDS * 1000:
                evaluate_rollback(state, None, routine=True)
            reconcile(state)
            if state.controller_alive:
                state.mailbox.serve(to_ms, lambda call, start_ms: begin_call(state, call, start_ms))
            migrate(state, from_ms, to_ms)
            serve_direct_calls(state, from_ms, to_ms)
        state.now_ms = to_ms
        come_back(state)
        if serving:
            self._after()

    def _after(self) -> None:
        state = self.state
        if state.host.call_timeout_ms:
            timeout_ms = state.host.call_timeout_ms

            def gave_up(call: Call) -> None:
                fail_open_call(state, call, timeout_ms, "call_timeout")

            state.mailbox.give_up(state.now_ms - timeout_ms, gave_up)
        expire_evaluations(state)
        state.timing.step_ended(state.controller.metrics["fallbacks"])

    def document(self) -> dict[str, Any]:
        """The stats document, times in unix milliseconds."""
        if self.state.host.frozen:
            if self.state.frozen_document is None:
                self.state.frozen_document = build_document(self.state)
            return self.state.frozen_document
        self.state.frozen_document = None
        return build_document(self.state)

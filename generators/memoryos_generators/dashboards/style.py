"""Colours, dashes and words, the same on every dashboard.

A colour never stands alone: states carry a sign and a word, lines a dash pattern. Good, watch and bad differ in
lightness as well as in hue.
"""

from __future__ import annotations

from .model import State, Step, Style

GOOD, WATCH, BAD, NEUTRAL = "#56A64B", "#FF9830", "#E02F44", "#6E7680"
LEGACY, DUAL_RUN, MEMORY_OS = "#C0A97A", "#B877D9", "#5794F2"
INTERNAL, CANARY, GLOBAL = "#5FB3B3", "#33898C", "#1B5E66"
TREND = "#8AB8FF"
"""Series that are no state: a node, a count. Several are told apart by shades of it, never by green or red."""

LIMIT = "#FF7383"

MODE_COLORS = {"legacy": LEGACY, "dual_run": DUAL_RUN, "memory_os": MEMORY_OS, "other": NEUTRAL}
STAGE_COLORS = {"internal": INTERNAL, "canary": CANARY, "global": GLOBAL, "other": NEUTRAL}

MODE_STEPS = {mode: (Step(color),) for mode, color in MODE_COLORS.items()}
STAGE_STEPS = {stage: (Step(color),) for stage, color in STAGE_COLORS.items()}
MODES = tuple(State(mode, mode, color) for mode, color in MODE_COLORS.items())
STAGES = tuple(State(stage, stage, color) for stage, color in STAGE_COLORS.items())
MODE_NUMBERS = tuple(State(str(i), mode, color) for i, (mode, color) in enumerate(MODE_COLORS.items(), 1))
STAGE_NUMBERS = tuple(State(str(i), stage, color) for i, (stage, color) in enumerate(STAGE_COLORS.items(), 1))

GATE = (State("0", "✗ shut", WATCH), State("1", "✓ open", GOOD))
UP = (State("0", "✗ down", BAD), State("1", "✓ up", GOOD))
YES = (State("0", "✗ no", BAD), State("1", "✓ yes", GOOD))
STEPS = (
    State("0", "✗ not done", BAD),
    State("1", "… under way", WATCH),
    State("2", "✓ done", GOOD),
    State("3", "· by hand", NEUTRAL),
    State("4", "– not needed", NEUTRAL),
)
SEVERITY = (State("critical", "✗ page", BAD), State("warning", "! ticket", WATCH), State("info", "i context", NEUTRAL))

NEAR_LIMIT = (Step(GOOD), Step(WATCH, 0.8), Step(BAD, 1))
"""Colours of a share of a limit: 0.8 is where the cutover watch begins, above 1 the limit is passed."""

PLAIN = (Step(TREND),)
ANY_IS_BAD = (Step(GOOD), Step(BAD, 1))
ANY_IS_WATCHED = (Step(GOOD), Step(WATCH, 1))

LIMIT_LINE = Style("^limit", LIMIT, dash=(10, 6), width=2)
INPUT_LINES = (
    Style("^p95", MEMORY_OS, width=2),
    Style("^error", "#FFB357", dash=(8, 4), width=2),
    Style("^queue", DUAL_RUN, dash=(2, 4), width=2),
)
EVALUATION_LINES = (
    Style("^stable", GOOD, width=2),
    Style("^rollback", BAD, width=2),
    Style("^refused", WATCH, dash=(8, 4), width=2),
    Style("^(timeout|error)", BAD, dash=(2, 4), width=2),
)
PARITY_LINES = (
    Style("^equal", GOOD, width=2),
    Style("^missing", BAD, dash=(10, 4), width=2),
    Style("^extra", WATCH, dash=(2, 4), width=2),
)
MODE_LINES = (
    Style("^legacy", LEGACY, dash=(2, 4), width=2),
    Style("^dual_run", DUAL_RUN, dash=(8, 4), width=2),
    Style("^memory_os", MEMORY_OS, width=2),
)

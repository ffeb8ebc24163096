"""Durations as Prometheus writes them: `30s`, `5m`, `1h30m`, `500ms`."""

from __future__ import annotations

import re

UNITS = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
DURATION = re.compile(r"(?=\d)(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+)s)?(?:(\d+)ms)?")


def seconds(text: str) -> float:
    """The seconds of a duration.

    Raises:
        ValueError: the text is no duration, or one of 0.
    """
    match = DURATION.fullmatch(text.strip())
    total = (
        sum(int(value) * unit for value, unit in zip(match.groups(), UNITS.values(), strict=True) if value)
        if match
        else 0.0
    )
    if not 0 < total < 366 * 86400:
        raise ValueError(f"{text!r} is no duration; write 30s, 5m or 1h30m")
    return total

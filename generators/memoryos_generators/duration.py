"""Durations as Prometheus writes them: `30s`, `5m`, `1h30m`."""

from __future__ import annotations

import re

UNITS = {"w": 604_800, "d": 86_400, "h": 3_600, "m": 60, "s": 1}
SYNTAX = re.compile(r"(?:[0-9]+[wdhms])+")


class Duration(int):
    """A length of time in whole seconds; ``str()`` gives the shortest form that Prometheus reads."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> Duration:
        """Read `1h30m`; raises ValueError, with an example, for anything else."""
        if not SYNTAX.fullmatch(text):
            raise ValueError(f"{text!r} is not a duration: write it like 30s, 5m or 1h30m, without a sign")
        return cls(sum(int(number) * UNITS[unit] for number, unit in re.findall(r"([0-9]+)([wdhms])", text)))

    def __str__(self) -> str:
        rest, parts = int(self), []
        for unit, size in UNITS.items():
            if unit == "w":
                continue  # 7d reads better than 1w, and 10d than 1w3d
            number, rest = divmod(rest, size)
            parts.append(f"{number}{unit}" if number else "")
        return "".join(parts) or "0s"


ZERO = Duration(0)

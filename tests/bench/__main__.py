"""`make bench`: what this project costs, side by side with a peer in one run. Figures, not verdicts.

python -m tests.bench [AREA …]: only those areas.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from importlib import import_module, util
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1])]

AREAS = ("exporter", "simulator", "rules", "dashboards")
Row = tuple[str, str]


def main(areas: Sequence[str]) -> int:
    """Run the areas one after the other and print each as a table."""
    unknown = set(areas) - set(AREAS)
    if unknown:
        sys.stderr.write(f"bench: no area {', '.join(sorted(unknown))}; there are {', '.join(AREAS)}\n")
        return 2
    for area in areas or AREAS:
        if util.find_spec(f"bench.{area}") is None:
            continue
        sys.stdout.write(f"\n{area}\n")
        run: Callable[[], Sequence[Row]] = import_module(f"bench.{area}").run
        rows = run()
        width = max(len(name) for name, _ in rows)
        for name, figure in rows:
            sys.stdout.write(f"  {name:<{width}}  {figure}\n")
        sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

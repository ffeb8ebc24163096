"""`memoryos-generate`, and `python -m memoryos_generators`: says in a sentence which extra is not installed."""

from __future__ import annotations

import sys

EXTRA = ("_jsonnet", "grafanalib", "promql_parser")


def main() -> int:
    """Run the command line; 2 when what it needs is not installed."""
    try:
        from .cli import main as run

        return run()
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing not in EXTRA:
            raise
        sys.stderr.write(
            f"memoryos-generate: {missing} is not installed; an exporter needs none of it. "
            "Install the generators: pip install 'memoryos-observability[generators]'\n"
        )
        return 2


if __name__ == "__main__":
    sys.exit(main())

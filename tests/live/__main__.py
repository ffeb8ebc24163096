"""`python -m tests.live`, which `make demo` runs."""

import sys
from importlib import import_module
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1])]

if __name__ == "__main__":
    sys.exit(import_module("live.cli").main())

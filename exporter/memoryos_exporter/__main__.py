"""`python -m memoryos_exporter`."""

from .cli import main

raise SystemExit(main())

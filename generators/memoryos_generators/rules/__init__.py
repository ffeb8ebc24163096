"""alerts/rules and every other form in which the rules are delivered: one module an area, one table of alerts."""

from .delivery import files
from .groups import alerts, groups, recordings
from .model import Alert, Recording

__all__ = ["Alert", "Recording", "alerts", "files", "groups", "recordings"]

"""The configuration: generators/config.libsonnet, overridden by a file in jsonnet or YAML, checked against types."""

from .alertmanager import Alertmanager, Email, MaintenanceWindow, PagerDuty, Slack, Webhook
from .checked import Severity
from .load import DEFAULTS, ConfigError, convert, load, merge, read
from .sections import AlertOverride, Config, Tier

__all__ = [
    "DEFAULTS",
    "AlertOverride",
    "Alertmanager",
    "Config",
    "ConfigError",
    "Email",
    "MaintenanceWindow",
    "PagerDuty",
    "Severity",
    "Slack",
    "Tier",
    "Webhook",
    "convert",
    "load",
    "merge",
    "read",
]

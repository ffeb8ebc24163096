"""How soon each alert that can page does so."""

from __future__ import annotations

from collections.abc import Mapping

from ..config import Config
from ..duration import Duration
from .model import Alert

# From the first scrape that shows a hard breach to the alert that fires, with the default configuration. The contracts
# of the rules prove each of them.
FIRES_AFTER: Mapping[str, Duration] = {
    name: Duration(seconds)
    for name, seconds in {
        "MemoryOSExporterDown": 60,
        "MemoryOSDown": 45,
        "MemoryOSManagerUnresponsive": 75,
        "MemoryOSControllerUnresponsive": 75,
        "MemoryOSCallsHanging": 30,
        "MemoryOSRollbackLatency": 45,
        "MemoryOSRollbackErrorRate": 30,
        "MemoryOSRollbackQueueDepth": 30,
        "MemoryOSRollbackNotExecuted": 120,
        "MemoryOSRolledBack": 0,
        "MemoryOSModeSplit": 120,
        "MemoryOSModeLostUnannounced": 30,
        "MemoryOSFallbackDisabled": 60,
        "MemoryOSReconciliationFailed": 0,
        "MemoryOSCutoverWithoutGate": 30,
        "MemoryOSBacklogGrowing": 45,
    }.items()
}


def page_after(alert: Alert, config: Config) -> Duration | None:
    """At most so long from a hard breach to the page, or None for an alert that never pages.

    The breach comes just after a scrape, the scrape just after an evaluation, and Alertmanager gathers the group.
    """
    if alert.severity != "critical" or alert.name not in FIRES_AFTER or alert.name in config.alerts:
        return None  # an override changes what was proved
    waits = config.prometheus.scrape_interval + config.prometheus.evaluation_interval
    return Duration(FIRES_AFTER[alert.name] + waits + config.alertmanager.routing["critical"].group_wait)

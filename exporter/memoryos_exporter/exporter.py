"""The exporter's state: its targets, where they come from, and reading the configuration anew."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from .config import load_targets
from .exporter_metrics import ExporterMetrics
from .target import Target
from .yamlfile import ConfigError

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Exporter:
    """What the endpoints serve.

    metrics: about the exporter itself; single: the target of /metrics, None when only a configuration file names
    targets; config: that file, if any; external_url: where others reach the exporter, for service discovery;
    also_reload: reads what else is configured, and gives the error if that is wrong.
    """

    metrics: ExporterMetrics
    single: Target | None = None
    config: Path | None = None
    external_url: str | None = None
    targets: dict[str, Target] = field(default_factory=dict)
    also_reload: list[Callable[[], str | None]] = field(default_factory=list)
    _closing: set[asyncio.Task[None]] = field(default_factory=set)

    def load(self) -> None:
        """Read the configuration file; targets that have not changed keep their windows.

        Raises:
            ConfigError: the file is wrong; the targets are as before.
        """
        if self.config is None:
            return
        before = self.targets
        try:
            self.targets = load_targets(self.config, self.metrics, before)
        except Exception:
            self.metrics.reloaded(successfully=False)
            raise
        self.metrics.reloaded(successfully=True)
        for target in before.values():
            if target not in self.targets.values():
                closing = asyncio.create_task(target.close())
                self._closing.add(closing)
                closing.add_done_callback(self._closing.discard)

    def reload(self) -> str | None:
        """Read every configuration again; the errors, if any, and of what is wrong the previous one stays in force."""
        if self.config is None and not self.also_reload:
            log.warning("nothing to read anew: the exporter runs without --config and --web-config")
            return "nothing to read anew: the exporter runs without --config and --web-config"
        errors = [self._reload() if self.config else None, *(reload() for reload in self.also_reload)]
        return "\n".join(error for error in errors if error) or None

    def _reload(self) -> str | None:
        try:
            self.load()
        except ConfigError as error:
            log.error("configuration refused, the previous one stays in force", extra={"error": str(error)})  # noqa: TRY400
            return str(error)
        except Exception:
            log.exception("configuration not read, the previous one stays in force", extra={"file": str(self.config)})
            return f"{self.config}: an error of the exporter's own; the log says more"
        log.info("configuration read", extra={"file": str(self.config), "targets": len(self.targets)})
        return None

    def service_discovery(self) -> list[dict[str, Any]] | None:
        """The configured targets for Prometheus HTTP service discovery; None before there is a configuration."""
        if not self.targets or self.external_url is None:
            return None
        url = urlsplit(self.external_url)
        return [
            {
                "targets": [url.netloc],
                "labels": {
                    "__scheme__": url.scheme,
                    "__metrics_path__": f"{url.path.rstrip('/')}/probe",
                    "__param_target": target.name,
                    "instance": target.name,
                    **target.labels,
                },
            }
            for target in self.targets.values()
        ]

    async def close(self) -> None:
        """Let go of every target."""
        singles = (self.single,) if self.single else ()
        await asyncio.gather(*(target.close(wait=False) for target in (*singles, *self.targets.values())))

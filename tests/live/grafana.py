"""Grafana with the dashboards, where one is installed."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

import yaml

from memoryos_generators import dashboards
from memoryos_generators.config import Config

PACKAGED_HOME = Path("/usr/share/grafana")


def installed() -> list[str] | None:
    """The command that starts it; None when there is none."""
    for name, subcommand in (("grafana", ["server"]), ("grafana-server", [])):
        if found := shutil.which(name):
            unpacked = Path(found).resolve().parents[1]
            home = unpacked if (unpacked / "conf" / "defaults.ini").exists() else PACKAGED_HOME
            return [found, *subcommand, f"--homepath={home}"]
    return None


def files(config: Config, directory: Path) -> Mapping[str, str]:
    """The dashboards with their provisioning, which finds them below `directory`."""
    produced = dict(dashboards.files(config))
    path = "dashboards/provisioning/dashboards/memoryos.yml"
    provider = yaml.safe_load(produced[path])
    provider["providers"][0]["options"]["path"] = str(directory / "dashboards")
    return produced | {path: yaml.safe_dump(provider)}


def settings(directory: Path, port: int) -> list[str]:
    """Command line settings: everything it keeps below `directory`, everybody may look, nobody is asked to log in."""
    own = directory / "grafana"
    chosen = {
        "server.http_addr": "127.0.0.1",
        "server.http_port": port,
        "paths.data": own,
        "paths.logs": own / "log",
        "paths.plugins": own / "plugins",
        "paths.provisioning": directory / "dashboards" / "provisioning",
        "auth.anonymous.enabled": "true",
        "auth.anonymous.org_role": "Admin",
        "analytics.reporting_enabled": "false",
        "analytics.check_for_updates": "false",
    }
    return [f"cfg:default.{name}={value}" for name, value in chosen.items()]

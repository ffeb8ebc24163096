"""A real Alertmanager on loopback, and what is asked of it through its API."""

from __future__ import annotations

import json
import subprocess
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support.programs import NO_PROXY, free_port, get, running, tool, until


@dataclass(frozen=True)
class Alertmanager:
    """One that runs; ``url`` has no slash at its end."""

    url: str

    def post(self, alerts: Sequence[dict[str, Any]]) -> None:
        """Send alerts, as Prometheus does."""
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(f"{self.url}/api/v2/alerts", json.dumps(alerts).encode(), headers)  # noqa: S310
        NO_PROXY.open(request, timeout=30).close()

    def ask(self, path: str) -> Any:
        """The JSON answer of the API v2."""
        return get(f"{self.url}/api/v2/{path}").json


@contextmanager
def alertmanager(config: Path, storage: Path) -> Iterator[Alertmanager]:
    """Start Alertmanager with ``config`` on a free port."""
    storage.mkdir(parents=True, exist_ok=True)
    url = f"http://127.0.0.1:{free_port()}"
    command = [
        tool("alertmanager"),
        f"--config.file={config}",
        f"--storage.path={storage}",
        f"--web.listen-address={url.removeprefix('http://')}",
        f"--web.external-url={url}",
        "--cluster.listen-address=",
    ]
    with running(command, storage / "log"):
        until(lambda: get(f"{url}/-/ready").status == 200, "Alertmanager to be ready")
        yield Alertmanager(url)


def amtool(*arguments: str) -> str:
    """What amtool prints; raises subprocess.CalledProcessError when it refuses."""
    return subprocess.run([tool("amtool"), *arguments], check=True, capture_output=True, text=True).stdout

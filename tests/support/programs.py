"""Real programs on loopback: the exporter, Prometheus, and what else a test needs to start."""

from __future__ import annotations

import contextlib
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")
ROOT = Path(__file__).parents[2]
NO_PROXY = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass(frozen=True)
class Answer:
    """An HTTP answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def tool(name: str) -> str:
    """The path of promtool, prometheus, alertmanager or amtool, as `.ci/tools` provides it."""
    own = ROOT / ".tools" / "bin" / name
    found = str(own) if own.exists() else shutil.which(name)
    assert found, f"{name} is missing: run 'make tools'"
    return found


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens at, below those that outgoing connections are given.

    Another one could be taken by any connection while the program that it is for is not yet, or not any more, there.
    """
    while True:
        port = random.SystemRandom().randrange(20_000, 32_000)
        with socket.socket() as listener, contextlib.suppress(OSError):
            listener.bind(("127.0.0.1", port))
            return port


def get(url: str, headers: Mapping[str, str] | None = None, method: str = "GET", timeout: float = 30) -> Answer:
    """One HTTP request; an error status is an answer too."""
    request = urllib.request.Request(url, headers=dict(headers or {}), method=method)  # noqa: S310
    try:
        with NO_PROXY.open(request, timeout=timeout) as response:
            return Answer(response.status, dict(response.headers), response.read())
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, dict(error.headers), error.read())


def until(probe: Callable[[], T], what: str, timeout: float = 30) -> T:
    """What ``probe`` gives as soon as it gives something true."""
    end = time.monotonic() + timeout
    while time.monotonic() < end:
        with contextlib.suppress(OSError):
            if found := probe():
                return found
        time.sleep(0.05)
    raise AssertionError(f"waited {timeout} s for {what}")


@contextlib.contextmanager
def running(command: list[str], log: Path, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """A program with its output in ``log``; stopped when the block ends."""
    with log.open("wb") as output:
        # In a session of its own: Ctrl-C in a terminal reaches us alone, and what it starts itself ends with it.
        process = subprocess.Popen(
            command, stdout=output, stderr=output, env={**os.environ, **environment}, start_new_session=True
        )
        try:
            yield process
        finally:
            if process.poll() is None:  # otherwise its number may be another's by now
                os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


@dataclass
class Serving:
    """A running exporter."""

    url: str
    log: Path
    process: subprocess.Popen[bytes]

    def get(self, path: str, **headers: str) -> Answer:
        return get(self.url + path, {name.replace("_", "-"): value for name, value in headers.items()})

    def post(self, path: str) -> Answer:
        return get(self.url + path, method="POST")


@contextlib.contextmanager
def exporter(directory: Path, *arguments: str, scheme: str = "http") -> Iterator[Serving]:
    """`memoryos-exporter serve` with these arguments at a free port."""
    log = directory / f"exporter-{time.monotonic_ns()}.log"
    command = [sys.executable, "-m", "memoryos_exporter", "serve", "--listen", "127.0.0.1:0", *arguments]
    with running(command, log) as process:

        def address() -> str | None:
            assert process.poll() is None, log.read_text()
            match = re.search(r'address(?:=|": ")([0-9.:]+)', log.read_text())
            return match[1] if match else None

        yield Serving(f"{scheme}://{until(address, 'the exporter to serve')}", log, process)


@contextlib.contextmanager
def prometheus(directory: Path, configuration: Mapping[str, Any]) -> Iterator[str]:
    """A Prometheus with that configuration; gives its URL."""
    directory.mkdir(parents=True, exist_ok=True)
    port, file = free_port(), directory / "prometheus.yml"
    file.write_text(json.dumps(configuration))
    command = [
        tool("prometheus"),
        f"--config.file={file}",
        f"--storage.tsdb.path={directory / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    url = f"http://127.0.0.1:{port}"
    with running(command, directory / "prometheus.log"):
        until(lambda: get(f"{url}/-/ready").status == 200, "Prometheus to be ready")
        yield url


def query(prometheus_url: str, expression: str) -> list[dict[str, Any]]:
    """The result of an instant query: a list of {metric, value}."""
    answer = get(f"{prometheus_url}/api/v1/query?query={urllib.parse.quote(expression)}").json
    assert answer["status"] == "success", answer
    result: list[dict[str, Any]] = answer["data"]["result"]
    return result

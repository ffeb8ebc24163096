"""The exporter: serving beside `prometheus_client.start_http_server`, decoding, starting, memory."""

from __future__ import annotations

import asyncio
import json
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit

from memoryos_exporter.document import read_stats
from support.documents import recording, series, with_operations
from support.programs import exporter, free_port, get, running, until

CONNECTIONS, SECONDS = 16, 4.0

# The peer: the same families, collected anew for each scrape, behind prometheus_client's own server.
PEER = """
import sys, threading
from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.parser import text_string_to_metric_families
families = list(text_string_to_metric_families(open(sys.argv[2]).read()))
class Same:
    def collect(self):
        return families
registry = CollectorRegistry()
registry.register(Same())
start_http_server(int(sys.argv[1]), "127.0.0.1", registry)
threading.Event().wait()
"""


def document() -> dict[str, Any]:
    """A document whose exposition has about 200 samples."""
    return with_operations(recording("16"), series("memory_os", {90: 96, 700: 4}), series("legacy", {20: 100}))


def run() -> Sequence[tuple[str, str]]:
    """All figures."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        return [*_serving(directory), *_decoding(), *_starting(directory)]


def _serving(directory: Path) -> Iterator[tuple[str, str]]:
    stats = directory / "stats.json"
    stats.write_text(json.dumps(document()))
    targets = directory / "targets.json"
    targets.write_text(json.dumps({"targets": [{"name": "one", "file": str(stats)}]}))
    with exporter(directory, "--config", str(targets)) as ours:
        url = f"{ours.url}/probe?target=one"
        exposition = get(url).text
        lines = sum(not line.startswith("#") for line in exposition.splitlines())
        yield "exposition", f"{lines} samples, {len(exposition)} bytes"
        with _peer(directory, exposition) as peer:
            mine, theirs = [], []
            for _ in range(3):  # in turn, so that a slow moment of the machine meets both
                mine.append(asyncio.run(_load(url)))
                theirs.append(asyncio.run(_load(peer)))
        ours_rate, ours_p50, ours_p99 = _middle(mine)
        peer_rate, peer_p50, peer_p99 = _middle(theirs)
        yield f"memoryos-exporter, {CONNECTIONS} connections", _figures(ours_rate, ours_p50, ours_p99)
        yield f"start_http_server, {CONNECTIONS} connections", _figures(peer_rate, peer_p50, peer_p99)
        yield "ratio of requests/s", f"{ours_rate / peer_rate:.1f}"
        yield "resident memory under load", f"{_resident(ours.process.pid):.1f} MiB"


def _decoding() -> Iterator[tuple[str, str]]:
    large = document()
    large["unknown"] = ["x" * 50] * 1200
    data = json.dumps(large).encode()
    yield f"decode {len(data) // 1000} kB, checked (msgspec)", _microseconds(lambda: read_stats(data))
    yield f"decode {len(data) // 1000} kB, unchecked (json)", _microseconds(lambda: json.loads(data))
    broken = data.replace(b'"queued": ', b'"queued": -', 1)
    yield "the same with a bad field, field by field", _microseconds(lambda: read_stats(broken))


def _starting(directory: Path) -> Iterator[tuple[str, str]]:
    stats = directory / "stats.json"
    times = []
    for _ in range(5):
        port = free_port()
        command = [sys.executable, "-m", "memoryos_exporter", "serve", "--stats-file", str(stats)]
        started = time.perf_counter()
        with running([*command, "--listen", f"127.0.0.1:{port}"], directory / "start.log") as process:
            until(lambda port=port: get(f"http://127.0.0.1:{port}/-/ready").status == 200, "ready")  # type: ignore[misc]
            times.append(time.perf_counter() - started)
            memory = _resident(process.pid)
    yield "ready to serve after start", f"{statistics.median(times) * 1000:.0f} ms (median of {len(times)})"
    yield "resident memory when idle", f"{memory:.1f} MiB"


@contextmanager
def _peer(directory: Path, exposition: str) -> Iterator[str]:
    file, port = directory / "exposition.txt", free_port()
    file.write_text(exposition)
    with running([sys.executable, "-c", PEER, str(port), str(file)], directory / "peer.log"):
        url = f"http://127.0.0.1:{port}/metrics"
        until(lambda: get(url).status == 200, "the peer")
        yield url


async def _load(url: str) -> tuple[float, float, float]:
    """Requests a second, median and 99th percentile of the latency in ms, at full speed over kept connections."""
    latencies: list[float] = []
    end = time.perf_counter() + SECONDS
    await asyncio.gather(*(_client(urlsplit(url), latencies, end) for _ in range(CONNECTIONS)))
    latencies.sort()
    return len(latencies) / SECONDS, latencies[len(latencies) // 2], latencies[len(latencies) * 99 // 100]


async def _client(url: SplitResult, latencies: list[float], end: float) -> None:
    """One connection, opened anew where the server closes it.

    An HTTP library would take more time to ask than the exporter takes to answer, on the same two cores.
    """
    request = f"GET {url.path}?{url.query} HTTP/1.1\r\nHost: {url.netloc}\r\n\r\n".encode()
    writer = None
    while (started := time.perf_counter()) < end:
        if writer is None:
            reader, writer = await asyncio.open_connection(url.hostname, url.port)
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"(?i)content-length: (\d+)", head)
        assert b" 200 " in head and length, head
        await reader.readexactly(int(length[1]))
        latencies.append((time.perf_counter() - started) * 1000)
        if head.startswith(b"HTTP/1.0"):
            writer.close()
            writer = None
    if writer:
        writer.close()


def _middle(runs: Sequence[tuple[float, float, float]]) -> tuple[float, float, float]:
    return sorted(runs)[len(runs) // 2]


def _figures(rate: float, p50: float, p99: float) -> str:
    return f"{rate:7.0f} requests/s, p50 {p50:.1f} ms, p99 {p99:.1f} ms"


def _microseconds(call: Callable[[], object]) -> str:
    times = []
    for _ in range(200):
        started = time.perf_counter()
        call()
        times.append(time.perf_counter() - started)
    return f"{statistics.median(times) * 1e6:.0f} µs"


def _resident(process: int) -> float:
    status = Path(f"/proc/{process}/status").read_text()
    (line,) = (line for line in status.splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024

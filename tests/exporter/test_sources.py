"""A source that hangs, refuses, drips or talks garbage costs one bounded read, with a reason; a good one is read."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import logging
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from memoryos_exporter import logs
from memoryos_exporter.exporter_metrics import ExporterMetrics
from memoryos_exporter.exposition import TEXT
from memoryos_exporter.sources import Credentials, Fetched, FileSource, HttpSource, Source
from memoryos_exporter.target import Reading, Target
from support.documents import DOCUMENTS, recording
from support.programs import free_port

BODY = json.dumps(recording("08")).encode()
OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(BODY) + BODY
Answerer = Callable[[socket.socket, bytes], None]


@pytest.fixture
def serve() -> Iterator[Callable[[Answerer], str]]:
    """Starts a server that hands each connection and the request's bytes to a function; gives its URL."""
    listeners: list[socket.socket] = []

    def start(answer: Answerer) -> str:
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)

        def loop() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                threading.Thread(target=one, args=(connection,), daemon=True).start()

        def one(connection: socket.socket) -> None:
            with connection, contextlib.suppress(OSError):
                answer(connection, connection.recv(65536))

        threading.Thread(target=loop, daemon=True).start()
        return f"http://127.0.0.1:{listener.getsockname()[1]}/stats"

    yield start
    for listener in listeners:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def read(source: Source, timeout: float = 5) -> Reading:
    async def once() -> Reading:
        target = Target("one", source, ExporterMetrics(), timeout=timeout)
        try:
            return await target.read()
        finally:
            await target.close(wait=False)

    return asyncio.run(once())


def says(*chunks: bytes) -> Answerer:
    def answer(connection: socket.socket, _: bytes) -> None:
        for chunk in chunks:
            connection.sendall(chunk)

    return answer


def test_a_document_is_read_over_http(serve: Callable[[Answerer], str]) -> None:
    reading = read(HttpSource(serve(says(OK))))
    assert reading.error is None
    assert reading.stats is not None
    assert reading.stats.document.manager.queued == 1463  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (says(b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n"), "http_status"),
        (says(b"HTTP/1.1 204 No Content\r\n\r\n"), "http_status"),
        (says(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"), "redirect"),
        (says(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>"), "not_json"),
        (says(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]"), "wrong_shape"),
        (says(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"), "incomplete"),
        (says(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n"), "too_large"),
        (says(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"10000\r\n" + b"x" * 65536), "too_large"),
        (says(b"SSH-2.0-OpenSSH_9.2\r\n"), "unreachable"),
        (says(), "unreachable"),
    ],
)
def test_a_bad_answer_is_a_failed_read_with_a_reason(
    serve: Callable[[Answerer], str], answer: Answerer, reason: str
) -> None:
    reading = read(HttpSource(serve(answer), largest=50_000))
    assert (reading.error, reading.stats) == (reason, None)
    assert b"memoryos_up 0" in reading.render(TEXT)


def hang(connection: socket.socket, _: bytes) -> None:
    connection.recv(1)  # until the other side gives up


def drip(connection: socket.socket, _: bytes) -> None:
    for byte in OK:
        connection.sendall(bytes((byte,)))
        time.sleep(0.05)


@pytest.mark.parametrize("answer", [hang, drip])
def test_a_source_that_hangs_or_drips_ends_at_the_timeout(serve: Callable[[Answerer], str], answer: Answerer) -> None:
    assert read(HttpSource(serve(answer)), timeout=0.3).error == "timeout"


def test_nobody_listening_is_refused_and_a_name_nobody_has_is_unreachable() -> None:
    assert read(HttpSource(f"http://127.0.0.1:{free_port()}/")).error == "refused"
    assert read(HttpSource("http://nobody.invalid/")).error == "unreachable"


def test_https_against_a_plain_server_is_a_tls_failure(serve: Callable[[Answerer], str]) -> None:
    url = serve(says(b"HTTP/1.1 200 OK\r\n\r\n")).replace("http://", "https://")
    reading = read(HttpSource(url))
    assert (reading.error, "TLS failed: wrong version number" in reading.message) == ("tls", True)


def test_an_answer_in_an_encoding_nobody_asked_for_is_named_as_such(serve: Callable[[Answerer], str]) -> None:
    reading = read(
        HttpSource(serve(says(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n\x1f\x8b")))
    )
    assert reading.error == "not_json"
    assert "answered in Content-Encoding 'gzip'" in reading.message


def test_credentials_come_from_files_that_may_change(serve: Callable[[Answerer], str], tmp_path: Path) -> None:
    seen: list[str] = []

    def answer(connection: socket.socket, request: bytes) -> None:
        lines = request.decode().split("\r\n")
        seen.extend(line.split(": ", 1)[1] for line in lines if line.startswith("Authorization"))
        connection.sendall(OK)

    url, token = serve(answer), tmp_path / "token"
    for secret in ("first\n", "second"):
        token.write_text(secret)
        assert read(HttpSource(url, Credentials(bearer_token_file=token))).error is None
    token.write_text("pä:ss")
    assert read(HttpSource(url, Credentials(username="me", password_file=token))).error is None
    assert seen == ["Bearer first", "Bearer second", "Basic " + base64.b64encode("me:pä:ss".encode()).decode()]


@pytest.mark.parametrize("content", [None, b"", b"two\nlines", b"\xff"])
def test_an_unusable_secret_is_a_failed_read_that_tells_the_file_and_not_the_secret(
    serve: Callable[[Answerer], str], tmp_path: Path, content: bytes | None
) -> None:
    file = tmp_path / "token"
    if content is not None:
        file.write_bytes(content)
    reading = read(HttpSource(serve(says(OK)), Credentials(bearer_token_file=file)))
    assert reading.error == "credentials"
    assert str(file) in reading.message
    assert "two" not in reading.message


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.stem)
def test_every_recording_is_read_from_its_file(path: Path) -> None:
    assert read(FileSource(path)).error is None


def test_a_file_tells_its_age_when_the_document_does_not(tmp_path: Path) -> None:
    file = tmp_path / "stats.json"
    file.write_text('{"manager": null}')
    os.utime(file, (1000, 1000))
    assert b"memoryos_stats_timestamp_seconds 1000.0" in read(FileSource(file)).render(TEXT)


def test_files_that_cannot_be_read_are_failed_reads_with_a_reason(tmp_path: Path) -> None:
    assert read(FileSource(tmp_path / "none")).error == "missing"
    assert read(FileSource(tmp_path)).error == "wrong_shape"
    (tmp_path / "half").write_bytes(BODY[: len(BODY) // 2])
    assert read(FileSource(tmp_path / "half")).error == "incomplete"
    (tmp_path / "large").write_bytes(BODY)
    assert read(FileSource(tmp_path / "large", largest=100)).error == "too_large"
    os.mkfifo(tmp_path / "pipe")
    assert read(FileSource(tmp_path / "pipe")).error == "wrong_shape"
    (tmp_path / "file").touch()
    assert read(FileSource(tmp_path / "file" / "below")).error == "unreachable"


def test_a_file_that_hangs_does_not_hold_up_the_end_of_the_program(tmp_path: Path) -> None:
    program = """
import asyncio, os, time
from pathlib import Path
from memoryos_exporter.sources import FileSource
os.open = lambda *_: time.sleep(60)
try:
    asyncio.run(asyncio.wait_for(FileSource(Path("stats.json")).fetch(), 0.2))
except TimeoutError:
    print("timeout")
"""
    started = time.monotonic()
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=50, check=True)
    assert (done.stdout, done.stderr) == ("timeout\n", "")
    assert time.monotonic() - started < 30


def test_a_file_that_is_replaced_is_never_read_wrong(tmp_path: Path) -> None:
    """A writer renames whole documents into place as fast as it can; every read gives one of them."""
    file, stop = tmp_path / "stats.json", threading.Event()
    file.write_text('{"manager": {"queued": 0, "processed": 0}}')

    def write() -> None:
        for number in range(10**9):
            if stop.is_set():
                return
            (tmp_path / "new").write_text(json.dumps({"manager": {"queued": number, "processed": number}}))
            (tmp_path / "new").rename(file)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for _ in range(100):
            reading = read(FileSource(file))
            assert reading.stats is not None, reading.message
            manager = reading.stats.document.manager
            assert manager is not None
            assert manager.queued == manager.processed  # type: ignore[union-attr]
    finally:
        stop.set()
        writer.join()


class Slow:
    """A source that takes its time and counts how often it was asked."""

    description = "slow"

    def __init__(self, seconds: float) -> None:
        self.asked, self.closed, self._seconds = 0, False, seconds

    async def fetch(self) -> Fetched:
        self.asked += 1
        await asyncio.sleep(self._seconds)
        return Fetched(BODY)

    async def close(self) -> None:
        self.closed = True


def test_scrapes_that_overlap_share_one_read_and_each_keeps_its_own_deadline() -> None:
    async def scrape() -> tuple[list[str | None], int]:
        source = Slow(0.3)
        target = Target("one", source, ExporterMetrics())
        readings = await asyncio.gather(target.read(), target.read(0.05), target.read(5), target.read(0.1))
        return [reading.error for reading in readings], source.asked

    assert asyncio.run(scrape()) == ([None, "timeout", None, "timeout"], 1)


def test_after_a_timeout_the_next_read_is_a_new_one() -> None:
    async def scrape() -> tuple[str | None, str | None, int]:
        source = Slow(60)
        target = Target("one", source, ExporterMetrics(), timeout=0.05)
        first = await target.read()
        source._seconds = 0
        return first.error, (await target.read()).error, source.asked

    assert asyncio.run(scrape()) == ("timeout", None, 2)


def test_a_source_that_always_answers_after_the_deadline_is_down_counted_and_told_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO", "memoryos_exporter")

    async def scrape() -> tuple[Target, str, str]:
        metrics, source = ExporterMetrics(), Slow(0)
        target = Target("one", source, metrics)
        assert (await target.read(5)).error is None
        source._seconds = 0.2
        for _ in range(3):
            # Two Prometheus servers with the same deadline.
            readings = await asyncio.gather(target.read(0.05), target.read(0.05))
            assert [reading.error for reading in readings] == ["timeout", "timeout"]
            await asyncio.sleep(0.25)  # until the next scrape; the answer has come in the meantime
        told, slow = target.last, metrics.render(TEXT).decode()
        assert told is not None
        source._seconds = 0
        assert (await target.read(5)).error is None
        return target, told.message, slow

    target, message, slow = asyncio.run(scrape())
    assert 'memoryos_exporter_scrape_failures_total{reason="timeout"} 3' in slow
    assert "memoryos_exporter_scrapes_total 4" in slow
    assert message == "no answer within 0.05 s"
    assert [record.message for record in caplog.records] == ["target down", "target up"]
    assert target.last is not None
    assert target.last.error is None


def test_closing_a_target_lets_those_who_wait_have_their_reading() -> None:
    async def scrape() -> tuple[str | None, bool]:
        source = Slow(0.1)
        target = Target("one", source, ExporterMetrics())
        waiting = asyncio.create_task(target.read())
        await asyncio.sleep(0)
        await target.close()
        return (await waiting).error, source.closed

    assert asyncio.run(scrape()) == (None, True)


@pytest.mark.parametrize("form", logs.FORMATS)
def test_an_error_of_the_exporters_own_is_still_a_scrape_and_leaves_its_place_in_one_line_of_log(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], form: str
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("memoryos_exporter.target.samples_of", broken)
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", [])
    monkeypatch.setattr(root, "level", root.level)
    logs.set_up("error", form)
    assert read(Slow(0)).error == "internal"
    (line,) = capsys.readouterr().err.splitlines()
    assert "Traceback" in line
    assert "in broken" in line

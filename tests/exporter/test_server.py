"""The running exporter, over real sockets: what each endpoint answers, and what it refuses."""

from __future__ import annotations

import asyncio
import gzip
import json
import re
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics

from memoryos_exporter.exporter import Exporter
from memoryos_exporter.exporter_metrics import ExporterMetrics
from memoryos_exporter.exposition import TEXT
from memoryos_exporter.server import make_app
from support.documents import RECORDED, recording, series, with_operations
from support.programs import Serving, exporter, until

ROLLED_BACK = RECORDED / "16-rollback-fired.json"


@pytest.fixture(scope="module")
def single(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    with exporter(tmp_path_factory.mktemp("single"), "--stats-file", str(ROLLED_BACK)) as serving:
        yield serving


@pytest.fixture
def silent() -> Iterator[str]:
    """The URL of a server that accepts and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/stats"


def write_config(path: Path, *targets: dict[str, object], **more: object) -> Path:
    path.write_text(json.dumps({"targets": list(targets), **more}))
    return path


def test_metrics_of_the_single_target_stand_beside_those_of_the_exporter(single: Serving) -> None:
    answer = single.get("/metrics")
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    for line in ("memoryos_up 1", 'memoryos_mode{mode="legacy"} 1', "memoryos_rollbacks_total 1"):
        assert f"\n{line}\n" in answer.text
    assert "memoryos_exporter_scrapes_total" in answer.text
    assert "process_resident_memory_bytes" in answer.text


def test_a_client_that_asks_for_openmetrics_gets_it_whole(single: Serving) -> None:
    answer = single.get("/metrics", Accept="application/openmetrics-text;version=1.0.0")
    assert answer.headers["Content-Type"] == "application/openmetrics-text; version=1.0.0; charset=utf-8"
    assert {"memoryos_up", "process_cpu_seconds"} <= {family.name for family in parse_openmetrics(answer.text)}


def test_an_exposition_is_compressed_for_those_who_ask(single: Serving) -> None:
    answer = single.get("/metrics", Accept_Encoding="gzip")
    assert answer.headers["Content-Encoding"] == "gzip"
    assert b"memoryos_up 1" in gzip.decompress(answer.body)


@pytest.mark.parametrize(
    ("accepts", "compressed"),
    [
        ("gzip", True),
        ("GZIP;q=0.5", True),
        ("deflate, gzip", True),
        ("gzip;q=0", False),
        ("gzip; Q=0.000, identity", False),
        ("identity", False),
        ("gzipped", False),
        ("gzip;q=much", False),
    ],
)
def test_a_coding_that_is_refused_or_not_named_is_not_used(single: Serving, accepts: str, compressed: bool) -> None:
    answer = single.get("/metrics", Accept_Encoding=accepts)
    assert ("Content-Encoding" in answer.headers) == compressed


def test_a_request_with_a_large_body_is_not_read(tmp_path: Path) -> None:
    app = make_app(Exporter(ExporterMetrics()))

    async def read(request: web.Request) -> web.Response:
        return web.Response(body=await request.read())

    async def statuses() -> list[int]:
        app.router.add_post("/read", read)
        async with TestClient(TestServer(app)) as client:
            return [(await client.post("/read", data=b"x" * size)).status for size in (10, 10_000)]

    assert asyncio.run(statuses()) == [200, 413]


def test_health_and_readiness_do_not_depend_on_memory_os(tmp_path: Path) -> None:
    with exporter(tmp_path, "--stats-file", str(tmp_path / "none")) as serving:
        assert serving.get("/-/healthy").status == serving.get("/-/ready").status == 200
        answer = serving.get("/metrics")
        assert answer.status == 200
        assert "\nmemoryos_up 0\n" in answer.text
        assert 'memoryos_read_error{reason="missing"} 1' in answer.text
        assert 'memoryos_exporter_scrape_failures_total{reason="missing"} 1' in answer.text
        assert "memoryos_mode" not in answer.text


def test_snapshot_answers_200_with_a_verdict_and_409_without(tmp_path: Path, single: Serving) -> None:
    decided = single.get("/snapshot")
    assert (decided.status, decided.json["verdict"]) == (200, "stable")
    assert decided.headers["Cache-Control"] == "no-store"
    with exporter(tmp_path, "--stats-file", str(RECORDED / "08-healthy-memory-os.json")) as serving:
        undecided = serving.get("/snapshot")
        assert (undecided.status, undecided.json["verdict"]) == (409, None)
        assert set(undecided.json["missing"]) == {"latency_p95_ms", "error_rate"}


def test_snapshot_with_operations_is_the_input_of_the_rollback(tmp_path: Path) -> None:
    file = tmp_path / "stats.json"
    file.write_text(json.dumps(with_operations(recording("08"), series("memory_os", {90: 80, 900: 20}))))
    with exporter(tmp_path, "--stats-file", str(file)) as serving:
        answer = serving.get("/snapshot")
        assert (answer.status, answer.json["verdict"], answer.json["because"]) == (200, "rollback", ["latency_p95_ms"])
        assert answer.json["elixir"].startswith("Jido.MemoryOS.ReleaseController.evaluate_rollback(")


def test_probe_serves_configured_names_only(tmp_path: Path) -> None:
    config = write_config(
        tmp_path / "targets.yml",
        {"name": "one", "file": str(ROLLED_BACK), "labels": {"cluster": "eu"}},
        {"name": "gone", "file": "nothing-here.json"},
    )
    with exporter(tmp_path, "--config", str(config)) as serving:
        probed = serving.get("/probe?target=one")
        assert "\nmemoryos_rollbacks_total 1\n" in probed.text
        assert "memoryos_exporter" not in probed.text
        assert "\nprocess_" not in probed.text
        gone = serving.get("/probe?target=gone")
        assert (gone.status, "memoryos_up 0\n" in gone.text) == (200, True)
        assert serving.get("/probe?target=http://127.0.0.1/").status == 404
        assert serving.get("/probe").status == serving.get("/probe?target=one&target=gone").status == 400
        assert serving.get("/snapshot?target=one").json["mode"] == "legacy"
        assert serving.get("/snapshot").status == 400
        assert "memoryos_up" not in serving.get("/metrics").text
        page = serving.get("/").text
        assert "nothing-here.json does not exist" in page
        assert 'href="probe?target=one"' in page


def test_service_discovery_hands_out_the_external_url_whatever_the_host_header_says(tmp_path: Path) -> None:
    target: dict[str, object] = {"name": "eu-1", "file": str(ROLLED_BACK), "labels": {"cluster": "eu"}}
    config = write_config(tmp_path / "targets.yml", target)
    outside = ("--external-url", "https://exporter.internal:8443/memoryos/")
    with exporter(tmp_path, "--config", str(config), *outside) as serving:
        found = serving.get("/sd", Host="evil.example")
        assert found.headers["Content-Type"].startswith("application/json")
        assert found.json == [
            {
                "targets": ["exporter.internal:8443"],
                "labels": {
                    "__scheme__": "https",
                    "__metrics_path__": "/memoryos/probe",
                    "__param_target": "eu-1",
                    "instance": "eu-1",
                    "cluster": "eu",
                },
            }
        ]


def test_service_discovery_without_a_configuration_is_503_and_never_an_empty_list(single: Serving) -> None:
    assert single.get("/sd").status == 503


def test_a_hanging_source_costs_one_bounded_scrape(tmp_path: Path, silent: str) -> None:
    with exporter(tmp_path, "--stats-url", silent) as serving:
        started = time.monotonic()
        answer = serving.get("/metrics", X_Prometheus_Scrape_Timeout_Seconds="0.5")
        assert time.monotonic() - started < 5  # the source's own timeout is 10 s
        assert answer.status == 200
        assert 'memoryos_read_error{reason="timeout"} 1' in answer.text


@pytest.mark.parametrize("header", ["", "soon", "-3", "nan", "inf", "1e999", "0"])
def test_a_senseless_deadline_is_no_deadline(single: Serving, header: str) -> None:
    answer = single.get("/metrics", X_Prometheus_Scrape_Timeout_Seconds=header)
    assert "\nmemoryos_up 1\n" in answer.text


def test_a_reader_who_never_reads_blocks_nobody(single: Serving) -> None:
    host, port = single.url.removeprefix("http://").split(":")
    idle = [socket.create_connection((host, int(port))) for _ in range(50)]
    try:
        for connection in idle:
            connection.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n")  # the request never ends
        assert "\nmemoryos_up 1\n" in single.get("/metrics").text
    finally:
        for connection in idle:
            connection.close()


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc",
        b"GET /metrics HTTP/9.9\r\n\r\n",
        b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\n\r\n",
        b"POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello",
        b"GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /probe?target=%00%ff HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\r\n\r\n\r\n",
    ],
)
def test_a_bad_request_is_refused_without_a_stack_trace(single: Serving, request_bytes: bytes) -> None:
    host, port = single.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=5) as connection:
        connection.sendall(request_bytes)
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        while chunk := connection.recv(65536):
            answer += chunk
    assert b"Traceback" not in answer
    assert not answer or re.match(rb"HTTP/1\.[01] 4\d\d ", answer)
    assert "\nmemoryos_up 1\n" in single.get("/metrics").text


def test_sighup_takes_over_a_good_configuration_and_keeps_the_old_one_before_a_wrong_one(tmp_path: Path) -> None:
    config = write_config(tmp_path / "targets.yml", {"name": "one", "file": str(ROLLED_BACK)})
    with exporter(tmp_path, "--config", str(config), "--enable-reload") as serving:
        assert "memoryos_exporter_config_last_reload_successful 1" in serving.get("/metrics").text
        write_config(config, {"name": "two", "file": str(ROLLED_BACK)})
        serving.process.send_signal(signal.SIGHUP)
        until(lambda: serving.get("/probe?target=two").status == 200, "the new target")
        assert serving.get("/probe?target=one").status == 404

        config.write_text("targets: [{name: three, ulr: http://127.0.0.1/}]")
        serving.process.send_signal(signal.SIGHUP)
        until(lambda: "reload_successful 0" in serving.get("/metrics").text, "the refusal")
        assert serving.get("/probe?target=two").status == 200
        assert "unknown key 'ulr'" in serving.log.read_text()

        write_config(config, {"name": "four", "file": str(ROLLED_BACK)})
        reloaded = serving.post("/-/reload")
        assert (reloaded.status, serving.get("/probe?target=four").status) == (200, 200)
        config.write_text("targets: []")
        assert serving.post("/-/reload").status == 500


def test_a_reload_that_fails_in_the_exporter_itself_is_told_as_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    exporting = Exporter(ExporterMetrics(), config=tmp_path / "targets.yml")
    monkeypatch.setattr("memoryos_exporter.exporter.load_targets", broken)
    assert exporting.reload() == f"{exporting.config}: an error of the exporter's own; the log says more"
    assert b"memoryos_exporter_config_last_reload_successful 0" in exporting.metrics.render(TEXT)
    assert "ZeroDivisionError" in caplog.text


def test_sighup_without_a_configuration_says_that_there_is_nothing_to_read(tmp_path: Path) -> None:
    with exporter(tmp_path, "--stats-file", str(ROLLED_BACK)) as serving:
        serving.process.send_signal(signal.SIGHUP)
        until(lambda: "nothing to read anew" in serving.log.read_text(), "the answer in the log")
        assert "configuration read" not in serving.log.read_text()
        assert "memoryos_up 1" in serving.get("/metrics").text


def test_reload_over_http_is_closed_unless_asked_for(single: Serving) -> None:
    assert single.post("/-/reload").status == 404


def test_a_target_that_has_not_changed_keeps_its_window_over_a_reload(tmp_path: Path) -> None:
    file = tmp_path / "stats.json"
    document = with_operations(recording("08"), series("memory_os", {90: 100}), age_s=10_000)
    config = write_config(tmp_path / "targets.yml", {"name": "one", "file": "stats.json"})
    file.write_text(json.dumps(document))
    with exporter(tmp_path, "--config", str(config), "--enable-reload") as serving:
        serving.get("/probe?target=one")
        serving.post("/-/reload")
        file.write_text(json.dumps(with_operations(recording("08"), series("memory_os", {90: 150}), age_s=10_000)))
        assert 'memoryos_window_operations{mode="memory_os"} 50\n' in serving.get("/probe?target=one").text


def test_no_secret_is_ever_shown_or_logged(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("s3cret-token")
    (tmp_path / "password").write_text("s3cret-word")
    url = "http://127.0.0.1:1/stats?key=s3cret-key"
    config = write_config(
        tmp_path / "targets.yml",
        {"name": "a", "url": url, "bearer_token_file": "token"},
        {"name": "b", "url": url, "basic_auth": {"username": "me", "password_file": "password"}},
    )
    with exporter(tmp_path, "--config", str(config), "--log-level", "debug") as serving:
        paths = ("/probe?target=a", "/probe?target=b", "/", "/sd", "/metrics", "/snapshot?target=a")
        shown = "".join(serving.get(path).text for path in paths)
        assert "refused" in shown
        assert "s3cret" not in shown + serving.log.read_text()


def test_a_change_of_state_is_logged_once_and_in_the_asked_format(tmp_path: Path) -> None:
    file = tmp_path / "stats.json"
    with exporter(tmp_path, "--stats-file", str(file), "--log-format", "json") as serving:
        for _ in range(3):
            serving.get("/metrics")
        file.write_text('{"manager": {"queued": "x"}}')
        for _ in range(3):
            serving.get("/metrics")
        events = [json.loads(line) for line in serving.log.read_text().splitlines()]
    told = [(event["msg"], event.get("reason"), event.get("fields")) for event in events[1:]]
    assert told[:3] == [
        ("target down", "missing", None),
        ("target up", None, None),
        ("fields left out", None, "manager.queued"),
    ]
    assert len(told) <= 4  # and "stopping"


def test_it_stops_at_once_and_cleanly_even_while_a_source_hangs(tmp_path: Path, silent: str) -> None:
    with exporter(tmp_path, "--stats-url", silent) as serving:
        host, port = serving.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port))) as waiting:
            waiting.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
            time.sleep(0.3)
            serving.process.terminate()
            assert serving.process.wait(8) == 0
        assert "Traceback" not in serving.log.read_text()

"""A real Prometheus scrapes the exporter, alone and through service discovery, and knows what was recorded."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

from support.documents import RECORDED, recording
from support.programs import exporter, prometheus, query, until

GLOBAL = {"scrape_interval": "500ms", "scrape_timeout": "400ms"}


def value(url: str, expression: str) -> float | None:
    found: list[dict[str, Any]] = query(url, expression)
    return float(found[0]["value"][1]) if found else None


def test_prometheus_stores_what_was_recorded(tmp_path: Path) -> None:
    document = recording("16")
    with exporter(tmp_path, "--stats-file", str(RECORDED / "16-rollback-fired.json")) as serving:
        address = serving.url.removeprefix("http://")
        job = {"job_name": "memoryos", "static_configs": [{"targets": [address]}]}
        with prometheus(tmp_path, {"global": GLOBAL, "scrape_configs": [job]}) as url:
            until(lambda: value(url, "memoryos_up") == 1, "the first scrape")
            assert value(url, 'memoryos_mode{mode="legacy"}') == 1
            assert value(url, "memoryos_queued_total") == document["manager"]["queued"]
            last = document["release"]["last_rollback"]
            assert value(url, "memoryos_last_rollback_timestamp_seconds") == last["at"] / 1000
            assert value(url, "memoryos_last_rollback_latency_p95_ms") == last["snapshot"]["latency_p95_ms"]
            assert value(url, 'up{job="memoryos"}') == 1


def test_prometheus_discovers_the_configured_targets_and_scrapes_each_through_probe(tmp_path: Path) -> None:
    names = {"eu-1": "16-rollback-fired.json", "us-1": "raw-stats_manager_stalled_1s_timeout.json", "us-2": "none.json"}
    targets = [
        {"name": name, "file": str(RECORDED / file), "labels": {"cluster": name[:2]}} for name, file in names.items()
    ]
    config = tmp_path / "targets.yml"
    config.write_text(json.dumps({"targets": targets}))
    with exporter(tmp_path, "--config", str(config)) as serving:
        job = {"job_name": "memoryos", "http_sd_configs": [{"url": f"{serving.url}/sd", "refresh_interval": "1s"}]}
        with prometheus(tmp_path / "prometheus", {"global": GLOBAL, "scrape_configs": [job]}) as url:
            until(lambda: len(query(url, "memoryos_up")) == 3, "three targets")
            assert value(url, 'memoryos_rollbacks_total{cluster="eu",instance="eu-1"}') == 1
            assert value(url, 'memoryos_message_queue_length{instance="us-1",process="manager"}') == 299
            assert value(url, 'memoryos_part_up{instance="us-1",part="manager"}') == 0
            assert value(url, 'memoryos_up{instance="us-2",cluster="us"}') == 0
            assert value(url, 'memoryos_read_error{instance="us-2"} == 1') == 1
            assert query(url, 'memoryos_queued_total{instance="us-1"}') == []


def test_a_source_that_hangs_is_down_in_time_for_prometheus_to_store_it(tmp_path: Path) -> None:

    with socket.create_server(("127.0.0.1", 0)) as silent:
        source = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        with exporter(tmp_path, "--stats-url", source) as serving:
            address = serving.url.removeprefix("http://")
            job = {"job_name": "memoryos", "static_configs": [{"targets": [address]}]}
            timing = {"scrape_interval": "2s", "scrape_timeout": "2s"}
            with prometheus(tmp_path / "prometheus", {"global": timing, "scrape_configs": [job]}) as url:
                until(lambda: value(url, "memoryos_up") == 0, "memoryos_up 0")
                assert value(url, 'up{job="memoryos"}') == 1
                assert value(url, 'memoryos_read_error{reason="timeout"}') == 1

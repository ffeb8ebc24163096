"""The real exporter scrapes the real bridge over a socket."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from bridge.host import Host
from support.programs import Serving, exporter, until

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


class Scrape:
    """One scrape's samples, by name and labels."""

    def __init__(self, serving: Serving) -> None:
        answer = serving.get("/metrics", X_Prometheus_Scrape_Timeout_Seconds="10")
        assert answer.status == 200
        families = text_string_to_metric_families(answer.text)
        self.samples: Samples = {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in families
            for sample in family.samples
        }

    def __call__(self, name: str, **labels: str) -> float | None:
        return self.samples.get((name, frozenset(labels.items())))

    def parts(self) -> dict[str, float]:
        return {
            dict(labels)["part"]: value for (name, labels), value in self.samples.items() if name == "memoryos_part_up"
        }


def test_an_idle_memory_os_is_up_in_every_part(hosts: Callable[..., Host], tmp_path: Path) -> None:
    with exporter(tmp_path, "--stats-url", hosts().url) as serving:
        scrape = Scrape(serving)
    assert scrape("memoryos_up") == 1
    assert set(scrape.parts().values()) == {1}
    assert {"manager", "release", "process", "config", "operations", "migration", "reconciliation"} <= set(
        scrape.parts()
    )
    assert scrape("memoryos_queue_limit") == 256
    assert scrape("memoryos_mode", mode="legacy") == 1
    assert scrape("memoryos_process_up", process="manager") == 1
    assert scrape("memoryos_message_queue_length", process="manager") == 0
    assert scrape("memoryos_compatible") == 1
    assert scrape("memoryos_operations_total", mode="memory_os", operation="remember", outcome="ok") == 0


def test_a_stuck_manager_costs_its_own_part_and_shows_its_mailbox(hosts: Callable[..., Host], tmp_path: Path) -> None:
    host = hosts("timeout_ms: 500")
    with exporter(tmp_path, "--stats-url", host.url) as serving:
        Scrape(serving)
        host.do("StandIn.stall(MemoryManager)")
        host.do("Host.wait_at_manager(300)")
        # It never answers, so that these scrapes end at all is the proof that they are bounded.
        scrapes = [Scrape(serving) for _ in range(3)]
    for scrape in scrapes:
        assert scrape("memoryos_up") == 1
        assert (scrape.parts()["manager"], scrape.parts()["release"]) == (0, 1)
        assert scrape("memoryos_queue_depth") is None
        assert scrape("memoryos_operations_in_flight", mode="memory_os", operation="remember") == 300
        # The 300 and the bridge's own call, which is never more than one.
        assert scrape("memoryos_message_queue_length", process="manager") == 301
    ages = [scrape("memoryos_oldest_operation_seconds") or 0.0 for scrape in scrapes]
    assert ages == sorted(set(ages))


def test_after_the_stall_the_manager_is_back(hosts: Callable[..., Host], tmp_path: Path) -> None:
    host = hosts("timeout_ms: 500")
    with exporter(tmp_path, "--stats-url", host.url) as serving:
        host.do("StandIn.stall(MemoryManager)")
        host.do("Host.wait_at_manager(300)")
        assert Scrape(serving).parts()["manager"] == 0
        host.do("StandIn.resume(MemoryManager)")
        until(lambda: Scrape(serving).parts()["manager"] == 1, "the manager to answer")
        scrape = Scrape(serving)
    assert scrape("memoryos_operations_total", mode="memory_os", operation="remember", outcome="ok") == 300
    assert scrape("memoryos_operations_in_flight", mode="memory_os", operation="remember") == 0
    assert scrape("memoryos_message_queue_length", process="manager") == 0


def test_a_dead_manager_is_down_and_the_controller_is_not(hosts: Callable[..., Host], tmp_path: Path) -> None:
    host = hosts()
    host.do("GenServer.stop(MemoryManager)")
    with exporter(tmp_path, "--stats-url", host.url) as serving:
        scrape = Scrape(serving)
    assert scrape("memoryos_up") == 1
    assert (scrape.parts()["manager"], scrape.parts()["config"], scrape.parts()["release"]) == (0, 0, 1)
    assert scrape("memoryos_process_up", process="manager") == 0
    assert scrape("memoryos_process_up", process="release") == 1
    assert scrape("memoryos_mode", mode="legacy") == 1


def test_a_dead_controller_is_down_and_the_manager_is_not(hosts: Callable[..., Host], tmp_path: Path) -> None:
    host = hosts()
    host.do("GenServer.stop(ReleaseController)")
    with exporter(tmp_path, "--stats-url", host.url) as serving:
        scrape = Scrape(serving)
    assert scrape("memoryos_up") == 1
    assert (scrape.parts()["manager"], scrape.parts()["release"]) == (1, 0)
    assert scrape("memoryos_process_up", process="release") == 0
    assert scrape("memoryos_mode", mode="legacy") is None
    assert scrape("memoryos_queue_depth") == 0


def test_while_50_callers_hammer_it_every_scrape_succeeds_and_no_call_is_lost(
    hosts: Callable[..., Host], tmp_path: Path
) -> None:
    host = hosts()
    calls = {"mode": "legacy", "operation": "remember"}
    with exporter(tmp_path, "--stats-url", host.url) as serving:
        host.do("Host.hammer(50, 2_000)")
        scrapes = [Scrape(serving) for _ in range(10)]
        until(lambda: host.do("Host.hammered?()") == "true", "the callers to end")
        last = Scrape(serving)
    finished = [scrape("memoryos_operation_duration_seconds_count", **calls) for scrape in scrapes]
    assert all(scrape("memoryos_up") == 1 and set(scrape.parts().values()) == {1} for scrape in scrapes)
    assert finished == sorted(finished, key=float)  # type: ignore[arg-type]
    assert last("memoryos_operations_total", outcome="ok", **calls) == 90_000
    assert last("memoryos_operations_total", outcome="error", **calls) == 10_000
    assert (
        last("memoryos_operation_errors_total", code="manager_overloaded", **{"class": "transient"}, **calls) == 10_000
    )
    assert last("memoryos_operation_duration_seconds_count", **calls) == 100_000
    assert last("memoryos_operations_in_flight", **calls) == 0


def test_the_exporter_sends_the_token_that_the_bridge_asks_for(hosts: Callable[..., Host], tmp_path: Path) -> None:
    host = hosts('token: "s3cret"')
    (tmp_path / "token").write_text("s3cret\n")
    with exporter(tmp_path, "--stats-url", host.url, "--bearer-token-file", str(tmp_path / "token")) as serving:
        assert Scrape(serving)("memoryos_up") == 1
    with exporter(tmp_path, "--stats-url", host.url) as serving:
        assert Scrape(serving)("memoryos_up") == 0


def test_a_bridge_that_stops_is_down_and_up_again_when_it_is_back(hosts: Callable[..., Host], tmp_path: Path) -> None:
    host = hosts()
    port = host.url.split(":")[2].removesuffix("/stats")
    with exporter(tmp_path, "--stats-url", host.url) as serving:
        assert Scrape(serving)("memoryos_up") == 1
        host.do("Supervisor.stop(MemoryOSBridge)")
        assert Scrape(serving)("memoryos_up") == 0
        host.do(f"MemoryOSBridge.start_link(port: {port})")
        until(lambda: Scrape(serving)("memoryos_up") == 1, "the bridge to be back")

"""What the on-call person is told when a link of the chain fails: no page is lost, none comes twice for nothing.

The page that is waited for is that of a fallback switched off in memory_os: it begins and ends when a test says so.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import pairwise

import pytest

from live.at_once import AtOnce, Outcomes
from live.fleet import NODE, Fleet
from live.inbox import Message
from support.programs import until

PAGE = "MemoryOSFallbackDisabled"


at_once = AtOnce()


@pytest.fixture(scope="module")
def outcomes(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outcomes]:
    names = {item.name for item in request.session.items}
    with at_once.begun(names, tmp_path_factory.mktemp("fleets")) as begun:
        yield begun


def paged(messages: list[Message]) -> set[str]:
    return {name for message in messages if message.receiver == "pager" for name in message.names()}


@at_once
def test_an_exporter_that_is_killed_is_a_page_and_its_return_ends_it(watched: Fleet) -> None:
    watched.stack.exporter.kill()
    page = watched.until_paged("MemoryOSExporterDown")[0]
    assert [(each["labels"]["severity"], each["labels"]["instance"]) for each in page.alerts()] == [("critical", NODE)]
    watched.stack.exporter.start()
    watched.until_paged("MemoryOSExporterDown", "resolved")
    assert paged(watched.stack.inbox.messages) == {"MemoryOSExporterDown"}


@at_once
def test_a_memoryos_that_takes_calls_and_answers_none_is_one_page_that_ends_when_it_goes_on(watched: Fleet) -> None:
    watched.memoryos.hold()
    watched.until_paged("MemoryOSDown")
    assert watched.stack.prometheus.query('memoryos_read_error{reason="timeout"} == 1')
    watched.memoryos.go_on()
    watched.until_paged("MemoryOSDown", "resolved")
    assert paged(watched.stack.inbox.messages) == {"MemoryOSDown"}


@at_once
def test_prometheus_killed_while_an_alert_is_pending_pages_once_after_waiting_anew(watched: Fleet) -> None:
    watched.switch_fallback_off()
    watched.until_alert(PAGE, "pending")
    watched.stack.prometheus.kill()
    killed = time.time()
    watched.stack.prometheus.start()
    watched.until_paged(PAGE)
    # Prometheus restores what was pending only where `for` is longer than its grace period of ten minutes.
    since = watched.stack.prometheus.query(f'min(ALERTS_FOR_STATE{{alertname="{PAGE}"}})')
    assert float(since[0]["value"][1]) > int(killed)
    watched.switch_fallback_on()
    watched.until_paged(PAGE, "resolved")
    assert len(watched.stack.inbox.pages(PAGE)) == 1


@at_once
def test_prometheus_killed_while_an_alert_fires_neither_repeats_the_page_nor_calls_it_over(watched: Fleet) -> None:
    watched.switch_fallback_off()
    watched.until_paged(PAGE)
    watched.stack.prometheus.kill()
    watched.stack.prometheus.start()
    watched.until_alert(PAGE, "firing")
    assert not watched.stack.inbox.pages(PAGE, "resolved")
    watched.switch_fallback_on()
    watched.until_paged(PAGE, "resolved")
    assert len(watched.stack.inbox.pages(PAGE)) == 1


@at_once
def test_a_breach_while_alertmanager_is_down_is_paged_once_when_it_is_back(watched: Fleet) -> None:
    watched.stack.alertmanager.stop()
    watched.switch_fallback_off()
    watched.until_alert(PAGE, "firing")
    watched.stack.alertmanager.start()
    watched.until_paged(PAGE)
    watched.switch_fallback_on()
    watched.until_paged(PAGE, "resolved")
    assert len(watched.stack.inbox.pages(PAGE)) == 1


@at_once
def test_alertmanager_restarted_does_not_repeat_a_page_and_tells_what_comes_next(watched: Fleet) -> None:
    watched.switch_fallback_off()
    watched.until_paged(PAGE)
    watched.stack.alertmanager.stop()
    watched.stack.alertmanager.start()
    until(lambda: watched.stack.alertmanager.has(PAGE), f"Alertmanager to have {PAGE} again", 60)
    watched.memoryos.hold()
    watched.until_paged("MemoryOSDown")
    told = [message.names() for message in watched.stack.inbox.pages(PAGE)]
    assert told[0] == {PAGE}
    assert all(now > before for before, now in pairwise(told)), f"a page that tells nothing new: {told}"


@at_once
def test_alertmanager_killed_tells_a_page_once_more_and_no_oftener(watched: Fleet) -> None:
    """It writes down what it has told when it ends, and every quarter of an hour: it promises at least once."""
    watched.switch_fallback_off()
    watched.until_paged(PAGE)
    watched.stack.alertmanager.kill()
    watched.stack.alertmanager.start()
    watched.until_paged(PAGE, times=2)
    watched.switch_fallback_on()
    watched.until_paged(PAGE, "resolved")
    assert len(watched.stack.inbox.pages(PAGE)) == 2


@at_once
def test_a_memoryos_that_is_killed_and_returns_in_legacy_is_a_page_and_that_its_mode_was_lost_another(
    watched: Fleet,
) -> None:
    watched.memoryos.kill()
    watched.until_paged("MemoryOSDown")
    watched.memoryos.start()
    page = watched.until_paged("MemoryOSModeLostUnannounced")[0]
    lost = next(each for each in page.alerts() if each["labels"]["alertname"] == "MemoryOSModeLostUnannounced")
    assert lost["annotations"]["playbook"] == "4.1.2"
    watched.until_paged("MemoryOSDown", "resolved")

"""Tests that wait much and work little, run side by side: each on a fleet of its own for as long as it takes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread

from live.fleet import Fleet, fleet

FLEETS = 3
LONGEST_SECONDS = 300
Test = Callable[[Fleet], None]
Outcomes = Mapping[str, Future[None]]


class AtOnce:
    """The tests of one module: as a decorator it takes one, and leaves one in its place that tells the outcome."""

    def __init__(self) -> None:
        self._tests: dict[str, Test] = {}

    def __call__(self, test: Test) -> Callable[[Outcomes], None]:
        """Registers a test; what is left in its place asks for the fixture `outcomes`."""

        def outcome(outcomes: Outcomes) -> None:
            outcomes[test.__name__].result(LONGEST_SECONDS)

        self._tests[test.__name__] = test
        outcome.__name__, outcome.__doc__ = test.__name__, test.__doc__
        return outcome

    @contextmanager
    def begun(self, names: set[str], directory: Path) -> Iterator[Outcomes]:
        """Begins those of the tests; ends when the last one has."""
        outcomes: dict[str, Future[None]] = {name: Future() for name in self._tests if name in names}
        waiting: SimpleQueue[str] = SimpleQueue()
        for name in outcomes:
            waiting.put(name)
        workers = [
            Thread(target=self._work, args=(waiting, outcomes, directory / f"fleet-{number}"))
            for number in range(min(FLEETS, len(outcomes)))
        ]
        for worker in workers:
            worker.start()
        yield outcomes
        for worker in workers:
            worker.join()

    def _work(self, waiting: SimpleQueue[str], outcomes: Outcomes, directory: Path) -> None:
        directory.mkdir()
        try:
            with fleet(directory) as watched:
                while True:
                    self._run(waiting.get_nowait(), watched, outcomes)
        except Empty:
            return
        except BaseException as error:  # without a fleet nothing that still waits has an outcome
            while not waiting.empty():
                outcomes[waiting.get_nowait()].set_exception(error)

    def _run(self, name: str, watched: Fleet, outcomes: Outcomes) -> None:
        try:
            watched.as_new()
            self._tests[name](watched)
        except BaseException as error:
            outcomes[name].set_exception(error)
        else:
            outcomes[name].set_result(None)

"""Reading files, which may hang, beside the event loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, TypeVar

T = TypeVar("T")


class InThread(Generic[T]):
    """Work that blocks; while it hangs (a dead network drive), those who ask later wait for the same thread.

    Not asyncio.to_thread: a program waits for its threads before it ends, and few that hang leave none to others.
    """

    def __init__(self, work: Callable[[], T]) -> None:
        self._work = work
        self._running: asyncio.Task[T] | None = None

    async def result(self) -> T:
        """What the work gives, or raises."""
        if self._running is None or self._running.done():
            self._running = asyncio.create_task(self._start())
        return await asyncio.shield(self._running)

    async def _start(self) -> T:
        future: Future[T] = Future()
        threading.Thread(target=self._run, args=(future,), daemon=True).start()
        return await asyncio.wrap_future(future)

    def _run(self, future: Future[T]) -> None:
        if not future.set_running_or_notify_cancel():
            return
        try:
            future.set_result(self._work())
        except BaseException as error:
            future.set_exception(error)

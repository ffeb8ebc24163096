"""A program that can be stopped, killed, held still, and started again as it was."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from support.programs import get, running, until

LONGEST_SECONDS = 60


class ProgramError(Exception):
    """A program does not start, or ended by itself; the text says which, and its last words."""


class Program:
    """One program of the stack, in a process group of its own."""

    def __init__(self, name: str, command: list[str], log: Path, url: str, ready_path: str = "/-/ready") -> None:
        """`url`: where it serves, without a slash at its end; there `ready_path` answers 200 once it does its work."""
        self.name, self.log, self.url = name, log, url
        self._command, self._ready_url = command, url + ready_path
        self._blocks = ExitStack()
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Starts it and waits until it does its work."""
        self.launch()
        self.wait_until_ready()

    @property
    def running(self) -> bool:
        """Whether it was started and not stopped since."""
        return self._process is not None

    def launch(self) -> None:
        """Starts it."""
        self._process = self._blocks.enter_context(running(self._command, self.log))

    def wait_until_ready(self) -> None:
        """Waits until it does its work; ProgramError when it ends instead, or never does."""
        self.wait_until(lambda: get(self._ready_url).status == 200, f"{self.name} to be ready")

    def wait_until(self, probe: Callable[[], bool], what: str) -> None:
        """Waits until `probe` says yes; ProgramError when the program ends instead, or it never does."""

        def checked() -> bool:
            self.check()
            return probe()

        try:
            until(checked, what, LONGEST_SECONDS)
        except AssertionError as error:
            raise ProgramError(str(error)) from None

    def check(self) -> None:
        """ProgramError when it has ended by itself."""
        if self._process and self._process.poll() is not None:
            words = self.log.read_text(errors="replace").strip().splitlines()[-3:]
            raise ProgramError(f"{self.name} ended with status {self._process.returncode}: " + "\n".join(words))

    def stop(self) -> None:
        """Asks it to end, and waits until it has."""
        if self._process:
            self.go_on()
        self._process = None
        self._blocks.close()

    def kill(self) -> None:
        """Ends it without a chance to tidy up."""
        self._signal(signal.SIGKILL)
        self.stop()

    def hold(self) -> None:
        """Holds it still: it takes connections and answers nothing."""
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Lets it go on after `hold`."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: int) -> None:
        if self._process is None:
            raise RuntimeError(f"{self.name} does not run")
        self._process.send_signal(number)

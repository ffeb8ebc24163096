"""Exporter, Prometheus, Alertmanager, inbox and, where it is installed, Grafana: real programs on loopback."""

from __future__ import annotations

import json
import re
import socket
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any

from live import clock, grafana
from live.inbox import HEARTBEAT, MESSAGES, inbox
from live.program import Program, ProgramError
from live.servers import Alertmanager, Prometheus
from memoryos_generators import alertmanager, prometheus, rules
from memoryos_generators.cli import write
from memoryos_generators.config import load
from support.programs import free_port, tool

USUAL_PORTS = {"exporter": 9943, "Prometheus": 9090, "Alertmanager": 9093, "Grafana": 3000}
CLUSTER = "demo"


class Stack:
    """The programs and what they are configured with. Entering it starts them, leaving it ends every one."""

    def __init__(
        self,
        directory: Path,
        exporter: Sequence[str],
        speed: int,
        phase: str = "migrating",
        *,
        usual_ports: bool = False,
        alone: bool = False,
    ) -> None:
        """`exporter`: its subcommand with arguments, `--listen` excepted. `directory` takes everything that is written.

        `usual_ports`: each program takes its well-known port where that is free. `alone`: only the exporter.
        """
        self._blocks = ExitStack()
        self._directory, self._speed, self._phase = directory, speed, phase
        self._ports = {name: _port(usual, usual_ports) for name, usual in USUAL_PORTS.items()}
        self.exporter = self._exporter(exporter)
        self.programs = {"exporter": self.exporter}
        self.grafana_installed = not alone and grafana.installed() is not None
        if not alone:
            self.alertmanager, self.prometheus = self._alertmanager(), self._prometheus()
            self.programs |= {"Alertmanager": self.alertmanager, "Prometheus": self.prometheus}
        if self.grafana_installed:
            self.programs["Grafana"] = self._grafana()

    def url(self, program: str) -> str:
        """Where a program is served, without a slash at the end."""
        return f"http://{self._address(program)}"

    def __enter__(self) -> Stack:
        try:
            self.inbox = self._blocks.enter_context(inbox())
            write(self._generated(), self._directory)
            self._start()
        except BaseException:
            self._blocks.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._blocks.close()

    def _start(self) -> None:
        """Starts every program, Alertmanager last.

        Prometheus takes some seconds to look for its targets, at any speed, and until then says that the exporter is
        down: nobody needs to hear that.
        """
        early = {name: program for name, program in self.programs.items() if name != "Alertmanager"}
        for program in early.values():
            self._blocks.callback(program.stop)
            program.launch()
        for program in early.values():
            program.wait_until_ready()
        if "Alertmanager" in self.programs:
            self.prometheus.wait_until(self.prometheus.scrapes, "Prometheus to scrape the exporter")
            self._blocks.callback(self.alertmanager.stop)
            self.alertmanager.start()
        self.watched_since = time.time()

    def serving_since(self) -> float:
        """The unix time at which the exporter began to serve, and with it the story that it plays, from its log."""
        log = self.exporter.log.read_text()
        match = re.search(r"ts=(\S+) level=info msg=serving", log)
        if match is None:
            raise ProgramError(f"the exporter does not say when it began to serve: {log}")
        return datetime.fromisoformat(match[1]).timestamp()

    def check(self) -> None:
        """ProgramError when one of the programs has ended by itself."""
        for program in self.programs.values():
            program.check()

    def _generated(self) -> dict[str, str]:
        """What memoryos-generate writes for this machine and speed: path → text."""
        file = self._directory / "override.json"
        file.write_text(json.dumps(self._override(), indent=2))
        config = load(file)
        produced = {**rules.files(config), **prometheus.files(config), **alertmanager.files(config)}
        return {**produced, **grafana.files(config, self._directory)} if self.grafana_installed else produced

    def _override(self) -> dict[str, Any]:
        override = clock.settings(self._speed) | {"phase": self._phase}
        override["prometheus"] |= {
            "exporter_address": self._address("exporter"),
            "alertmanagers": [self._address("Alertmanager")],
            "external_labels": {"cluster": CLUSTER, "replica": "a"},
        }
        override["grafana"] |= {"base_url": self.url("Grafana"), "datasource_url": self.url("Prometheus")}
        override["alertmanager"]["external_url"] = self.url("Alertmanager")
        override["alertmanager"]["receivers"]["webhook"] = {"url": self.inbox.url + MESSAGES}
        override["alertmanager"]["watchdog"]["url"] = self.inbox.url + HEARTBEAT
        return override

    def _exporter(self, arguments: Sequence[str]) -> Program:
        command = [sys.executable, "-m", "memoryos_exporter", *arguments, f"--listen={self._address('exporter')}"]
        return Program("exporter", command, self._directory / "exporter.log", self.url("exporter"))

    def _prometheus(self) -> Prometheus:
        command = [
            tool("prometheus"),
            f"--config.file={self._directory / 'alerts/prometheus.yml'}",
            f"--storage.tsdb.path={self._directory / 'prometheus'}",
            f"--web.listen-address={self._address('Prometheus')}",
            *clock.prometheus_flags(self._speed),
        ]
        return Prometheus("Prometheus", command, self._directory / "prometheus.log", self.url("Prometheus"))

    def _alertmanager(self) -> Alertmanager:
        command = [
            tool("alertmanager"),
            f"--config.file={self._directory / 'alerts/alertmanager.yml'}",
            f"--storage.path={self._directory / 'alertmanager'}",
            f"--web.listen-address={self._address('Alertmanager')}",
            f"--web.external-url={self.url('Alertmanager')}",
            "--cluster.listen-address=",
        ]
        return Alertmanager("Alertmanager", command, self._directory / "alertmanager.log", self.url("Alertmanager"))

    def _grafana(self) -> Program:
        command = [*(grafana.installed() or []), *grafana.settings(self._directory, self._ports["Grafana"])]
        return Program("Grafana", command, self._directory / "grafana.log", self.url("Grafana"), "/api/health")

    def _address(self, program: str) -> str:
        return f"127.0.0.1:{self._ports[program]}"


def _port(usual: int, wanted: bool) -> int:
    """The usual port if it is wanted and free, otherwise any free one."""
    if wanted:
        with socket.socket() as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listener.bind(("127.0.0.1", usual))
            except OSError:
                pass
            else:
                return usual
    return free_port()

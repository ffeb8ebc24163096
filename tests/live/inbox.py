"""The on-call person's inbox: a webhook receiver that keeps what Alertmanager delivers, and when."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

MESSAGES, HEARTBEAT = "/messages", "/heartbeat"


@dataclass(frozen=True)
class Message:
    """One delivery: `body` is Alertmanager's webhook document, `at` unix time."""

    at: float
    body: dict[str, Any]

    @property
    def receiver(self) -> str:
        """Who is told: pager, tickets or context."""
        return str(self.body["receiver"])

    def alerts(self, status: str = "firing") -> list[dict[str, Any]]:
        """The alerts in it that fire, or those that are `resolved`."""
        return [alert for alert in self.body["alerts"] if alert["status"] == status]

    def names(self, status: str = "firing") -> set[str]:
        """The names of these alerts."""
        return {alert["labels"]["alertname"] for alert in self.alerts(status)}


@dataclass
class Inbox:
    """What has arrived; `url` has no slash at its end."""

    url: str
    messages: list[Message] = field(default_factory=list)
    heartbeats: list[float] = field(default_factory=list)
    """When the Watchdog was heard, unix times."""

    def pages(self, alert: str, status: str = "firing") -> list[Message]:
        """The messages to the pager that tell of an alert by that name."""
        return [message for message in self.messages if message.receiver == "pager" and alert in message.names(status)]

    def open_pages(self) -> set[str]:
        """The names of the alerts that the pager was last told of as firing."""
        last = {
            alert["fingerprint"]: alert
            for message in self.messages
            if message.receiver == "pager"
            for alert in message.body["alerts"]
        }
        return {alert["labels"]["alertname"] for alert in last.values() if alert["status"] == "firing"}


@contextmanager
def inbox() -> Iterator[Inbox]:
    """An inbox on a free port of this machine."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if self.path == HEARTBEAT:
                box.heartbeats.append(time.time())
            else:
                box.messages.append(Message(time.time(), body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *arguments: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        box = Inbox(f"http://127.0.0.1:{server.server_address[1]}")
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield box
        finally:
            server.shutdown()
            thread.join()

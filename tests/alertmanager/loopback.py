"""Receivers on loopback: HTTP for webhook, Slack and PagerDuty, and just enough SMTP for Alertmanager's mail."""

from __future__ import annotations

import base64
import json
import queue
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar


@dataclass
class Delivery:
    """One HTTP request that arrived."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]


@dataclass
class Inbox:
    """What arrived on one server; ``address`` is HOST:PORT."""

    address: str = ""
    arrived: queue.Queue[Any] = field(default_factory=queue.Queue)

    def next(self, timeout: float = 30) -> Any:
        """The next delivery; raises queue.Empty when none comes within ``timeout`` seconds."""
        return self.arrived.get(timeout=timeout)


@contextmanager
def http() -> Iterator[Inbox]:
    """A server that answers 200 to every POST of JSON, as PagerDuty and Slack do."""
    inbox = Inbox()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            inbox.arrived.put(Delivery(self.path, {k.lower(): v for k, v in self.headers.items()}, body))
            accepted = 202 if self.path.startswith("/v2/enqueue") else 200
            self.send_response(accepted)
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, *arguments: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        yield from _serve(server, inbox)


class _Mail(socketserver.StreamRequestHandler):
    """One session of a mail server; ``inbox`` and ``credentials`` (AUTH PLAIN) are set by a subclass."""

    inbox: Inbox
    credentials: str
    REPLIES: ClassVar = {"EHLO": ("250-localhost", "250 AUTH PLAIN"), "MAIL": ("250 ok",), "RCPT": ("250 ok",)}

    def handle(self) -> None:
        self.reply("220 ready")
        welcome = {"EHLO", "AUTH", "QUIT"}
        for raw in self.rfile:
            verb, *words = raw.decode().split()
            if verb not in welcome:
                self.reply("530 authenticate first")
            elif verb == "AUTH" and words[-1] == self.credentials:
                welcome |= {"MAIL", "RCPT", "DATA"}
                self.reply("235 ok")
            elif verb == "DATA":
                self.reply("354 go on")
                self.inbox.arrived.put(self.message())
                self.reply("250 taken")
            elif verb == "QUIT":
                self.reply("221 bye")
                return
            else:
                self.reply(*self.REPLIES.get(verb, ("535 refused",)))

    def reply(self, *lines: str) -> None:
        self.wfile.write("".join(line + "\r\n" for line in lines).encode())

    def message(self) -> EmailMessage:
        body = b""
        for line in self.rfile:
            if line == b".\r\n":
                break
            body += line[1:] if line.startswith(b"..") else line
        return message_from_bytes(body, policy=policy.default)


@contextmanager
def smtp(username: str, password: str) -> Iterator[Inbox]:
    """A mail server that takes mail after AUTH PLAIN with these credentials; deliveries are EmailMessage."""
    received = Inbox()

    class Handler(_Mail):
        inbox = received
        credentials = base64.b64encode(f"\0{username}\0{password}".encode()).decode()

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        yield from _serve(server, received)


def _serve(server: socketserver.TCPServer, inbox: Inbox) -> Iterator[Inbox]:
    inbox.address = f"127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield inbox
    finally:
        server.shutdown()
        thread.join()

"""An exporter with a web configuration, and its clients."""

from __future__ import annotations

import json
import socket
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .documents import RECORDED
from .programs import Serving

TLS = Path(__file__).parents[1] / "exporter" / "tls"
SOURCE = ("--stats-file", str(RECORDED / "00-boot.json"))
SERVER = {"cert_file": str(TLS / "server.pem"), "key_file": str(TLS / "server.key")}
MUTUAL = {**SERVER, "client_auth_type": "RequireAndVerifyClientCert", "client_ca_file": str(TLS / "ca.pem")}


def write(path: Path, settings: Mapping[str, Any]) -> Path:
    """Replace the file in one step."""
    new = path.with_suffix(".new")
    new.write_text(json.dumps(settings))
    return new.rename(path)


def put(directory: Path, **sources: str) -> None:
    """Copies of certificates, and of their keys where there are any, under other names."""
    for name, source in sources.items():
        for file in TLS.glob(f"{source}.*"):
            (directory / f"{name}{file.suffix}").write_bytes(file.read_bytes())


def told(serving: Serving, event: str) -> int:
    """How often the log says so."""
    return serving.log.read_text().count(event)


def client_context(client: str | None = None) -> ssl.SSLContext:
    """Of a client with that certificate, or without one."""
    context = ssl.create_default_context(cafile=TLS / "ca.pem")
    if client:
        context.load_cert_chain(TLS / f"{client}.pem", TLS / f"{client}.key")
    return context


def fetch(serving: Serving, client: str | None = None, headers: Mapping[str, str] | None = None) -> tuple[int, str]:
    """Status and body of /metrics."""
    https = urllib.request.HTTPSHandler(context=client_context(client))
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), https)
    try:
        with opener.open(urllib.request.Request(serving.url + "/metrics", headers=dict(headers or {}))) as answer:  # noqa: S310
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


@contextmanager
def connection(
    serving: Serving, context: ssl.SSLContext, name: str, session: ssl.SSLSession | None = None
) -> Iterator[ssl.SSLSocket]:
    """A connection to a server of that name; the server hears it (SNI) unless it is an address."""
    host, port = serving.url.removeprefix("https://").split(":")
    plain = socket.create_connection((host, int(port)), timeout=10)
    with context.wrap_socket(plain, server_hostname=name, session=session) as wrapped:
        yield wrapped


def ask(wrapped: ssl.SSLSocket) -> str:
    """The answer to a request on this connection."""
    wrapped.sendall(b"GET /-/healthy HTTP/1.1\r\nHost: localhost\r\n\r\n")
    return wrapped.recv(65536).decode()

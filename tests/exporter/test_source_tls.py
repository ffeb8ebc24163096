"""A source over TLS: which file is wrong, why a connection fails, and certificates that change."""

from __future__ import annotations

import asyncio
import json
import ssl
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from memoryos_exporter.config import load_targets
from memoryos_exporter.exporter import Exporter
from memoryos_exporter.exporter_metrics import ExporterMetrics
from memoryos_exporter.target import Reading
from memoryos_exporter.yamlfile import ConfigError
from support.documents import recording

TLS = Path(__file__).parent / "tls"


class Answer(BaseHTTPRequestHandler):
    """Answers every GET with a document."""

    def do_GET(self) -> None:
        body = json.dumps(recording("08")).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing."""


class Server(ThreadingHTTPServer):
    """Shakes hands in the thread of the connection, and says nothing when that fails."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self.context = context
        super().__init__(("0.0.0.0", 0), Answer)  # 127.0.0.2 too, a name not in the certificate

    def finish_request(self, request: Any, client_address: Any) -> None:
        try:
            with self.context.wrap_socket(request, server_side=True) as wrapped:
                super().finish_request(wrapped, client_address)
        except OSError:
            pass


@pytest.fixture
def source() -> Iterator[Server]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(TLS / "server.pem", TLS / "server.key")
    context.load_verify_locations(TLS / "ca.pem")
    with Server(context) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def configure(folder: Path, port: int, tls: Mapping[str, str], host: str = "127.0.0.1") -> Path:
    target = {"name": "one", "url": f"https://{host}:{port}/stats", "tls": tls}
    file = folder / "targets.yml"
    file.write_text(json.dumps({"targets": [target]}))
    return file


async def read(exporting: Exporter) -> Reading:
    return await exporting.targets["one"].read()


def once(config: Path) -> Reading:
    async def scrape() -> Reading:
        exporting = Exporter(ExporterMetrics(), config=config)
        exporting.load()
        try:
            return await read(exporting)
        finally:
            await exporting.close()

    return asyncio.run(scrape())


def test_files_that_change_are_used_after_a_reload_and_files_that_do_not_keep_the_target(
    tmp_path: Path, source: Server
) -> None:
    authority = tmp_path / "ca.pem"
    authority.write_bytes((TLS / "other.pem").read_bytes())

    async def scrape() -> tuple[list[str | None], bool]:
        exporting = Exporter(ExporterMetrics(), config=configure(tmp_path, source.server_port, {"ca_file": "ca.pem"}))
        exporting.load()
        before = await read(exporting)
        authority.write_bytes((TLS / "ca.pem").read_bytes())
        exporting.reload()
        after, kept = await read(exporting), exporting.targets["one"]
        exporting.reload()
        same = exporting.targets["one"] is kept
        await exporting.close()
        return [before.error, after.error], same

    assert asyncio.run(scrape()) == (["tls", None], True)


def test_a_failed_verification_tells_why(tmp_path: Path, source: Server) -> None:
    stranger = once(configure(tmp_path, source.server_port, {"ca_file": str(TLS / "other.pem")}))
    assert (stranger.error, "TLS failed: self-signed certificate in certificate chain" in stranger.message) == (
        "tls",
        True,
    )
    misnamed = once(configure(tmp_path, source.server_port, {"ca_file": str(TLS / "ca.pem")}, "127.0.0.2"))
    assert (misnamed.error, "TLS failed: IP address mismatch" in misnamed.message) == ("tls", True)


def test_a_source_that_asks_for_a_certificate_gets_it_and_refuses_with_a_reason_without(
    tmp_path: Path, source: Server
) -> None:
    source.context.verify_mode = ssl.CERT_REQUIRED
    # With TLS 1.3 the refusal comes after the handshake, and a reset of the connection may overtake its reason.
    source.context.maximum_version = ssl.TLSVersion.TLSv1_2
    trusted = {"ca_file": str(TLS / "ca.pem")}
    refused = once(configure(tmp_path, source.server_port, trusted))
    assert (refused.error, "TLS failed" in refused.message, "handshake failure" in refused.message) == (
        "tls",
        True,
        True,
    )
    own = {"cert_file": str(TLS / "client.pem"), "key_file": str(TLS / "client.key")}
    assert once(configure(tmp_path, source.server_port, trusted | own)).error is None


@pytest.mark.parametrize(
    ("tls", "says"),
    [
        ({"ca_file": "none.pem"}, "tls: ca_file: {folder}/none.pem cannot be read: No such file or directory"),
        ({"ca_file": "text"}, "tls: ca_file: {folder}/text holds no certificate in PEM form that can be used"),
        ({"ca_file": "."}, "tls: ca_file: {folder} cannot be read: Is a directory"),
        ({"cert_file": "none.pem", "key_file": "c.key"}, "tls: cert_file: {folder}/none.pem cannot be read: No such"),
        ({"cert_file": "text", "key_file": "c.key"}, "tls: cert_file: {folder}/text holds no certificate"),
        ({"cert_file": "c.pem", "key_file": "none.key"}, "tls: key_file: {folder}/none.key cannot be read: No such"),
        ({"cert_file": "c.pem", "key_file": "text"}, "tls: key_file: {folder}/text holds no private key"),
        ({"cert_file": "c.pem", "key_file": "other.key"}, "is not the key of the certificate in cert_file"),
        ({"cert_file": "c.pem", "key_file": "locked.key"}, "tls: key_file: {folder}/locked.key is encrypted"),
        ({"key_file": "c.key"}, "tls: cert_file and key_file go together"),
    ],
)
def test_a_file_that_cannot_be_used_is_named_with_its_key(tmp_path: Path, tls: dict[str, str], says: str) -> None:
    for name, origin in (
        ("c.pem", "client.pem"),
        ("c.key", "client.key"),
        ("other.key", "other.key"),
        ("locked.key", "locked.key"),
    ):
        (tmp_path / name).write_bytes((TLS / origin).read_bytes())
    (tmp_path / "text").write_text("no PEM")
    config = configure(tmp_path, 1, tls)
    with pytest.raises(ConfigError) as refusal:
        load_targets(config, ExporterMetrics())
    assert str(refusal.value).startswith(f"{config}: targets[0] (one): tls: ")
    assert says.format(folder=tmp_path) in str(refusal.value)

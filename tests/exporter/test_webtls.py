"""TLS and mutual TLS of the web configuration: whom the exporter lets in, and files that change while it runs."""

from __future__ import annotations

import os
import ssl
import urllib.error
from collections.abc import Mapping
from pathlib import Path

import pytest

from memoryos_exporter.webconfig import WebConfig
from memoryos_exporter.yamlfile import ConfigError
from support.programs import exporter, until
from support.web import MUTUAL, SERVER, SOURCE, TLS, ask, client_context, connection, fetch, put, told, write


def test_https_is_served_with_the_given_certificate(tmp_path: Path) -> None:
    file = write(tmp_path / "web.yml", {"tls_server_config": SERVER})
    with exporter(tmp_path, *SOURCE, "--web-config", str(file), scheme="https") as serving:
        assert fetch(serving)[0] == 200


def test_mutual_tls_lets_only_clients_with_a_certificate_in(tmp_path: Path) -> None:
    file = write(tmp_path / "web.yml", {"tls_server_config": MUTUAL})
    with exporter(tmp_path, *SOURCE, "--web-config", str(file), scheme="https") as serving:
        assert fetch(serving, "client")[0] == 200
        with pytest.raises(OSError):
            fetch(serving)


def test_certificates_are_replaced_as_soon_as_all_files_are_there(tmp_path: Path) -> None:
    file = write(tmp_path / "web.yml", {"tls_server_config": SERVER})

    def shown() -> str:
        host, port = serving.url.removeprefix("https://").split(":")
        return ssl.get_server_certificate((host, int(port))).strip()

    with exporter(tmp_path, *SOURCE, "--web-config", str(file), scheme="https") as serving:
        write(file, {"tls_server_config": {"cert_file": "later.pem", "key_file": "later.key"}})
        until(lambda: told(serving, "refused"), "the refusal")
        assert shown() == (TLS / "server.pem").read_text().strip()
        put(tmp_path, later="other")
        until(lambda: shown() == (TLS / "other.pem").read_text().strip(), "the files to be taken over")


def test_a_server_certificate_that_every_client_refuses_is_replaced(tmp_path: Path) -> None:
    put(tmp_path, c="former")
    file = write(tmp_path / "web.yml", {"tls_server_config": {"cert_file": "c.pem", "key_file": "c.key"}})
    with exporter(tmp_path, *SOURCE, "--web-config", str(file), scheme="https") as serving:
        with pytest.raises(urllib.error.URLError, match="CERTIFICATE_VERIFY_FAILED"):
            fetch(serving)
        put(tmp_path, c="server")
        assert until(lambda: fetch(serving)[0], "a certificate that clients accept") == 200
        serving.process.terminate()
        assert serving.process.wait(8) == 0
        assert not told(serving, "Traceback")
        assert not told(serving, "exception")


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost"])
def test_clients_of_a_removed_authority_are_refused_even_if_they_resume(tmp_path: Path, name: str) -> None:
    put(tmp_path, clients="former-ca")
    file = write(tmp_path / "web.yml", {"tls_server_config": {**MUTUAL, "client_ca_file": "clients.pem"}})
    former, client = client_context("former"), client_context("client")
    for context in (former, client):  # in which a session is known, and a refusal heard, when hands are shaken
        context.maximum_version = ssl.TLSVersion.TLSv1_2

    def is_let_in(context: ssl.SSLContext, session: ssl.SSLSession | None = None) -> bool:
        try:
            with connection(serving, context, name, session) as wrapped:
                assert wrapped.session_reused == (session is not None)
                return " 200 OK" in ask(wrapped)
        except OSError:
            return False

    with (
        exporter(tmp_path, *SOURCE, "--web-config", str(file), scheme="https") as serving,
        connection(serving, former, name) as held,
    ):
        assert "Connection: close" not in ask(held)
        assert is_let_in(former, held.session)
        assert not is_let_in(client)
        put(tmp_path, clients="ca")
        until(lambda: is_let_in(client), "clients of the new authority to be let in")
        assert not is_let_in(former)
        assert not is_let_in(former, held.session)
        assert "Connection: close" in ask(held)


def test_a_client_certificate_may_become_required_while_the_exporter_runs(tmp_path: Path) -> None:
    file = write(tmp_path / "web.yml", {"tls_server_config": SERVER})

    def refused() -> bool:
        try:
            return fetch(serving)[0] != 200
        except OSError:
            return True

    with exporter(tmp_path, *SOURCE, "--web-config", str(file), scheme="https") as serving:
        assert fetch(serving)[0] == 200
        write(file, {"tls_server_config": MUTUAL})
        until(refused, "clients without a certificate to be refused")
        assert fetch(serving, "client")[0] == 200


@pytest.mark.parametrize(("before", "after", "change"), [(SERVER, None, "off"), (None, SERVER, "on")])
def test_switching_tls_on_or_off_is_said_to_need_a_restart(
    tmp_path: Path, before: Mapping[str, str] | None, after: Mapping[str, str] | None, change: str
) -> None:
    file = write(tmp_path / "web.yml", {"tls_server_config": before})
    with exporter(tmp_path, *SOURCE, "--web-config", str(file), scheme="https" if before else "http") as serving:
        write(file, {"tls_server_config": after})
        until(lambda: told(serving, f"tls_server_config: switching TLS {change} needs a restart"), "the reason")
        assert not told(serving, "read again")
        assert fetch(serving)[0] == 200


def test_damaged_files_are_named(tmp_path: Path) -> None:
    (tmp_path / "c.key").write_text("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")
    (tmp_path / "c.pem").write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    for key, name in (("key_file", "c.key"), ("cert_file", "c.pem")):
        file = write(tmp_path / "web.yml", {"tls_server_config": {**SERVER, key: name}})
        with pytest.raises(ConfigError, match=f"{key}: .*{name} holds no .* that can be used"):
            WebConfig(file)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"cert_file": "c.pem"}, "key_file"),
        (
            {**SERVER, "key_file": str(TLS / "other.key")},
            f"key_file: {TLS / 'other.key'} is not the key of",
        ),
        ({**SERVER, "key_file": str(TLS / "ca.pem")}, f"key_file: {TLS / 'ca.pem'} holds no private key"),
        ({**SERVER, "cert_file": str(TLS / "server.key")}, f"cert_file: {TLS / 'server.key'} holds no certificate"),
        ({**SERVER, "cert_file": "nothing.pem"}, "nothing.pem cannot be read: No such file"),
        ({**SERVER, "key_file": "nothing.key"}, "nothing.key cannot be read: No such file"),
        ({**SERVER, "key_file": str(TLS / "locked.key")}, "locked.key is encrypted"),
        ({**SERVER, "cert_file": "a\0b"}, "tls_server_config.cert_file: "),
        ({**MUTUAL, "client_ca_file": "gone.pem"}, "gone.pem cannot be read: No such file"),
        (
            {**MUTUAL, "client_ca_file": str(TLS / "README.md")},
            f"client_ca_file: {TLS / 'README.md'} holds no",
        ),
        (
            {**SERVER, "min_version": "TLS13", "max_version": "TLS12"},
            "min_version: TLS13 is above",
        ),
        ({**SERVER, "client_auth_type": "RequireAnyClientCert"}, "client_auth_type"),
        ({**SERVER, "client_auth_type": "RequireAndVerifyClientCert"}, "client_ca_file"),
        ({**SERVER, "client_ca_file": str(TLS / "ca.pem")}, "client_auth_type"),
        ({**SERVER, "min_version": "TLS10"}, "min_version"),
        ({**SERVER, "curve_preferences": []}, "unknown key 'curve_preferences'"),
    ],
)
def test_wrong_tls_settings_are_refused_with_file_and_key(
    tmp_path: Path, settings: Mapping[str, str], says: str
) -> None:
    file = write(tmp_path / "web.bad.yml", {"tls_server_config": settings})
    with pytest.raises(ConfigError) as refusal:
        WebConfig(file)
    assert str(refusal.value).startswith(str(file))
    assert says in str(refusal.value)
    assert os.linesep not in str(refusal.value)

"""TLS, mutual TLS, users and headers of the exporter toolkit's web configuration file."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import bcrypt
import pytest

from memoryos_exporter.webconfig import WebConfig
from memoryos_exporter.yamlfile import ConfigError
from support.documents import RECORDED
from support.programs import Serving, exporter, until

TLS = Path(__file__).parent / "tls"
SOURCE = ("--stats-file", str(RECORDED / "00-boot.json"))
HASH = bcrypt.hashpw(b"right", bcrypt.gensalt(4)).decode()
SERVER = {"cert_file": str(TLS / "server.pem"), "key_file": str(TLS / "server.key")}
MUTUAL = {**SERVER, "client_auth_type": "RequireAndVerifyClientCert", "client_ca_file": str(TLS / "ca.pem")}


def hashed(password: str) -> str:
    return bcrypt.hashpw(password.encode(), bcrypt.gensalt(4)).decode()


def write(path: Path, settings: Mapping[str, Any]) -> Path:
    path.write_text(json.dumps(settings))
    return path


def fetch(serving: Serving, client: str | None = None, headers: Mapping[str, str] | None = None) -> tuple[int, str]:
    context = ssl.create_default_context(cafile=TLS / "ca.pem")
    if client:
        context.load_cert_chain(TLS / f"{client}.pem", TLS / f"{client}.key")
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
    try:
        with opener.open(urllib.request.Request(serving.url + "/metrics", headers=dict(headers or {}))) as answer:  # noqa: S310
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def login(user: str, password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


def test_https_is_served_with_the_given_certificate(tmp_path: Path) -> None:
    file = write(tmp_path / "web.yml", {"tls_server_config": SERVER})
    with exporter(tmp_path, *SOURCE, "--web-config", str(file), scheme="https") as serving:
        assert fetch(serving)[0] == 200


def test_mutual_tls_lets_only_clients_with_a_certificate_in(tmp_path: Path) -> None:
    file = write(tmp_path / "web.yml", {"tls_server_config": MUTUAL})
    with exporter(tmp_path, *SOURCE, "--web-config", str(file), scheme="https") as serving:
        assert fetch(serving, "client")[0] == 200
        with pytest.raises((ssl.SSLError, urllib.error.URLError, ConnectionError)):
            fetch(serving)


def test_only_users_with_the_right_password_are_let_in(tmp_path: Path) -> None:
    file = write(tmp_path / "web.yml", {"basic_auth_users": {"prometheus": hashed("right")}})
    with exporter(tmp_path, *SOURCE, "--web-config", str(file)) as serving:
        refused = serving.get("/metrics")
        assert refused.status == 401
        assert refused.headers["WWW-Authenticate"].startswith("Basic ")
        for path in ("/", "/sd", "/snapshot", "/-/healthy", "/nothing"):
            assert serving.get(path).status == 401
        for _ in range(2):  # the second time from memory
            assert fetch(serving, headers=login("prometheus", "right"))[0] == 200
        for wrong in (login("prometheus", "wrong"), login("other", "right"), {"Authorization": "Basic !!"}):
            assert fetch(serving, headers=wrong)[0] == 401
        assert fetch(serving, headers={"Authorization": "Bearer right"})[0] == 401


def test_users_and_certificates_are_replaced_while_the_exporter_runs(tmp_path: Path) -> None:
    for name, source in (("c.pem", "server.pem"), ("c.key", "server.key")):
        (tmp_path / name).write_bytes((TLS / source).read_bytes())
    tls = {"cert_file": "c.pem", "key_file": "c.key"}
    file = write(tmp_path / "web.yml", {"tls_server_config": tls, "basic_auth_users": {"a": hashed("one")}})

    def replaced(settings: Mapping[str, Any]) -> None:
        write(tmp_path / "new", settings).rename(file)

    with exporter(tmp_path, *SOURCE, "--web-config", str(file), scheme="https") as serving:
        assert fetch(serving, headers=login("a", "one"))[0] == 200
        replaced({"tls_server_config": tls, "basic_auth_users": {"a": hashed("two")}})
        until(lambda: fetch(serving, headers=login("a", "two"))[0] == 200, "the new password")
        assert fetch(serving, headers=login("a", "one"))[0] == 401

        replaced({"tls_server_config": {**tls, "cert_file": "nothing.pem"}})
        until(lambda: fetch(serving) and "refused" in serving.log.read_text(), "the refusal")
        assert fetch(serving, headers=login("a", "two"))[0] == 200

        for name, source in (("c.pem", "other.pem"), ("c.key", "other.key")):
            (tmp_path / name).write_bytes((TLS / source).read_bytes())
        replaced({"tls_server_config": tls, "basic_auth_users": {"a": hashed("two")}})
        before = serving.log.read_text().count("read again")
        until(lambda: fetch(serving) and serving.log.read_text().count("read again") > before, "the new certificate")
        host, port = serving.url.removeprefix("https://").split(":")
        shown = ssl.get_server_certificate((host, int(port)))
        assert shown.split() == (TLS / "other.pem").read_text().split()


def test_many_users_are_read_without_hashing_anything(tmp_path: Path) -> None:
    slow = HASH.replace("$04$", "$17$")
    file = write(tmp_path / "web.yml", {"basic_auth_users": {f"user{number}": slow for number in range(20)}})
    started = time.monotonic()
    WebConfig(file)
    assert time.monotonic() - started < 1  # one hash takes ten


@pytest.mark.parametrize("version", ["2a", "2b", "2x", "2y"])
def test_every_version_of_bcrypt_that_is_accepted_lets_its_user_in(tmp_path: Path, version: str) -> None:
    file = write(tmp_path / "web.yml", {"basic_auth_users": {"a": f"${version}{HASH[3:]}"}})
    assert asyncio.run(WebConfig(file).admits(login("a", "right")["Authorization"]))


def test_a_removed_user_is_not_remembered_by_the_hash_of_another(tmp_path: Path) -> None:
    file = write(tmp_path / "web.yml", {"basic_auth_users": {"a": HASH, "b": HASH}})
    web_config = WebConfig(file)
    assert asyncio.run(web_config.admits(login("b", "right")["Authorization"]))
    write(file, {"basic_auth_users": {"a": HASH}})
    web_config._settings.basic_auth_users.pop("b")
    assert not asyncio.run(web_config.admits(login("b", "right")["Authorization"]))


def test_requests_are_answered_while_a_password_is_checked(tmp_path: Path) -> None:
    slow = HASH.replace("$04$", "$14$")
    file = write(tmp_path / "web.yml", {"basic_auth_users": {"fast": HASH, "slow": slow}})
    with exporter(tmp_path, *SOURCE, "--web-config", str(file)) as serving:
        assert fetch(serving, headers=login("fast", "right"))[0] == 200  # remembered from here on
        with ThreadPoolExecutor() as pool:
            checked = pool.submit(fetch, serving, None, login("slow", "wrong"))
            time.sleep(0.2)
            assert fetch(serving, headers=login("fast", "right"))[0] == 200
            assert not checked.done()
            assert checked.result()[0] == 401


def test_the_asked_headers_are_on_every_response(tmp_path: Path) -> None:
    file = write(tmp_path / "web.yml", {"http_server_config": {"headers": {"X-Frame-Options": "deny"}}})
    with exporter(tmp_path, *SOURCE, "--web-config", str(file)) as serving:
        for path in ("/metrics", "/nothing"):
            assert serving.get(path).headers["X-Frame-Options"] == "deny"


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"tls_server_config": {"cert_file": "c.pem"}}, "key_file"),
        ({"tls_server_config": {**SERVER, "key_file": str(TLS / "other.key")}}, "cannot be used"),
        ({"tls_server_config": {**SERVER, "cert_file": "nothing.pem"}}, "cannot be used"),
        ({"tls_server_config": {**SERVER, "client_auth_type": "RequireAnyClientCert"}}, "client_auth_type"),
        ({"tls_server_config": {**SERVER, "client_auth_type": "RequireAndVerifyClientCert"}}, "client_ca_file"),
        ({"tls_server_config": {**SERVER, "client_ca_file": str(TLS / "ca.pem")}}, "client_auth_type"),
        ({"tls_server_config": {**SERVER, "min_version": "TLS10"}}, "min_version"),
        ({"tls_server_config": {**SERVER, "curve_preferences": []}}, "unknown key 'curve_preferences'"),
        ({"basic_auth_users": {"a": "plain"}}, "basic_auth_users: a: is not a bcrypt hash"),
        ({"basic_auth_users": {"a": HASH.replace("$04$", "$31$")}}, "is not a bcrypt hash of cost 4 to 17"),
        ({"basic_auth_users": {"a": HASH[:-1]}}, "is not a bcrypt hash"),
        ({"basic_auth_users": {"a": HASH + "\n"}}, "is not a bcrypt hash"),
        ({"basic_auth_users": {"a": "$2c" + HASH[3:]}}, "is not a bcrypt hash"),
        ({"basic_auth_users": {"a": HASH[:28] + "A" + HASH[29:]}}, "is not a bcrypt hash"),
        ({"basic_auth_users": ["a"]}, "basic_auth_users"),
        ({"http_server_config": {"headers": {"X-Own": "1"}}}, "headers"),
        *(
            (
                {"http_server_config": {"headers": {"X-Frame-Options": f"de{sign}ny"}}},
                "X-Frame-Options: must be one line",
            )
            for sign in "\n\r\0\x1f\x7f"
        ),
        ({"tls": {}}, "unknown key 'tls'; known keys: basic_auth_users, http_server_config, tls_server_config"),
        ([], "Expected"),
    ],
)
def test_a_wrong_file_is_refused_with_file_and_key(tmp_path: Path, settings: Any, says: str) -> None:
    file = write(tmp_path / "web.bad.yml", settings)
    with pytest.raises(ConfigError) as refusal:
        WebConfig(file)
    assert str(refusal.value).startswith(str(file))
    assert says in str(refusal.value)
    assert os.linesep not in str(refusal.value)

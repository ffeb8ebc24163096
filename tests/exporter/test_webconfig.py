"""Users and headers of the exporter toolkit's web configuration file, and reading it anew."""

from __future__ import annotations

import asyncio
import base64
import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import bcrypt
import pytest

from memoryos_exporter.webconfig import WebConfig
from memoryos_exporter.yamlfile import ConfigError
from support.programs import exporter, until
from support.web import SOURCE, fetch, told, write

HASH = bcrypt.hashpw(b"right", bcrypt.gensalt(4)).decode()


def hashed(password: str) -> str:
    return bcrypt.hashpw(password.encode(), bcrypt.gensalt(4)).decode()


def login(user: str, password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


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


def test_users_are_replaced_while_the_exporter_runs(tmp_path: Path) -> None:
    file = write(tmp_path / "web.yml", {"basic_auth_users": {"a": hashed("one")}})
    with exporter(tmp_path, *SOURCE, "--web-config", str(file)) as serving:
        assert fetch(serving, headers=login("a", "one"))[0] == 200
        write(file, {"basic_auth_users": {"a": hashed("two")}})
        until(lambda: fetch(serving, headers=login("a", "two"))[0] == 200, "the new password")
        assert fetch(serving, headers=login("a", "one"))[0] == 401


def test_sighup_and_reload_read_the_files_at_once_changed_or_not(tmp_path: Path) -> None:
    file = write(tmp_path / "web.yml", {})
    with exporter(tmp_path, *SOURCE, "--web-config", str(file), "--enable-reload") as serving:
        serving.process.send_signal(signal.SIGHUP)
        until(lambda: told(serving, "web configuration read again") == 1, "what SIGHUP asks for")
        assert serving.post("/-/reload").status == 200
        assert told(serving, "web configuration read again") == 2
        write(file, {"basic_auth_users": {"a": "plain"}})
        refused = serving.post("/-/reload")
        assert refused.status == 500
        assert refused.text.startswith(f"{file}: basic_auth_users: a: ")


def test_a_file_that_cannot_be_read_is_refused_once_and_tried_again_when_it_changes(tmp_path: Path) -> None:
    file = write(tmp_path / "web.yml", {"basic_auth_users": {"a": HASH}})
    with exporter(tmp_path, *SOURCE, "--web-config", str(file)) as serving:
        for count, wrong in enumerate(("basic_auth_users: {a: 2026-13-45}", "? [a]: b", "a: ["), 1):
            file.write_text(wrong)
            until(partial(lambda n: told(serving, "refused") == n, count), f"the refusal of {wrong}")
        time.sleep(2.5)  # it has looked again
        assert fetch(serving, headers=login("a", "right"))[0] == 200
        assert told(serving, "refused") == told(serving, str(file)) == 3
        write(file, {})
        until(lambda: fetch(serving)[0] == 200, "the mended file")


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
    web_config.look_again()
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

"""The command line as its user meets it: help that teaches, errors that name the cure, exit codes for scripts."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from support.documents import RECORDED, recording, series, with_operations

SOUND = """
window: 2m
targets:
  - name: eu-1
    url: https://eu-1.internal/memoryos/stats
    labels: {cluster: eu}
    timeout: 3s
    bearer_token_file: token
  - {name: eu-2, file: stats.json}
"""


def run(*arguments: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "memoryos_exporter", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, timeout=60, check=False)


@pytest.mark.parametrize("command", [[], ["serve"], ["snapshot"], ["check-config"], ["replay"]])
def test_help_teaches_by_example_or_meaning_and_exits_0(command: list[str]) -> None:
    answer = run(*command, "--help")
    assert answer.returncode == 0
    assert "usage: memoryos-exporter" in answer.stdout


@pytest.mark.parametrize(
    ("arguments", "status", "says"),
    [
        ([], 2, "COMMAND"),
        (["serve", "--nonsense"], 2, "--nonsense"),
        (["serve"], 1, "say what to read: --stats-url URL, --stats-file PATH, --config FILE or --demo"),
        (["serve", "--stats-url", "ftp://x/"], 1, "--stats-url: write a URL like http://"),
        (["serve", "--stats-url", "http://"], 1, "--stats-url: write a URL like http://"),
        (["serve", "--stats-url", "http://host:99999/"], 1, "--stats-url: write a URL like http://"),
        (["serve", "--stats-url", "http://me:secret@host/"], 1, "use basic_auth with a password_file"),
        (["serve", "--stats-url", ""], 1, "--stats-url: write a URL like http://"),
        (["serve", "--stats-url", "http://me:secret@host:99999/"], 1, "the port is not one of 1 to 65535"),
        (["serve", "--stats-url", "http://me:secret@[::1/"], 1, "brackets of an IPv6 address do not match"),
        (["serve", "--stats-url", "http://exa mple/"], 1, "it holds white space"),
        (["serve", "--stats-url", "http://h/a\nb"], 1, "it holds white space"),
        (["serve", "--stats-url", "http://h:0/"], 1, "the port is not one of 1 to 65535"),
        (["serve", "--stats-url", "http://h<x/"], 1, "the host is not a host name or an IP address"),
        (["serve", "--stats-url", "http://[1::2::3]/"], 1, "IP"),
        (["snapshot", "--stats-url", "http://a..b/"], 1, "the host is not a host name or an IP address"),
        (["snapshot", "--stats-url", "http://" + "a" * 64 + "/"], 1, "the host is not a host name or an IP address"),
        (["serve", "--stats-url", "http://h/", "--stats-file", "x"], 2, "not allowed with"),
        (["serve", "--demo", "--bearer-token-file", "x"], 1, "go with --stats-url"),
        (["serve", "--stats-url", "http://h/", "--username", "x"], 1, "--username and --password-file go together"),
        (
            ["serve", "--stats-url", "http://h/", "--ca-file", "none.pem"],
            1,
            "tls needs a URL that begins with https://",
        ),
        (["serve", "--stats-url", "https://h/", "--ca-file", "none.pem"], 1, "none.pem cannot be read: No such file"),
        (["serve", "--demo", "--timeout", "soon"], 1, "--timeout: 'soon' is no duration; write 30s, 5m or 1h30m"),
        (["serve", "--demo", "--window", "0s"], 1, "--window: '0s' is no duration"),
        (["serve", "--demo", "--listen", "9943"], 1, "write HOST:PORT"),
        (["serve", "--demo", "--listen", "127.0.0.1:70000"], 1, "write HOST:PORT"),
        (["serve", "--demo", "--listen", "127.0.0.1:19911?x"], 1, "write HOST:PORT"),
        (["serve", "--demo", "--listen", "me:secret@127.0.0.1:1"], 1, "write HOST:PORT"),
        (["serve", "--demo", "--listen", "a..b:1"], 1, "--listen: the host is not a host name or an IP address"),
        (["replay", "living", "--listen", "[::1:9943"], 1, "--listen: the brackets of an IPv6 address do not match"),
        (["serve", "--demo", "--listen", "192.0.2.1:9943"], 1, "cannot listen there"),
        (["serve", "--demo", "--external-url", "exporter:9943"], 1, "write a URL like http://"),
        (["serve", "--demo", "--external-url", "http://[::1"], 1, "--external-url: write a URL like http://"),
        (["serve", "--demo", "--external-url", "http://h:99999/x"], 1, "the port is not one of 1 to 65535"),
        (["serve", "--demo", "--external-url", "http://u:secret@h/"], 1, "let Prometheus have basic_auth"),
        (["serve", "--demo", "--external-url", "http://h/?x=1"], 1, "without a query or a fragment"),
        (["replay", "living", "--external-url", "http://h h/"], 1, "it holds white space"),
        (["serve", "--demo", "--log-level", "loud"], 2, "--log-level"),
        (["serve", "--config", "none.yml"], 1, "none.yml: no such file"),
        (["serve", "--demo", "--web-config", "none.yml"], 1, "none.yml: no such file"),
        (["snapshot"], 1, "say what to read"),
        (["snapshot", "--stats-file", "none.json"], 1, "none.json does not exist"),
        (["snapshot", "--stats-file", "s", "--config", "r", "--target", "a"], 1, "give --config with --target, or one"),
        (["snapshot", "--stats-file", "s", "--target", "a"], 1, "--target goes with --config"),
        (["snapshot", "--config", "r", "--target", "a", "--timeout", "1s"], 1, "--timeout and --window go with"),
        (["serve", "--config", "r", "--timeout", "1s", "--window", "1m"], 1, "--config FILE has keys for them"),
        (["serve", "--demo", "--enable-reload"], 1, "--enable-reload goes with --config or --web-config"),
        (["check-config"], 1, "name a FILE"),
    ],
)
def test_a_mistake_gets_one_clear_sentence_and_no_stack_trace(
    arguments: list[str], status: int, says: str, tmp_path: Path
) -> None:
    answer = run(*arguments, cwd=tmp_path)
    assert answer.returncode == status
    assert says in answer.stderr
    assert status == 2 or answer.stderr.count("\n") == 1
    assert "Traceback" not in answer.stderr
    assert "secret" not in answer.stderr


def test_a_sound_configuration_passes_silently(tmp_path: Path) -> None:
    file = tmp_path / "targets.good.yml"
    file.write_text(SOUND)
    answer = run("check-config", file)
    assert (answer.returncode, answer.stdout, answer.stderr) == (0, "", "")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("name: eu-2", "name: eu-1"), "targets[1] (eu-1): the name stands twice"),
        (("name: eu-2, ", ""), "missing required field `name`"),
        (("name: eu-2", "name: 'eu 2'"), "targets[1].name"),
        (("name: eu-1", 'name: "eu-1\\n"'), "targets[0].name"),
        (("https://eu-1.internal", "https://eu-1 internal"), "targets[0] (eu-1): url: write a URL like http://"),
        (("file: stats.json", 'file: ""'), "targets[1].file: Expected `str` matching regex"),
        (("bearer_token_file: token", 'tls: {ca_file: "x\\0y"}'), "targets[0].tls.ca_file: Expected `str` matching"),
        (("timeout: 3s", "timeout: 3"), "targets[0].timeout: Expected `str`, got `int`"),
        (("timeout: 3s", "timeout: -3s"), "targets[0] (eu-1): timeout: '-3s' is no duration"),
        (("timeout: 3s", "timout: 3s"), "targets[0]: unknown key 'timout'; known keys: basic_auth, bearer_token_file"),
        (("labels: {cluster: eu}", "labels: {job: x}"), "'job' is a label of metrics or alerts"),
        (("labels: {cluster: eu}", "labels: {mode: prod}"), "labels: 'mode' is a label of metrics or alerts"),
        (("labels: {cluster: eu}", "labels: {le: x}"), "labels: 'le' is a label of metrics or alerts"),
        (("labels: {cluster: eu}", "labels: {severity: x}"), "labels: 'severity' is a label of metrics or alerts"),
        (("labels: {cluster: eu}", "labels: {__x: x}"), "'__x' is not a label name"),
        (("labels: {cluster: eu}", "labels: {cluster: 1}"), "targets[0].labels"),
        (("file: stats.json", "file: a, url: 'http://h/'"), "needs exactly one of url and file"),
        (("file: stats.json", "labels: {}"), "needs exactly one of url and file"),
        (("file: stats.json", "file: a, tls: {}"), "a file takes no credentials and no tls"),
        (("timeout: 3s", "basic_auth: {username: a, password_file: b}"), "bearer_token_file or basic_auth, not both"),
        (("timeout: 3s", "tls: {cert_file: a}"), "cert_file and key_file go together"),
        (("timeout: 3s", "tls: {insecure: true}"), "targets[0].tls: unknown key 'insecure'"),
        (("window: 2m", "window: 2m\nwindow: 3m"), ":3: the key 'window' stands twice"),
        (("window: 2m", "window: [2m"), ":3: expected"),
        (("window: 2m", "windows: 2m"), "unknown key 'windows'; known keys: targets, window"),
        ((SOUND, "targets: []"), "targets"),
        ((SOUND, "5"), "Expected `object`, got `int`"),
        ((SOUND, ""), "missing required field `targets`"),
        ((SOUND, "[" * 5000), "nests too deeply"),
        (("window: 2m", "window: 2024-02-30"), ":2: '2024-02-30' is no timestamp; put it into quotes if it is text"),
        (("window: 2m", "window: !!int abc"), ":2: 'abc' is no int"),
        (("window: 2m", "window: !!timestamp abc"), ":2: 'abc' is no timestamp"),
        (("window: 2m", "window: !!bool abc"), ":2: 'abc' is no bool"),
        (("window: 2m", "window: !!map abc"), ":2: expected a mapping"),
        (("window: 2m", "window: !!omap [[1, 2]]"), ":2: expected a mapping"),
        (("window: 2m", 'window: "\\ud800"'), ":2: '\\ud800' is no text"),
        (("window: 2m", 'window: "\\UFFFFFFFF"'), ":2: is not YAML"),
        (("window: 2m", "window: \0"), ":2: unacceptable character #x0000"),
        (("window: 2m", "{a: b}: c"), ":2: a key is a word, not a list or mapping"),
        ((SOUND, "a: !!python/object/apply:os.system [ls]"), "could not determine a constructor"),
    ],
)
def test_a_wrong_configuration_is_told_with_file_and_key(change: tuple[str, str], says: str, tmp_path: Path) -> None:
    file = tmp_path / "targets.bad.yml"
    assert change[0] in SOUND
    file.write_text(SOUND.replace(*change))
    answer = run("check-config", file)
    assert answer.returncode == 1
    assert answer.stderr.startswith(f"memoryos-exporter: {file}")
    assert says in answer.stderr
    assert answer.stderr.count("\n") == 1


def test_every_wrong_file_is_told_not_only_the_first(tmp_path: Path) -> None:
    (tmp_path / "a.yml").write_text("targets: []")
    (tmp_path / "b.yml").write_bytes(b"\xff\xfe\x00")
    answer = run("check-config", "a.yml", "b.yml", "--web-config", "c.yml", cwd=tmp_path)
    assert answer.returncode == 1
    assert [line.split(":")[1].strip() for line in answer.stderr.splitlines()] == ["a.yml", "b.yml", "c.yml"]


def test_snapshot_prints_the_decision_and_says_by_its_status_whether_there_is_one(tmp_path: Path) -> None:
    file = tmp_path / "stats.json"
    file.write_text(json.dumps(with_operations(recording("08"), series("memory_os", {900: 100}))))
    decided = run("snapshot", "--stats-file", file)
    assert (decided.returncode, json.loads(decided.stdout)["verdict"]) == (0, "rollback")
    undecided = run("snapshot", "--stats-file", RECORDED / "08-healthy-memory-os.json")
    assert (undecided.returncode, json.loads(undecided.stdout)["verdict"]) == (3, None)


def test_snapshot_measures_between_two_readings_where_the_first_is_not_enough(tmp_path: Path) -> None:
    file = tmp_path / "stats.json"
    file.write_text(json.dumps(with_operations(recording("08"), series("memory_os", {90: 9}), age_s=9999)))
    answer = run("snapshot", "--stats-file", file, "--over", "200ms")
    assert answer.returncode == 3  # nothing happened in between, and it says so
    assert "measuring calls for 0.2 s" in answer.stderr
    assert "no memory_os calls in the window" in json.loads(answer.stdout)["missing"]["latency_p95_ms"]


def test_snapshot_of_a_configured_target_asks_for_its_name(tmp_path: Path) -> None:
    (tmp_path / "targets.yml").write_text(f"targets: [{{name: one, file: '{RECORDED / '01-legacy-traffic.json'}'}}]")
    answer = run("snapshot", "--config", "targets.yml", "--target", "one", cwd=tmp_path)
    assert json.loads(answer.stdout)["verdict"] == "stable"
    wrong = run("snapshot", "--config", "targets.yml", cwd=tmp_path)
    assert (wrong.returncode, "--target: one of one" in wrong.stderr) == (1, True)

"""Reading the configuration: the defaults, an override in jsonnet or YAML, and one clear sentence when it is wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import _jsonnet
import msgspec
import yaml

from ..duration import Duration
from .sections import Config

# A link to generators/config.libsonnet, so that it is installed with the package.
DEFAULTS = Path(__file__).parents[1] / "config.libsonnet"


class ConfigError(Exception):
    """A configuration that cannot be used; its text names the file and the key, and says what would do."""

    def __init__(self, file: str, key: str, problem: str) -> None:
        super().__init__(": ".join(part for part in (file, key, problem) if part))


def load(override: Path | None = None) -> Config:
    """The defaults, changed by ``override`` (a .yml, .yaml, .json, .jsonnet or .libsonnet file) if there is one.

    Raises ConfigError for a file that cannot be read, an unknown key or a value that cannot be.
    """
    values = read(DEFAULTS)
    if override is not None:
        changes = read(override)
        if not isinstance(changes, dict):
            raise ConfigError(str(override), "", "an object of settings is expected, like {rules: {window: 5m}}")
        values = merge(values, changes)
    return convert(values, str(override or DEFAULTS.name))


def convert(values: dict[str, Any], file: str) -> Config:
    """``values`` as a Config; raises ConfigError that names ``file`` and the key."""
    try:
        return _converted(values, file)
    except msgspec.ValidationError as error:
        problem, path = _told(error)
        while "[...]" in path:  # msgspec does not say which key of a mapping
            path = _with_key(values, file, path)
        raise ConfigError(file, path, problem) from None


def _converted(values: dict[str, Any], file: str) -> Config:
    return msgspec.convert({**values, "file": file}, Config, dec_hook=_decode)


def _told(error: msgspec.ValidationError) -> tuple[str, str]:
    """What is wrong, and where."""
    problem, _, place = str(error).partition(" - at `")
    return problem, place.removeprefix("key` in `").removesuffix("`").removeprefix("$").removeprefix(".")


def _with_key(values: dict[str, Any], file: str, path: str) -> str:
    """``path`` with its first `[...]` replaced by the key that is wrong: the one that is wrong alone too."""
    before, _, after = path.partition("[...]")
    for key in _at(values, before):
        alone = _only(values, before.split("."), key)
        try:
            _converted(alone, file)
        except msgspec.ValidationError as error:
            if _told(error)[1] == path:
                return f"{before}.{key}{after}"
    return f"{before}{after}"


def _at(values: Any, path: str) -> Any:
    for name in path.split("."):
        values = values[name]
    return values


def _only(values: dict[str, Any], path: list[str], key: str) -> dict[str, Any]:
    """``values`` with the mapping at ``path`` reduced to one key."""
    name, *rest = path
    inner = _only(values[name], rest, key) if rest else {key: values[name][key]}
    return {**values, name: inner}


def read(path: Path) -> Any:
    """What a YAML or jsonnet file evaluates to; raises ConfigError with the line where it is broken."""
    try:
        text = path.read_text(encoding="utf-8")
        if path.suffix in {".jsonnet", ".libsonnet"}:
            # The defaults may be imported by name from an override anywhere.
            return json.loads(_jsonnet.evaluate_snippet(str(path), text, jpathdir=[str(DEFAULTS.parent)]))
        return yaml.safe_load(text) or {}
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(str(path), "", f"cannot be read: {getattr(error, 'strerror', None) or error}") from None
    except yaml.YAMLError as error:
        problem = " ".join(str(error).replace('"<unicode string>", ', "").split())
        raise ConfigError(str(path), "", problem) from None
    except RuntimeError as error:
        problem = str(error).strip().splitlines()[0].removeprefix("RUNTIME ERROR: ").removeprefix("STATIC ERROR: ")
        raise ConfigError("" if str(path) in problem else str(path), "", problem) from None


def merge(base: Any, change: Any) -> Any:
    """``base`` with ``change`` laid over it: objects key by key, everything else replaced."""
    if isinstance(base, dict) and isinstance(change, dict):
        return base | {key: merge(base.get(key), value) for key, value in change.items()}
    return change


def _decode(kind: type, value: Any) -> Any:
    if kind is Duration and isinstance(value, str):
        return Duration.parse(value)
    raise ValueError(f"Expected a duration like 5m, got {value!r}" if kind is Duration else f"Expected {kind}")

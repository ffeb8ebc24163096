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

DEFAULTS = Path(__file__).parents[2] / "config.libsonnet"


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
        return msgspec.convert({**values, "file": file}, Config, dec_hook=_decode)
    except msgspec.ValidationError as error:
        problem, _, path = str(error).partition(" - at `")
        raise ConfigError(file, path.removesuffix("`").removeprefix("$").removeprefix("."), problem) from None


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
        raise ConfigError("", "", str(error).replace("\n", " ").replace("<unicode string>", str(path))) from None
    except RuntimeError as error:
        raise ConfigError("", "", str(error).strip().splitlines()[0].removeprefix("RUNTIME ERROR: ")) from None


def merge(base: Any, change: Any) -> Any:
    """``base`` with ``change`` laid over it: objects key by key, everything else replaced."""
    if isinstance(base, dict) and isinstance(change, dict):
        return base | {key: merge(base.get(key), value) for key, value in change.items()}
    return change


def _decode(kind: type, value: Any) -> Any:
    if kind is Duration and isinstance(value, str):
        return Duration.parse(value)
    raise ValueError(f"Expected a duration like 5m, got {value!r}" if kind is Duration else f"Expected {kind}")

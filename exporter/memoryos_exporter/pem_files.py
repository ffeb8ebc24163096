"""Certificates and keys that a configuration names: errors that tell the key and the file, and what has changed."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

from msgspec import Meta

from .yamlfile import ConfigError

FILE = Annotated[str, Meta(pattern=r"^[^\0]+\Z", description="a path, from the configuration file's own directory")]


def stamp(path: Path) -> object:
    """What differs when a file has been written, replaced or opened to us; None when there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


@contextmanager
def named(where: str, name: str | None, base: Path, what: str) -> Iterator[Path | None]:
    """The file's path, if there is one; errors while it is used, which OpenSSL tells without it, name it."""
    path = base / name if name is not None else None
    try:
        if path is not None:
            path.open("rb").close()
        yield path
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise ConfigError(f"{where}: {path} is not the key of the certificate in cert_file") from None
        raise ConfigError(f"{where}: {path} holds no {what} in PEM form that can be used{_reason(error)}") from None
    except OSError as error:
        raise ConfigError(f"{where}: {path} cannot be read: {error.strerror}") from None
    except _EncryptedError:
        raise ConfigError(f"{where}: {path} is encrypted; the exporter has no password, give it a plain key") from None


def _reason(error: ssl.SSLError) -> str:
    return f": {error.reason.lower().replace('_', ' ')}" if error.reason else ""


class _EncryptedError(Exception):
    pass


def no_password() -> str:
    """The password of a key: none."""
    # Without it OpenSSL would ask at the terminal.
    raise _EncryptedError

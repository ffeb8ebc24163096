"""How an HTTPS source is trusted, and how the exporter shows it who it is."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

from msgspec import Meta, Struct

from .yamlfile import ConfigError

FILE = Annotated[str, Meta(pattern=r"^[^\0]+\Z", description="a path, from the configuration file's own directory")]


class SourceTls(Struct, forbid_unknown_fields=True):
    """How an HTTPS source is trusted and, with mutual TLS, how the exporter shows who it is."""

    ca_file: FILE | None = None
    cert_file: FILE | None = None
    key_file: FILE | None = None
    insecure_skip_verify: bool = False


def client_context(where: str, tls: SourceTls, base: Path) -> ssl.SSLContext:
    """The context for connections to a source; relative paths are taken from ``base``.

    Raises:
        ConfigError: naming the key and the file that cannot be used.
    """
    if (tls.cert_file is None) != (tls.key_file is None):
        raise ConfigError(f"{where}: cert_file and key_file go together")
    with _named(f"{where}: ca_file", tls.ca_file, base, "certificate") as path:
        context = ssl.create_default_context(cafile=path)
    with _named(f"{where}: cert_file", tls.cert_file, base, "certificate") as path:
        if path is not None:
            # A trial: an error of load_cert_chain does not tell which of its two files it means.
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(path)
    with _named(f"{where}: key_file", tls.key_file, base, "private key") as path:
        if path is not None:
            context.load_cert_chain(base / str(tls.cert_file), path, _no_password)
    if tls.insecure_skip_verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def files_stamp(tls: SourceTls | None, base: Path) -> tuple[object, ...]:
    """What changes when one of the files does."""
    names = (tls.ca_file, tls.cert_file, tls.key_file) if tls else ()
    return tuple(_stamp(base / name) for name in names if name is not None)


def _stamp(path: Path) -> object:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


@contextmanager
def _named(where: str, name: str | None, base: Path, what: str) -> Iterator[Path | None]:
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


def _no_password() -> str:
    # Without it OpenSSL would ask at the terminal.
    raise _EncryptedError

"""How an HTTPS source is trusted, and how the exporter shows it who it is."""

from __future__ import annotations

import ssl
from pathlib import Path

from msgspec import Struct

from .pem_files import FILE, named, no_password, stamp
from .yamlfile import ConfigError


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
    with named(f"{where}: ca_file", tls.ca_file, base, "certificate") as path:
        context = ssl.create_default_context(cafile=path)
    with named(f"{where}: cert_file", tls.cert_file, base, "certificate") as path:
        if path is not None:
            # A trial: an error of load_cert_chain does not tell which of its two files it means.
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(path)
    with named(f"{where}: key_file", tls.key_file, base, "private key") as path:
        if path is not None:
            context.load_cert_chain(base / str(tls.cert_file), path, no_password)
    if tls.insecure_skip_verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def files_stamp(tls: SourceTls | None, base: Path) -> tuple[object, ...]:
    """What changes when one of the files does."""
    names = (tls.ca_file, tls.cert_file, tls.key_file) if tls else ()
    return tuple(stamp(base / name) for name in names if name is not None)

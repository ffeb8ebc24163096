"""TLS contexts from the files that the web configuration names, and changing them under a listening socket."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from msgspec import Struct

from .pem_files import FILE, named, no_password
from .yamlfile import ConfigError

ClientAuth = Literal["NoClientCert", "VerifyClientCertIfGiven", "RequireAndVerifyClientCert"]
TlsVersion = Literal["TLS12", "TLS13"]

VERIFY: Mapping[str, ssl.VerifyMode] = {
    "NoClientCert": ssl.CERT_NONE,
    "VerifyClientCertIfGiven": ssl.CERT_OPTIONAL,
    "RequireAndVerifyClientCert": ssl.CERT_REQUIRED,
}
VERSIONS: Mapping[str, ssl.TLSVersion] = {"TLS12": ssl.TLSVersion.TLSv1_2, "TLS13": ssl.TLSVersion.TLSv1_3}


class TlsServerConfig(Struct, forbid_unknown_fields=True):
    """The server's certificate, and whether clients must show one; relative paths start where the file is."""

    cert_file: FILE
    key_file: FILE
    client_auth_type: ClientAuth = "NoClientCert"
    client_ca_file: FILE | None = None
    min_version: TlsVersion = "TLS12"
    max_version: TlsVersion = "TLS13"

    def files(self, base: Path) -> list[Path]:
        """Every file that is named."""
        return [base / name for name in (self.cert_file, self.key_file, self.client_ca_file) if name is not None]

    def context(self, base: Path, where: str) -> ssl.SSLContext:
        """A new context; ``where`` begins each error.

        Raises:
            ConfigError: naming the key and the file that cannot be used, or the keys that contradict each other.
        """
        if (self.client_auth_type == "NoClientCert") != (self.client_ca_file is None):
            raise ConfigError(f"{where}: client_ca_file and a client_auth_type that verifies go together")
        if self.min_version > self.max_version:
            raise ConfigError(f"{where}: min_version: {self.min_version} is above max_version")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version, context.maximum_version = VERSIONS[self.min_version], VERSIONS[self.max_version]
        with named(f"{where}: client_ca_file", self.client_ca_file, base, "certificate") as path:
            if path is not None:
                context.load_verify_locations(path)
        with named(f"{where}: cert_file", self.cert_file, base, "certificate"):
            # A trial: an error of load_cert_chain does not tell which of its two files it means.
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_verify_locations(base / self.cert_file)
        with named(f"{where}: key_file", self.key_file, base, "private key"):
            context.load_cert_chain(base / self.cert_file, base / self.key_file, no_password)
        context.verify_mode = VERIFY[self.client_auth_type]
        return context


class ChangingContext(ssl.SSLContext):
    """What a listening socket is given: each new connection is made with the context that is ``current`` then.

    A new context instead of a changed one, because a context cannot forget an authority, and the tickets it has given
    out would let clients of that authority resume. It has no certificate itself: if asyncio ever stopped asking
    `wrap_bio` for connections, handshakes would fail, not pass unchecked.
    """

    current: ssl.SSLContext

    def __new__(cls, current: ssl.SSLContext) -> ChangingContext:
        """Start with ``current``."""
        context = super().__new__(cls, ssl.PROTOCOL_TLS_SERVER)
        context.current = current
        return context

    def wrap_bio(self, *arguments: Any, **settings: Any) -> ssl.SSLObject:
        """The connection in memory that asyncio drives."""
        return self.current.wrap_bio(*arguments, **settings)

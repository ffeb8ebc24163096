"""The web configuration file of the exporter toolkit: TLS, mutual TLS, basic authentication and response headers.

It is looked at again while the exporter runs, so that certificates and users can be replaced under it; a file that has
become wrong leaves the previous settings in force.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import logging
import os
import re
import ssl
import time
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from msgspec import Struct, field

from .yamlfile import ConfigError, load

LOOK_AGAIN = 1.0  # seconds
REMEMBERED_LOGINS = 100

# The last sign of the salt holds only two bits. Over cost 17 one login takes longer than a scrape may.
BCRYPT = re.compile(r"\$2[abxy]\$(0[4-9]|1[0-7])\$[./A-Za-z0-9]{21}[.Oeu][./A-Za-z0-9]{31}")

ClientAuth = Literal["NoClientCert", "VerifyClientCertIfGiven", "RequireAndVerifyClientCert"]
TlsVersion = Literal["TLS12", "TLS13"]
Header = Literal[
    "Strict-Transport-Security",
    "X-Content-Type-Options",
    "X-Frame-Options",
    "X-XSS-Protection",
    "Content-Security-Policy",
]

VERIFY: Mapping[str, ssl.VerifyMode] = {
    "NoClientCert": ssl.CERT_NONE,
    "VerifyClientCertIfGiven": ssl.CERT_OPTIONAL,
    "RequireAndVerifyClientCert": ssl.CERT_REQUIRED,
}
VERSIONS: Mapping[str, ssl.TLSVersion] = {"TLS12": ssl.TLSVersion.TLSv1_2, "TLS13": ssl.TLSVersion.TLSv1_3}

log = logging.getLogger(__name__)


class TlsServerConfig(Struct, forbid_unknown_fields=True):
    """The server's certificate, and whether clients must show one."""

    cert_file: str
    key_file: str
    client_auth_type: ClientAuth = "NoClientCert"
    client_ca_file: str | None = None
    min_version: TlsVersion = "TLS12"
    max_version: TlsVersion = "TLS13"


class HttpServerConfig(Struct, forbid_unknown_fields=True):
    """Headers to add to every response; http2 is read and has no effect, the exporter speaks HTTP/1.1."""

    http2: bool = False
    headers: dict[Header, str] = {}


class WebConfigFile(Struct, forbid_unknown_fields=True):
    """The whole file; ``basic_auth_users`` maps each user to the bcrypt hash of the password."""

    tls_server_config: TlsServerConfig | None = None
    http_server_config: HttpServerConfig = field(default_factory=HttpServerConfig)
    basic_auth_users: dict[str, str] = {}


class WebConfig:
    """The settings in force.

    Raises:
        ConfigError: the file is wrong when the exporter starts.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.tls: ssl.SSLContext | None = None
        self._apply(self._load())
        self._stamp = self._files_stamp()
        self._looked = time.monotonic()
        self._logins: OrderedDict[bytes, None] = OrderedDict()
        self._checking = asyncio.Semaphore(1)  # one hash at a time: guessing must not take every core
        self._salt = os.urandom(16)

    @property
    def headers(self) -> dict[str, str]:
        """Headers to add to every response."""
        return {str(name): value for name, value in self._settings.http_server_config.headers.items()}

    def look_again(self) -> None:
        """Take over what has changed in the files; at most once a second."""
        now = time.monotonic()
        if now - self._looked < LOOK_AGAIN:
            return
        self._looked = now
        stamp = self._files_stamp()
        if stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            self._apply(self._load())
            log.info("web configuration read again", extra={"file": str(self._path)})
        except ConfigError as error:
            log.error("web configuration refused, the previous one stays in force", extra={"error": str(error)})  # noqa: TRY400

    async def admits(self, authorization: str | None) -> bool:
        """Whether a request with this Authorization header may pass."""
        users = self._settings.basic_auth_users
        if not users:
            return True
        login = _login(authorization)
        if login is None:
            return False
        user, password = login
        # An unknown user costs as much time as a known one with a wrong password.
        hashed = users.get(user) or next(iter(users.values()))
        key = hashlib.sha256(b"\0".join((self._salt, user.encode(), password, hashed.encode()))).digest()
        if user in users and key in self._logins:
            self._logins.move_to_end(key)
            return True
        async with self._checking:
            right = await asyncio.to_thread(_matches, password, hashed)
        if not (right and user in users):
            return False
        self._logins[key] = None
        if len(self._logins) > REMEMBERED_LOGINS:
            self._logins.popitem(last=False)
        return True

    def _load(self) -> WebConfigFile:
        settings = load(self._path, WebConfigFile)
        for user, hashed in settings.basic_auth_users.items():
            _check_hash(f"{self._path}: basic_auth_users: {user}", hashed)
        for name, value in settings.http_server_config.headers.items():
            _check_header(f"{self._path}: http_server_config: headers: {name}", value)
        return settings

    def _apply(self, settings: WebConfigFile) -> None:
        if settings.tls_server_config is not None:
            # The listening socket keeps its context: a changed certificate goes into the same one.
            self.tls = self._context(settings.tls_server_config, self.tls)
        self._settings = settings

    def _context(self, tls: TlsServerConfig, context: ssl.SSLContext | None) -> ssl.SSLContext:
        where = f"{self._path}: tls_server_config"
        verify = VERIFY[tls.client_auth_type]
        if (verify is ssl.CERT_NONE) != (tls.client_ca_file is None):
            raise ConfigError(f"{where}: client_ca_file and a client_auth_type that verifies go together")
        base = self._path.parent
        try:
            # A trial first: half a change must not reach the context in use.
            trial = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            for one in (trial, context or trial):
                one.load_cert_chain(base / tls.cert_file, base / tls.key_file)
                one.minimum_version, one.maximum_version = VERSIONS[tls.min_version], VERSIONS[tls.max_version]
                if tls.client_ca_file:
                    one.load_verify_locations(base / tls.client_ca_file)
                one.verify_mode = verify
        except (OSError, ssl.SSLError, ValueError) as error:
            raise ConfigError(f"{where}: the files cannot be used: {error}") from None
        return context or trial

    def _files_stamp(self) -> tuple[int, ...]:
        tls = self._settings.tls_server_config
        names = (tls.cert_file, tls.key_file, tls.client_ca_file) if tls else ()
        return tuple(_changed(path) for path in (self._path, *(self._path.parent / name for name in names if name)))


def _changed(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


def _login(authorization: str | None) -> tuple[str, bytes] | None:
    scheme, _, encoded = (authorization or "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user, colon, password = base64.b64decode(encoded.strip(), validate=True).partition(b":")
        return (user.decode(), password) if colon else None
    except (binascii.Error, UnicodeDecodeError):
        return None


def _check_hash(where: str, hashed: str) -> None:
    try:
        import bcrypt  # noqa: F401 - only whether it is there
    except ImportError:
        raise ConfigError(f"{where}: needs bcrypt: pip install 'memoryos-observability[auth]'") from None
    if not BCRYPT.fullmatch(hashed):
        raise ConfigError(
            f"{where}: is not a bcrypt hash of cost 4 to 17; make one with: htpasswd -nBC 10 '' | tr -d ':'"
        )


def _check_header(where: str, value: str) -> None:
    if not (value.isascii() and value.isprintable()):
        raise ConfigError(f"{where}: must be one line of ASCII without control characters: {value!r}")


def _matches(password: bytes, hashed: str) -> bool:
    import bcrypt

    return bool(bcrypt.checkpw(password[:72], hashed.encode()))  # bcrypt itself looks at 72 bytes

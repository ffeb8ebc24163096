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
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Literal

from msgspec import Struct, field

from .pem_files import stamp
from .webtls import ChangingContext, TlsServerConfig
from .yamlfile import ConfigError, load

LOOK_AGAIN = 2.0  # seconds
REMEMBERED_LOGINS = 100

# The last sign of the salt holds only two bits. Over cost 17 one login takes longer than a scrape may.
BCRYPT = re.compile(r"\$2[abxy]\$(0[4-9]|1[0-7])\$[./A-Za-z0-9]{21}[.Oeu][./A-Za-z0-9]{31}")
Header = Literal[
    "Strict-Transport-Security",
    "X-Content-Type-Options",
    "X-Frame-Options",
    "X-XSS-Protection",
    "Content-Security-Policy",
]

log = logging.getLogger(__name__)


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
        self._seen: dict[Path, object] = {}
        self._settings, context = self._load()
        self.tls = ChangingContext(context) if context else None
        self._logins: OrderedDict[bytes, None] = OrderedDict()
        self._checking = asyncio.Semaphore(1)  # one hash at a time: guessing must not take every core
        self._salt = os.urandom(16)

    @property
    def headers(self) -> dict[str, str]:
        """Headers to add to every response."""
        return {str(name): value for name, value in self._settings.http_server_config.headers.items()}

    def outdated(self, transport: asyncio.BaseTransport) -> bool:
        """Whether hands were shaken on this connection before TLS was changed: perhaps with whom we no longer trust."""
        if self.tls is None:
            return False
        return transport.get_extra_info("ssl_object").context is not self.tls.current

    def look_again(self, *, unchanged: bool = False) -> str | None:
        """Take over what has changed in the files, or read them even if ``unchanged``; the error if they are wrong."""
        if not unchanged and all(stamp(path) == seen for path, seen in self._seen.items()):
            return None
        try:
            settings, context = self._load()
            self._swap(context)
        except Exception as error:  # whatever it is, the exporter serves as before and goes on looking
            reason = str(error) if isinstance(error, ConfigError) else f"{self._path}: cannot be read: {error!r}"
            log.error("web configuration refused, the previous one stays in force", extra={"error": reason})  # noqa: TRY400
            return reason
        self._settings = settings
        log.info("web configuration read again", extra={"file": str(self._path)})
        return None

    async def watched(self, _: object) -> AsyncIterator[None]:
        """Look again every few seconds while the application runs: a cleanup context of aiohttp.

        Not at requests: with a certificate that clients refuse there is none.
        """
        watching = asyncio.create_task(self._watch())
        yield
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(LOOK_AGAIN)
            self.look_again()

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

    def _load(self) -> tuple[WebConfigFile, ssl.SSLContext | None]:
        # Stamps before contents, and of files that are refused too: what is written from now on is a change.
        self._seen = {self._path: stamp(self._path)}
        settings = load(self._path, WebConfigFile)
        tls, base = settings.tls_server_config, self._path.parent
        if tls:
            self._seen |= {path: stamp(path) for path in tls.files(base)}
        for user, hashed in settings.basic_auth_users.items():
            _check_hash(f"{self._path}: basic_auth_users: {user}", hashed)
        for name, value in settings.http_server_config.headers.items():
            _check_header(f"{self._path}: http_server_config: headers: {name}", value)
        return settings, tls.context(base, f"{self._path}: tls_server_config") if tls else None

    def _swap(self, context: ssl.SSLContext | None) -> None:
        if (context is None) != (self.tls is None):
            change = "off" if context is None else "on"
            raise ConfigError(f"{self._path}: tls_server_config: switching TLS {change} needs a restart")
        if context and self.tls:
            self.tls.current = context


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

"""Stats documents over HTTP or HTTPS."""

from __future__ import annotations

import base64
import ssl
from dataclasses import dataclass
from pathlib import Path

import aiohttp
from yarl import URL

from .model import LARGEST_DOCUMENT, Fetched, SourceError
from .thread import InThread

CHUNK = 64 * 1024


@dataclass(frozen=True, slots=True)
class Credentials:
    """How a source proves who it is; secrets stay in files and are read anew for each fetch, so they can be rotated."""

    bearer_token_file: Path | None = None
    username: str | None = None
    password_file: Path | None = None

    def header(self) -> str | None:
        """The Authorization header, or None without credentials.

        Raises:
            SourceError: a file of secrets cannot be read, is empty, or holds more than one line.
        """
        if self.bearer_token_file is not None:
            return f"Bearer {_secret(self.bearer_token_file)}"
        if self.username is not None and self.password_file is not None:
            login = f"{self.username}:{_secret(self.password_file)}"
            return f"Basic {base64.b64encode(login.encode()).decode()}"
        return None


class HttpSource:
    """GETs one URL. Redirects are not followed: they would lead the exporter, and its credentials, elsewhere."""

    def __init__(
        self,
        url: str,
        credentials: Credentials | None = None,
        tls: ssl.SSLContext | None = None,
        largest: int = LARGEST_DOCUMENT,
    ) -> None:
        self._url = URL(url)
        self._authorization = InThread((credentials or Credentials()).header)
        self._tls = tls
        self._largest = largest
        self._session: aiohttp.ClientSession | None = None

    @property
    def description(self) -> str:
        """The URL without its query, which may hold a token."""
        return str(self._url.with_query(None).with_fragment(None))

    async def fetch(self) -> Fetched:
        """GET the document, reading no more than the size limit."""
        headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
        authorization = await self._authorization.result()
        if authorization is not None:
            headers["Authorization"] = authorization
        try:
            async with self._open_session().get(self._url, headers=headers, allow_redirects=False) as response:
                self._refuse(response)
                return Fetched(await self._body(response))
        except aiohttp.ClientError as error:
            reason, words = _why(error)
            raise SourceError(reason, f"{self.description}: {words}") from None

    async def close(self) -> None:
        """Close the kept connections."""
        if self._session is not None:
            await self._session.close()

    def _open_session(self) -> aiohttp.ClientSession:
        # Made on first use: a session belongs to the running event loop.
        if self._session is None:
            connector = aiohttp.TCPConnector(limit=2, ssl=self._tls if self._tls is not None else True)
            self._session = aiohttp.ClientSession(
                connector=connector,
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,  # a small answer must not grow in memory
                timeout=aiohttp.ClientTimeout(total=None),  # the target bounds the whole read
            )
        return self._session

    def _refuse(self, response: aiohttp.ClientResponse) -> None:
        if 300 <= response.status < 400:
            raise SourceError("redirect", f"{self.description}: answered {response.status}, redirects are not followed")
        if response.status != 200:
            raise SourceError("http_status", f"{self.description}: answered {response.status}, not 200")
        encoding = response.headers.get("Content-Encoding", "identity")
        if encoding != "identity":
            raise SourceError(
                "not_json", f"{self.description}: answered in Content-Encoding {encoding!r}, only identity is asked for"
            )
        if (response.content_length or 0) > self._largest:
            raise self._too_large()

    async def _body(self, response: aiohttp.ClientResponse) -> bytes:
        data = bytearray()
        async for chunk in response.content.iter_chunked(CHUNK):
            data += chunk
            if len(data) > self._largest:
                raise self._too_large()
        return bytes(data)

    def _too_large(self) -> SourceError:
        return SourceError("too_large", f"{self.description}: the answer is larger than {self._largest} bytes")


def _why(error: aiohttp.ClientError) -> tuple[str, str]:
    """One of `labels.READ_ERRORS`, and words for people; not those of aiohttp, which may hold the URL's query."""
    # A certificate that the source misses is an error of the first read, after the connection stands.
    cause = error.certificate_error if isinstance(error, aiohttp.ClientConnectorCertificateError) else error.__cause__
    if isinstance(cause, ssl.SSLError) or isinstance(error, aiohttp.ClientSSLError):
        return "tls", f"TLS failed: {_tls_words(cause)}"
    if isinstance(error, aiohttp.ClientConnectorError):
        reason = "refused" if isinstance(error.os_error, ConnectionRefusedError) else "unreachable"
        return reason, f"cannot connect: {error.os_error.strerror or error.os_error}"
    if isinstance(error, aiohttp.ClientPayloadError):
        return "incomplete", "the answer broke off"
    return "unreachable", error.__class__.__name__


def _tls_words(error: BaseException | None) -> str:
    """The TLS library's own: `certificate has expired`."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return error.verify_message
    if isinstance(error, ssl.SSLError) and error.reason:
        return error.reason.lower().replace("_", " ")
    return str(error)


def _secret(path: Path) -> str:
    try:
        secret = path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError("credentials", f"{path} cannot be read: {error.__class__.__name__}") from None
    if not secret or not secret.isprintable():
        raise SourceError("credentials", f"{path} must hold the secret on one line")
    return secret

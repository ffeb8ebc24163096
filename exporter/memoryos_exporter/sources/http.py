"""Stats documents over HTTP or HTTPS."""

from __future__ import annotations

import asyncio
import base64
import ssl
from dataclasses import dataclass
from pathlib import Path

import aiohttp
from yarl import URL

from .model import LARGEST_DOCUMENT, Fetched, SourceError

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
        self._credentials = credentials or Credentials()
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
        authorization = await asyncio.to_thread(self._credentials.header)
        if authorization is not None:
            headers["Authorization"] = authorization
        try:
            async with self._open_session().get(self._url, headers=headers, allow_redirects=False) as response:
                self._refuse(response)
                return Fetched(await self._body(response))
        except aiohttp.ClientSSLError as error:
            raise SourceError("tls", f"{self.description}: TLS failed: {error.__class__.__name__}") from None
        except aiohttp.ClientConnectorError as error:
            reason = "refused" if isinstance(error.os_error, ConnectionRefusedError) else "unreachable"
            words = error.os_error.strerror or str(error.os_error)
            raise SourceError(reason, f"{self.description}: cannot connect: {words}") from None
        except aiohttp.ClientPayloadError:
            raise SourceError("incomplete", f"{self.description}: the answer broke off") from None
        except aiohttp.ClientError as error:
            raise SourceError("unreachable", f"{self.description}: {error.__class__.__name__}") from None

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


def _secret(path: Path) -> str:
    try:
        secret = path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError("credentials", f"{path} cannot be read: {error.__class__.__name__}") from None
    if not secret or not secret.isprintable():
        raise SourceError("credentials", f"{path} must hold the secret on one line")
    return secret

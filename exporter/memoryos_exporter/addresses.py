"""URLs and addresses that the user writes, read strictly: a mistake is told when it is made, not by each scrape.

No message repeats the address: what is mistyped may hold a password.
"""

from __future__ import annotations

import re
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

from .yamlfile import ConfigError

HOST = re.compile(r"[A-Za-z0-9._-]+")


def stats_url(where: str, url: str) -> str:
    """``url``, from which stats documents are read.

    Raises:
        ConfigError: it is no http or https URL, or holds credentials.
    """
    cure = "use basic_auth with a password_file, or --username and --password-file"
    _http_url(where, url, "http://127.0.0.1:9944/stats", cure)
    return url


def external_url(where: str, url: str) -> str:
    """``url``, by which others reach the exporter.

    Raises:
        ConfigError: it is no http or https URL, or holds more than an address and a path.
    """
    example = "http://exporter.internal:9943"
    parts = _http_url(where, url, example, "leave them out, and let Prometheus have basic_auth")
    if parts.query or parts.fragment:
        raise ConfigError(f"{where}: write a URL like {example}, without a query or a fragment")
    return url


def listen_address(where: str, address: str) -> tuple[str, int]:
    """Host, empty for every address, and port of `HOST:PORT`, `[IPv6]:PORT` or `:PORT`.

    Raises:
        ConfigError: it is none of these.
    """
    cure = "write HOST:PORT, such as 127.0.0.1:9943 or [::1]:9943"
    try:
        parts = _split(f"//{address}")
    except ValueError as error:
        raise ConfigError(f"{where}: {error}; {cure}") from None
    if parts.port is None or parts.netloc != address or "@" in address:
        raise ConfigError(f"{where}: {cure}")
    return parts.hostname or "", parts.port


def _http_url(where: str, url: str, example: str, credentials_cure: str) -> SplitResult:
    try:
        parts = _split(url)
        if parts.scheme not in ("http", "https"):
            raise ValueError("it begins with neither http:// nor https://")  # noqa: TRY301
        if not parts.hostname:
            raise ValueError("the host is missing")  # noqa: TRY301
        if parts.port == 0:
            raise ValueError("the port is not one of 1 to 65535")  # noqa: TRY301
    except ValueError as error:
        raise ConfigError(f"{where}: write a URL like {example}; {error}") from None
    if "@" in parts.netloc:
        raise ConfigError(f"{where}: the URL holds credentials; {credentials_cure}")
    return parts


def _split(address: str) -> SplitResult:
    """The parts of a URL, or of `//HOST:PORT`; a ValueError says what cannot be."""
    # First of all, for urlsplit leaves out tabs and line ends silently.
    if not address.isprintable() or " " in address:
        raise ValueError("it holds white space or a control character")
    try:
        parts = urlsplit(address)
    except ValueError:
        raise ValueError("the brackets of an IPv6 address do not match") from None
    if parts.hostname and not _is_host(parts.hostname):
        raise ValueError("the host is not a host name or an IP address")
    try:
        parts.port  # noqa: B018 - reading it is the check
    except ValueError:
        raise ValueError("the port is not one of 1 to 65535") from None
    return parts


def _is_host(name: str) -> bool:
    try:
        if ":" in name:
            ip_address(name)
            return True
        # As a resolver will have it: a..b, or a label of 64 letters, would otherwise fail in each read.
        return HOST.fullmatch(name.encode("idna").decode()) is not None
    except ValueError:
        return False

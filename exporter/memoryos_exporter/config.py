"""The configuration file: the targets that `/probe` may read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from msgspec import Meta, Struct, field

from . import durations
from .addresses import stats_url
from .catalog import CATALOG
from .exporter_metrics import ExporterMetrics
from .pem_files import FILE
from .source_tls import SourceTls, client_context, files_stamp
from .sources import Credentials, FileSource, HttpSource, Source
from .target import Target
from .yamlfile import ConfigError, load

NAME = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}\Z", description="asked for in /probe?target=")]
LABEL = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# Prometheus would rename a metric's own label of such a name to exported_…, and every rule that selects by it be blind.
RESERVED_LABELS = frozenset(
    {"job", "instance", "le", "quantile", "alertname", "alertstate", "severity"}
    | {label for metric in CATALOG.values() for label in metric.labels}
)


class BasicAuth(Struct, forbid_unknown_fields=True):
    """A user name and the file that holds the password."""

    username: str
    password_file: FILE


class TargetConfig(Struct, forbid_unknown_fields=True):
    """One MemoryOS: exactly one of ``url`` and ``file``."""

    name: NAME
    url: str | None = None
    file: FILE | None = None
    labels: dict[str, str] = {}
    timeout: str = "10s"
    bearer_token_file: FILE | None = None
    basic_auth: BasicAuth | None = None
    tls: SourceTls | None = None


class Config(Struct, forbid_unknown_fields=True):
    """The whole file; ``window`` is the length of the sliding window behind percentiles and error rate."""

    targets: Annotated[list[TargetConfig], Meta(min_length=1)]
    window: str = field(default="5m")


def load_targets(
    path: Path, metrics: ExporterMetrics, previous: Mapping[str, Target] | None = None
) -> dict[str, Target]:
    """The targets of the configuration file by name; relative paths are taken from the file's own directory.

    A target of ``previous`` whose configuration and TLS files are the same is kept, and with it its window.

    Raises:
        ConfigError: naming the file, the key and the cure.
    """
    config = load(path, Config)
    window = _seconds(f"{path}: window", config.window)
    targets: dict[str, Target] = {}
    for index, one in enumerate(config.targets):
        where = f"{path}: targets[{index}] ({one.name})"
        if one.name in targets:
            raise ConfigError(f"{where}: the name stands twice; each target needs its own")
        _check_labels(where, one.labels)
        timeout = _seconds(f"{where}: timeout", one.timeout)
        # Before the files are read: a change in between is then seen by the next reload.
        origin = (one, window, files_stamp(one.tls, path.parent))
        source = _source(where, one, path.parent)
        kept = (previous or {}).get(one.name)
        if kept is not None and kept.origin == origin:
            targets[one.name] = kept
        else:
            targets[one.name] = Target(one.name, source, metrics, one.labels, timeout, window, origin)
    return targets


def http_source(where: str, url: str, credentials: Credentials, tls: SourceTls | None, base: Path) -> HttpSource:
    """A source for ``url``, which `addresses.stats_url` has checked.

    Raises:
        ConfigError: the URL has no TLS, or the files of ``tls`` cannot be used.
    """
    if tls is not None and urlsplit(url).scheme != "https":
        raise ConfigError(f"{where}: tls needs a URL that begins with https://")
    return HttpSource(url, credentials, client_context(f"{where}: tls", tls, base) if tls else None)


def _source(where: str, target: TargetConfig, base: Path) -> Source:
    if (target.url is None) == (target.file is None):
        raise ConfigError(f"{where}: needs exactly one of url and file")
    if target.file is not None:
        if target.bearer_token_file or target.basic_auth or target.tls:
            raise ConfigError(f"{where}: a file takes no credentials and no tls")
        return FileSource(base / target.file)
    if target.bearer_token_file and target.basic_auth:
        raise ConfigError(f"{where}: give bearer_token_file or basic_auth, not both")
    credentials = Credentials(
        bearer_token_file=base / target.bearer_token_file if target.bearer_token_file else None,
        username=target.basic_auth.username if target.basic_auth else None,
        password_file=base / target.basic_auth.password_file if target.basic_auth else None,
    )
    url = stats_url(f"{where}: url", target.url or "")
    return http_source(where, url, credentials, target.tls, base)


def _check_labels(where: str, labels: Mapping[str, str]) -> None:
    for name in labels:
        if not LABEL.fullmatch(name) or name.startswith("__"):
            raise ConfigError(f"{where}: labels: {name!r} is not a label name; letters, digits and _ are")
        if name in RESERVED_LABELS:
            raise ConfigError(f"{where}: labels: {name!r} is a label of metrics or alerts; choose another name")


def _seconds(where: str, text: str) -> float:
    try:
        return durations.seconds(text)
    except ValueError as error:
        raise ConfigError(f"{where}: {error}") from None

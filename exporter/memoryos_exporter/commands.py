"""What the subcommands do."""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import signal
import sys
from collections.abc import Callable
from functools import partial
from ipaddress import ip_address
from pathlib import Path

from aiohttp import web

from . import durations, logs
from .addresses import external_url, listen_address, stats_url
from .config import http_source, load_targets
from .exporter import Exporter
from .exporter_metrics import ExporterMetrics
from .rollback import decide
from .server import make_app
from .source_tls import SourceTls
from .sources import Credentials, FileSource, Source
from .target import Target
from .webconfig import WebConfig
from .yamlfile import ConfigError

FAILED, UNDECIDED = 1, 3
log = logging.getLogger(__name__)


def run(options: argparse.Namespace) -> int:
    """Run the subcommand; returns the exit status, 1 after telling the user of a mistake."""
    subcommands = {"serve": serve, "snapshot": snapshot, "check-config": check_config, "replay": replay}
    try:
        return subcommands[options.command](options)
    except ConfigError as error:
        print(f"memoryos-exporter: {error}", file=sys.stderr)  # noqa: T201
        return FAILED
    except KeyboardInterrupt:
        return 130


def serve(options: argparse.Namespace) -> int:
    """Serve until SIGINT or SIGTERM."""
    logs.set_up(options.log_level, options.log_format)
    if options.config is None and options.web_config is None and options.enable_reload:
        raise ConfigError("--enable-reload goes with --config or --web-config: nothing else is read anew")
    host, port = listen_address("--listen", options.listen)
    return asyncio.run(_serve(options, host, port))


def replay(options: argparse.Namespace) -> int:
    """Serve a story or a recording until SIGINT or SIGTERM; or list the stories."""
    if options.list:
        from .replay import list_stories

        list_stories()
        return 0
    logs.set_up(options.log_level, options.log_format)
    host, port = listen_address("--listen", options.listen)
    return asyncio.run(_replay(options, host, port))


def snapshot(options: argparse.Namespace) -> int:
    """Print the decision on a target as JSON."""
    logs.set_up("error", "logfmt")  # what is wrong with the target is told at the end
    if options.target is not None and options.config is None:
        raise ConfigError("--target goes with --config, which names the targets")
    if options.config is not None and _names_source(options):
        raise ConfigError("give --config with --target, or one of --stats-url, --stats-file and --demo, not both")
    return asyncio.run(_snapshot(options, _duration("--over", options.over)))


def check_config(options: argparse.Namespace) -> int:
    """Check every file; all errors are told, not only the first."""
    if not options.files and not options.web_config:
        raise ConfigError("check-config: name a FILE, or a web configuration with --web-config FILE")
    checks: list[Callable[[], object]] = [partial(load_targets, path, ExporterMetrics()) for path in options.files]
    checks += [partial(WebConfig, path) for path in options.web_config]
    sound = True
    for check in checks:
        try:
            check()
        except ConfigError as error:
            sound = False
            print(f"memoryos-exporter: {error}", file=sys.stderr)  # noqa: T201
    return 0 if sound else FAILED


async def _serve(options: argparse.Namespace, host: str, port: int) -> int:
    metrics = ExporterMetrics()
    single = _single_target(options, metrics)
    if single is None and options.config is None:
        raise ConfigError("serve: say what to read: --stats-url URL, --stats-file PATH, --config FILE or --demo")
    web_config = WebConfig(options.web_config) if options.web_config else None
    tls = web_config.tls if web_config else None
    exporter = Exporter(metrics, single, options.config, _external_url(options))
    exporter.load()
    app = make_app(exporter, web_config, allow_reload=options.enable_reload)
    return await _run(app, exporter, host, port, options, tls)


async def _replay(options: argparse.Namespace, host: str, port: int) -> int:
    web_config = WebConfig(options.web_config) if options.web_config else None
    tls = web_config.tls if web_config else None
    from .replay import replayed_exporter

    exporter = replayed_exporter(options, _external_url(options))
    app = make_app(exporter, web_config)
    app.middlewares.append(exporter.middleware())
    return await _run(app, exporter, host, port, options, tls)


async def _run(
    app: web.Application, exporter: Exporter, host: str, port: int, options: argparse.Namespace, tls: object
) -> int:
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0, handle_signals=False)
    await runner.setup()
    try:
        await _listen(runner, host, port, options, tls)
        exporter.external_url = exporter.external_url or _own_url(runner, secure=tls is not None)
        if exporter.config is not None and exporter.external_url is None:
            log.warning("/sd needs --external-url", extra={"listen": options.listen})
        await _until_stopped(exporter)
    finally:
        await runner.cleanup()
    return 0


async def _listen(runner: web.AppRunner, host: str, port: int, options: argparse.Namespace, tls: object) -> None:
    site = web.TCPSite(runner, host or None, port, ssl_context=tls)  # type: ignore[arg-type]
    try:
        await site.start()
    except OSError as error:
        raise ConfigError(f"--listen {options.listen}: cannot listen there: {error.strerror or error}") from None
    for address in runner.addresses:
        log.info("serving", extra={"address": "{}:{}".format(*address), "tls": tls is not None})


async def _until_stopped(exporter: Exporter) -> None:
    loop, stopped = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    loop.add_signal_handler(signal.SIGHUP, exporter.reload)
    await stopped.wait()
    log.info("stopping")


async def _snapshot(options: argparse.Namespace, over: float) -> int:
    metrics = ExporterMetrics()
    target = _single_target(options, metrics)
    if options.config is not None:
        targets = load_targets(options.config, metrics)
        if options.target not in targets:
            raise ConfigError(f"snapshot: --target: one of {', '.join(sorted(targets))}")
        target = targets[options.target]
    if target is None:
        raise ConfigError(
            "snapshot: say what to read: --stats-url URL, --stats-file PATH, --demo, or --config and --target"
        )
    try:
        reading = await target.read()
        if reading.error is None and decide(reading).verdict is None and reading.stats and reading.stats.calls:
            print(f"measuring calls for {over:g} s …", file=sys.stderr)  # noqa: T201
            await asyncio.sleep(over)
            reading = await target.read()
    finally:
        await target.close(wait=False)
    if reading.error is not None:
        raise ConfigError(f"{target.source.description}: {reading.message}")
    decision = decide(reading)
    print(json.dumps(decision.as_json(), indent=2))  # noqa: T201
    return 0 if decision.verdict else UNDECIDED


def _single_target(options: argparse.Namespace, metrics: ExporterMetrics) -> Target | None:
    source = _source(options)
    if source is None:
        return None
    timeout, window = _duration("--timeout", options.timeout or "10s"), _duration("--window", options.window or "5m")
    return Target("default", source, metrics, timeout=timeout, window=window)


def _names_source(options: argparse.Namespace) -> bool:
    return options.stats_url is not None or options.stats_file is not None or options.demo


def _source(options: argparse.Namespace) -> Source | None:
    if not _names_source(options) and (options.timeout is not None or options.window is not None):
        raise ConfigError(
            "--timeout and --window go with --stats-url, --stats-file or --demo; --config FILE has keys for them"
        )
    if options.stats_url is None and (options.bearer_token_file or options.username or options.ca_file):
        raise ConfigError("--bearer-token-file, --username and --ca-file go with --stats-url")
    if (options.username is None) != (options.password_file is None):
        raise ConfigError("--username and --password-file go together")
    if options.username and options.bearer_token_file:
        raise ConfigError("give --bearer-token-file or --username, not both")
    if options.stats_url is not None:
        credentials = Credentials(
            Path(options.bearer_token_file) if options.bearer_token_file else None,
            options.username,
            Path(options.password_file) if options.password_file else None,
        )
        tls = SourceTls(ca_file=options.ca_file) if options.ca_file else None
        url = stats_url("--stats-url", options.stats_url)
        return http_source("--stats-url", url, credentials, tls, Path.cwd())
    if options.stats_file:
        return FileSource(options.stats_file)
    if options.demo:
        # The simulator takes a quarter of the start-up time, and only a demonstration needs it.
        from .replay import demo_source

        return demo_source()
    return None


def _external_url(options: argparse.Namespace) -> str | None:
    return external_url("--external-url", options.external_url) if options.external_url is not None else None


def _own_url(runner: web.AppRunner, *, secure: bool) -> str | None:
    """Where the exporter listens, for others on this machine; None when that is every address."""
    host, port = runner.addresses[0][:2]
    if ip_address(host).is_unspecified:
        return None
    return f"{'https' if secure else 'http'}://{f'[{host}]' if ':' in host else host}:{port}"


def _duration(flag: str, text: str) -> float:
    try:
        return durations.seconds(text)
    except ValueError as error:
        raise ConfigError(f"{flag}: {error}") from None

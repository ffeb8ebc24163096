"""The command line: `memoryos-exporter serve | snapshot | check-config | replay`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from . import __version__, logs

SERVE = """\
Serve metrics of MemoryOS for Prometheus.

  memoryos-exporter serve --demo                                        a practice MemoryOS, nothing to set up
  memoryos-exporter serve --stats-url http://127.0.0.1:9944/stats       one MemoryOS, at /metrics
  memoryos-exporter serve --config targets.yml --external-url http://exporter.internal:9943
                                                                        many, at /probe?target=NAME; Prometheus finds
                                                                        them at /sd

Nothing is read until Prometheus scrapes. SIGHUP reads --config, --web-config and their TLS files anew; a wrong file
changes nothing. Changes to --web-config and its files are noticed without it, in seconds.
"""
SNAPSHOT = """\
Print what evaluate_rollback/2 needs to know and what it will decide (playbook 4.1, step 1), as /snapshot serves it.

Calls are measured between two readings: with --over 30s the second comes after 30 s. A running exporter has its window
already: curl http://127.0.0.1:9943/snapshot answers at once.

Exit status: 0 the verdict is known, 3 a missing input could change it, 1 MemoryOS could not be read, 2 wrong usage.
"""
REPLAY = """\
Serve a story of a MemoryOS, or a directory of recorded stats documents, as if it happened now.

  memoryos-exporter replay --list                                       the stories, and what each shows
  memoryos-exporter replay slo-breach-latency --from 1h25m              a story, from shortly before the breach
  memoryos-exporter replay happy-rollout --speed 60                     an hour in a minute
  memoryos-exporter replay recordings/                                  recorded documents, in the order of their names

The nodes are at /probe?target=NAME, and Prometheus finds them at /sd; a single node is at /metrics as well. Times in
the documents are moved to now. A recorded document is shown for at least 15 s.
"""
CHECK = """\
Check configuration files without serving. Prints nothing but errors.

Exit status: 0 every file is sound, 1 one is not, 2 wrong usage.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    options = _parser().parse_args(arguments)
    # Imported only now: help and usage errors need not wait for it.
    from . import commands

    return commands.run(options)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="memoryos-exporter", description="Prometheus exporter for MemoryOS.", allow_abbrev=False
    )
    parser.add_argument("--version", action="version", version=f"memoryos-exporter {__version__}")
    subcommands = parser.add_subparsers(required=True, metavar="COMMAND")

    serve = _subcommand(subcommands, "serve", "serve metrics for Prometheus", SERVE)
    _add_source(serve)
    _add_serving(serve)

    snapshot = _subcommand(subcommands, "snapshot", "the input and outcome of evaluate_rollback/2", SNAPSHOT)
    _add_source(snapshot)
    snapshot.add_argument("--config", type=Path, metavar="FILE", help="configuration file that names the target")
    snapshot.add_argument("--target", metavar="NAME", help="the target of --config to look at")
    snapshot.add_argument(
        "--over", default="30s", metavar="DURATION", help="time between the two readings (default: %(default)s)"
    )

    replay = _subcommand(subcommands, "replay", "serve a story or recorded documents", REPLAY)
    _add_replay(replay)

    check = _subcommand(subcommands, "check-config", "check configuration files", CHECK)
    check.add_argument("files", type=Path, nargs="*", metavar="FILE", help="configuration files of serve --config")
    check.add_argument("--web-config", type=Path, action="append", default=[], metavar="FILE", help="web configuration")
    return parser


def _subcommand(
    subcommands: argparse._SubParsersAction[argparse.ArgumentParser],
    name: str,
    summary: str,
    description: str,
) -> argparse.ArgumentParser:
    parser = subcommands.add_parser(
        name,
        help=summary,
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.set_defaults(command=name)
    return parser


def _add_source(parser: argparse.ArgumentParser) -> None:
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--stats-url", metavar="URL", help="GET stats documents from this http(s) URL")
    source.add_argument("--stats-file", type=Path, metavar="PATH", help="read stats documents from this file")
    source.add_argument("--demo", action="store_true", help="read a simulated MemoryOS")
    parser.add_argument("--bearer-token-file", metavar="PATH", help="send the token in this file to --stats-url")
    parser.add_argument("--username", metavar="NAME", help="basic authentication at --stats-url, with --password-file")
    parser.add_argument("--password-file", metavar="PATH", help="file that holds the password of --username")
    parser.add_argument("--ca-file", metavar="PATH", help="trust this certificate authority for --stats-url")
    # Without a default here: --config has its own, so that there it is a mistake to give them.
    parser.add_argument("--timeout", metavar="DURATION", help="longest time for one read (default: 10s)")
    parser.add_argument("--window", metavar="DURATION", help="length of the sliding window (default: 5m)")


def _add_replay(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("what", nargs="?", metavar="STORY|DIRECTORY", help="a story by name or file, or a directory")
    parser.add_argument("--list", action="store_true", help="list the stories and what each shows")
    parser.add_argument("--speed", default="1", metavar="FACTOR", help="60: an hour in a minute (default: %(default)s)")
    parser.add_argument(
        "--from", dest="skip", default="0s", metavar="DURATION", help="begin that far into it (default: %(default)s)"
    )
    _add_listening(parser)


def _add_serving(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--config", type=Path, metavar="FILE", help="YAML file that names the targets of /probe and /sd"
    )
    parser.add_argument("--enable-reload", action="store_true", help="let POST /-/reload read the files anew")
    _add_listening(parser)


def _add_listening(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--listen",
        default="127.0.0.1:9943",
        metavar="HOST:PORT",
        help="address to serve at (default: %(default)s, this machine only; [::]:9943 for all)",
    )
    parser.add_argument(
        "--external-url",
        metavar="URL",
        help="where Prometheus reaches this exporter; /sd hands it out (default: --listen)",
    )
    parser.add_argument(
        "--web-config", type=Path, metavar="FILE", help="TLS, users and headers, as the exporter toolkit's file"
    )
    parser.add_argument("--log-level", default="info", choices=logs.LEVELS, help="(default: %(default)s)")
    parser.add_argument("--log-format", default="logfmt", choices=logs.FORMATS, help="(default: %(default)s)")

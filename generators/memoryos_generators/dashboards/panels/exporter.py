"""The exporter: is it reading, how old is what it reads, how long does it take, and why not."""

from __future__ import annotations

from memoryos_exporter.catalog import exporter, governance, operations, reading

from ...config import Config
from ..model import Column, Dashboard, Panel, Query, Section, Stat, State, Style, Table, Timeline, TimeSeries
from ..promql import rate, sel, worst
from ..style import BAD, GOOD, LIMIT_LINE, PLAIN, UP, WATCH, YES

UID = "memoryos-exporter"
OWN = "the exporter's own /metrics is not scraped, or not among the chosen instances"
NOT_SCRAPED = "not scraped"


def dashboard(config: Config) -> Dashboard:
    """The dashboard `memoryos-exporter`."""
    return Dashboard(
        uid=UID,
        title="MemoryOS / Exporter",
        description="Is the exporter reading, how old is what it reads, how long does it take, and why not.",
        sections=(
            Section("Is it reading", reads(config)),
            Section("Which parts can be believed", parts()),
            Section("Versions", versions()),
            Section("The exporter itself", itself()),
        ),
    )


def reads(config: Config) -> tuple[Panel, ...]:
    """Up, why not, how old, how long."""
    return (
        Stat(
            title="Targets read",
            description="Stats documents read at the last scrape, of all targets. **Good:** all.",
            queries=(
                Query(f"sum({sel(reading.UP)})", "read", instant=True),
                Query(f"count({sel(reading.UP)})", "of", instant=True),
            ),
            unit="short",
            decimals=0,
            empty=NOT_SCRAPED,
            width=4,
            height=6,
            text="value_and_name",
            steps=PLAIN,
        ),
        Timeline(
            title="Stats document read",
            description=(
                "**Good:** up. 1 when a document was read and decoded, even if every part of it is null. Down: the "
                "reason stands beside it. No bar: Prometheus does not reach the exporter."
            ),
            queries=(Query(sel(reading.UP), "{{instance}}"),),
            empty=NOT_SCRAPED,
            width=10,
            height=6,
            states=UP,
        ),
        TimeSeries(
            title="Why the last read failed",
            description=(
                "Targets by the reason why the last read gave no document. **Good:** empty. timeout: the host hangs. "
                "refused, unreachable: it is not there. not_json, wrong_shape, unknown_schema: it is something else. "
                "missing, permission: the file."
            ),
            queries=(Query(f"sum by (reason) ({sel(reading.READ_ERROR)}) > 0", "{{reason}}"),),
            unit="short",
            decimals=0,
            empty="no read failed",
            width=10,
            height=6,
            stacked=True,
            color=BAD,
        ),
        TimeSeries(
            title="Age of the stats",
            description=(
                "How old the document was when it was scraped: Prometheus's clock minus that of the MemoryOS node; "
                "the ten oldest. **Good:** "
                "below two scrape intervals. **Trap:** skewed clocks show as a constant offset, even below 0; only a "
                "rising line is stale (the alert looks for that, not at the age)."
            ),
            queries=(
                Query(
                    worst(f"timestamp({sel(reading.STATS_TIMESTAMP)}) - {sel(reading.STATS_TIMESTAMP)}"), "{{instance}}"
                ),
            ),
            unit="s",
            empty="no document says when it was made",
            width=8,
            minimum=None,
        ),
        TimeSeries(
            title="Duration of reading",
            description=(
                "How long reading and decoding a document took; the ten slowest. **Good:** far below the scrape "
                "timeout, the limit, at which Prometheus would store nothing."
            ),
            queries=(
                Query(worst(sel(reading.SCRAPE_DURATION)), "{{instance}}"),
                Query(f"vector({int(config.prometheus.scrape_timeout)})", "limit: scrape timeout"),
            ),
            unit="s",
            empty=NOT_SCRAPED,
            width=8,
            styles=(LIMIT_LINE,),
        ),
        TimeSeries(
            title="Duration of each call to MemoryOS",
            description=(
                "What the calls behind the parts took, slowest node. **Good:** microseconds. It grows with the "
                "backlog of the process; a call that was given up shows its timeout. Logarithmic."
            ),
            queries=(
                Query(f"max by (part) (max_over_time({sel(reading.CALL_DURATION)}[$__rate_interval])) > 0", "{{part}}"),
            ),
            unit="s",
            empty="the host does not time its calls",
            width=8,
            logarithmic=True,
            minimum=None,
        ),
    )


def parts() -> tuple[Panel, ...]:
    """Parts that were answered, null or broken, and the window."""
    return (
        Timeline(
            title="Parts of the document",
            description=(
                "Share of nodes whose part was answered. **Good:** up everywhere. A part that is null or broken gives "
                "none of its series, never zeros and never old values. No row: the host never sends that part."
            ),
            queries=(Query(f"min by (part) ({sel(reading.PART_UP)})", "{{part}}"),),
            empty=NOT_SCRAPED,
            width=16,
            height=9,
            states=(State("0", "✗ null at a node", BAD), State("1", "✓ answered", GOOD)),
        ),
        TimeSeries(
            title="Length of the latency window",
            description=(
                "The true length of the window behind percentiles and error rate. **Good:** the configured length "
                "(300 s). Shorter: the exporter or its source has just started."
            ),
            queries=(Query(f"min by (mode) ({sel(operations.WINDOW_SECONDS)})", "{{mode}}"),),
            unit="s",
            empty="the host does not time its calls",
            width=8,
            height=9,
        ),
    )


def versions() -> tuple[Panel, ...]:
    """What runs where, and whether the pair is supported."""
    place = (
        Column("instance", "Instance", width=150),
        Column("cluster", "Cluster", width=120),
        Column("job", "Job", width=100),
    )
    return (
        Table(
            title="MemoryOS versions",
            description=(
                "**Good:** compatible, and one pair of versions a fleet. A planned row of the compatibility matrix is "
                "not compatible; empty: a version is unknown."
            ),
            queries=(
                Query(f"1 * {sel(reading.BUILD_INFO)}", "Build", instant=True),
                Query(f"1 * {sel(governance.COMPATIBLE)}", "Compatible", instant=True),
            ),
            empty="–",
            width=16,
            height=7,
            columns=(
                *place,
                Column("memoryos_version", "MemoryOS", width=100),
                Column("jido_memory_version", "jido_memory", width=110),
                Column("erlang_node", "Erlang node"),
                Column("Compatible", "Compatible", states=YES, width=105),
            ),
        ),
        TimeSeries(
            title="Deprecated calls",
            description=(
                "Calls of deprecated APIs an hour, with the release that removes each. **Good:** empty before that "
                "release is installed."
            ),
            queries=(
                Query(
                    f"sum by (api, removal) (increase({sel(governance.DEPRECATED_CALLS)}[1h])) > 0",
                    "{{api}}, removed in {{removal}}",
                ),
            ),
            unit="short",
            decimals=0,
            empty="none",
            width=8,
            height=7,
        ),
    )


def itself() -> tuple[Panel, ...]:
    """The exporter's own series, on its own /metrics."""
    return (
        TimeSeries(
            title="Reads and failed reads",
            description="Reads of stats documents a second, of all targets, and failed ones. **Good:** no failures.",
            queries=(
                Query(f"sum({rate(exporter.SCRAPES)})", "reads"),
                Query(f"sum({rate(exporter.SCRAPE_FAILURES)})", "failed"),
            ),
            unit="ops",
            empty=OWN,
            width=8,
            styles=(Style("^reads", GOOD, width=2), Style("^failed", BAD, dash=(10, 4), width=2)),
        ),
        TimeSeries(
            title="Fields left out",
            description=(
                "Fields of stats documents a second that could not be believed: a string where a number belongs, a "
                "negative counter, NaN. **Good:** empty. One bad field costs that field only."
            ),
            queries=(Query(f"sum by (part, reason) ({rate(exporter.BAD_FIELDS)}) > 0", "{{part}}: {{reason}}"),),
            unit="ops",
            empty="none",
            width=8,
            color=WATCH,
        ),
        Table(
            title="Exporters",
            description=(
                "**Good:** one version, and the last reload of the configuration succeeded; where it failed, the "
                "previous configuration stays in force."
            ),
            queries=(
                Query(f"1 * {sel(exporter.EXPORTER_BUILD_INFO)}", "Build", instant=True),
                Query(f"1 * {sel(exporter.CONFIG_RELOAD)}", "Reload", instant=True),
            ),
            empty="–",
            width=8,
            columns=(
                Column("instance", "Instance"),
                Column("version", "Version", width=80),
                Column("python", "Python", width=80),
                Column(
                    "Reload", "Configuration", states=(State("0", "✗ old one kept", BAD), State("1", "✓ current", GOOD))
                ),
            ),
        ),
    )

"""The section that says who is told, how, and when not.

Every secret is a path that Alertmanager reads itself: no secret stands in the configuration or in a generated file.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from ..duration import Duration
from .checked import Checked, Severity, Url


class PagerDuty(Checked):
    """Events API v2; the file holds the routing key."""

    routing_key_file: str


class Slack(Checked):
    """An incoming webhook; the file holds its URL."""

    api_url_file: str
    channel: str


class Email(Checked):
    """Mail by SMTP; ``to`` is one or more addresses, separated by commas, ``smarthost`` HOST:PORT."""

    to: str
    from_: str = msgspec.field(name="from")
    smarthost: str
    username: str | None = None
    password_file: str | None = None
    require_tls: bool = True


class Webhook(Checked):
    """Any HTTP endpoint that takes Alertmanager's JSON; the file holds a bearer token."""

    url: Url
    credentials_file: str | None = None


class Receivers(Checked):
    """Each optional; null is not used."""

    pagerduty: PagerDuty | None
    slack: Slack | None
    email: Email | None
    webhook: Webhook | None


class Route(Checked):
    """Who is told about one severity, and in which rhythm."""

    receivers: list[Literal["pagerduty", "slack", "email", "webhook"]]
    group_wait: Duration
    group_interval: Duration
    repeat_interval: Duration


class Watchdog(Checked):
    """Where the always firing alert goes: a service that complains when it stops hearing it. null: nowhere."""

    url: Url | None
    repeat_interval: Duration


class TimeRange(Checked):
    """From HH:MM up to HH:MM of the same day; 24:00 is the end of the day."""

    start_time: str
    end_time: str


class MaintenanceWindow(Checked):
    """When nobody is told; what is left out matches every time. The forms are those of Alertmanager's time_intervals.

    For example the first Sunday night of the month in Berlin: times 02:00 to 05:00, weekdays sunday, days_of_month 1:7,
    location Europe/Berlin. A single date: days_of_month, months and years together.
    """

    times: tuple[TimeRange, ...] = ()
    weekdays: tuple[str, ...] = ()
    days_of_month: tuple[str, ...] = ()
    months: tuple[str, ...] = ()
    years: tuple[str, ...] = ()
    location: str = "UTC"


class Alertmanager(Checked):
    """Receivers, routing and planned silence."""

    external_url: Url
    receivers: Receivers
    routing: dict[Severity, Route]
    watchdog: Watchdog
    maintenance: tuple[MaintenanceWindow, ...]
    resolve_timeout: Duration

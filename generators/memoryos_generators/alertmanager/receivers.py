"""How people are told: one Alertmanager receiver a severity, with the texts of templates/memoryos.tmpl."""

from __future__ import annotations

from typing import Any

from ..config import Alertmanager, Email, PagerDuty, Slack, Webhook
from .routing import RECEIVER_OF_SEVERITY


def receivers(settings: Alertmanager) -> list[dict[str, Any]]:
    """Every receiver; one without a way to tell is valid and silent."""
    kinds = {
        "pagerduty": settings.receivers.pagerduty and _pagerduty(settings.receivers.pagerduty),
        "slack": settings.receivers.slack and _slack(settings.receivers.slack),
        "email": settings.receivers.email and _email(settings.receivers.email),
        "webhook": settings.receivers.webhook and _webhook(settings.receivers.webhook),
    }
    people = [
        {
            "name": receiver,
            **{f"{kind}_configs": [kinds[kind]] for kind in settings.routing[severity].receivers if kinds[kind]},
        }
        for severity, receiver in RECEIVER_OF_SEVERITY.items()
    ]
    # A beat that ends is noticed by its absence: nobody needs to hear that it is resolved.
    beat = {"webhook_configs": [{"url": settings.watchdog.url, "send_resolved": False}]}
    return [*people, {"name": "watchdog", **(beat if settings.watchdog.url else {})}]


def _pagerduty(pagerduty: PagerDuty) -> dict[str, Any]:
    return {
        "routing_key_file": pagerduty.routing_key_file,
        "send_resolved": True,
        "description": _template("title"),
        "severity": "{{ with .CommonLabels.severity }}{{ . }}{{ else }}error{{ end }}",
        "component": "memoryos",
        "group": "{{ .GroupLabels.playbook }}",
        "client": "Alertmanager",
        "client_url": "{{ .ExternalURL }}",
        "details": {"alerts": _template("text"), "silence": _template("silence")},
        "links": [
            {"text": "Playbook", "href": _template("playbook")},
            {"text": "Dashboard", "href": _template("dashboard")},
        ],
    }


def _slack(slack: Slack) -> dict[str, Any]:
    return {
        "api_url_file": slack.api_url_file,
        "channel": slack.channel,
        "send_resolved": True,
        "color": '{{ if eq .Status "resolved" }}good{{ else if eq .CommonLabels.severity "critical" }}danger'
        "{{ else }}warning{{ end }}",
        "title": _template("title"),
        "title_link": _template("playbook"),
        "fallback": _template("title"),
        "text": _template("slack"),
    }


def _email(email: Email) -> dict[str, Any]:
    login = {"auth_username": email.username, "auth_password_file": email.password_file}
    return {
        "to": email.to,
        "from": email.from_,
        "smarthost": email.smarthost,
        "require_tls": email.require_tls,
        **{key: value for key, value in login.items() if value},
        "send_resolved": True,
        "headers": {"Subject": _template("title")},
        "html": _template("email.html"),
        "text": _template("email.text"),
    }


def _webhook(webhook: Webhook) -> dict[str, Any]:
    # Alertmanager reads the address of a webhook from a file only since 0.26: a secret travels as a bearer token.
    token = {"http_config": {"authorization": {"credentials_file": webhook.credentials_file}}}
    return {"url": webhook.url, "send_resolved": True, **(token if webhook.credentials_file else {})}


def _template(name: str) -> str:
    return '{{ template "memoryos.' + name + '" . }}'

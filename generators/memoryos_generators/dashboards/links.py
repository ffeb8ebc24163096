"""Links that carry the time and the chosen targets from one dashboard to the next, and from an alert to its page."""

from __future__ import annotations

from ..config import Config
from .model import Link, panel_id

VARIABLES = "var-datasource=${datasource}&${cluster:queryparam}&${job:queryparam}&${instance:queryparam}"


def to_dashboard(uid: str, title: str, panel: str = "") -> Link:
    """The dashboard ``uid``, or one panel of it (by title) at full size, for the targets and the time chosen here."""
    view = f"&viewPanel={panel_id(panel)}" if panel else ""
    return Link(title, f"/d/{uid}?${{__url_time_range}}&{VARIABLES}{view}")


def to_row_target(uid: str, title: str) -> Link:
    """The dashboard ``uid`` for the target of the table row that is clicked."""
    chosen = "&".join(f"var-{name}=${{__data.fields.{name.title()}}}" for name in ("cluster", "job", "instance"))
    return Link(title, f"/d/{uid}?${{__url_time_range}}&var-datasource=${{datasource}}&{chosen}")


def to_playbook(config: Config, title: str, page: str) -> Link:
    """A playbook page; ``page`` may be a field of the row that is clicked."""
    return Link(title, f"{config.playbooks.base_url}/{page}{config.playbooks.suffix}")

"""dashboards/: seven Grafana dashboards, their provisioning, and ConfigMaps for the operator's sidecar.

`panels` says what is shown; `model` what a panel is; `layout` where it stands; `grafana` makes grafanalib's objects of
it, and `cleanup` makes their JSON what Grafana writes today; `provisioning` is how it gets into a Grafana.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ..config import Config
from .cleanup import modern
from .grafana import dashboard
from .panels import DASHBOARDS
from .provisioning import provisioning
from .templating import marks, variables


def built(config: Config) -> dict[str, dict[str, Any]]:
    """The dashboards as Grafana reads them: uid → JSON."""
    refresh = str(config.grafana.refresh)
    models = [make(config) for make in DASHBOARDS]
    return {model.uid: modern(dashboard(model, variables(), marks(config), refresh)) for model in models}


def files(config: Config) -> Mapping[str, str]:
    """Every generated file: path → text."""
    texts = {
        uid: json.dumps(data, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
        for uid, data in built(config).items()
    }
    return {**{f"dashboards/{uid}.json": text for uid, text in texts.items()}, **provisioning(config, texts)}

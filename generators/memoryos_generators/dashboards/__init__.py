"""dashboards/: seven Grafana dashboards, their provisioning, and ConfigMaps for the operator's sidecar.

`panels` says what is shown; `model` what a panel is; `layout` where it stands; `grafana` makes grafanalib's objects of
it, and `cleanup` makes their JSON what Grafana writes today; `provisioning` is how it gets into a Grafana.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from ..config import Config
from .cleanup import modern
from .grafana import dashboard
from .panels import DASHBOARDS
from .provisioning import provisioning
from .templating import marks, variables


def files(config: Config) -> Mapping[str, str]:
    """Every generated file: path → text."""
    built = {}
    for make in DASHBOARDS:
        model = make(config)
        json_model = modern(dashboard(model, variables(), marks(config), str(config.grafana.refresh)))
        built[model.uid] = json.dumps(json_model, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    return {
        **{f"dashboards/{uid}.json": text for uid, text in built.items()},
        **provisioning(config, built),
    }

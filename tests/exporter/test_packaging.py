"""What operators copy: the packaged files use flags and paths that exist."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from memoryos_exporter.cli import _parser
from memoryos_exporter.config import load_targets
from memoryos_exporter.exporter_metrics import ExporterMetrics
from support.programs import ROOT

PACKAGING = ROOT / "exporter" / "packaging"


def test_the_kubernetes_manifest_starts_the_exporter_with_a_configuration_that_it_reads(tmp_path: Path) -> None:
    documents: list[dict[str, Any]] = list(
        yaml.safe_load_all((PACKAGING / "kubernetes/memoryos-exporter.yaml").read_text())
    )
    by_kind = {document["kind"]: document for document in documents}
    (container,) = by_kind["Deployment"]["spec"]["template"]["spec"]["containers"]
    options = _parser().parse_args(container["args"])
    assert options.config == Path("/etc/memoryos-exporter/targets.yml")
    assert options.external_url == f"http://{by_kind['Service']['metadata']['name']}:9943"
    file = tmp_path / "targets.yml"
    file.write_text(by_kind["ConfigMap"]["data"]["targets.yml"])
    assert load_targets(file, ExporterMetrics())


def test_the_image_starts_with_flags_that_exist() -> None:
    (command,) = re.findall(r"^CMD (\[.*\])$", (PACKAGING / "Dockerfile").read_text(), re.MULTILINE)
    assert _parser().parse_args(yaml.safe_load(command)).listen == "0.0.0.0:9943"


def test_compose_mounts_what_is_there_and_starts_with_flags_that_exist() -> None:
    folder = PACKAGING / "compose"
    services = yaml.safe_load((folder / "compose.yaml").read_text())["services"]
    assert _parser().parse_args(services["exporter"]["command"]).demo
    assert (folder / services["exporter"]["build"]["context"] / services["exporter"]["build"]["dockerfile"]).is_file()
    for service in services.values():
        for volume in service.get("volumes", ()):
            assert (folder / volume.split(":")[0]).exists(), volume


def test_grafana_in_compose_finds_the_dashboards_and_the_prometheus_beside_it() -> None:
    folder = PACKAGING / "compose"
    services = yaml.safe_load((folder / "compose.yaml").read_text())["services"]
    mounted = {inside: outside for outside, inside, _ in (each.split(":") for each in services["grafana"]["volumes"])}
    (provider,) = yaml.safe_load((ROOT / "dashboards/provisioning/dashboards/memoryos.yml").read_text())["providers"]
    (source,) = yaml.safe_load((folder / "datasource.yml").read_text())["datasources"]
    (own,) = yaml.safe_load((ROOT / "dashboards/provisioning/datasources/memoryos.yml").read_text())["datasources"]

    assert list((folder / mounted[provider["options"]["path"]]).glob("memoryos-*.json"))
    assert "/etc/grafana/provisioning/datasources/memoryos.yml" in mounted
    assert source["uid"] == own["uid"]
    assert source["url"].removeprefix("http://").partition(":")[0] in services


def test_the_readme_configuration_is_sound(tmp_path: Path) -> None:
    blocks = re.findall(r"```yaml\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    (configuration,) = blocks
    file = tmp_path / "targets.yml"
    file.write_text(re.sub(r"tls: .*", "", configuration))
    assert {"eu-1", "batch"} == load_targets(file, ExporterMetrics()).keys()

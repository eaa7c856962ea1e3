"""A third-party plugin that is broken: the controller runs, and only what uses the plugin does not."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from manifests import analysis, pause, rollout, template, weight

METADATA = "Metadata-Version: 2.1\nName: acme-metrics\nVersion: 3.1.4\n"


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder with an installed distribution whose plugin raises when it is imported."""
    folder = tmp_path / "site"
    info = folder / "acme_metrics-3.1.4.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(METADATA)
    (info / "entry_points.txt").write_text("[gradatim]\ngauge = acme_metrics\n")
    (folder / "acme_metrics.py").write_text('raise RuntimeError("acme needs a newer libacme")\n')
    return folder


def test_only_those_who_use_it_are_told(scene, site):
    folders = [str(site), *filter(None, [os.environ.get("PYTHONPATH")])]
    controller = scene.controllers.start(environment={"PYTHONPATH": os.pathsep.join(folders)})
    assert (
        "plugin gauge (acme-metrics 3.1.4): RuntimeError: acme needs a newer libacme"
        in controller.log
    )
    metric = {"name": "gauge", "provider": {"plugin": {"acme/gauge": {"query": "1"}}}}
    scene.given(
        template(metric),
        rollout(weight(50), analysis(), name="user"),
        rollout(weight(50), pause(), name="other"),
    )
    status = scene.then(phase="Degraded", message="InvalidSpec", name="user")
    assert "plugin gauge (acme-metrics 3.1.4) is installed and cannot be used" in status["message"]
    assert "provider.plugin[acme/gauge]" in status["message"]
    assert scene.sets("user") == {}

    scene.then(phase="Healthy", name="other")
    scene.when_image("app:v2", name="other")
    scene.then(phase="Paused", step=1, name="other")

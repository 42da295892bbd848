"""Composed frames: the same for the same seed, with boxes that lie where the faces are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("cv2", reason="missing: opencv-python-headless")

from hw_anon.core.errors import ConfigError, ContractError
from hw_anon.data.detector_frames import HARD_FRAMES, FrameComposer, FrameSettings
from hw_anon.data.face_labels import FaceLabel
from hw_anon.data.face_pictures import FacePicture

EMPTY = FacePicture(pixels=np.full((64, 64, 3), (40, 60, 40), np.uint8), face=None)


def _person(*, visible_share: float = 1.0) -> FacePicture:
    """A red ellipse on green, 20×28 pixels: the face."""
    row, column = np.mgrid[0:64, 0:64] + 0.5
    pixels = np.where((((column - 34) / 10) ** 2 + ((row - 26) / 14) ** 2 <= 1)[..., None], (200, 10, 10), (10, 90, 10))
    points = ((30, 22), (38, 22), (34, 26), (31, 32), (37, 32))
    label = FaceLabel(box=(24.0, 12.0, 44.0, 40.0), landmarks=points, visible_share=visible_share)  # type: ignore[arg-type]
    return FacePicture(pixels=pixels.astype(np.uint8), face=label)


def _red(frame: np.ndarray) -> np.ndarray:
    values = frame.astype(int)
    return values[..., 0] > 2 * values[..., 1] + 20


def test_equal_seeds_give_equal_frames() -> None:
    first, second = (FrameComposer([EMPTY, _person()]).frame((1, 5)) for _ in range(2))
    other = FrameComposer([EMPTY, _person()]).frame((1, 6))
    np.testing.assert_array_equal(first.frame, second.frame)
    assert (first.faces, first.ignored) == (second.faces, second.ignored)
    assert (first.frame != other.frame).any()
    assert first.frame.shape == (240, 320, 3)


@pytest.mark.parametrize("turn", [0.0, 25.0])
def test_boxes_are_tight_around_the_faces(turn: float) -> None:
    settings = FrameSettings(most_overlays=1, turn_deg=turn, smallest_face=30, largest_face=90)
    composer = FrameComposer([EMPTY] * 50 + [_person()], settings)
    checked = 0
    for seed in range(60):
        item = composer.frame(seed)
        if len(item.faces) != 1 or not item.faces[0].inside(320, 240):
            continue
        rows, columns = np.nonzero(_red(item.frame))
        if len(rows) < 300:
            continue
        box = item.faces[0]
        seen = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
        np.testing.assert_allclose((box.x, box.y, box.right, box.bottom), seen, atol=3.5)
        checked += 1
    assert checked >= 8


def test_faces_come_in_all_sizes_and_some_are_left_out() -> None:
    composer = FrameComposer([EMPTY, _person()])
    items = [composer.frame(seed) for seed in range(80)]
    heights = [face.height for item in items for face in item.faces]
    assert min(heights) < 20
    assert max(heights) > 100
    assert any(item.ignored for item in items)
    assert any(not item.faces for item in items)


def test_hidden_faces_are_not_asked_for() -> None:
    composer = FrameComposer([_person(visible_share=0.2)])
    items = [composer.frame(seed) for seed in range(20)]
    assert not any(item.faces for item in items)
    assert any(item.ignored for item in items)
    nobody = FrameComposer([_person(visible_share=0.0)])
    assert not any(nobody.frame(seed).ignored for seed in range(10))


def test_wrong_settings_and_pictures_are_refused() -> None:
    with pytest.raises(ConfigError, match="largest_face"):
        FrameSettings(smallest_face=50, largest_face=40)
    with pytest.raises(ContractError, match="with faces"):
        FrameComposer([EMPTY])


def test_hard_frames_are_turned_and_hidden_and_say_so() -> None:
    composer = FrameComposer([EMPTY, _person()], replace(HARD_FRAMES, smallest_face=30, asked_from=0))
    traits = [trait for seed in range(60) for trait in composer.frame(seed).traits]
    assert len(traits) > 20
    assert max(trait.turn_deg for trait in traits) > 30
    assert {trait.thing for trait in traits} > {None, "hand"}
    hidden = np.mean([trait.shown for trait in traits if trait.thing])
    assert hidden < np.mean([trait.shown for trait in traits if not trait.thing]) - 0.1
    assert all(trait.yaw == pytest.approx(0.0, abs=1e-6) for trait in traits), "the nose is in the middle"


def test_traits_belong_to_the_faces() -> None:
    composer = FrameComposer([_person()], FrameSettings(turn_deg=0.0, most_overlays=1))
    for seed in range(10):
        item = composer.frame(seed)
        assert len(item.traits) == len(item.faces)
        assert all(trait.turn_deg == pytest.approx(0.0, abs=1e-6) and trait.thing is None for trait in item.traits)

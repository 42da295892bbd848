"""Frames with wanted numbers of faces: sizes, places, and as many as a detector is to find."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("cv2", reason="missing: OpenCV")

from hw_anon.core.errors import ConfigError, ContractError
from hw_anon.data.face_frames import FacePatch, att_patches, compose, frames_with, portrait_patch

WIDTH, HEIGHT = 160, 96
RED = FacePatch(pixels=np.full((90, 80, 3), (255, 0, 0), np.uint8), face_height=50.0, origin="rendered")


def _red(frame: NDArray[np.uint8]) -> NDArray[np.bool_]:
    return (frame == (255, 0, 0)).all(axis=2)


def _parts(frame: NDArray[np.uint8]) -> int:
    import cv2

    return int(cv2.connectedComponents(_red(frame).astype(np.uint8))[0]) - 1


def test_equal_seeds_give_equal_frames_of_the_size_asked_for() -> None:
    frames = [compose([RED], 2, width=WIDTH, height=HEIGHT, rng=np.random.default_rng(seed)) for seed in (5, 5, 6)]
    assert frames[0].shape == (HEIGHT, WIDTH, 3)
    assert frames[0].dtype == np.uint8
    np.testing.assert_array_equal(frames[0], frames[1])
    assert (frames[0] != frames[2]).any()


def test_faces_reach_every_border_and_every_size() -> None:
    rng = np.random.default_rng(1)
    found = [_red(compose([RED], 1, width=WIDTH, height=HEIGHT, rng=rng)) for _ in range(60)]
    for edge in (np.s_[0], np.s_[-1], np.s_[:, 0], np.s_[:, -1]):
        assert any(mask[edge].any() for mask in found)
    assert any(not (mask[0].any() or mask[-1].any() or mask[:, 0].any() or mask[:, -1].any()) for mask in found)
    heights = [int(mask.any(axis=1).sum()) for mask in found]
    assert min(heights) < 25
    assert max(heights) > 80


def test_faces_are_no_larger_than_asked_for() -> None:
    rng = np.random.default_rng(1)
    found = [_red(compose([RED], 1, width=WIDTH, height=HEIGHT, rng=rng, largest=12)) for _ in range(40)]
    heights = [int(mask.any(axis=1).sum()) for mask in found]
    assert max(heights) <= 12 * 90 / 50 + 1 and len(set(heights)) > 3
    with pytest.raises(ConfigError, match="from 8 pixels on"):
        compose([RED], 1, width=WIDTH, height=HEIGHT, rng=rng, largest=7)


def test_as_many_are_found_as_are_wanted() -> None:
    counts = [0, 1, 2, 3, 0]
    frames = list(frames_with(counts, [RED], _parts, width=WIDTH, height=HEIGHT, seed=2))
    assert [_parts(frame) for frame in frames] == counts
    again = frames_with(counts, [RED], _parts, width=WIDTH, height=HEIGHT, seed=2)
    for frame, other in zip(frames, again, strict=True):
        np.testing.assert_array_equal(frame, other)


def test_a_detector_that_never_finds_them_is_no_endless_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hw_anon.data.face_frames._DRAWS", 5)
    with pytest.raises(ConfigError, match="found 1 faces in none of 5"):
        list(frames_with([1], [RED], lambda frame: 0, width=WIDTH, height=HEIGHT, seed=2))


def test_patches_of_real_people() -> None:
    faces = np.random.default_rng(0).integers(0, 256, (3, 2, 112, 92)).astype(np.uint8)
    patches = att_patches(faces, 2, seed=4)
    assert [patch.origin for patch in patches] == ["real", "real"]
    assert all((patch.pixels[..., 0] == patch.pixels[..., 2]).all() for patch in patches)
    with pytest.raises(ContractError, match="expected"):
        att_patches(faces[0], 1, seed=4)


def test_the_portrait_is_cut_around_its_face() -> None:
    pytest.importorskip("skimage", reason="missing: scikit-image")
    patch = portrait_patch()
    assert patch.face_height == 110
    assert 150 < len(patch.pixels) < 220

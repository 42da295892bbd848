"""The differentiable video path: equal to the integer golden model, and its gradients right."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch import Tensor

from hw_anon.core import video_path as golden
from hw_anon.core.boxes import Box
from hw_anon.core.errors import ContractError
from hw_anon.nets.video_path import anonymise_frames, crop_regions, paste_regions

HEIGHT, WIDTH = 60, 80


def as_frames(bytes_: NDArray[np.uint8]) -> Tensor:
    """`[N, H, W, 3]` bytes to `[N, 3, H, W]` in 0..1."""
    return torch.from_numpy(bytes_.astype(np.float32) / np.float32(255)).permute(0, 3, 1, 2)


def as_bytes(images: Tensor) -> NDArray[np.uint8]:
    """The way back; fails if a value is not a whole byte."""
    levels = (images.double() * 255.0).permute(0, 2, 3, 1).numpy()
    assert np.abs(levels - np.rint(levels)).max(initial=0.0) < 1e-4
    return np.rint(levels).astype(np.uint8)


def noise(seed: int, *shape: int) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


@st.composite
def boxes(draw: st.DrawFn) -> Box:
    w, h = draw(st.integers(8, WIDTH)), draw(st.integers(8, HEIGHT))
    return Box(x=draw(st.integers(0, WIDTH - w)), y=draw(st.integers(0, HEIGHT - h)), width=w, height=h)


BATCHES = st.lists(st.lists(boxes(), max_size=3), min_size=1, max_size=3)


def swirl(crops: Tensor) -> Tensor:
    """A modifier on bytes whose every output is whole: permutes channels, mirrors, inverts."""
    return 1.0 - crops.flip(1).flip(3)


def swirl_bytes(crops: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return (255 - crops[:, :, ::-1, ::-1]).astype(np.uint8)


@settings(max_examples=60, deadline=None)
@given(BATCHES, st.sampled_from([7, 16, 64, 100]), st.integers(0, 2**32 - 1))
def test_equals_the_golden_model(regions: list[list[Box]], size: int, seed: int) -> None:
    raw = noise(seed, len(regions), HEIGHT, WIDTH, 3)
    got = as_bytes(anonymise_frames(as_frames(raw), regions, swirl, size=size))
    for i, frame in enumerate(raw):
        want = golden.anonymise(frame, regions[i], swirl_bytes, size=size, max_faces=8)
        np.testing.assert_array_equal(got[i], want.frame)


@settings(max_examples=30, deadline=None)
@given(boxes(), st.sampled_from([7, 64, 100]), st.integers(0, 2**32 - 1))
def test_without_rounding_it_stays_within_the_stated_bounds(box: Box, size: int, seed: int) -> None:
    raw = noise(seed, 1, HEIGHT, WIDTH, 3)
    crop = crop_regions(as_frames(raw), [[box]], size, rounding=False)
    want_crop = golden.crop_resize(raw[0], box, size)
    assert np.abs(crop[0].permute(1, 2, 0).numpy() * 255.0 - want_crop).max() <= 0.5 + 1e-3
    got = anonymise_frames(as_frames(raw), [[box]], swirl, size=size, rounding=False)
    want = golden.anonymise(raw[0], [box], swirl_bytes, size=size, max_faces=1).frame
    assert np.abs(got[0].permute(1, 2, 0).numpy() * 255.0 - want).max() <= 1.0 + 1e-3


@pytest.mark.parametrize("value", [0, 1, 127, 254, 255])
def test_a_constant_stays_constant(value: int) -> None:
    raw = np.full((1, HEIGHT, WIDTH, 3), value, dtype=np.uint8)
    got = anonymise_frames(as_frames(raw), [[Box(x=3, y=5, width=37, height=23)]], lambda crops: crops, size=64)
    np.testing.assert_array_equal(as_bytes(got), raw)


def test_large_boxes_keep_every_bit() -> None:
    raw = noise(1, 1, 720, 1280, 3)
    box = Box(x=101, y=33, width=640, height=600)
    got = as_bytes(anonymise_frames(as_frames(raw), [[box]], swirl, size=256))
    want = golden.anonymise(raw[0], [box], swirl_bytes, size=256, max_faces=1).frame
    np.testing.assert_array_equal(got[0], want)


def test_one_axis_moved_by_a_pixel_is_noticed() -> None:
    raw = noise(2, 1, HEIGHT, WIDTH, 3)
    box, moved = Box(x=10, y=10, width=30, height=20), Box(x=11, y=10, width=30, height=20)
    crops = crop_regions(as_frames(raw), [[moved]], 16)
    assert np.abs(as_bytes(crops)[0].astype(int) - golden.crop_resize(raw[0], box, 16)).max() > 1


def test_frames_without_boxes_pass_and_the_modifier_is_not_called() -> None:
    def modify(crops: Tensor) -> Tensor:
        raise AssertionError

    frames = torch.rand(2, 3, HEIGHT, WIDTH)
    assert torch.equal(anonymise_frames(frames, [[], []], modify, size=16), frames)


def test_pixels_outside_the_boxes_are_not_touched_at_all() -> None:
    frames = torch.rand(2, 3, HEIGHT, WIDTH)
    box = Box(x=4, y=6, width=20, height=10)
    got = anonymise_frames(frames, [[], [box]], lambda crops: torch.zeros_like(crops), size=16)
    want = frames.clone()
    want[1, :, box.rows, box.columns] = 0.0
    assert torch.equal(got, want)


def test_a_modifier_that_overshoots_is_clipped() -> None:
    frames = torch.full((1, 3, HEIGHT, WIDTH), 0.5)
    crops = torch.full((1, 3, 16, 16), 1.5)
    crops[:, :, :8] = -0.5
    pasted = paste_regions(frames, [[Box(x=4, y=4, width=32, height=32)]], crops)
    assert (pasted.min(), pasted.max()) == (0.0, 1.0)


def test_gradcheck_of_the_whole_path() -> None:
    torch.manual_seed(0)
    frames = torch.rand(2, 3, 12, 14, dtype=torch.float64) * 0.8 + 0.1
    regions = [[Box(x=0, y=1, width=9, height=8), Box(x=4, y=3, width=10, height=9)], []]
    gain = torch.rand(3, 1, 1, dtype=torch.float64) * 0.5 + 0.25

    def path(frames: Tensor, gain: Tensor) -> Tensor:
        return anonymise_frames(frames, regions, lambda crops: crops * gain, size=6, rounding=False)

    assert torch.autograd.gradcheck(path, (frames.requires_grad_(), gain.requires_grad_()), fast_mode=True)


def test_rounding_lets_the_gradient_straight_through() -> None:
    raw = as_frames(noise(3, 1, HEIGHT, WIDTH, 3))
    region = [[Box(x=10, y=10, width=30, height=20)]]
    gradients = []
    for rounding in (True, False):
        gain = torch.full((1,), 0.7, requires_grad=True)
        frames = anonymise_frames(raw, region, lambda crops, gain=gain: crops * gain, size=16, rounding=rounding)
        frames.sum().backward()
        assert gain.grad is not None
        gradients.append(gain.grad.item())
    assert gradients[0] == pytest.approx(gradients[1], rel=1e-2)
    assert abs(gradients[1]) > 1.0


def test_covered_boxes_get_no_gradient_where_they_are_covered() -> None:
    frames = torch.rand(1, 3, HEIGHT, WIDTH)
    below, above = Box(x=10, y=10, width=20, height=20), Box(x=8, y=8, width=30, height=30)
    crops = torch.rand(2, 3, 16, 16, requires_grad=True)
    paste_regions(frames, [[below, above]], crops).sum().backward()
    assert crops.grad is not None
    assert crops.grad[0].abs().max() == 0.0
    assert crops.grad[1].abs().min() > 0.0


def test_under_autocast_the_path_stays_exact() -> None:
    raw = noise(4, 1, HEIGHT, WIDTH, 3)
    box = Box(x=10, y=10, width=33, height=21)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        got = anonymise_frames(as_frames(raw), [[box]], swirl, size=16)
    want = golden.anonymise(raw[0], [box], swirl_bytes, size=16, max_faces=1).frame
    np.testing.assert_array_equal(as_bytes(got)[0], want)


def test_errors_name_what_is_wrong() -> None:
    frames = torch.rand(1, 3, HEIGHT, WIDTH)
    box = Box(x=0, y=0, width=16, height=16)
    with pytest.raises(ContractError, match="frame 0"):
        crop_regions(frames, [[Box(x=70, y=0, width=16, height=16)]], 16)
    with pytest.raises(ContractError, match="lists of regions"):
        crop_regions(frames, [[box], [box]], 16)
    with pytest.raises(ContractError, match="expected float"):
        crop_regions((255 * frames).to(torch.uint8), [[box]], 16)
    with pytest.raises(ContractError, match="size is 0"):
        crop_regions(frames, [[box]], 0)
    with pytest.raises(ContractError, match="crops are"):
        paste_regions(frames, [[box]], torch.rand(2, 3, 16, 16))
    with pytest.raises(ContractError, match="answered with"):
        anonymise_frames(frames, [[box]], lambda crops: crops[:, :1], size=16)

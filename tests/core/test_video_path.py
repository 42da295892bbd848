"""The golden model of the video path: properties, a literal register-level model, and a float reference."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from hw_anon.core.boxes import MAX_SIDE, Box
from hw_anon.core.errors import ContractError, DeviceError
from hw_anon.core.frame import Fault
from hw_anon.core.video_path import anonymise, axis_samples, axis_step, crop_resize, downscale, paste, resample

Modify = Callable[[NDArray[np.uint8]], NDArray[np.uint8]]
HEIGHT, WIDTH, SIZE = 48, 64, 16
FRAME_BYTES = st.integers(0, 2**32 - 1).map(
    lambda seed: np.random.default_rng(seed).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
)


@st.composite
def regions(draw: st.DrawFn, width: int = WIDTH, height: int = HEIGHT) -> Box:
    """A region inside the frame, 8 pixels a side at least."""
    w, h = draw(st.integers(8, width)), draw(st.integers(8, height))
    return Box(x=draw(st.integers(0, width - w)), y=draw(st.integers(0, height - h)), width=w, height=h)


def noise(seed: int, *shape: int) -> NDArray[np.uint8]:
    """Seeded random bytes."""
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def register_model(source: int, target: int) -> list[tuple[int, int, int]]:
    """What the RTL does, in 32-bit registers: one division before, one addition a pixel, shifts and masks."""
    step = ((source << 18) + (target >> 1)) // target
    position = (step >> 1) - (1 << 17) + (1 << 9)
    out = []
    for _ in range(target):
        assert -(2**31) <= position < 2**31
        index, weight = position >> 18, (position >> 10) & 255
        left = 0 if index < 0 else min(index, source - 1)
        right = 0 if index + 1 < 0 else min(index + 1, source - 1)
        out.append((left, right, weight))
        position += step
    return out


def float_bilinear(image: NDArray[np.uint8], height: int, width: int) -> NDArray[np.float64]:
    """Bilinear interpolation in real numbers, half-pixel centres, clamped: the textbook."""

    def axis(n: int, m: int) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
        position = np.clip((np.arange(m) + 0.5) * n / m - 0.5, 0, n - 1)
        low = np.floor(position).astype(np.int64)
        return low, np.minimum(low + 1, n - 1), position - low

    top, bottom, wy = axis(image.shape[0], height)
    left, right, wx = axis(image.shape[1], width)
    wx, wy, values = wx[:, None], wy[:, None, None], image.astype(np.float64)
    across = values[:, left] * (1 - wx) + values[:, right] * wx
    return across[top] * (1 - wy) + across[bottom] * wy


def bound(height: int, width: int) -> float:
    """The error bound that the module's docstring states."""
    return 0.5 + 255 * sum(1 / 512 + m / 2**19 for m in (height, width))


@given(st.integers(1, MAX_SIDE), st.integers(1, 700))
@settings(max_examples=200)
def test_axis_equals_the_register_model(source: int, target: int) -> None:
    samples = axis_samples(source, target)
    found = list(zip(samples.left.tolist(), samples.right.tolist(), samples.weight.tolist(), strict=True))
    assert found == register_model(source, target)


@given(st.integers(1, MAX_SIDE), st.integers(1, MAX_SIDE))
@settings(max_examples=200)
def test_axis_is_monotone_in_range_and_close_to_the_exact_position(source: int, target: int) -> None:
    samples = axis_samples(source, target)
    assert samples.left.min() >= 0
    assert samples.right.max() <= source - 1
    assert set(np.unique(samples.right - samples.left)) <= {0, 1}
    assert 0 <= samples.weight.min() <= samples.weight.max() <= 255
    position = samples.left + (samples.right - samples.left) * samples.weight / 256
    assert (np.diff(position) >= 0).all()
    exact = np.clip((np.arange(target) + 0.5) * source / target - 0.5, 0, source - 1)
    assert np.abs(position - exact).max() <= 1 / 512 + target / 2**19


def test_extreme_sides_fit_the_accumulator() -> None:
    for source, target in ((MAX_SIDE, 1), (1, MAX_SIDE), (MAX_SIDE, MAX_SIDE), (MAX_SIDE, MAX_SIDE - 1)):
        assert register_model(source, target)[-1][1] == axis_samples(source, target).right[-1]


@pytest.mark.parametrize(("source", "target"), [(0, 4), (4, 0), (MAX_SIDE + 1, 4), (4, MAX_SIDE + 1), (-1, 4)])
def test_axis_refuses_sides_out_of_range(source: int, target: int) -> None:
    with pytest.raises(ContractError, match="side is"):
        axis_step(source, target)


@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 60), st.integers(1, 60), st.integers(0, 99))
@settings(max_examples=200)
def test_resample_is_close_to_float_and_stays_between_its_neighbours(
    in_h: int, in_w: int, out_h: int, out_w: int, seed: int
) -> None:
    image = noise(seed, in_h, in_w, 3)
    if seed % 3 == 0:
        image = (image > 127).astype(np.uint8) * 255  # the worst case for weights: black beside white
    result = resample(image, out_h, out_w)
    assert result.shape == (out_h, out_w, 3)
    assert np.abs(result - float_bilinear(image, out_h, out_w)).max() <= bound(out_h, out_w)
    rows, columns = axis_samples(in_h, out_h), axis_samples(in_w, out_w)
    corners = [image[y][:, x] for y in (rows.left, rows.right) for x in (columns.left, columns.right)]
    assert (result >= np.min(corners, axis=0)).all()
    assert (result <= np.max(corners, axis=0)).all()


@pytest.mark.parametrize(("height", "width"), [(64, 64), (240, 320), (480, 640), (8, 640)])
def test_stated_error_bound_on_checkerboards(height: int, width: int) -> None:
    board = np.repeat((np.indices((64, 64)).sum(0) % 2 * 255).astype(np.uint8)[..., None], 3, axis=-1)
    error = np.abs(resample(board, height, width) - float_bilinear(board, height, width)).max()
    assert error <= bound(height, width) < 2.2


def test_rounding_is_half_up() -> None:
    """0 and 1 at equal weights give 1, and so do 1, 1, 0, 0 in a square; one of four gives 0."""
    pair = np.array([[[0], [1]]], np.uint8)
    assert resample(pair, 1, 1).item() == 1
    assert resample(np.array([[[0], [1]], [[1], [0]]], np.uint8), 1, 1).item() == 1
    assert resample(np.array([[[0], [1]], [[0], [0]]], np.uint8), 1, 1).item() == 0


def test_a_hand_computed_upscale() -> None:
    """10 → 90 over two pixels, four out: centres at -1/4, 1/4, 3/4, 5/4."""
    assert resample(np.array([[[10], [90]]], np.uint8), 1, 4).ravel().tolist() == [10, 30, 70, 90]


@given(FRAME_BYTES, st.integers(0, WIDTH - SIZE), st.integers(0, HEIGHT - SIZE))
@settings(max_examples=30)
def test_crop_and_paste_of_the_crops_own_size_are_copies(frame: NDArray[np.uint8], x: int, y: int) -> None:
    region = Box(x=x, y=y, width=SIZE, height=SIZE)
    crop = crop_resize(frame, region, SIZE)
    assert (crop == frame[y : y + SIZE, x : x + SIZE]).all()
    assert (paste(frame, region, crop) == frame).all()


@given(regions(), st.integers(0, 255), st.integers(1, 40))
@settings(max_examples=60)
def test_a_constant_stays_constant(region: Box, value: int, size: int) -> None:
    frame = np.full((HEIGHT, WIDTH, 3), value, np.uint8)
    crop = crop_resize(frame, region, size)
    assert (crop == value).all()
    assert (paste(frame, region, crop) == value).all()


@given(FRAME_BYTES, regions())
@settings(max_examples=60)
def test_mirrored_in_mirrored_out_but_for_rounding(frame: NDArray[np.uint8], region: Box) -> None:
    """Half-pixel centres treat left and right alike: only the half-up roundings tell them apart."""
    mirrored = Box(x=WIDTH - region.right, y=region.y, width=region.width, height=region.height)
    one = crop_resize(frame, region, SIZE)
    other = crop_resize(np.ascontiguousarray(frame[:, ::-1]), mirrored, SIZE)[:, ::-1]
    assert np.abs(one.astype(int) - other).max() <= 3


@given(FRAME_BYTES, FRAME_BYTES, regions())
@settings(max_examples=60)
def test_crop_sees_only_its_region(frame: NDArray[np.uint8], other: NDArray[np.uint8], region: Box) -> None:
    changed = other.copy()
    changed[region.rows, region.columns] = frame[region.rows, region.columns]
    assert (crop_resize(frame, region, SIZE) == crop_resize(changed, region, SIZE)).all()


@given(FRAME_BYTES, regions(), st.integers(0, 99))
@settings(max_examples=60)
def test_paste_leaves_everything_outside_alone(frame: NDArray[np.uint8], region: Box, seed: int) -> None:
    before = frame.copy()
    result = paste(frame, region, noise(seed, SIZE, SIZE, 3))
    assert (frame == before).all(), "the input is not changed in place"
    outside = np.ones((HEIGHT, WIDTH), bool)
    outside[region.rows, region.columns] = False
    assert (result[outside] == frame[outside]).all()


@given(FRAME_BYTES, FRAME_BYTES, st.lists(regions(), max_size=4), st.integers(0, 99))
@settings(max_examples=60)
def test_p1_raw_pixels_under_the_boxes_never_show(
    frame: NDArray[np.uint8], other: NDArray[np.uint8], boxes: list[Box], seed: int
) -> None:
    """Miter: two frames that differ only inside the boxes, the same modifier outputs: the same bytes."""
    under = frame.copy()
    for box in boxes:
        under[box.rows, box.columns] = other[box.rows, box.columns]
    outputs = noise(seed, len(boxes), SIZE, SIZE, 3)
    one = anonymise(frame, boxes, lambda _: outputs, size=SIZE, max_faces=4)
    two = anonymise(under, boxes, lambda _: outputs, size=SIZE, max_faces=4)
    assert one.equals(two)
    assert one.fault is Fault.NONE
    assert one.boxes == tuple(boxes)


@given(FRAME_BYTES, regions(), regions())
@settings(max_examples=60)
def test_overlap_crops_are_raw_and_the_later_box_is_on_top(frame: NDArray[np.uint8], first: Box, second: Box) -> None:
    seen: list[NDArray[np.uint8]] = []

    def modify(crops: NDArray[np.uint8]) -> NDArray[np.uint8]:
        seen.append(crops)
        return np.stack([np.full_like(crops[0], 1), np.full_like(crops[0], 2)])

    result = anonymise(frame, [first, second], modify, size=SIZE, max_faces=2).frame
    assert (seen[0][1] == crop_resize(frame, second, SIZE)).all(), "taken before the first paste"
    expected = frame.copy()
    expected[first.rows, first.columns] = 1
    expected[second.rows, second.columns] = 2
    assert (result == expected).all()


def test_anonymise_is_crop_modify_paste() -> None:
    frame, region = noise(1, HEIGHT, WIDTH, 3), Box(x=5, y=9, width=30, height=23)
    result = anonymise(frame, [region], lambda crops: 255 - crops, size=SIZE, max_faces=1, number=41)
    assert result.number == 41
    assert (result.frame == paste(frame, region, 255 - crop_resize(frame, region, SIZE))).all()


def test_without_faces_the_frame_passes_and_the_modifier_rests() -> None:
    frame = noise(2, HEIGHT, WIDTH, 3)

    def modify(_: NDArray[np.uint8]) -> NDArray[np.uint8]:
        raise AssertionError("called without a face")

    result = anonymise(frame, [], modify, size=SIZE, max_faces=4)
    assert (result.frame == frame).all()
    assert result.frame is not frame


def _silent(_: NDArray[np.uint8]) -> NDArray[np.uint8]:
    raise DeviceError("no answer")


REGION = Box(x=0, y=0, width=8, height=8)


@pytest.mark.parametrize(
    ("boxes", "modify", "fault"),
    [
        ([REGION] * 3, lambda c: c, Fault.TOO_MANY_FACES),
        ([Box(x=60, y=0, width=8, height=8)], lambda c: c, Fault.INVALID_REGION),
        ([Box(x=0, y=-1, width=8, height=8)], lambda c: c, Fault.INVALID_REGION),
        ([Box(x=0, y=0, width=7, height=8)], lambda c: c, Fault.INVALID_REGION),
        ([REGION], _silent, Fault.MODIFIER_TIMEOUT),
        ([REGION], lambda c: c[:0], Fault.MODIFIER_LENGTH),
        ([REGION], lambda c: c[:, 1:], Fault.MODIFIER_LENGTH),
        ([REGION], lambda c: c.astype(np.int32), Fault.MODIFIER_LENGTH),
    ],
)
def test_p2_fails_closed(boxes: list[Box], modify: Modify, fault: Fault) -> None:
    result = anonymise(noise(3, HEIGHT, WIDTH, 3), boxes, modify, size=SIZE, max_faces=2, number=5)
    assert (result.fault, result.number, result.boxes) == (fault, 5, ())
    assert result.frame.shape == (HEIGHT, WIDTH, 3)
    assert not result.frame.any()


def test_anonymise_refuses_what_is_no_frame() -> None:
    with pytest.raises(ContractError, match=r"expected uint8 \[H, W, 3\]"):
        anonymise(noise(0, HEIGHT, WIDTH), [], lambda c: c, size=SIZE, max_faces=1)


@pytest.mark.parametrize(
    "region", [Box(x=57, y=0, width=8, height=8), Box(x=0, y=41, width=8, height=8), Box(x=0, y=0, width=8, height=7)]
)
def test_crop_and_paste_refuse_bad_regions(region: Box) -> None:
    frame = noise(0, HEIGHT, WIDTH, 3)
    with pytest.raises(ContractError, match="not inside 64×48"):
        crop_resize(frame, region, SIZE)
    with pytest.raises(ContractError, match="not inside 64×48"):
        paste(frame, region, noise(0, SIZE, SIZE, 3))


@pytest.mark.parametrize("shape", [(16, 17, 3), (16, 16, 4), (16, 16)])
def test_paste_refuses_bad_crops(shape: tuple[int, ...]) -> None:
    with pytest.raises(ContractError, match="crop is uint8"):
        paste(noise(0, HEIGHT, WIDTH, 3), REGION, noise(0, *shape))


@given(FRAME_BYTES)
@settings(max_examples=20)
def test_downscale_rounds_the_mean_half_up(frame: NDArray[np.uint8]) -> None:
    result = downscale(frame)
    mean = frame.reshape(HEIGHT // 2, 2, WIDTH // 2, 2, 3).mean(axis=(1, 3))
    assert (result == np.floor(mean + 0.5)).all()


def test_downscale_limits() -> None:
    assert (downscale(np.full((8, 8, 3), 255, np.uint8)) == 255).all()
    with pytest.raises(ContractError, match="even sides"):
        downscale(noise(0, 9, 8, 3))

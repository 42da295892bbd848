"""The paper's hand-made anonymisers: what each does to pixels, and that only the seed decides the noise."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("cv2", reason="missing: opencv-python-headless")
pytest.importorskip("skimage", reason="missing: scikit-image")

from hw_anon.core.errors import ConfigError, ContractError
from hw_anon.data.portrait import portrait_crops
from hw_anon.evaluate.baselines import (
    BASELINE_NAMES,
    Blur,
    Edge,
    Mask,
    Noise,
    Superpixel,
    baseline_order,
    is_baseline,
    make_baseline,
)


@pytest.fixture(scope="module")
def crops() -> NDArray[np.uint8]:
    return portrait_crops(3, 96, seed=1)


@pytest.mark.parametrize("name", BASELINE_NAMES)
def test_keeps_the_interface_and_is_deterministic(name: str, crops: NDArray[np.uint8]) -> None:
    before = crops.copy()
    first, again = make_baseline(name, seed=3).modify(crops), make_baseline(name, seed=3).modify(crops)
    assert first.shape == crops.shape
    assert first.dtype == np.uint8
    assert not np.shares_memory(first, crops)
    np.testing.assert_array_equal(first, again)
    np.testing.assert_array_equal(crops, before)
    assert make_baseline(name).name == name
    one_by_one = np.concatenate([make_baseline(name, seed=3).modify(crop[None]) for crop in crops[::-1]])[::-1]
    np.testing.assert_array_equal(first, one_by_one, err_msg="a crop's result depends on the crop alone")
    assert np.array_equal(first, crops) == (name == "original")


@pytest.mark.parametrize("name", BASELINE_NAMES)
@pytest.mark.parametrize("bad", [np.zeros((1, 64, 64, 3), np.float32), np.zeros((1, 64, 48, 3), np.uint8)])
def test_refuses_what_is_no_batch_of_square_crops(name: str, bad: NDArray[np.uint8]) -> None:
    with pytest.raises(ContractError, match="crops must be"):
        make_baseline(name).modify(bad)


@pytest.mark.parametrize("name", BASELINE_NAMES)
def test_opencv_5_serves_as_well(name: str, crops: NDArray[np.uint8], monkeypatch: pytest.MonkeyPatch) -> None:
    before = make_baseline(name).modify(crops)
    monkeypatch.setattr("cv2.__version__", "5.0.0")
    np.testing.assert_array_equal(make_baseline(name).modify(crops), before)


def test_blur_keeps_cell_means_and_nothing_finer() -> None:
    checker = (np.indices((64, 64)) // 4).sum(axis=0) % 2 * 255  # two by two squares to a cell
    flat = Blur(size=8).modify(np.repeat(checker[None, ..., None], 3, axis=-1).astype(np.uint8))
    assert flat.min() == flat.max()
    assert int(flat[0, 0, 0, 0]) in (127, 128)
    cells = np.repeat(np.repeat(np.arange(64).reshape(8, 8) * 4, 8, axis=0), 8, axis=1)
    blurred = Blur(size=8).modify(np.repeat(cells[None, ..., None], 3, axis=-1).astype(np.uint8))
    assert abs(int(blurred[0, 0, 0, 0]) - 0) <= 1
    assert abs(int(blurred[0, -1, -1, 0]) - 252) <= 1
    with pytest.raises(ContractError, match="at least 8"):
        Blur(size=8).modify(np.zeros((1, 4, 4, 3), np.uint8))


def test_fewer_pixels_keep_less(crops: NDArray[np.uint8]) -> None:
    distances = [np.abs(Blur(size=n).modify(crops).astype(int) - crops).mean() for n in (24, 16, 8)]
    assert distances == sorted(distances)
    assert distances[0] > 1


@pytest.mark.parametrize("variance", [0.1, 0.3])
def test_noise_has_its_variance(variance: float) -> None:
    """On mid-grey of side 96 (a cell is a pixel) the noise is normal with σ, clipped to ±1/2."""
    grey = np.full((4, 96, 96, 3), 128, np.uint8)
    grey[:, 0, 0, 0] = np.arange(4)  # different crops have different noise
    noise = Noise(variance=variance).modify(grey).astype(float) / 255 - 128 / 255
    sigma, draws = variance**0.5, np.random.default_rng(0).normal(0, 1, 1_000_000)
    expected = np.clip(draws * sigma, -128 / 255, 127 / 255)
    assert noise.std() == pytest.approx(expected.std(), rel=0.01)
    assert noise.mean() == pytest.approx(0, abs=0.01)
    correlation = np.corrcoef(noise[0].ravel(), noise[1].ravel())[0, 1]
    assert abs(correlation) < 0.03, "no two pictures share their noise"
    assert np.any(Noise(variance=variance, seed=1).modify(grey) != Noise(variance=variance).modify(grey))


def test_mask_is_black(crops: NDArray[np.uint8]) -> None:
    assert not Mask().modify(crops).any()


def test_superpixels_are_few_flat_regions_of_the_mean_colour(crops: NDArray[np.uint8]) -> None:
    out = Superpixel(segments=30).modify(crops)
    for before, after in zip(crops, out, strict=True):
        colours = np.unique(after.reshape(-1, 3), axis=0)
        assert 5 <= len(colours) <= 60
        for colour in colours[:5]:
            inside = np.all(after == colour, axis=-1)
            np.testing.assert_allclose(before[inside].mean(axis=0), colour, atol=0.51)


def test_edges_are_white_lines_on_black() -> None:
    step = np.zeros((1, 96, 96, 3), np.uint8)
    step[:, :, 48:] = 255
    out = Edge().modify(step)
    assert set(np.unique(out)) == {0, 255}
    columns = np.flatnonzero(out[0, 48, :, 0])
    assert 1 <= len(columns) <= 3
    assert abs(columns.mean() - 47.5) <= 1.5
    assert not Edge().modify(np.full((1, 96, 96, 3), 200, np.uint8)).any()


def test_unknown_names_and_parameters_are_refused() -> None:
    with pytest.raises(ConfigError, match="did you mean blur-8"):
        make_baseline("blur8")
    for maker in (lambda: Blur(size=0), lambda: Noise(variance=0), lambda: Superpixel(segments=0)):
        with pytest.raises(ConfigError, match="allowed range"):
            maker()


def test_families_have_other_members_by_their_parameter(crops: NDArray[np.uint8]) -> None:
    assert make_baseline("blur-6") == Blur(size=6)
    assert make_baseline("noise-0.05", seed=2) == Noise(variance=0.05, seed=2)
    assert make_baseline("superpixel-60") == Superpixel(segments=60)
    for name in ("blur-06", "blur-6.5", "blur-0", "noise-0", "noise-100", "noise-.1", "mask-1", "blur", "ours-edge"):
        assert not is_baseline(name)
        with pytest.raises(ConfigError, match="there is no baseline"):
            make_baseline(name)


def test_tables_list_baselines_by_family_and_strength() -> None:
    assert sorted(sorted(BASELINE_NAMES), key=baseline_order) == list(BASELINE_NAMES)
    mixed = ["ours", "mask", "blur-6", "noise-0.05", "blur-24", "original"]
    assert sorted(mixed, key=baseline_order) == ["original", "blur-24", "blur-6", "noise-0.05", "mask", "ours"]

"""The projection: exact in float32, close to the trained network, and lossless where it says so."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="missing: torch")
pytest.importorskip("brevitas", reason="missing: brevitas")

from numpy.typing import NDArray  # noqa: E402

from quant.bn_projection import GAIN_TOLERANCE, AffineProjection, code_range, project, project_affine  # noqa: E402
from quant.modifier import ModifierConfig  # noqa: E402
from quant.rules import check_projected  # noqa: E402
from quant.zoo import random_net  # noqa: E402

QUANTISERS = [(2, False), (4, False), (8, False), (2, True), (5, True), (8, True)]
TINY = ModifierConfig(input_size=32, widths=(4, 6, 8), blocks=1)


def codes(gain: NDArray, offset: NDArray, accumulators: NDArray, low: int, high: int) -> NDArray:
    return np.clip(np.round(accumulators * gain[:, None] + offset[:, None]), low, high)


def draw(seed: int, bits: int, signed: bool, gains: tuple[float, float], bound: float) -> tuple:
    rng = np.random.default_rng(seed)
    low, high = code_range(bits, signed=signed)
    count = 400
    gain = np.exp(rng.uniform(*np.log(gains), count))
    mean = np.round(bound * rng.uniform(-0.2, 0.2, count))
    centre = rng.uniform(low, high, count)
    bounds = np.full(count, float(bound))
    return gain, centre - gain * mean, centre, bounds, low, high


def accumulators_near(affine: AffineProjection, bounds: NDArray, low: int, high: int) -> NDArray:
    """The integers on both sides of every threshold, and the ends."""
    boundaries = np.arange(low + 1, high + 1)[None] - 0.5
    thresholds = (boundaries - affine.offset[:, None]) / affine.gain[:, None]
    near = np.concatenate([np.floor(thresholds), np.ceil(thresholds), -bounds[:, None], bounds[:, None]], 1)
    return np.clip(near, -bounds[:, None], bounds[:, None])


@pytest.mark.parametrize(("bits", "signed"), QUANTISERS)
def test_thresholds_keep_half_a_grid_step_from_every_integer(bits: int, signed: bool) -> None:
    gain, offset, centre, bounds, low, high = draw(1, bits, signed, (0.005, 4.0), 20_000)
    affine = project_affine(gain, offset, centre, bounds, low=low, high=high)
    boundaries = np.arange(low + 1, high + 1)[None] - 0.5
    thresholds = (boundaries - affine.offset[:, None]) / affine.gain[:, None]
    kept = ~affine.constant
    distance = np.abs(thresholds - np.round(thresholds)) * 2 * affine.grid[:, None]
    assert kept.sum() > 300
    assert distance[kept].min() > 1 - 1e-6
    grid_position = (thresholds * affine.grid[:, None] - 0.5)[kept]
    assert np.allclose(grid_position, np.round(grid_position), atol=1e-4), "thresholds sit at (n + 1/2) / q"


@pytest.mark.parametrize(("bits", "signed"), QUANTISERS)
def test_float32_gives_the_exact_codes(bits: int, signed: bool) -> None:
    gain, offset, centre, bounds, low, high = draw(2, bits, signed, (1e-6, 600.0), 30_000)
    affine = project_affine(gain, offset, centre, bounds, low=low, high=high)
    near = accumulators_near(affine, bounds, low, high)
    single = (
        near.astype(np.float32) * affine.gain.astype(np.float32)[:, None] + affine.offset.astype(np.float32)[:, None]
    )
    assert single.dtype == np.float32
    # Huge gains far from 0 are refused by the rules; float32 cannot hold `g a` there.
    sound = affine.gain * bounds < 2**23
    exact = codes(affine.gain, affine.offset, near, low, high)
    assert np.array_equal(np.clip(np.round(single), low, high)[sound], exact[sound])


@pytest.mark.parametrize(("bits", "signed"), QUANTISERS)
def test_projected_codes_stay_close(bits: int, signed: bool) -> None:
    gain, offset, centre, bounds, low, high = draw(3, bits, signed, (0.02, 2.0), 3_000)
    affine = project_affine(gain, offset, centre, bounds, low=low, high=high)
    grid = np.tile(np.arange(-3000, 3001.0), (len(gain), 1))
    difference = np.abs(codes(gain, offset, grid, low, high) - codes(affine.gain, affine.offset, grid, low, high))
    assert difference.max() <= 1 + GAIN_TOLERANCE * 2 * (high - low)
    assert affine.change.max() < 2 * GAIN_TOLERANCE + 1 / 64


@pytest.mark.parametrize(("bits", "signed"), QUANTISERS)
def test_huge_gains_are_clamped_without_loss(bits: int, signed: bool) -> None:
    """Several thresholds fall between the same two integers: the codes are those of the true gain (± rounding)."""
    levels = 2**bits
    gain, offset, centre, bounds, low, high = draw(4, bits, signed, (1.2 * levels, 1e4), 500)
    affine = project_affine(gain, offset, centre, bounds, low=low, high=high)
    grid = np.tile(np.arange(-500, 501.0), (len(gain), 1))
    before, after = codes(gain, offset, grid, low, high), codes(affine.gain, affine.offset, grid, low, high)
    assert np.abs(before - after).max() <= 1
    assert (before != after).sum() <= len(gain)
    assert affine.gain.max() <= levels
    assert affine.change.max() == 0


@pytest.mark.parametrize("code", [0, 7, 15])
def test_gain_zero_gives_one_code_everywhere(code: int) -> None:
    affine = project_affine(
        np.zeros(1), np.array([code + 0.3]), np.array([code + 0.3]), np.array([1e5]), low=0, high=15
    )
    assert affine.constant.all()
    assert affine.gain[0] > 0
    ends = np.array([[-1e5, 0.0, 1e5]])
    assert np.array_equal(codes(affine.gain, affine.offset, ends, 0, 15), np.full((1, 3), code))


def test_weak_channels_are_raised_to_what_float32_resolves_or_become_constant() -> None:
    gain = np.array([1e-6, 1e-6])
    centre, bounds = np.array([7.4999, 7.4999]), np.array([1e5, 3e6])
    affine = project_affine(gain, centre.copy(), centre, bounds, low=0, high=15)
    assert affine.constant.tolist() == [True, False]
    assert affine.clamped.tolist() == [False, True]
    near = accumulators_near(affine, bounds, 0, 15)
    single = (
        near.astype(np.float32) * affine.gain.astype(np.float32)[:, None] + affine.offset.astype(np.float32)[:, None]
    )
    assert np.array_equal(np.clip(np.round(single), 0, 15), codes(affine.gain, affine.offset, near, 0, 15))


def test_dead_and_negative_channels_of_a_network() -> None:
    net = random_net(5, TINY)
    with torch.no_grad():
        net.stem[1].bn.weight[0] = 0.0
        net.stem[1].conv.weight[1] = 0.0
        net.stem[1].bn.weight[2:] = -net.stem[1].bn.weight[2:].abs()
    integer = project(net)
    layer = next(entry for entry in integer.layers if entry.layer == "stem.1")
    assert layer.constant_channels == 2
    assert layer.negated_channels == TINY.widths[1] - 2 + int(net.stem[1].bn.weight[1] < 0)
    assert check_projected(integer) == []
    image = torch.randint(0, 256, (4, 32, 32, 3)).float()
    with torch.no_grad():
        hidden = integer.net.stem[:2](image.permute(0, 3, 1, 2))
    assert all(len(hidden[:, channel].unique()) == 1 for channel in (0, 1))
    with torch.no_grad():
        trained = net.stem[:2](image.permute(0, 3, 1, 2) / 255)
    step = float(net.stem[1].act.act_quant.scale())
    assert torch.equal(hidden[:, :2], (trained[:, :2] / step).round())


def test_projection_leaves_the_network_alone() -> None:
    net = random_net(6, TINY)
    before = {key: value.clone() for key, value in net.state_dict().items()}
    project(net)
    assert all(torch.equal(value, before[key]) for key, value in net.state_dict().items())


@pytest.mark.parametrize("seed", range(4))
def test_float32_equals_float64_on_random_networks(seed: int) -> None:
    integer = project(random_net(seed))
    shape = (2, *integer.topology().input_shape, 3)
    image = torch.randint(0, 256, shape, generator=torch.Generator().manual_seed(seed)).float()
    with torch.no_grad():
        single = integer(image)
        double = integer.double()(image.double())
    assert torch.equal(single.double(), double)
    assert torch.equal(single, single.round())

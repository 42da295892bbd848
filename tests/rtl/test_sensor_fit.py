"""`sensor_fit`: equal to its golden model for every order of colours, and malformed video stays malformed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from hls.sim.simulator import Simulator, Stalls
from hls.sim.toolchain import find_toolchain
from hw_anon.core.errors import ToolError
from hw_anon.core.sensor import SensorFit, fit_frame
from tests.rtl.harness import kernel_interface, port, seeded, simulator, verilog_parameters
from tests.rtl.video import BENCHES, video_source

pytestmark = pytest.mark.sim

TUSER, TLAST = 1 << 24, 1 << 25
SMALL = {"source_width": 20, "source_height": 14}
FITS = {
    "rgb_3": SensorFit(**SMALL, width=4, height=3, factor=3),
    "rgb_8": SensorFit(source_width=33, source_height=18, width=2, height=2, factor=8),
    "rggb": SensorFit(**SMALL, width=6, height=4, factor=2, bayer="rggb"),
    "grbg": SensorFit(**SMALL, width=10, height=7, factor=2, bayer="grbg"),
    "gbrg": SensorFit(**SMALL, width=5, height=2, factor=4, bayer="gbrg"),
    "bggr": SensorFit(**SMALL, width=9, height=6, factor=2, bayer="bggr"),
}
RATES = (Stalls(), Stalls(input_per_mille=500, seed=5))


def _samples(fit: SensorFit, count: int, seed: int) -> NDArray[np.uint8]:
    """Random frames of the sensor, one of them all white."""
    shape = (count, fit.source_height, fit.source_width) + ((3,) if fit.bayer == "none" else ())
    frames = np.random.default_rng(seed).integers(0, 256, shape).astype(np.uint8)
    frames[count // 2] = 255
    return frames


def _words(samples: NDArray[np.uint8]) -> NDArray[np.int64]:
    """A frame's beats: red, blue, green from the top, or one sample; and the marks."""
    values = samples.astype(np.int64)
    words = values if values.ndim == 2 else values[..., 0] << 16 | values[..., 2] << 8 | values[..., 1]
    words = words.copy()
    words[:, -1] |= TLAST
    words.flat[0] |= TUSER
    return words.reshape(-1)


def _frame_words(frame: NDArray[np.uint8]) -> NDArray[np.int64]:
    """The beats that the camera gets for a good frame."""
    words = np.dot(frame.astype(np.int64), [1, 1 << 8, 1 << 16])
    words[:, -1] |= TLAST
    words[0, 0] |= TUSER
    return words.reshape(-1)


def _design(fit: SensorFit, beats: tuple[int, int], cache: Path, *, source: Path | None = None) -> Simulator:
    interface = kernel_interface(
        "sensor_fit_bench", [port("s_axis", (beats[0],), 26)], [port("m_axis", (beats[1],), 26)]
    )
    parameters = {
        "SourceWidth": fit.source_width,
        "SourceHeight": fit.source_height,
        "Width": fit.width,
        "Height": fit.height,
        "Factor": fit.factor,
        "Every": fit.every,
        "Bayer": f"1'b{int(fit.bayer != 'none')}",
        "RedColumn": f"1'b{fit.red[0]}",
        "RedRow": f"1'b{fit.red[1]}",
    }
    sources = [source or video_source("sensor_fit"), BENCHES / "sensor_fit_bench.sv"]
    return simulator(interface, cache, parameters=parameters, sources=sources)


@pytest.mark.parametrize("name", FITS)
def test_frames_equal_the_golden_model(name: str, sim_cache: Path) -> None:
    fit = FITS[name]
    frames = _samples(fit, 5, 11)
    expected = np.stack([_frame_words(fit_frame(frame, fit)) for frame in frames])
    with _design(fit, (fit.source_width * fit.source_height, fit.width * fit.height), sim_cache) as design:
        for stalls in RATES:
            found = design.run(np.stack([_words(frame) for frame in frames]), stalls=stalls).outputs[0]
            np.testing.assert_array_equal(found, expected)


def test_one_frame_of_three_is_kept(sim_cache: Path) -> None:
    fit = replace(FITS["bggr"], every=3)
    frames = _samples(fit, 7, 12)
    sent = np.concatenate([_words(frame) for frame in frames])
    expected = np.concatenate([_frame_words(fit_frame(frame, fit)) for frame in frames[::3]])
    with _design(fit, (len(sent), len(expected)), sim_cache) as design:
        np.testing.assert_array_equal(design.run(sent[None]).outputs[0][0], expected)


def test_nothing_comes_before_a_start_of_frame_and_a_cut_frame_stays_cut(sim_cache: Path) -> None:
    """Half a frame without its start, a frame that ends early, then a good one: the last alone is whole."""
    fit = FITS["rggb"]
    cut, good = _samples(fit, 2, 3)
    left, upper = fit.offset
    rows = 8  # of the source: four rows of blocks, of which `upper` come before the frame
    sent = np.concatenate([_words(good)[30:], _words(cut)[: rows * fit.source_width], _words(good)])
    kept = _frame_words(fit_frame(cut, fit))[: (rows // fit.factor - upper) * fit.width]
    expected = np.concatenate([kept, _frame_words(fit_frame(good, fit))])
    assert (left, upper) == (2, 1)
    with _design(fit, (len(sent), len(expected)), sim_cache) as design:
        np.testing.assert_array_equal(design.run(sent[None]).outputs[0][0], expected)


def test_a_short_line_leaves_a_line_without_its_end(sim_cache: Path) -> None:
    """The camera sees a line that is too long, and delivers the frame black."""
    fit = FITS["grbg"]
    good, bad = _samples(fit, 2, 4)
    lines = _words(bad).reshape(fit.source_height, fit.source_width)
    short = lines[3, :12].copy()
    short[-1] |= TLAST
    sent = np.concatenate([*lines[:3], short, *lines[4:], _words(good)])
    with _design(fit, (len(sent), (fit.height + fit.height) * fit.width - 4), sim_cache) as design:
        found = design.run(sent[None]).outputs[0][0]
    ends = np.flatnonzero(found & TLAST)
    assert np.diff(ends)[0] == 2 * fit.width - 4, "one end is missing"
    np.testing.assert_array_equal(found[-fit.width * fit.height :], _frame_words(fit_frame(good, fit)))


def test_long_lines_and_frames_lose_their_excess_only(sim_cache: Path) -> None:
    fit = FITS["bggr"]
    (frame,) = _samples(fit, 1, 5)
    larger = np.pad(frame, ((0, 4), (0, 6)), constant_values=77)
    sent = np.concatenate([_words(larger), _words(larger)])
    expected = np.tile(_frame_words(fit_frame(frame, fit)), 2)
    with _design(fit, (len(sent), len(expected)), sim_cache) as design:
        np.testing.assert_array_equal(design.run(sent[None]).outputs[0][0], expected)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("red_column != red_row", "red_column == red_row"),
        ("(total[c] + SumWidth'(Many[c] / 2))", "total[c]"),
        ("(at_down_q == '0 ? '0 : above_q[c])", "above_q[c]"),
    ],
)
def test_the_comparison_sees_seeded_bugs(old: str, new: str, sim_cache: Path, tmp_path: Path) -> None:
    fit = FITS["rggb"]
    frames = _samples(fit, 3, 6)
    expected = np.stack([_frame_words(fit_frame(frame, fit)) for frame in frames])
    source = seeded(video_source("sensor_fit"), old, new, tmp_path)
    with _design(fit, (20 * 14, fit.width * fit.height), sim_cache, source=source) as design:
        found = design.run(np.stack([_words(frame) for frame in frames])).outputs[0]
    assert not np.array_equal(found, expected)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"Factor": 0}, "Factor = 0"),
        ({"Factor": 9, "SourceWidth": 4000, "SourceHeight": 4000}, "Factor = 9"),
        ({"Factor": 3, "Bayer": "1'b1"}, "even for Bayer"),
        ({"Factor": 5}, "do not fit"),
        ({"Width": 1}, "do not fit"),
        ({"Every": 17}, "Every = 17"),
        ({"DataWidth": 8}, "must not be set"),
    ],
)
def test_bad_parameters_are_refused(parameters: dict[str, int | str], message: str, tmp_path: Path) -> None:
    settings = [f"-G{name}={value}" for name, value in verilog_parameters(parameters)]
    arguments = ["--lint-only", "--no-timing", "-Wno-fatal", "-Wno-lint", "--top-module", "sensor_fit", *settings]
    with pytest.raises(ToolError, match=message):
        find_toolchain().verilate([*arguments, str(video_source("sensor_fit"))], cwd=tmp_path)

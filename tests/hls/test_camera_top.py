"""The generated camera top: refused networks, the same text for the same camera, and frames as the model's."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from hls.camera import TOP_MODULE, camera_sources, render_top
from hls.interface import DesignInterface, StreamPort
from hls.sim.simulator import Simulator, Stalls
from hls.sim.toolchain import find_toolchain
from hls.sim.verilate import SimulatorOptions, build_simulator
from hw_anon.core.box_decode import cell_shape, encode
from hw_anon.core.boxes import Box
from hw_anon.core.camera import CameraConfig, NetworkTiming
from hw_anon.core.camera_model import CameraModel, concatenate, frame_beats
from hw_anon.core.errors import ConfigError, ContractError
from hw_anon.core.key_source import simulated_keys
from hw_anon.core.metadata import Metadata, pack_metadata

BENCH = Path(__file__).parents[1] / "rtl" / "benches" / "camera_networks.sv"
BUILD_ID = "00112233445566778899aabbccddeeff"
TIMING = NetworkTiming(interval_cycles=5000, latency_cycles=5000)
CONFIG = CameraConfig(
    detector=TIMING, modifier=TIMING, width=80, height=48, crop_size=8, max_faces=2, threshold=230, key_channels=1
)


def _port(name: str, shape: tuple[int, ...], elements: int, *, has_tlast: bool = False) -> StreamPort:
    return StreamPort(
        name=name,
        element_bits=8,
        elements_per_beat=elements,
        signed=False,
        shape=shape,
        tdata_bits=8 * elements,
        has_tlast=has_tlast,
    )


DETECTOR = DesignInterface(
    top="bench_detector",
    inputs=(_port("s_axis", (24, 40, 3), 1),),
    outputs=(_port("m_axis", (3, 5, 5), 1, has_tlast=True),),
)
MODIFIER = DesignInterface(
    top="bench_modifier",
    inputs=(_port("s_axis", (8, 8, 4), 4),),
    outputs=(_port("m_axis", (8, 8, 3), 3, has_tlast=True),),
)


def bench_interface(config: CameraConfig) -> DesignInterface:
    """Returns the ports of the bench around a camera with two faces at most."""
    shape = (config.height, config.width, 4)
    return DesignInterface(
        top="camera_top_bench",
        inputs=(_port("s_video", shape, 4),),
        outputs=(_port("m_frame", shape, 4), _port("m_meta", (24,), 24)),
        clock="clk_i",
        reset_n="rst_ni",
    )


def _render(**changed: DesignInterface) -> str:
    return render_top(CONFIG, **{"detector": DETECTOR, "modifier": MODIFIER, **changed}, build_id=BUILD_ID)


def _with_output(design: DesignInterface, change: Callable[[StreamPort], StreamPort]) -> DesignInterface:
    return replace(design, outputs=tuple(change(port) for port in design.outputs))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"detector": MODIFIER}, r"face detector takes unsigned 8-bit \[8, 8, 4\]; the camera needs .*\[24, 40, 3\]"),
        ({"modifier": DETECTOR}, r"face modifier takes unsigned 8-bit \[24, 40, 3\]"),
        (
            {"detector": _with_output(DETECTOR, lambda port: replace(port, signed=True))},
            r"face detector gives signed 8-bit \[3, 5, 5\]",
        ),
        (
            {"modifier": _with_output(MODIFIER, lambda port: replace(port, has_tlast=False))},
            "face modifier's output has no tlast",
        ),
        (
            {"modifier": _with_output(MODIFIER, lambda port: replace(port, elements_per_beat=2, tdata_bits=16))},
            "2 elements a beat; that does not divide its 3 channels",
        ),
        ({"modifier": _with_output(MODIFIER, lambda port: replace(port, tdata_bits=32))}, "has padding: 32 bits"),
        ({"detector": replace(DETECTOR, outputs=DETECTOR.outputs * 2)}, "1 inputs and 2 outputs"),
    ],
)
def test_networks_that_do_not_fit_are_refused(changed: dict[str, DesignInterface], message: str) -> None:
    with pytest.raises(ContractError, match=message):
        _render(**changed)


def test_a_build_id_that_is_none_is_refused() -> None:
    with pytest.raises(ConfigError, match="32 hex digits"):
        render_top(CONFIG, detector=DETECTOR, modifier=MODIFIER, build_id="1234")


def test_the_text_says_what_the_configuration_says() -> None:
    text = _render()
    assert text == _render()
    assert f".BuildId(128'h{BUILD_ID})" in text
    assert ".Threshold(8'd230)" in text
    assert '.RamStyle("block")' in text
    large = replace(CONFIG, board="kv260", buffers=2)
    other = render_top(large, detector=DETECTOR, modifier=MODIFIER, build_id=BUILD_ID)
    assert '.RamStyle("ultra")' in other
    assert ".Buffers(2)" in other


def test_raw_pixels_reach_the_two_networks_only() -> None:
    """Every net that carries raw pixels or crops connects the shell, a converter and a network: nothing else."""
    text = _render()
    ports = re.search(rf"module {TOP_MODULE} \((.*?)\);", text, re.DOTALL)
    assert ports
    assert not re.search(r"half|crop|cells|modified|detector|modifier", ports[1])
    for net in ("half_tdata", "crop_tdata", "detector_in_tdata", "modifier_in_tdata"):
        assert len(re.findall(rf"\({net}\)", text)) == 2


@pytest.mark.sim
def test_lint_is_clean_but_for_open_ends(tmp_path: Path) -> None:
    (tmp_path / f"{TOP_MODULE}.sv").write_text(_render())
    arguments = ["--lint-only", "-Wall", "-Wno-DECLFILENAME", "-Wno-MULTITOP", "-Wno-UNUSEDPARAM", "--no-timing"]
    sources = [*map(str, camera_sources()), str(tmp_path / f"{TOP_MODULE}.sv"), str(BENCH)]
    arguments += ["-Wno-UNUSEDSIGNAL", "-Wno-PINCONNECTEMPTY", "--top-module", TOP_MODULE, *sources]
    find_toolchain().verilate(arguments, cwd=tmp_path)


def _detect(half: NDArray[np.uint8]) -> NDArray[np.uint8]:
    cells = np.zeros((*cell_shape(CONFIG.width, CONFIG.height), 5), np.uint8)
    cells[:, :, :3], cells[:, :, 3:] = half[::8, ::8], half[::8, 1::8, :2]
    return cells


def _modify(crops: NDArray[np.uint8]) -> NDArray[np.uint8]:
    inverted = 255 - crops
    key = next(iter(simulated_keys(CONFIG.key_channels)))
    assert key is not None
    inverted[..., 0] += np.uint8(key[0])  # modulo 256
    return inverted


@pytest.mark.sim
@pytest.mark.parametrize(
    "stalls", [Stalls(), Stalls(input_per_mille=300, output_per_mille=300)], ids=["full", "stalls"]
)
def test_frames_equal_the_golden_model(stalls: Stalls, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    rng, frames = np.random.default_rng(2), []
    for faces in (1, 0, 2):
        frame = rng.integers(0, 256, (CONFIG.height, CONFIG.width, 3)).astype(np.uint8)
        frame[::16, ::16] = 0
        for box in (Box(x=4, y=5, width=20, height=21), Box(x=60, y=30, width=11, height=14))[:faces]:
            row, column, cell = encode(box, score=255)
            block = frame[16 * row : 16 * row + 2, 16 * column : 16 * column + 4]
            block[:, :2], block[:, 2:, :2] = cell[:3], cell[3:]
        frames.append(frame)
    model = CameraModel(CONFIG, detect=_detect, modify=_modify)
    model.running = True
    beats = concatenate([frame_beats(frame) for frame in frames])
    model.feed(beats)
    expected = model.take()
    words = np.zeros((len(beats), 4), np.int64)
    words[:, :3], words[:, 3] = beats.pixels, beats.sof + 2 * beats.eol
    interface = bench_interface(CONFIG)
    top = tmp_path / f"{TOP_MODULE}.sv"
    top.write_text(_render())
    cache = Path(request.config.cache.mkdir("kernels"))
    options = SimulatorOptions(asserts=True, optimisation="-O0")
    binary = build_simulator([*camera_sources(), top, BENCH], interface, cache_dir=cache, options=options)
    with Simulator(binary.library, interface, data_dir=tmp_path) as design:
        video, meta = design.run(
            words.reshape(3, *interface.inputs[0].shape), stalls=stalls, max_idle_cycles=40_000
        ).outputs
    assert [len(frame.boxes) for frame in expected] == [1, 0, 2]
    for k, frame in enumerate(expected):
        np.testing.assert_array_equal(meta[k], pack_metadata(Metadata.of(frame), max_faces=2))
        np.testing.assert_array_equal(video[k, :, :, :3], frame.frame)

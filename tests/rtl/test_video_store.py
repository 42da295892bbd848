"""Frame store, downscale, crop, paste and egress equal the golden model, whatever the rhythm of their streams."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from hls.interface import DesignInterface
from hls.sim.simulator import RunResult, Simulator, Stalls
from hw_anon.core.boxes import Box
from hw_anon.core.frame import Fault
from hw_anon.core.metadata import Metadata, pack_metadata
from hw_anon.core.video_path import crop_resize, downscale, paste
from tests.rtl.harness import STALLS, assertion_fires, port, seeded, simulator
from tests.rtl.video import BENCHES, bench_sources, corner_regions, random_frames, region_words, video_source

pytestmark = pytest.mark.sim

BENCH = BENCHES / "video_store_bench.sv"


@dataclass(frozen=True)
class Shape:
    """One parametrisation of the bench."""

    width: int
    height: int
    size: int
    faces: int
    keys: int = 0
    lanes: int = 1

    @property
    def parameters(self) -> dict[str, int | str]:
        return {
            "Width": self.width,
            "Height": self.height,
            "CropSize": self.size,
            "Faces": self.faces,
            "KeyChannels": self.keys,
            "Lanes": self.lanes,
        }

    @property
    def interface(self) -> DesignInterface:
        height, width, size, faces, keys = self.height, self.width, self.size, self.faces, self.keys
        return DesignInterface(
            top="video_store_bench",
            inputs=(
                port("s_axis", (height, width, 3), 8, elements=3),
                port("s_fault", (1,), 8),
                port("s_region", (faces, 4), 16, elements=4),
                port("s_crop", (faces, size, size, 3), 8, elements=3),
            ),
            outputs=(
                port("m_half", (height // 2, width // 2, 3), 8, elements=3, has_tlast=True),
                port("m_crop", (faces, size, size, 3 + keys), 8, elements=3 + keys),
                port("m_frame", (height, width, 4), 8, elements=4),
                port("m_meta", (8 * (1 + faces),), 8, elements=8 * (1 + faces)),
            ),
            monitors=("mon_crop", "mon_paste"),
            clock="clk_i",
            reset_n="rst_ni",
        )

    def build(self, cache: Path, *, replaced: Path | None = None) -> Simulator:
        sources = bench_sources(BENCH, replaced=replaced)
        return simulator(self.interface, cache, parameters=self.parameters, sources=sources)


SHAPES = {
    "32x24": Shape(32, 24, 8, 2),
    "keys_odd_crop": Shape(32, 24, 10, 2, keys=2),
    "tall_one_face": Shape(8, 40, 16, 1),
    "three_lanes": Shape(40, 22, 8, 4, lanes=3),
}


@dataclass(frozen=True)
class Stimuli:
    """Inputs of a run, one entry a frame."""

    frames: NDArray[np.uint8]
    faults: NDArray[np.int64]
    regions: NDArray[np.int64]
    crops: NDArray[np.uint8]

    def run(self, design: Simulator, stalls: Stalls) -> RunResult:
        return design.run(self.frames, self.faults, self.regions, self.crops, stalls=stalls, max_idle_cycles=5000)


def _stimuli(shape: Shape, regions: list[Box], seed: int, *, faulty: bool = True) -> Stimuli:
    words = region_words(regions, shape.faces)
    count = len(words)
    faults = np.zeros((count, 1), np.int64)
    if faulty:
        faults[2::3] = Fault.TOO_MANY_FACES
    crops = np.random.default_rng(seed).integers(0, 256, (count, shape.faces, shape.size, shape.size, 3))
    return Stimuli(random_frames(count, shape.width, shape.height, seed), faults, words, crops.astype(np.uint8))


def _boxes(words: NDArray[np.int64]) -> tuple[Box, ...]:
    return tuple(Box(x=int(x), y=int(y), width=int(w), height=int(h)) for x, y, w, h in words)


def _check(shape: Shape, stimuli: Stimuli, result: RunResult, first_number: int = 0) -> None:
    halves, crops, frames, meta = result.outputs
    marks = np.zeros((shape.height, shape.width), np.int64)
    marks[:, -1] = 2
    marks[0, 0] |= 1
    for k, (frame, fault) in enumerate(zip(stimuli.frames, stimuli.faults[:, 0], strict=True)):
        boxes, expected = _boxes(stimuli.regions[k]), frame
        np.testing.assert_array_equal(halves[k], downscale(frame))
        for face, box in enumerate(boxes):
            np.testing.assert_array_equal(
                crops[k, face, :, :, :3], crop_resize(frame, box, shape.size), err_msg=str(box)
            )
            key = [face + 1, 0][: shape.keys]
            assert (crops[k, face, :, :, 3:] == key).all(), "the key of the region, on every pixel"
            expected = paste(expected, box, stimuli.crops[k, face])
        if fault:
            expected, boxes = np.zeros_like(frame), ()
        np.testing.assert_array_equal(frames[k, :, :, :3], expected)
        np.testing.assert_array_equal(frames[k, :, :, 3], marks)
        metadata = Metadata(number=first_number + k, boxes=boxes, fault=Fault(int(fault)))
        np.testing.assert_array_equal(meta[k], pack_metadata(metadata, max_faces=shape.faces))


def _random_regions(shape: Shape, count: int, seed: int) -> list[Box]:
    rng = np.random.default_rng(seed)
    regions = []
    for _ in range(count):
        width, height = int(rng.integers(8, shape.width + 1)), int(rng.integers(8, shape.height + 1))
        x, y = int(rng.integers(0, shape.width - width + 1)), int(rng.integers(0, shape.height - height + 1))
        regions.append(Box(x=x, y=y, width=width, height=height))
    return regions


@pytest.mark.parametrize("name", SHAPES)
def test_blocks_equal_the_golden_model_under_all_stalls(name: str, sim_cache: Path) -> None:
    shape = SHAPES[name]
    with shape.build(sim_cache) as design:
        number = 0
        for stalls in STALLS:
            regions = corner_regions(shape.width, shape.height) if shape.width > 8 else []
            regions += _random_regions(shape, 6, stalls.seed)
            stimuli = _stimuli(shape, regions, stalls.seed)
            _check(shape, stimuli, stimuli.run(design, stalls), number)
            number += len(stimuli.frames)


def test_one_pixel_a_cycle(sim_cache: Path) -> None:
    shape = SHAPES["32x24"]
    whole = Box(x=0, y=0, width=shape.width, height=shape.height)
    stimuli = _stimuli(shape, [whole] * 4, 3, faulty=False)
    with shape.build(sim_cache) as design:
        result = stimuli.run(design, Stalls())
        monitors = design.monitors()
    setup = 2 * (6 + 18 + 2) + 1 + 13 + 3
    assert monitors["mon_crop"] <= shape.faces * (shape.size**2 + setup)
    assert monitors["mon_paste"] <= shape.faces * (shape.width * shape.height + setup)
    pixels = shape.width * shape.height
    interval = int(result.intervals[2][0])
    assert interval <= 2 * pixels + monitors["mon_crop"] + monitors["mon_paste"] + 60, "store and deliver: one a cycle"


BUGS = {
    "box_edge": (
        "video_axis",
        "above ? last : index[SideWidth-1:0] + 1'b1;",
        "index[SideWidth-1:0] + 1'b1;",
        "video_resampler: read outside",
    ),
    "paste_edge": (
        "video_paste",
        ".target_width_i (Wide'(region_i.width)),",
        ".target_width_i (Wide'(region_i.width) + 1'b1),",
        "video_paste: write outside",
    ),
    "paste_short": (
        "video_paste",
        ".target_height_i(Wide'(region_i.height)),",
        ".target_height_i(Wide'(region_i.height) - 1'b1),",
        "video_paste: done before",
    ),
    "not_black": (
        "video_egress",
        "m_axis_tdata            <= black_q ? '0 : rd_data_i;",
        "m_axis_tdata            <= rd_data_i;",
        "video_egress: a pixel of a frame with a fault",
    ),
    "early_meta": (
        "video_egress",
        "Drain:   if (m_axis_tvalid && m_axis_tready && frame_end) state_q <= Meta;",
        "Drain:   state_q <= Meta;",
        "video_egress: metadata before",
    ),
    "early_row": ("video_downscale", "rows_i > row_q + 1'b1", "rows_i >= row_q + 1'b1", "video_downscale: read a row"),
    "unstable": (
        "video_resampler",
        "wire logic move   = !m_axis_tvalid || m_axis_tready;",
        "wire logic move   = 1'b1;",
        "video_resampler: output changed",
    ),
    "quotient": (
        "video_divider",
        "wire logic                    fits  = !rest[DivisorWidth+1];",
        "wire logic                    fits  = !rest[DivisorWidth+1] && trial != {1'b0, divisor_q};",
        "video_divider: wrong quotient",
    ),
}


@pytest.mark.parametrize("bug", BUGS)
def test_assertions_catch_seeded_bugs(bug: str, sim_cache: Path, tmp_path: Path) -> None:
    module, old, new, message = BUGS[bug]
    shape = SHAPES["32x24"]
    replaced = seeded(video_source(module), old, new, tmp_path)
    stimuli = _stimuli(shape, corner_regions(shape.width, shape.height), 5)
    with shape.build(sim_cache, replaced=replaced) as design, assertion_fires(design, message):
        stimuli.run(design, Stalls(input_per_mille=300, output_per_mille=300))

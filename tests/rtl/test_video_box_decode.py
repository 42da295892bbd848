"""`video_box_decode` equals the golden model for every map, and refuses maps of another length."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from hls.interface import DesignInterface
from hls.sim.simulator import RunResult, Simulator, Stalls
from hw_anon.core.box_decode import CELL, Detections, decode
from hw_anon.core.errors import HwAnonError
from hw_anon.core.frame import Fault
from tests.rtl.harness import STALLS, assertion_fires, port, seeded, simulator
from tests.rtl.video import BENCHES, bench_sources, video_source

pytestmark = pytest.mark.sim

BENCH = BENCHES / "video_decode_bench.sv"


@dataclass(frozen=True)
class Map:
    """One heat map and how it is sent."""

    cells: NDArray[np.uint8]
    threshold: int
    beats: int | None = None
    """Beats up to the one marked as last; `None` for the right number."""


@dataclass(frozen=True)
class Shape:
    """One parametrisation of the bench."""

    columns: int
    rows: int
    max_faces: int
    every_cell: bool = False

    def interface(self, cells: int, results: int) -> DesignInterface:
        """Returns the ports, for one run of so many beats."""
        width = 8 * self.max_faces + 2
        return DesignInterface(
            top="video_decode_bench",
            inputs=(port("s_threshold", (results,), 8), port("s_axis", (cells, 6), 8, elements=6)),
            outputs=(port("m_result", (results, width), 8, elements=width),),
            clock="clk_i",
            reset_n="rst_ni",
        )

    def run(
        self, maps: list[Map], cache: Path, stalls: Stalls | None = None, replaced: Path | None = None
    ) -> RunResult:
        """Sends maps through the design; equal sources are built once, whatever the number of beats."""
        beats = np.concatenate([_beats(item) for item in maps])
        thresholds = np.array([[[item.threshold] for item in maps]]).reshape(1, -1)
        with self.build(len(beats), len(maps), cache, replaced) as design:
            return design.run(thresholds, beats[None], stalls=stalls, max_idle_cycles=20_000)

    def build(self, cells: int, results: int, cache: Path, replaced: Path | None = None) -> Simulator:
        parameters = {"Columns": self.columns, "Rows": self.rows, "MaxFaces": self.max_faces}
        if self.every_cell:
            parameters["EveryCell"] = 1
        sources = bench_sources(BENCH, replaced=replaced)
        return simulator(self.interface(cells, results), cache, parameters=parameters, sources=sources)

    def expected(self, item: Map) -> Detections:
        if item.beats is not None:
            return Detections(fault=Fault.DETECTOR_LENGTH)
        width, height = CELL * self.columns, CELL * self.rows
        return decode(
            item.cells,
            threshold=item.threshold,
            max_faces=self.max_faces,
            frame_width=width,
            frame_height=height,
            every_cell=self.every_cell,
        )

    def check(self, maps: list[Map], result: RunResult) -> None:
        """Compares every result with the golden model's."""
        for item, found in zip(maps, result.outputs[0][0], strict=True):
            expected = self.expected(item)
            words = np.zeros(4 * self.max_faces, "<u2")
            for k, box in enumerate(expected.regions):
                words[4 * k : 4 * k + 4] = box.x, box.y, box.width, box.height
            np.testing.assert_array_equal(found, [expected.fault, len(expected.regions), *words.view(np.uint8)])


SHAPES = {"6x4": Shape(6, 4, 3), "20x15": Shape(20, 15, 4), "3x2_one_face": Shape(3, 2, 1), "1x9": Shape(1, 9, 2)}
EVERY = Shape(6, 4, 5, every_cell=True)


def _beats(item: Map) -> NDArray[np.int64]:
    flat = item.cells.reshape(-1, 5)
    count = len(flat) if item.beats is None else item.beats
    beats = np.zeros((count, 6), np.int64)
    beats[:, :5] = np.resize(flat, (count, 5))
    beats[-1, 5] = item.beats is None or count <= len(flat)
    return beats


def _maps(shape: Shape, count: int, seed: int) -> list[Map]:
    """Maps of many kinds: noise, few faces, plateaus, saturated and empty ones."""
    rng = np.random.default_rng(seed)
    maps = []
    for k in range(count):
        cells = rng.integers(0, 256, (shape.rows, shape.columns, 5)).astype(np.uint8)
        kind = k % 6
        if kind == 1:
            cells[:, :, 0] = rng.integers(0, 4, (shape.rows, shape.columns)) + 98
        elif kind == 2:
            cells[:, :, 0] = np.where(rng.random((shape.rows, shape.columns)) < 0.1, cells[:, :, 0], 0)
        elif kind == 3:
            cells[:, :, 3:] = rng.integers(90, 200, (shape.rows, shape.columns, 2))
        elif kind == 4:
            cells[:] = [0, 255, 255 * (k % 4)][k % 3]
        maps.append(Map(cells, int(rng.choice([0, 1, 100, 101, 200, 255]))))
    return maps


@pytest.mark.parametrize("name", SHAPES)
def test_results_equal_the_golden_model_under_all_stalls(name: str, sim_cache: Path) -> None:
    shape = SHAPES[name]
    faults = set()
    for stalls in STALLS if shape.columns < 20 else STALLS[::4]:
        maps = _maps(shape, 60 if shape.columns < 20 else 12, stalls.seed)
        shape.check(maps, shape.run(maps, sim_cache, stalls))
        faults |= {shape.expected(item).fault for item in maps}
    assert faults == {Fault.NONE, Fault.TOO_MANY_FACES}, "both outcomes were seen"


def test_with_every_cell_a_candidate_no_box_is_left(sim_cache: Path) -> None:
    """Plateaus and large boxes, of which the other rule looks at the peaks only."""
    maps = _maps(EVERY, 60, 7)
    EVERY.check(maps, EVERY.run(maps, sim_cache, STALLS[2]))
    results = [EVERY.expected(item) for item in maps]
    assert any(len(found.regions) > 1 for found in results) and any(found.fault for found in results)
    assert results != [replace(EVERY, every_cell=False).expected(item) for item in maps], "the rules differ here"


def test_maps_of_other_length_are_refused_and_the_next_one_is_right(sim_cache: Path) -> None:
    shape = SHAPES["6x4"]
    good = _maps(shape, 4, 3)
    bad = [Map(good[0].cells, 100, beats) for beats in (23, 1, 24 - 5)]
    maps = [good[0], bad[0], good[1], bad[1], bad[2], good[2], good[3]]
    shape.check(maps, shape.run(maps, sim_cache, STALLS[3]))


def test_a_map_without_an_end_is_refused(sim_cache: Path) -> None:
    shape = SHAPES["6x4"]
    cells = _maps(shape, 1, 3)[0].cells
    endless = Map(cells, 100, beats=25)  # the beat after the map is the first one of the next
    beats = _beats(endless)[:24]
    beats[:, 5] = 0
    with shape.build(24, 1, sim_cache) as design:
        result = design.run(np.array([[100]]), beats[None])
    shape.check([endless], result)


def test_cycles_are_within_the_budget(sim_cache: Path) -> None:
    """The bound in `hw_anon.core.camera`, for a map that takes longest: every cell is looked at, faces are too many."""
    shape = SHAPES["20x15"]
    cells = np.zeros((15, 20, 5), np.uint8)
    cells[::4, ::5, 0] = 200
    faces = Map(cells, 0)
    with shape.build(300, 1, sim_cache) as design:
        result = design.run(np.array([[0]]), _beats(faces)[None])
    assert result.cycles - 300 <= 300 * (11 + 2 * 4 + 1) + 32 * (4 + 1)


BUGS = {
    "peak": ("step_q < 5 ? cell_q[7:0] >= score_q", "step_q < 4 ? cell_q[7:0] >= score_q", None),
    "inside": ("|| picked_left == 0)", ")", "a box is not inside its own region"),
    "margin": ("first < 0 ? '0 : first;", "first < -1 ? '0 : first;", None),
    "full": ("count_q == 8'(MaxFaces)", "count_q > 8'(MaxFaces)", None),
    "one_too_many": (
        "state_q <= Done;\n                        {region_q, count_q} <= '0;",
        "state_q <= Done;",
        "a fault with regions",
    ),
}


@pytest.mark.parametrize("bug", BUGS)
def test_seeded_bugs_are_caught(bug: str, sim_cache: Path, tmp_path: Path) -> None:
    old, new, message = BUGS[bug]
    module = "video_region" if bug == "margin" else "video_box_decode"
    replaced = seeded(video_source(module), old, new, tmp_path)
    shape = SHAPES["6x4"]
    maps = _maps(shape, 60, 3)
    if message is not None:
        beats = np.concatenate([_beats(item) for item in maps])
        with shape.build(len(beats), 60, sim_cache, replaced) as design, assertion_fires(design, message):
            design.run(np.array([[item.threshold for item in maps]]), beats[None], max_idle_cycles=20_000)
        return
    with pytest.raises((AssertionError, HwAnonError)):
        shape.check(maps, shape.run(maps, sim_cache, replaced=replaced))

"""`axis_add`: exact sums for all widths and signs, one beat a cycle, operands paired under any stalls."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hls.interface import DesignInterface
from hls.kernels import kernel_source
from hls.sim.simulator import Stalls
from tests.rtl.harness import STALLS, assertion_fires, kernel_interface, port, random_images, seeded, simulator

pytestmark = pytest.mark.sim

# Pe, (bits, signed) of A and B, bits and sign of the sum.
CONFIGS = {
    "u1_u1": (1, (1, False), (1, False), (2, False)),
    "u4_u4": (8, (4, False), (4, False), (5, False)),
    "s4_u4": (3, (4, True), (4, False), (6, True)),
    "u9_s5_wide": (2, (9, False), (5, True), (16, True)),
    "s16_s16": (5, (16, True), (16, True), (17, True)),
}
PIXELS, FOLDS = 6, 3


def _interface(config: str) -> tuple[DesignInterface, dict[str, int]]:
    pe, (a_bits, a_signed), (b_bits, b_signed), (bits, signed) = CONFIGS[config]
    shape = (PIXELS, FOLDS * pe)
    interface = kernel_interface(
        "axis_add",
        [
            port("s_axis_a", shape, a_bits, elements=pe, signed=a_signed),
            port("s_axis_b", shape, b_bits, elements=pe, signed=b_signed),
        ],
        [port("m_axis", shape, bits, elements=pe, signed=signed)],
    )
    parameters = {"Pe": pe, "AWidth": a_bits, "ASigned": int(a_signed)}
    return interface, {**parameters, "BWidth": b_bits, "BSigned": int(b_signed), "SumWidth": bits}


@pytest.mark.parametrize("config", CONFIGS)
def test_sums_are_exact_under_all_stalls(config: str, sim_cache: Path) -> None:
    interface, parameters = _interface(config)
    with simulator(interface, sim_cache, parameters=parameters) as design:
        for stalls in STALLS:
            a, b = (random_images(stream, 7, stalls.seed + k) for k, stream in enumerate(interface.inputs))
            a[1], b[1] = a.max(), b.max()
            a[2], b[2] = a.min(), b.min()
            result = design.run(a, b, stalls=stalls)
            np.testing.assert_array_equal(result.outputs[0], a + b)


def test_one_beat_a_cycle(sim_cache: Path) -> None:
    interface, parameters = _interface("u4_u4")
    with simulator(interface, sim_cache, parameters=parameters) as design:
        result = design.run(*(random_images(stream, 10, 3) for stream in interface.inputs))
    assert set(result.intervals[0]) == {PIXELS * FOLDS}


BUGS = {
    "unpaired": (
        "assign s_axis_a_tready = take;",
        "assign s_axis_a_tready = !valid_q || m_axis_tready;",
        "out of step",
    ),
    "overwrite": ("(!valid_q || m_axis_tready)", "(!valid_q || 1'b1)", "changed while stalled"),
    "drop": ("else if (m_axis_tready) valid_q <= 1'b0;", "else valid_q <= 1'b0;", "changed while stalled"),
    "repeat": ("else if (m_axis_tready) valid_q <= 1'b0;", "", "lost or repeated"),
}


@pytest.mark.parametrize("bug", BUGS)
def test_assertions_catch_seeded_bugs(bug: str, sim_cache: Path, tmp_path: Path) -> None:
    old, new, message = BUGS[bug]
    source = seeded(kernel_source("axis_add"), old, new, tmp_path)
    interface, parameters = _interface("u4_u4")
    with simulator(interface, sim_cache, parameters=parameters, sources=[source]) as design:
        images = [random_images(stream, 4, 3) for stream in interface.inputs]
        with assertion_fires(design, f"axis_add: .*{message}"):
            design.run(*images, stalls=Stalls(input_per_mille=500, output_per_mille=500), max_idle_cycles=1000)

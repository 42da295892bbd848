"""`axis_tlast`: data passes unchanged and every packet's last beat, and no other, is marked."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hls.interface import DesignInterface
from hls.kernels import kernel_source
from hls.sim.errors import SimulationError
from hls.sim.simulator import Stalls
from tests.rtl.harness import STALLS, assertion_fires, kernel_interface, port, random_images, seeded, simulator

pytestmark = pytest.mark.sim


def _interface(beats: int, bits: int = 8) -> DesignInterface:
    return kernel_interface(
        "axis_tlast", [port("s_axis", (beats,), bits)], [port("m_axis", (beats,), bits, has_tlast=True)]
    )


@pytest.mark.parametrize(("beats", "bits"), [(1, 8), (7, 24), (16, 3)])
def test_packets_are_marked_under_all_stalls(beats: int, bits: int, sim_cache: Path) -> None:
    interface = _interface(beats, bits)
    with simulator(interface, sim_cache, parameters={"DataWidth": bits, "Beats": beats}) as design:
        for stalls in STALLS:
            x = random_images(interface.inputs[0], 9, stalls.seed)
            result = design.run(x, stalls=stalls)  # the simulator checks every tlast
            np.testing.assert_array_equal(result.outputs[0], x)
            assert stalls.input_per_mille or stalls.output_per_mille or set(result.intervals[0]) == {beats}


def test_a_packet_of_other_length_is_noticed(sim_cache: Path) -> None:
    interface = _interface(16, 3)
    design = simulator(interface, sim_cache, parameters={"DataWidth": 3, "Beats": 8})
    with design, pytest.raises(SimulationError, match="tlast"):
        design.run(random_images(interface.inputs[0], 2, 3))


BUGS = {
    "short": ("count_q == CountWidth'(Beats - 1)", "count_q == CountWidth'(Beats - 2)", "packet is not 7 beats"),
    "impatient": (
        "else if (m_axis_tvalid && m_axis_tready) count_q",
        "else if (m_axis_tvalid) count_q",
        "(changed while stalled|packet is not)",
    ),
    "flicker": ("assign m_axis_tdata  = s_axis_tdata;", "assign m_axis_tdata = s_axis_tdata ^ 8'(noise);", "changed"),
}
NOISE = (
    "logic noise = 1'b0;\n    always_ff @(posedge clk_i) noise <= !noise;\n    assign m_axis_tvalid = s_axis_tvalid;"
)


@pytest.mark.parametrize("bug", BUGS)
def test_assertions_catch_seeded_bugs(bug: str, sim_cache: Path, tmp_path: Path) -> None:
    old, new, message = BUGS[bug]
    source = seeded(kernel_source("axis_tlast"), old, new, tmp_path)
    if bug == "flicker":
        source = seeded(source, "assign m_axis_tvalid = s_axis_tvalid;", NOISE, tmp_path)
    interface = _interface(7)
    with simulator(interface, sim_cache, parameters={"Beats": 7}, sources=[source]) as design:
        x = random_images(interface.inputs[0], 4, 3)
        with assertion_fires(design, f"axis_tlast: .*{message}"):
            design.run(x, stalls=Stalls(input_per_mille=300, output_per_mille=500), max_idle_cycles=1000)

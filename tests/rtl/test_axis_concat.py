"""`axis_concat` through its generated wrapper: the inputs' packets follow each other, in order, without a gap."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hls.interface import DesignInterface
from hls.kernels import kernel_source
from hls.kernels.wrapper import KernelPort, WrapperStream, render_wrapper
from hls.sim.simulator import Simulator, Stalls
from tests.rtl.harness import STALLS, assertion_fires, port, random_images, seeded, simulator

pytestmark = pytest.mark.sim

# Elements a beat, bits of an element, channels of each input.
CONFIGS = {"1+1": (1, 8, (1, 1)), "4+2+6": (2, 4, (4, 2, 6)), "signed_3+5": (1, 5, (3, 5))}
PIXELS = 7


def _concat(config: str, cache: Path, directory: Path, kernel: Path | None = None) -> tuple[Simulator, DesignInterface]:
    elements, bits, channels = CONFIGS[config]
    shapes = {**{f"in{k}_V": (PIXELS, n) for k, n in enumerate(channels)}, "out0_V": (PIXELS, sum(channels))}
    signed = config.startswith("signed")
    *inputs, output = (
        port(name, shape, bits, elements=elements, padded=True, signed=signed) for name, shape in shapes.items()
    )
    interface = DesignInterface(top="concat", inputs=tuple(inputs), outputs=(output,))
    *streams, result = (
        WrapperStream(name=p.name, bits=elements * bits, padded_bits=p.tdata_bits) for p in (*inputs, output)
    )
    ports = [
        KernelPort(prefix="s_axis", streams=tuple(streams), output=False),
        KernelPort(prefix="m_axis", streams=(result,), output=True),
    ]
    beats = tuple(n // elements for n in channels)
    parameters = {"DataWidth": elements * bits, "Inputs": len(channels), "Beats": beats}
    wrapper = directory / "concat.v"
    wrapper.write_text(render_wrapper("concat", "axis_concat", parameters, ports))
    return simulator(interface, cache, sources=[kernel or kernel_source("axis_concat"), wrapper]), interface


@pytest.mark.parametrize("config", CONFIGS)
def test_packets_follow_each_other_under_all_stalls(config: str, sim_cache: Path, tmp_path: Path) -> None:
    design, interface = _concat(config, sim_cache, tmp_path)
    with design:
        for stalls in STALLS:
            images = [random_images(stream, 7, stalls.seed + k) for k, stream in enumerate(interface.inputs)]
            result = design.run(*images, stalls=stalls)
            np.testing.assert_array_equal(result.outputs[0], np.concatenate(images, axis=-1))
            stalled = stalls.input_per_mille or stalls.output_per_mille
            assert stalled or set(result.intervals[0]) == {interface.outputs[0].beats}


BUGS = {
    "steal": ("s_axis_tready[select_q] = m_axis_tready;", "s_axis_tready = {Inputs{m_axis_tready}};", "input . lost"),
    "repeat": ("s_axis_tready[select_q] = m_axis_tready;", "s_axis_tready[0] = m_axis_tready;", "input . lost"),
    "impatient": (
        "end else if (move) begin",
        "end else if (m_axis_tvalid) begin",
        "(changed while stalled|lost or repeated)",
    ),
    "flicker": (
        "assign m_axis_tdata  = s_axis_tdata[select_q];",
        "assign m_axis_tdata  = s_axis_tdata[select_q] ^ DataWidth'(m_axis_tready);",
        "changed while stalled",
    ),
}


@pytest.mark.parametrize("bug", BUGS)
def test_assertions_catch_seeded_bugs(bug: str, sim_cache: Path, tmp_path: Path) -> None:
    old, new, message = BUGS[bug]
    design, interface = _concat("4+2+6", sim_cache, tmp_path, seeded(kernel_source("axis_concat"), old, new, tmp_path))
    images = [random_images(stream, 4, 3) for stream in interface.inputs]
    with design, assertion_fires(design, f"axis_concat: .*{message}"):
        design.run(*images, stalls=Stalls(input_per_mille=300, output_per_mille=500), max_idle_cycles=1000)

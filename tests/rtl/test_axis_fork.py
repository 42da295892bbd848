"""`axis_fork` through its generated wrapper: every branch gets every beat once, at its own pace."""

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

# Elements a beat, bits of an element, branches. 12 and 1 bits are padded to whole bytes.
CONFIGS = {"2x8": (1, 8, 2), "3x12": (3, 4, 3), "5x1": (1, 1, 5), "2x96": (12, 8, 2)}
SHAPE = (5, 24)


def _fork(config: str, cache: Path, directory: Path, kernel: Path | None = None) -> tuple[Simulator, DesignInterface]:
    elements, bits, branches = CONFIGS[config]
    source, *outputs = (
        port(name, SHAPE, bits, elements=elements, padded=True)
        for name in ["in0_V", *(f"out{k}_V" for k in range(branches))]
    )
    interface = DesignInterface(top=f"fork_{config}", inputs=(source,), outputs=tuple(outputs))
    streams = [WrapperStream(name=p.name, bits=elements * bits, padded_bits=p.tdata_bits) for p in (source, *outputs)]
    ports = [
        KernelPort(prefix="s_axis", streams=(streams[0],), output=False),
        KernelPort(prefix="m_axis", streams=tuple(streams[1:]), output=True),
    ]
    wrapper = directory / f"{interface.top}.v"
    parameters = {"DataWidth": elements * bits, "Branches": branches}
    wrapper.write_text(render_wrapper(interface.top, "axis_fork", parameters, ports))
    sources = [kernel or kernel_source("axis_fork"), wrapper]
    return simulator(interface, cache, sources=sources), interface


@pytest.mark.parametrize("config", CONFIGS)
def test_every_branch_gets_every_beat(config: str, sim_cache: Path, tmp_path: Path) -> None:
    design, interface = _fork(config, sim_cache, tmp_path)
    with design:
        for stalls in STALLS:
            x = random_images(interface.inputs[0], 7, stalls.seed)
            for branch in design.run(x, stalls=stalls).outputs:
                np.testing.assert_array_equal(branch, x)


def test_one_beat_a_cycle(sim_cache: Path, tmp_path: Path) -> None:
    design, interface = _fork("3x12", sim_cache, tmp_path)
    with design:
        result = design.run(random_images(interface.inputs[0], 10, 3))
    assert all(set(intervals) == {interface.inputs[0].beats} for intervals in result.intervals)


BUGS = {
    "repeat": ("{Branches{s_axis_tvalid}} & ~taken_q", "{Branches{s_axis_tvalid}}", "lost or repeated"),
    "lose": ("&(taken_q | m_axis_tready)", "|(taken_q | m_axis_tready)", "lost or repeated"),
    "withdraw": (
        "{Branches{s_axis_tvalid}} & ~taken_q",
        "{Branches{s_axis_tvalid}} & ~taken_q & {m_axis_tready[0], 1'b1}",
        "changed while stalled",
    ),
    "change": ("{Branches{s_axis_tdata}}", "{Branches{s_axis_tdata ^ 8'(taken_q[0])}}", "changed while stalled"),
}


@pytest.mark.parametrize("bug", BUGS)
def test_assertions_catch_seeded_bugs(bug: str, sim_cache: Path, tmp_path: Path) -> None:
    old, new, message = BUGS[bug]
    design, interface = _fork("2x8", sim_cache, tmp_path, seeded(kernel_source("axis_fork"), old, new, tmp_path))
    x = random_images(interface.inputs[0], 4, 3)
    with design, assertion_fires(design, rf"axis_fork: branch \d {message}"):
        design.run(x, stalls=Stalls(input_per_mille=300, output_per_mille=500), max_idle_cycles=1000)

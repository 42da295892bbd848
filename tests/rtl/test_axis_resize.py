"""`axis_resize`: elements and packet ends pass unchanged between narrow and wide beats."""

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

# Bits of an element, elements of an input and of an output beat, elements of a packet.
CONFIGS = {
    "bytes_to_pixels": (8, 1, 3, 24),
    "cells_to_bytes": (8, 5, 1, 30),
    "same": (4, 2, 2, 6),
    "pairs": (3, 2, 8, 16),
}


def _interface(config: str) -> tuple[DesignInterface, dict[str, int]]:
    bits, narrow, wide, length = CONFIGS[config]
    interface = kernel_interface(
        "axis_resize",
        [port("s_axis", (length,), bits, elements=narrow, has_tlast=True)],
        [port("m_axis", (length,), bits, elements=wide, has_tlast=True)],
    )
    return interface, {"ElementWidth": bits, "InElements": narrow, "OutElements": wide}


@pytest.mark.parametrize("config", CONFIGS)
def test_elements_pass_unchanged_under_all_stalls(config: str, sim_cache: Path) -> None:
    interface, parameters = _interface(config)
    with simulator(interface, sim_cache, parameters=parameters) as design:
        for stalls in STALLS:
            x = random_images(interface.inputs[0], 9, stalls.seed)
            np.testing.assert_array_equal(design.run(x, stalls=stalls).outputs[0], x)


@pytest.mark.parametrize("config", CONFIGS)
def test_one_beat_a_cycle_on_the_narrow_side(config: str, sim_cache: Path) -> None:
    interface, parameters = _interface(config)
    with simulator(interface, sim_cache, parameters=parameters) as design:
        result = design.run(random_images(interface.inputs[0], 9, 3))
    assert set(result.intervals[0]) == {max(interface.inputs[0].beats, interface.outputs[0].beats)}


def test_a_packet_that_ends_early_stays_visible(sim_cache: Path) -> None:
    _, parameters = _interface("bytes_to_pixels")
    interface = kernel_interface(
        "axis_resize",
        [port("s_axis", (7,), 8, has_tlast=True)],
        [port("m_axis", (9,), 8, elements=3, has_tlast=True)],
    )
    with simulator(interface, sim_cache, parameters=parameters) as design:
        x = random_images(interface.inputs[0], 4, 3)
        padded = np.concatenate([x, np.zeros((4, 2), np.int64)], axis=1)
        np.testing.assert_array_equal(design.run(x, stalls=STALLS[3]).outputs[0], padded)


BUGS = {
    "overwrite": ("assign s_axis_tready = !valid_q || m_axis_tready;", "assign s_axis_tready = 1'b1;", "changed|lost"),
    "late_end": ("count_q == CountWidth'(Ratio - 1) || s_axis_tlast;", "count_q == CountWidth'(Ratio - 1);", "lost"),
}


@pytest.mark.parametrize("bug", BUGS)
def test_assertions_catch_seeded_bugs(bug: str, sim_cache: Path, tmp_path: Path) -> None:
    old, new, message = BUGS[bug]
    source = seeded(kernel_source("axis_resize"), old, new, tmp_path)
    interface = kernel_interface(
        "axis_resize",
        [port("s_axis", (7,), 8, has_tlast=True)],
        [port("m_axis", (9,), 8, elements=3, has_tlast=True)],
    )
    _, parameters = _interface("bytes_to_pixels")
    with simulator(interface, sim_cache, parameters=parameters, sources=[source]) as design:
        x = random_images(interface.inputs[0], 4, 3)
        with assertion_fires(design, f"axis_resize: .*({message})"):
            design.run(x, stalls=Stalls(output_per_mille=500), max_idle_cycles=1000)


def test_the_simulator_notices_a_wrong_end(sim_cache: Path) -> None:
    _, parameters = _interface("bytes_to_pixels")
    interface = kernel_interface(
        "axis_resize",
        [port("s_axis", (6,), 8, has_tlast=True)],
        [port("m_axis", (9,), 8, elements=3, has_tlast=True)],
    )
    with (
        simulator(interface, sim_cache, parameters=parameters) as design,
        pytest.raises(SimulationError, match="tlast"),
    ):
        design.run(random_images(interface.inputs[0], 3, 3))

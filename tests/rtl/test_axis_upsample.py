"""`axis_upsample`: exact nearest neighbour, one beat a cycle without a gap, whatever the input's rhythm."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from hls.interface import DesignInterface
from hls.kernels import kernel_source
from hls.sim.simulator import Stalls
from tests.rtl.harness import STALLS, assertion_fires, kernel_interface, port, random_images, seeded, simulator

pytestmark = pytest.mark.sim

# Height, width, beats a pixel, elements a beat, bits, scale, memory.
CONFIGS = {
    "6x4x2": (6, 4, 2, 3, 4, 2, "auto"),
    "one_column": (3, 1, 1, 1, 8, 2, "distributed"),
    "one_row": (1, 5, 3, 2, 5, 3, "block"),
    "odd_scale_4": (3, 3, 1, 1, 9, 4, "distributed"),
}


def _interface(config: str) -> tuple[DesignInterface, dict[str, int | str]]:
    height, width, fold, elements, bits, scale, ram = CONFIGS[config]
    interface = kernel_interface(
        "axis_upsample",
        [port("s_axis", (height, width, fold * elements), bits, elements=elements)],
        [port("m_axis", (height * scale, width * scale, fold * elements), bits, elements=elements)],
    )
    parameters = {"DataWidth": elements * bits, "Width": width, "ChannelFold": fold, "Scale": scale, "RamStyle": ram}
    return interface, parameters


def _golden(images: NDArray[np.int64], config: str) -> NDArray[np.int64]:
    scale = CONFIGS[config][5]
    return images.repeat(scale, axis=1).repeat(scale, axis=2)


@pytest.mark.parametrize("config", CONFIGS)
def test_pixels_are_exact_under_all_stalls(config: str, sim_cache: Path) -> None:
    interface, parameters = _interface(config)
    with simulator(interface, sim_cache, parameters=parameters) as design:
        for stalls in STALLS:
            x = random_images(interface.inputs[0], 5, stalls.seed)
            np.testing.assert_array_equal(design.run(x, stalls=stalls).outputs[0], _golden(x, config))


@pytest.mark.parametrize("config", CONFIGS)
def test_no_gap_within_or_between_images(config: str, sim_cache: Path) -> None:
    interface, parameters = _interface(config)
    x = random_images(interface.inputs[0], 6, 3)
    with simulator(interface, sim_cache, parameters=parameters) as design:
        result = design.run(x)
    beats = interface.outputs[0].beats
    assert set(result.intervals[0]) == {beats}
    assert result.image_end_cycles[0][0] <= beats + 3, "the first image waits for more than its first beat"


def test_input_at_its_average_rate_is_enough(sim_cache: Path) -> None:
    interface, parameters = _interface("6x4x2")
    x = random_images(interface.inputs[0], 6, 3)
    beats = interface.outputs[0].beats
    with simulator(interface, sim_cache, parameters=parameters) as design:
        result = design.run(x, input_interval_cycles=beats)
    assert set(result.intervals[0][1:]) == {beats}


BUGS = {
    "overwrite": (
        "wire logic read   = (!valid_q || m_axis_tready)",
        "wire logic read   = 1'b1",
        "changed while stalled",
    ),
    "overrun": ("assign s_axis_tready = space_q != '0;", "assign s_axis_tready = 1'b1;", "buffer overrun"),
    "underrun": (" && (!first_read || unread_q != '0)", "", "has not arrived"),
    "repetition": (
        "last_rep_x = rep_x_q == RepWidth'(Scale - 1)",
        "last_rep_x = rep_x_q == '0",
        "row was not repeated",
    ),
    "repeat": ("else if (m_axis_tready) valid_q <= 1'b0;", "", "lost or repeated"),
}


@pytest.mark.parametrize("bug", BUGS)
def test_assertions_catch_seeded_bugs(bug: str, sim_cache: Path, tmp_path: Path) -> None:
    old, new, message = BUGS[bug]
    source = seeded(kernel_source("axis_upsample"), old, new, tmp_path)
    interface, parameters = _interface("6x4x2")
    with simulator(interface, sim_cache, parameters=parameters, sources=[source]) as design:
        x = random_images(interface.inputs[0], 4, 3)
        with assertion_fires(design, f"axis_upsample: .*{message}"):
            design.run(x, stalls=Stalls(input_per_mille=300, output_per_mille=300), max_idle_cycles=1000)

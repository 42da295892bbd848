"""FIFO depths from one instrumented simulation, without trial and error."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hls.flow.config import BuildConfig
from hls.flow.fifos import FifoSite, insert_fifos, plan_fifos, sized_depths
from hls.sim.fast_models import fast_sources
from hls.sim.simulator import Simulator
from hls.sim.verilate import build_simulator
from hls.stitch import stitch
from hls.stitch.codegen import generate_hdl

if TYPE_CHECKING:
    from qonnx.core.modelwrapper import ModelWrapper

__all__ = ["THROTTLE", "FifoSizing", "size_fifos"]

THROTTLE = 1.01
"""Input interval of the instrumented run over the slowest layer's ideal. A FIFO in front of a layer that is busy all
the time would grow for ever; one per cent of slack bounds it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FifoSizing:
    """Result of the instrumented run."""

    sites: tuple[FifoSite, ...]
    """Streams of the graph."""
    fills: dict[str, int]
    """Highest fill of each FIFO, in beats."""
    depths: dict[str, int]
    """Depth given to each FIFO, in beats."""
    interval_cycles: int
    """Input interval of the instrumented run, in cycles."""
    seconds: float
    """Wall time of code generation, compilation and simulation."""

    def rows(self) -> list[dict[str, Any]]:
        """Returns one plain record per FIFO."""
        return [
            {
                "name": site.name,
                "producer": site.producer,
                "consumer": site.consumer,
                "kind": site.kind,
                "width_bits": site.width_bits,
                "fill": self.fills[site.name],
                "depth": self.depths[site.name],
            }
            for site in self.sites
        ]


def size_fifos(
    model: ModelWrapper,
    config: BuildConfig,
    *,
    slowest_layer_cycles: int,
    crops_u8: NDArray[np.uint8],
    work_dir: Path,
    cache_dir: Path,
) -> FifoSizing:
    """Measures how full every FIFO gets when faces arrive at the design's own pace.

    Args:
        model: folded graph with width converters, without FIFOs.
        config: the build's configuration.
        slowest_layer_cycles: ideal interval of the slowest layer, in cycles.
        crops_u8: `[N, H, W, 3]` uint8 faces; `config.sizing_images` of them are streamed (repeated if fewer).
        work_dir: scratch directory for the instrumented design.
        cache_dir: cache of compiled simulators.

    Raises:
        DeadlockError: if the graph dead-locks even with every FIFO at its cap.
        ToolError: if the simulator cannot be built.
    """
    start = time.perf_counter()
    sites = plan_fifos(model, window_cap=config.window_fifo_cap)
    caps = {site.name: site.max_depth for site in sites}
    design_model = insert_fifos(model, sites, caps)
    design_model = generate_hdl(
        design_model, config.target.part, clk_period_ns=config.clk_period_ns, work_dir=work_dir / "hdl"
    )
    design = stitch(design_model, work_dir / "rtl", top="instrumented", instrument_fifos=True)
    binary = build_simulator(fast_sources(design.sources), design.interface, cache_dir=cache_dir)
    repeats = -(-config.sizing_images // len(crops_u8))
    faces = np.concatenate([crops_u8] * repeats)[: config.sizing_images]
    interval = int(slowest_layer_cycles * THROTTLE)
    with Simulator(binary.library, design.interface, data_dir=design.directory) as simulator:
        simulator.run(faces, input_interval_cycles=interval)
        fills = {name.removeprefix("mon_"): fill for name, fill in simulator.monitors().items()}
    return FifoSizing(
        sites=sites,
        fills={site.name: fills[site.name] for site in sites},
        depths=sized_depths(sites, fills),
        interval_cycles=interval,
        seconds=time.perf_counter() - start,
    )

"""How fast the RTL is simulated: the full RTL, and with fast models of FINN's compute cores (same bytes and cycles)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hls.flow.finished import FinishedBuild
from hls.sim.fast_models import fast_sources
from hls.sim.simulator import RunResult, Simulator
from hls.sim.verilate import SimulatorOptions, build_simulator

__all__ = ["run"]


def run(finished: FinishedBuild, crops_u8: NDArray[np.uint8], *, cache_dir: Path) -> dict[str, Any]:
    """Simulates the same faces with both, one after the other.

    Args:
        finished: a build; its own simulator is the full RTL, assertions on, as they are for the fast models.
        crops_u8: `[N, H, W, 3]` uint8.
        cache_dir: cache of compiled simulators.

    Returns:
        `full_kcycles_per_s`, `fast_kcycles_per_s`, `ratio`, `cycles`, `cycles_equal` and `differing_bytes`.
    """
    fast_library = build_simulator(
        fast_sources(finished.sources), finished.interface, cache_dir=cache_dir, options=SimulatorOptions(asserts=True)
    ).library
    full, fast = (_simulate(finished, library, crops_u8) for library in (finished.library, fast_library))
    return {
        "full_kcycles_per_s": round(full.kcycles_per_s, 1),
        "fast_kcycles_per_s": round(fast.kcycles_per_s, 1),
        "ratio": round(fast.kcycles_per_s / full.kcycles_per_s, 2),
        "cycles": full.cycles,
        "cycles_equal": full.cycles == fast.cycles,
        "differing_bytes": int(np.count_nonzero(full.outputs[0] != fast.outputs[0])),
    }


def _simulate(finished: FinishedBuild, library: Path, crops_u8: NDArray[np.uint8]) -> RunResult:
    with Simulator(library, finished.interface, data_dir=finished.rtl_dir) as simulator:
        return simulator.run(crops_u8)

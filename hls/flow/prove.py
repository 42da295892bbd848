"""Runs the sized design: its interval at full input rate, and its freedom from deadlock under random stalls."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hls.interface import DesignInterface
from hls.sim.simulator import RunResult, Simulator, Stalls

__all__ = ["ProofRuns", "prove"]

_STALL_SEED = 20181


@dataclass(frozen=True, kw_only=True, slots=True)
class ProofRuns:
    """What the sized design did in simulation."""

    interval_cycles: int
    """Steady-state cycles per face at full input rate: the longest interval after the first face."""
    latency_cycles: int
    """Cycles from reset until the first face has left."""
    crops: int
    """Faces streamed at full rate."""
    differing_bytes: int
    """Bytes that differ from the expected output at full rate."""
    stalled_crops: int
    """Faces streamed with random stalls on both ports."""
    stalled_differing_bytes: int
    """Bytes that differ from the expected output with stalls."""
    cycles: int
    """Cycles simulated in both runs."""
    kcycles_per_s: float
    """Simulated thousand cycles per second of wall time."""


def prove(
    library: Path,
    interface: DesignInterface,
    *,
    data_dir: Path,
    crops_u8: NDArray[np.uint8],
    expected_u8: NDArray[np.uint8],
    stall_per_mille: int,
) -> ProofRuns:
    """Streams faces through the sized design twice: at full rate, and with random stalls on both ports.

    Args:
        library: compiled simulator.
        interface: the design's ports.
        data_dir: directory with the design's memory files.
        crops_u8: `[N, H, W, 3]` uint8 faces, N at least 3 (the first interval is start-up).
        expected_u8: what must come out.
        stall_per_mille: stall probability per port and cycle, in 1/1000.

    Raises:
        DeadlockError: if the design stops making progress.
    """
    assert len(crops_u8) >= 3, "the steady state shows from the third face on"
    with Simulator(library, interface, data_dir=data_dir) as simulator:
        full = simulator.run(crops_u8)
        simulator.reset()
        stalled_crops = crops_u8[:2]
        stalled = simulator.run(
            stalled_crops,
            stalls=Stalls(input_per_mille=stall_per_mille, output_per_mille=stall_per_mille, seed=_STALL_SEED),
        )
    ends = full.image_end_cycles[0]
    cycles = full.cycles + stalled.cycles
    return ProofRuns(
        interval_cycles=int(np.diff(ends).max()),
        latency_cycles=int(ends[0]) + 1,
        crops=len(crops_u8),
        differing_bytes=_differing(full, expected_u8),
        stalled_crops=len(stalled_crops),
        stalled_differing_bytes=_differing(stalled, expected_u8[:2]),
        cycles=cycles,
        kcycles_per_s=cycles / (full.seconds + stalled.seconds) / 1e3,
    )


def _differing(result: RunResult, expected_u8: NDArray[np.uint8]) -> int:
    return int(np.count_nonzero(result.outputs[0] != expected_u8))

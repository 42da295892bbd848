"""Runs the sized design: its interval at full input rate, and its freedom from deadlock under back-pressure.

A design is much slower than its ports: short random pauses on them never reach its inside. The *choked* run therefore
takes the output more slowly than the design delivers, so that every FIFO fills and every layer stalls, again and
again; the *random* run has short pauses on both ports.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hls.interface import DesignInterface
from hls.sim.simulator import RunResult, Simulator, Stalls
from hw_anon.core.backend import Link

__all__ = ["ProofRuns", "prove", "stall_patterns"]

_STALL_SEED = 20181
_RANDOM_PER_MILLE = 300
_CHOKE = 1.5
"""How much slower than the design its output is taken in the choked run."""
_STALLED_CROPS = 2


@dataclass(frozen=True, kw_only=True, slots=True)
class ProofRuns:
    """What the sized design did in simulation."""

    interval_cycles: int
    """Steady-state cycles per face at full input rate: the longest interval after the first face."""
    latency_cycles: int
    """Cycles from reset until the first face has left."""
    links: tuple[Link, ...]
    """Comparison of each run's output with the twin's."""
    cycles: int
    """Cycles simulated in all runs."""
    kcycles_per_s: float
    """Simulated thousand cycles per second of wall time."""


def stall_patterns(interface: DesignInterface, interval_cycles: int) -> dict[str, Stalls]:
    """Returns the patterns of pauses that a design must stand, by a note for reports.

    Args:
        interface: the design's ports; the first output is choked.
        interval_cycles: its cycles per face at full rate.
    """
    choke = min(999, max(0, round(1000 - 1000 * interface.outputs[0].beats / (_CHOKE * interval_cycles))))
    return {
        f"random stalls, {_RANDOM_PER_MILLE / 10:g} % of cycles on each port": Stalls(
            input_per_mille=_RANDOM_PER_MILLE, output_per_mille=_RANDOM_PER_MILLE, seed=_STALL_SEED
        ),
        f"choked: output stalled in {choke / 10:g} % of cycles": Stalls(output_per_mille=choke, seed=_STALL_SEED),
    }


def prove(
    library: Path,
    interface: DesignInterface,
    *,
    data_dir: Path,
    crops_u8: NDArray[np.uint8],
    expected_u8: NDArray[np.uint8],
) -> ProofRuns:
    """Streams faces through the sized design at full rate, with random stalls, and with a choked output.

    Args:
        library: compiled simulator.
        interface: the design's ports.
        data_dir: directory with the design's memory files.
        crops_u8: `[N, H, W, 3]` uint8 faces, N at least 3 (the first interval is start-up).
        expected_u8: what must come out.

    Raises:
        DeadlockError: if the design stops making progress.
        SimulationError: if an assertion of the RTL fails.
    """
    assert len(crops_u8) >= 3, "the steady state shows from the third face on"
    with Simulator(library, interface, data_dir=data_dir) as simulator:
        full = simulator.run(crops_u8)
        interval = int(full.intervals[0].max())
        runs, links = [full], [_link(full, expected_u8, "full rate")]
        for note, stalls in stall_patterns(interface, interval).items():
            simulator.reset()
            runs.append(simulator.run(crops_u8[:_STALLED_CROPS], stalls=stalls))
            links.append(_link(runs[-1], expected_u8[:_STALLED_CROPS], note))
    cycles = sum(run.cycles for run in runs)
    return ProofRuns(
        interval_cycles=interval,
        latency_cycles=int(full.image_end_cycles[0][0]) + 1,
        links=tuple(links),
        cycles=cycles,
        kcycles_per_s=cycles / sum(run.seconds for run in runs) / 1e3,
    )


def _link(result: RunResult, expected_u8: NDArray[np.uint8], note: str) -> Link:
    differing = int(np.count_nonzero(result.outputs[0] != expected_u8))
    return Link(source="twin", target="rtl", crops=len(expected_u8), differing_bytes=differing, note=note)

"""What one build measured, for the reports."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hls.flow.config import BuildConfig
from hls.flow.pipeline import HardwareGraph
from hls.flow.prove import ProofRuns
from hls.flow.sizing import FifoSizing
from hls.folding import FoldingReport
from hw_anon.core.backend import Link

if TYPE_CHECKING:
    from qonnx.core.modelwrapper import ModelWrapper

__all__ = ["BuildRecord"]


@dataclass(frozen=True, kw_only=True, slots=True)
class BuildRecord:
    """Everything a build measured."""

    config: BuildConfig
    """The configuration."""
    graph: HardwareGraph
    """The compiled network and the stages it went through."""
    dataflow: ModelWrapper
    """The folded graph with its FIFOs."""
    folding: FoldingReport
    """Chosen parallelism."""
    sizing: FifoSizing
    """FIFO fills and depths."""
    proof: ProofRuns
    """Interval and equality of the sized design in RTL."""
    links: tuple[Link, ...]
    """Equalities checked during the build."""
    crops_u8: NDArray[np.uint8]
    """Faces used, `[N, H, W, 3]`."""
    modified_u8: NDArray[np.uint8]
    """What the design made of them."""
    build_s: float
    """Wall time of the build until the reports, in seconds."""

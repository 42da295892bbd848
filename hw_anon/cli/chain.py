"""The equivalence chain of one network: QAT = QONNX = hardware graph = twin = RTL, byte for byte."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hw_anon.core.backend import Link, ModifierBackend, compare_outputs

if TYPE_CHECKING:
    from hls.flow.finished import FinishedBuild
    from hls.sim.simulator import Stalls

__all__ = ["run_chain"]

_SLICE = 16


def run_chain(
    qat: ModifierBackend,
    finished: FinishedBuild,
    *,
    finn_dir: Path,
    crops_u8: NDArray[np.uint8],
    rtl_crops_u8: NDArray[np.uint8],
    stalls: bool,
    advance: Callable[[str, int, int], None],
) -> list[Link]:
    """Runs every backend of a network and compares each with the one before it.

    Args:
        qat: the trained network in torch.
        finished: its build.
        finn_dir: scratch directory of FINN.
        crops_u8: `[N, H, W, 3]` uint8 for the software links.
        rtl_crops_u8: `[K, H, W, 3]` uint8 for the RTL link.
        stalls: whether to run the RTL again under `hls.flow.prove.stall_patterns`.
        advance: called with backend, crops done and crops in all.
    """
    from hls.flow.finished import MODEL_DIR
    from hls.flow.prove import stall_patterns
    from quant.backend import QonnxBackend

    twin = finished.twin()
    software: list[ModifierBackend] = [
        qat,
        QonnxBackend(finished.directory / MODEL_DIR),
        finished.graph_backend(finn_dir),
        twin,
    ]
    links, reference = [], None
    for backend in software:
        outputs = _modify_in_slices(backend, crops_u8, advance)
        if reference is not None:
            links.append(compare_outputs(reference[0], backend.name, reference[1], outputs))
        reference = (backend.name, outputs)
    expected = twin.modify(rtl_crops_u8)
    patterns: dict[str, Stalls | None] = {"full rate": None}
    if stalls:
        patterns |= stall_patterns(finished.interface, finished.report["interval_cycles_rtl"])
    for note, pattern in patterns.items():
        rtl = finished.rtl_backend(stalls=pattern)
        advance(f"rtl, {note}", 0, len(rtl_crops_u8))
        outputs = rtl.modify(rtl_crops_u8)
        advance(f"rtl, {note}", len(rtl_crops_u8), len(rtl_crops_u8))
        links.append(compare_outputs(twin.name, rtl.name, expected, outputs, note=note))
    return links


def _modify_in_slices(
    backend: ModifierBackend, crops_u8: NDArray[np.uint8], advance: Callable[[str, int, int], None]
) -> NDArray[np.uint8]:
    """Runs a backend a few crops at a time, so that progress shows and an interrupt is prompt."""
    outputs = []
    for start in range(0, len(crops_u8), _SLICE):
        advance(backend.name, start, len(crops_u8))
        outputs.append(backend.modify(crops_u8[start : start + _SLICE]))
    advance(backend.name, len(crops_u8), len(crops_u8))
    return np.concatenate(outputs)

"""What our folding saves: DSP slices for the same network, board and throughput, against FINN's own `SetFolding`."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

from hls.flow.config import BuildConfig
from hls.flow.pipeline import compile_graph
from hls.folding import fold
from hls.resources import estimate_model, total

__all__ = ["run"]

_STOCK_WEIGHT_STREAM_BITS = 10_000


def run(source: Path, config: BuildConfig, *, work_dir: Path) -> dict[str, Any]:
    """Folds the same graph both ways and counts the DSP slices of both by the same law (`hls.resources.mvu`).

    Args:
        source: export directory of the network.
        config: board and throughput.
        work_dir: scratch directory of FINN.

    Returns:
        DSP slices and ideal interval in cycles of both foldings, and their ratio.
    """
    graph = compile_graph(source, config.target, work_dir=work_dir)
    from finn.transformation.fpgadataflow.set_folding import SetFolding
    from qonnx.custom_op.registry import getCustomOp

    stock = copy.deepcopy(graph.specialised).transform(
        SetFolding(config.target_interval_cycles, mvau_wwidth_max=_STOCK_WEIGHT_STREAM_BITS, two_pass_relaxation=True)
    )
    ours = fold(graph.specialised, board=config.target, target_interval_cycles=config.target_interval_cycles)
    stock_dsp = total(estimate_model(stock, config.target)).dsp
    stock_cycles = max(
        int(getCustomOp(node).get_exp_cycles()) for node in stock.graph.node if node.op_type == "MVAU_rtl"
    )
    return {
        "board": config.board,
        "faces_per_s_target": config.faces_per_s,
        "dsp": ours.resources.dsp,
        "interval_cycles": ours.interval_cycles,
        "dsp_stock": stock_dsp,
        "interval_cycles_stock": stock_cycles,
        "ratio": round(stock_dsp / ours.resources.dsp, 2),
    }

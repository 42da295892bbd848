"""Generates the HDL of every node of a hardware graph with FINN's own generators, without Vivado.

FINN's `PrepareIP` does the same into directories with random names; deterministic ones make a build reproducible and
its log readable.
"""

from __future__ import annotations

import copy
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from hls.stitch.fifo import RamStyleChoice, choose_fifo_ram_style
from hls.stitch.netlist import identifier
from hw_anon.core.boards import Board, get_board
from hw_anon.core.errors import ContractError, HwAnonError

if TYPE_CHECKING:
    from onnx import NodeProto
    from qonnx.core.modelwrapper import ModelWrapper

__all__ = ["generate_hdl", "set_fifo_ram_styles"]

_LIKELY_CAUSES = {
    "MVAU": "weights or activations outside the DSP unit's range: use narrow-range weights of 2 to 8 bits",
    "Thresholding": "its input or thresholds are not integers",
    "VVAU": "depthwise convolutions have RTL on Versal devices only",
    "DuplicateStreams": "hls.kernels.register() was not called before SpecializeLayers",
    "ElementwiseAdd": "hls.kernels.register() was not called before SpecializeLayers, or an operand is constant",
    "UpsampleNearestNeighbour": "hls.kernels.register() was not called before SpecializeLayers",
}


def generate_hdl(model: ModelWrapper, part: str, clk_period_ns: float, work_dir: Path) -> ModelWrapper:
    """Generates the HDL of every node into `work_dir/<node name>`.

    Args:
        model: specialised hardware graph, folded, with width converters and FIFOs; it is not changed.
        part: vendor part number of a known board.
        clk_period_ns: target clock period; FINN derives pipeline depths of matrix-vector units from it.
        work_dir: directory for the generated code; a node's old directory is replaced.

    Returns:
        A copy of the graph whose nodes know their generated code, ready for `stitch`. FIFOs left at `auto` carry an
        explicit memory style.

    Raises:
        ConfigError: if `part` is not of a known board.
        ContractError: if a node has no RTL implementation, an unusable name, or its generator fails.
    """
    from finn.util.basic import getHWCustomOp

    model = copy.deepcopy(model)
    for node in model.graph.node:
        _require_rtl(node)
    set_fifo_ram_styles(model, get_board(part))
    for node in model.graph.node:
        directory = work_dir.resolve() / node.name
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(parents=True)
        operator = getHWCustomOp(node)
        operator.set_nodeattr("code_gen_dir_ipgen", str(directory))
        try:
            operator.code_generation_ipgen(model, part, clk_period_ns)
        except HwAnonError:
            raise
        except Exception as exc:  # FINN reports bad folding and attributes as assertions, KeyError, its own classes, …
            raise ContractError(f"node {node.name} ({node.op_type}): FINN cannot generate its HDL: {exc!r}") from exc
    return model


def set_fifo_ram_styles(model: ModelWrapper, board: Board) -> dict[str, RamStyleChoice]:
    """Gives every FIFO whose memory style is still `auto` an explicit one, in place.

    Returns:
        The choice made for each of those FIFOs, by node name.
    """
    from finn.util.basic import getHWCustomOp

    choices = {}
    for node in model.graph.node:
        if node.op_type != "StreamingFIFO_rtl":
            continue
        fifo = getHWCustomOp(node)
        if fifo.get_nodeattr("ram_style") == "auto":
            choice = choose_fifo_ram_style(fifo.get_nodeattr("depth"), fifo.get_instream_width_padded(), board)
            fifo.set_nodeattr("ram_style", choice.style)
            choices[node.name] = choice
    return choices


def _require_rtl(node: NodeProto) -> None:
    """Refuses nodes that FINN would build with the vendor's high-level synthesis, and names Verilog cannot hold."""
    if not node.op_type.endswith("_rtl"):
        base = node.op_type.removesuffix("_hls")
        cause = _LIKELY_CAUSES.get(base, "the operator has no RTL implementation; the net uses an unsupported layer")
        raise ContractError(f"node {node.name} is {node.op_type}, not an RTL operator; likely cause: {cause}")
    if identifier(node.name) != node.name:
        raise ContractError(
            f"node name {node.name!r} is not a Verilog identifier, and FINN names modules after nodes; "
            f"{identifier(node.name)!r} would be"
        )

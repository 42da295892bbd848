"""The front half of the flow: an export directory becomes a graph of RTL operators, one reported stage at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hls.flow.boot import boot
from hls.flow.convert import (
    HARDWARE_DOMAIN,
    minimise_datatypes,
    name_nodes,
    refuse_software_leftovers,
    to_hardware_layers,
)
from hls.flow.ingest import ingest, read_model
from hls.flow.stage import StageReport, StageRunner
from hls.flow.streamline import (
    convert_quantisers,
    lower_convolutions,
    refuse_float_leftovers,
    streamline,
    tidy,
)
from hw_anon.core.boards import Board
from hw_anon.core.contract import NetContract
from hw_anon.core.errors import ContractError

if TYPE_CHECKING:
    from qonnx.core.modelwrapper import ModelWrapper

__all__ = ["HardwareGraph", "compile_graph", "specialise"]


@dataclass(frozen=True, kw_only=True, slots=True)
class HardwareGraph:
    """A network as hardware layers, before and after the choice of implementations."""

    contract: NetContract
    """The network's contract."""
    abstract: ModelWrapper
    """Hardware layers without a chosen implementation: the executable specification."""
    specialised: ModelWrapper
    """The same layers as RTL operators for one board, not folded yet."""
    stages: tuple[StageReport, ...]
    """What each stage did."""


def compile_graph(
    directory: Path, board: Board, *, work_dir: Path, on_stage: Callable[[str], None] | None = None
) -> HardwareGraph:
    """Compiles an exported network to RTL operators.

    Args:
        directory: export directory with `model.onnx` and `contract.json`.
        board: target board (decides DSP slice and thus the RTL operators' parameters).
        work_dir: scratch directory for FINN.
        on_stage: called with each stage's name before it runs.

    Raises:
        ContractError: if the model is corrupt, outside the family, or leaves nodes that no hardware exists for.
        ToolError: if FINN+ is not installed.
    """
    boot(work_dir)
    model, contract = read_model(directory)
    runner = StageRunner(on_stage=on_stage)
    for name, stage in (
        ("ingest", lambda m: ingest(m, contract)),
        ("convert quantisers", convert_quantisers),
        ("streamline", streamline),
        ("lower convolutions", lower_convolutions),
        ("check integer graph", refuse_float_leftovers),
        ("map to hardware layers", to_hardware_layers),
        ("check hardware graph", refuse_software_leftovers),
        ("minimise datatypes", minimise_datatypes),
        ("name nodes", name_nodes),
    ):
        model = runner.run(name, model, stage)
    _check_output_type(model, contract)
    specialised = runner.run("specialise", model, lambda m: specialise(m, board))
    return HardwareGraph(contract=contract, abstract=model, specialised=specialised, stages=tuple(runner.reports))


def specialise(model: ModelWrapper, board: Board) -> ModelWrapper:
    """Chooses the RTL implementation of every hardware layer.

    Raises:
        ContractError: if a layer has none for this board.
    """
    import copy

    from finn.transformation.fpgadataflow.specialize_layers import SpecializeLayers
    from qonnx.custom_op.registry import getCustomOp

    import hls.kernels

    hls.kernels.register()
    model = copy.deepcopy(model)
    for node in model.graph.node:
        if node.domain == HARDWARE_DOMAIN:
            getCustomOp(node).set_nodeattr("preferred_impl_style", "rtl")
    names = {node.output[0]: node.name for node in model.graph.node}
    model = tidy(model.transform(SpecializeLayers(board.part)))
    for node in model.graph.node:
        node.name = names.get(node.output[0], node.name)
        if not node.op_type.endswith("_rtl"):
            raise ContractError(
                f"{node.name} ({node.op_type}) has no RTL implementation on {board.device}: weights must be "
                "narrow-range with 2 to 8 bits and activations 2 to 8 bits wide"
            )
    return model


def _check_output_type(model: ModelWrapper, contract: NetContract) -> None:
    for spec in contract.outputs:
        position = [s.name for s in contract.outputs].index(spec.name)
        name = model.graph.output[position].name
        found = model.get_tensor_datatype(name).name
        if found != spec.datatype:
            raise ContractError(
                f"output {spec.name} became {found}, the contract says {spec.datatype}; "
                "end the net in an unsigned 8-bit quantiser of scale 1/255"
            )

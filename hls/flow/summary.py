"""What a build measured, in the form that the reports take."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from hls.report import BuildReport, FifoRow, LayerRow, Pictures, StageRow, write_record
from hls.report.html import write_report
from hls.resources import estimate_model, total

if TYPE_CHECKING:
    from hls.flow.record import BuildRecord

__all__ = ["report_of", "summarise"]


def summarise(record: BuildRecord, directory: Path, *, design_id: str, tools: dict[str, str]) -> dict[str, Any]:
    """Writes `report.json` and `index.html` into `directory`; returns the figures that the manifest repeats."""
    report = report_of(record, design_id=design_id, tools=tools)
    write_record(report, directory)
    write_report(report, directory)
    return {
        "interval_cycles_rtl": report.interval_cycles_rtl,
        "interval_cycles_ideal": report.interval_cycles_ideal,
        "faces_per_s": report.faces_per_s,
        "dsp_estimated": report.dsp,
        "lut_estimated": report.lut,
        "bram18_estimated": report.bram18,
        "differing_bytes": report.differing_bytes,
    }


def report_of(record: BuildRecord, *, design_id: str, tools: dict[str, str]) -> BuildReport:
    """Returns the report of a build."""
    board = record.config.target
    estimates = estimate_model(record.dataflow, board)
    resources = total(estimates)
    height, width, channels = record.crops_u8.shape[1:]
    return BuildReport(
        net=record.graph.contract.name,
        design_id=design_id,
        board=board,
        clock_mhz=record.config.clock_mhz,
        input_shape=(height, width, channels),
        interval_cycles_rtl=record.proof.interval_cycles,
        interval_cycles_ideal=record.folding.interval_cycles,
        latency_cycles=record.proof.latency_cycles,
        macs_per_inference=record.folding.macs_per_inference,
        dsp=resources.dsp,
        lut=resources.lut,
        bram18=resources.bram18,
        uram=resources.uram,
        layers=_layers(record, estimates),
        fifos=_fifos(record),
        stages=tuple(
            StageRow(name=stage.name, seconds=stage.seconds, nodes=stage.nodes, changes=stage.changes)
            for stage in record.graph.stages
        ),
        links=record.links,
        fifo_sizing_s=record.sizing.seconds,
        build_s=record.build_s,
        simulated_kcycles_per_s=record.proof.kcycles_per_s,
        versions=tools,
        pictures=_pictures(record),
    )


def _pictures(record: BuildRecord) -> Pictures | None:
    """Returns the proof's pictures; a face detector's output is none."""
    if record.modified_u8.shape != record.crops_u8.shape:
        return None
    labels = tuple(f"face {index}" for index in range(len(record.crops_u8)))
    return Pictures(before=record.crops_u8, after=record.modified_u8, labels=labels)


def _layers(record: BuildRecord, estimates: dict[str, Any]) -> tuple[LayerRow, ...]:
    """Returns the nodes in stream order, width converters included, FIFOs left out."""
    from finn.util.basic import getHWCustomOp

    folded = {layer.name: layer for layer in record.folding.layers}
    rows = []
    for node in record.dataflow.graph.node:
        if node.op_type.startswith("StreamingFIFO"):
            continue
        op, layer, amount = getHWCustomOp(node), folded.get(node.name), estimates[node.name]
        known = op.get_nodeattr_types()
        rows.append(
            LayerRow(
                name=node.name,
                op=node.op_type,
                pe=op.get_nodeattr("PE") if "PE" in known else None,
                simd=op.get_nodeattr("SIMD") if "SIMD" in known else None,
                cycles=int(op.get_exp_cycles()),
                dsp=amount.dsp,
                bram18=amount.bram18,
                lut=amount.lut,
                input_datatype=op.get_input_datatype().name,
                output_datatype=op.get_output_datatype().name,
                macs=layer.macs if layer else 0,
                packing_limit=float(layer.lanes) if layer else 0.0,
            )
        )
    return tuple(rows)


def _fifos(record: BuildRecord) -> tuple[FifoRow, ...]:
    from finn.util.basic import getHWCustomOp

    nodes = {node.name: node for node in record.dataflow.graph.node}
    rows = []
    for site in record.sizing.sites:
        rows.append(
            FifoRow(
                name=site.name,
                producer=site.producer,
                consumer=site.consumer,
                width_bits=site.width_bits,
                depth=record.sizing.depths[site.name],
                fill=record.sizing.fills[site.name],
                storage=str(getHWCustomOp(nodes[site.name]).get_nodeattr("ram_style")),
            )
        )
    return tuple(rows)

"""The machine-readable report: `report.json`, whose keys stay stable."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from hls.report.data import BuildReport, FifoRow, LayerRow, Origin, StageRow
from hw_anon.core.atomic import write_text_atomically
from hw_anon.core.backend import Link
from hw_anon.core.boards import get_board
from hw_anon.core.errors import ContractError

__all__ = ["RECORD_FILE", "RECORD_VERSION", "as_record", "read_record", "write_record"]

RECORD_FILE = "report.json"
RECORD_VERSION = 1

_ORIGINS = {
    "bram18": Origin.ESTIMATED,
    "dsp": Origin.ESTIMATED,
    "dsp_efficiency": Origin.ESTIMATED,
    "faces_per_s": Origin.SIMULATED,
    "interval_cycles_ideal": Origin.ESTIMATED,
    "interval_cycles_rtl": Origin.SIMULATED,
    "latency_cycles": Origin.SIMULATED,
    "lut": Origin.ESTIMATED,
    "measured_faces_per_s": Origin.MEASURED,
    "uram": Origin.ESTIMATED,
}

_AS_THEY_ARE = (
    *("net", "design_id", "clock_mhz", "interval_cycles_rtl", "interval_cycles_ideal", "latency_cycles"),
    *("macs_per_inference", "dsp", "lut", "bram18", "uram", "fifo_sizing_s", "build_s", "simulated_kcycles_per_s"),
    *("versions", "measured_faces_per_s"),
)
"""Fields of a report that stand in its record under their own names."""


def as_record(report: BuildReport) -> dict[str, Any]:
    """Returns the report as JSON types; `origins` says of every hardware figure where it comes from."""
    return {
        "version": RECORD_VERSION,
        "net": report.net,
        "design_id": report.design_id,
        "board": report.board.name,
        "clock_mhz": report.clock_mhz,
        "input_shape": list(report.input_shape),
        "interval_cycles_rtl": report.interval_cycles_rtl,
        "interval_cycles_ideal": report.interval_cycles_ideal,
        "latency_cycles": report.latency_cycles,
        "faces_per_s": round(report.faces_per_s, 3),
        "measured_faces_per_s": report.measured_faces_per_s,
        "dsp": report.dsp,
        "lut": report.lut,
        "bram18": report.bram18,
        "uram": report.uram,
        "macs_per_inference": report.macs_per_inference,
        "packing_limit": round(report.packing_limit, 4),
        "dsp_efficiency": round(report.dsp_efficiency, 4),
        "fifo_sizing_s": round(report.fifo_sizing_s, 3),
        "build_s": round(report.build_s, 3),
        "simulated_kcycles_per_s": round(report.simulated_kcycles_per_s, 3),
        "origins": {name: str(origin) for name, origin in _ORIGINS.items()},
        "links": [link.as_json() for link in report.links],
        "layers": [asdict(layer) for layer in report.layers],
        "fifos": [asdict(fifo) for fifo in report.fifos],
        "stages": [asdict(stage) for stage in report.stages],
        "versions": report.versions,
    }


def write_record(report: BuildReport, directory: Path) -> Path:
    """Writes `report.json` into `directory`, atomically, and returns its path.

    Raises:
        OSError: if it cannot be written.
    """
    path = directory / RECORD_FILE
    write_text_atomically(path, json.dumps(as_record(report), indent=2, sort_keys=True, allow_nan=False) + "\n")
    return path


def read_record(directory: Path) -> BuildReport:
    """Reads `report.json` back; the pictures, which it does not hold, are absent.

    Raises:
        ContractError: if it is missing, malformed or of another format version.
    """
    path = directory / RECORD_FILE
    try:
        raw = json.loads(path.read_text())
        if raw["version"] != RECORD_VERSION:
            raise ContractError(f"{path} has format version {raw['version']}, this release reads {RECORD_VERSION}")
        return BuildReport(
            **{name: raw[name] for name in _AS_THEY_ARE},
            board=get_board(raw["board"]),
            input_shape=tuple(raw["input_shape"]),
            layers=tuple(LayerRow(**row) for row in raw["layers"]),
            fifos=tuple(FifoRow(**row) for row in raw["fifos"]),
            stages=tuple(StageRow(**{**row, "changes": tuple(row["changes"])}) for row in raw["stages"]),
            links=tuple(_link(row) for row in raw["links"]),
        )
    except (OSError, ValueError, KeyError, TypeError) as exc:
        raise ContractError(f"{path} is missing or not a build's record ({exc!r}); build again") from exc


def _link(raw: dict[str, Any]) -> Link:
    return Link(
        source=raw["from"],
        target=raw["to"],
        crops=raw["crops"],
        differing_bytes=raw["differing_bytes"],
        note=raw.get("note", ""),
    )

"""The report of a hardware build: one HTML page for people (`hls.report.html`), one `report.json` for programs."""

from __future__ import annotations

from hls.report.data import BuildReport, FifoRow, LayerRow, Origin, Pictures, StageRow
from hls.report.record import RECORD_FILE, read_record, write_record

__all__ = [
    "RECORD_FILE",
    "BuildReport",
    "FifoRow",
    "LayerRow",
    "Origin",
    "Pictures",
    "StageRow",
    "read_record",
    "write_record",
]

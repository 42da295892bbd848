"""The report of a hardware build: one HTML page for people, one `report.json` for programs."""

from __future__ import annotations

from hls.report.data import BuildReport, FifoRow, LayerRow, Origin, Pictures, StageRow
from hls.report.html import write_report
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
    "write_report",
]

"""Resource model of the hardware operators, calibrated on open synthesis."""

from __future__ import annotations

from hls.resources.amounts import Resources
from hls.resources.model import calibration_errors, estimate_model, estimate_node, node_lanes, total
from hls.resources.mvu import dsp_lanes, mvu_dsps
from hls.resources.view import NodeView, view_model, view_node

__all__ = [
    "NodeView",
    "Resources",
    "calibration_errors",
    "dsp_lanes",
    "estimate_model",
    "estimate_node",
    "mvu_dsps",
    "node_lanes",
    "total",
    "view_model",
    "view_node",
]

"""Folding: how parallel each hardware node is built."""

from __future__ import annotations

from hls.folding.fold import (
    Budget,
    ConverterReport,
    FoldingReport,
    LayerFolding,
    fold,
    max_throughput,
    report_plan,
)
from hls.folding.network import Network, Stream, read_network
from hls.folding.plan import Plan, plan_folding

__all__ = [
    "Budget",
    "ConverterReport",
    "FoldingReport",
    "LayerFolding",
    "Network",
    "Plan",
    "Stream",
    "fold",
    "max_throughput",
    "plan_folding",
    "read_network",
    "report_plan",
]

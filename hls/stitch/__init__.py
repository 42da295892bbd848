"""Stitcher: a FINN hardware graph becomes one self-contained, relocatable directory of RTL, without a vendor tool."""

from __future__ import annotations

from hls.stitch.codegen import generate_hdl, set_fifo_ram_styles
from hls.stitch.design import StitchedDesign, stitch
from hls.stitch.fifo import FifoRamStyle, RamStyleChoice, choose_fifo_ram_style, implemented_fifo_depth
from hls.stitch.merge import merge_designs

__all__ = [
    "FifoRamStyle",
    "RamStyleChoice",
    "StitchedDesign",
    "choose_fifo_ram_style",
    "generate_hdl",
    "implemented_fifo_depth",
    "merge_designs",
    "set_fifo_ram_styles",
    "stitch",
]

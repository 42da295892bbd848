"""Bit-true software twin of a hardware graph: batched, exact integers, torch on the CPU, no FINN at run time."""

from __future__ import annotations

from hls.twin.lift import lift
from hls.twin.program import TwinProgram
from hls.twin.run import Twin

__all__ = ["Twin", "TwinProgram", "lift"]

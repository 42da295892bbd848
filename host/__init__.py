"""The board's side: opens a built design, refuses a wrong one, and hands out anonymised frames.

numpy and `hw_anon.core` only; pynq is imported when a board is opened, never torch or FINN.
"""

from __future__ import annotations

from host.design import Design, load_design
from host.driver import AnonymizedCamera, CameraFrame, CameraHealth, CameraSettings

__all__ = ["AnonymizedCamera", "CameraFrame", "CameraHealth", "CameraSettings", "Design", "load_design"]

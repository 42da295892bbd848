"""The board's side: loads a built design, refuses a wrong one. numpy and hw_anon.core only, no torch, no FINN."""

from __future__ import annotations

from host.design import Design, load_design

__all__ = ["Design", "load_design"]

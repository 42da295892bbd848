"""A board without a board: what software sees of one, around a camera that is the golden model or the Verilated design.

`board` and below need numpy only; `launch` and `device` need pynq.
"""

from __future__ import annotations

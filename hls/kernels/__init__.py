"""Our FINN operators in RTL: stream fork, integer stream add, concatenation, nearest-neighbour upsampling.

Stock FINN+ has these four only in HLS on 7-series and UltraScale+ parts. After `register()`, `SpecializeLayers` picks
the RTL ones by itself. The hand-written kernels lie in `hls/rtl/kernels`; per node only a thin Verilog wrapper is
generated.

This module imports FINN only inside `register` and `unregister`; call `hls.flow.boot.boot` before them.
"""

from __future__ import annotations

from hls.kernels.wrapper import KERNEL_DIRECTORY, kernel_source

__all__ = ["KERNEL_DIRECTORY", "kernel_source", "register", "unregister"]


def register() -> None:
    """Makes `SpecializeLayers` pick our RTL operators; calling it again does nothing."""
    from hls.kernels import plugin

    plugin.register()


def unregister() -> None:
    """Restores FINN's own choice of operators; nodes that are specialised already stay executable."""
    from hls.kernels import plugin

    plugin.unregister()

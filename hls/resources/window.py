"""Geometry of FINN's sliding window unit (`convolutioninputgenerator_rtl.py`, `swg_template_*.sv`)."""

from __future__ import annotations

from hls.resources.view import NodeView

__all__ = ["buffer_shape", "is_parallel", "startup_cycles"]


def is_parallel(view: NodeView) -> bool:
    """Whether the unit delivers a window each cycle, from registers and line buffers (also for 1×1 kernels)."""
    return bool(view.integer("parallel_window", 0)) or view.pair("ConvKernelDim") == (1, 1)


def startup_cycles(view: NodeView) -> int:
    """Returns the beats read before an image's first window leaves: the unit does not overlap images."""
    (kernel_h, kernel_w), (_, width) = view.pair("ConvKernelDim"), view.pair("IFMDim")
    dilation_h, dilation_w = view.pair("Dilation")
    fold = view.integer("IFMChannels") // view.integer("SIMD")
    return ((kernel_h - 1) * dilation_h * width + (kernel_w - 1) * dilation_w + 1) * fold


def buffer_shape(view: NodeView) -> tuple[int, int, int]:
    """Returns depth, width in bits and number of the unit's memories (depth 0 if it has none)."""
    (kernel_h, kernel_w), (_, width) = view.pair("ConvKernelDim"), view.pair("IFMDim")
    (stride_h, stride_w), (dilation_h, dilation_w) = view.pair("Stride"), view.pair("Dilation")
    fold = view.integer("IFMChannels") // view.integer("SIMD")
    bits = view.integer("SIMD") * view.input_bits
    if is_parallel(view):
        depth = ((width - ((kernel_w - 1) * dilation_w + 1)) + width * (dilation_h - 1)) * fold
        return (depth, bits, kernel_h - 1) if kernel_h > 1 else (0, bits, 0)
    extra_w = max(0, (stride_w - 1) - kernel_h * kernel_w) * fold
    extra_h = max(0, (stride_h - 1) * width - kernel_h * kernel_w) * fold
    return startup_cycles(view) + extra_w + extra_h, bits, 1

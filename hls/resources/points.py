"""The nodes that the resource model is calibrated on; every point is a `NodeView` like those the model estimates."""

from __future__ import annotations

import numpy as np

from hls.resources.view import Attribute, NodeView

__all__ = ["POINTS"]


def _view(op: str, bits: tuple[int, int], **attributes: Attribute) -> NodeView:
    """A view of a calibration node; `bits` are those of its input and its output elements."""
    return NodeView(name=op, op=op, attributes=attributes, input_bits=bits[0], output_bits=bits[1])


def _mvau(mw: int, mh: int, pe: int, simd: int, bits: tuple[int, int, int]) -> NodeView:
    """The compute core alone (`bits`: activation, weight, accumulator)."""
    view = _view("MVAU_core", (bits[0], bits[2]), MW=mw, MH=mh, PE=pe, SIMD=simd)
    return NodeView(
        name=view.name, op=view.op, attributes=view.attributes, input_bits=bits[0], output_bits=bits[2],
        other_bits=bits[1], narrow=True,
    )  # fmt: skip


def _threshold(channels: int, pe: int, steps: int, bits: tuple[int, int], trigger: int) -> NodeView:
    """Thresholding (`bits`: input, threshold)."""
    out = int(np.ceil(np.log2(steps + 1)))
    attributes: dict[str, Attribute] = {
        "NumChannels": channels, "PE": pe, "numSteps": steps, "ActVal": 0, "depth_trigger_bram": trigger,
    }  # fmt: skip
    return NodeView(
        name="Thresholding_rtl", op="Thresholding_rtl", attributes=attributes, input_bits=bits[0], output_bits=out,
        other_bits=bits[1], signed=True, threshold_rows=channels, channels=channels,
    )  # fmt: skip


def _swg(
    channels: int, size: int, simd: int, bits: int, *, stride: int = 1, parallel: int = 0, style: str = "distributed"
) -> NodeView:
    """A 3×3 sliding window over a padded square image of `size` pixels."""
    out = (size - 3) // stride + 1
    return _view(
        "ConvolutionInputGenerator_rtl", (bits, bits), ConvKernelDim=(3, 3), IFMChannels=channels,
        IFMDim=(size, size), OFMDim=(out, out), Stride=(stride, stride), Dilation=(1, 1), SIMD=simd,
        parallel_window=parallel, depthwise=0, ram_style=style,
    )  # fmt: skip


def _padding(channels: int, size: int, simd: int, bits: int) -> NodeView:
    """Padding by one pixel."""
    return _view(
        "FMPadding_rtl", (bits, bits), ImgDim=(size, size), Padding=(1, 1, 1, 1), NumChannels=channels, SIMD=simd
    )


def _converter(in_bits: int, out_bits: int) -> NodeView:
    """A data width converter."""
    return _view("StreamingDataWidthConverter_rtl", (4, 4), inWidth=in_bits, outWidth=out_bits)


def _fifo(depth: int, bits: int, style: str = "auto") -> NodeView:
    """A FIFO of `depth` beats of `bits` bits."""
    return _view("StreamingFIFO_rtl", (bits, bits), depth=depth, folded_shape=(1, 1, 1), ram_style=style)


def _memory(depth: int, width: int, style: str = "distributed") -> NodeView:
    """A weight memory in look-up tables or block RAM."""
    return _view("memstream", (width, width), depth=depth, ram_style=style)


def _upsample(channels: int, width: int, simd: int, bits: int) -> NodeView:
    """Nearest upsampling by two."""
    return _view(
        "UpsampleNearestNeighbour_rtl", (bits, bits), NumChannels=channels, HI=width, WI=width, HO=2 * width,
        WO=2 * width, SIMD=simd, ram_style="distributed",
    )  # fmt: skip


def _add(pe: int, bits: tuple[int, int, int]) -> NodeView:
    """Addition of two signed streams (`bits`: operands, sum)."""
    return NodeView(
        name="ElementwiseAdd_rtl", op="ElementwiseAdd_rtl", attributes={"PE": pe}, input_bits=bits[0],
        output_bits=bits[2], other_bits=bits[1],
    )  # fmt: skip


def _tlast(beats: int) -> NodeView:
    """The packet marker at a design's output."""
    return _view("axis_tlast", (8, 8), beats=beats)


def _fork(pe: int, bits: int, branches: int) -> NodeView:
    """A stream fork."""
    return _view("DuplicateStreams_rtl", (bits, bits), PE=pe, NumOutputStreams=branches)


POINTS: tuple[NodeView, ...] = (
    _mvau(288, 32, 4, 3, (4, 4, 15)),
    _mvau(288, 32, 8, 1, (4, 4, 15)),
    _mvau(144, 32, 8, 6, (4, 4, 14)),
    _mvau(27, 16, 2, 3, (8, 8, 20)),
    _mvau(144, 3, 3, 4, (4, 8, 18)),
    _mvau(288, 32, 32, 1, (4, 4, 15)),
    _mvau(72, 8, 4, 2, (2, 3, 11)),
    _mvau(144, 32, 16, 1, (4, 4, 14)),
    _mvau(144, 16, 16, 16, (4, 4, 14)),
    _mvau(144, 16, 4, 8, (8, 8, 23)),
    _memory(192, 48),
    _memory(72, 128),
    _memory(1152, 32),
    _memory(24, 24),
    _memory(1152, 32, "block"),
    _memory(4608, 16, "block"),
    _threshold(32, 1, 15, (15, 13), 1 << 20),
    _threshold(32, 4, 15, (14, 11), 1 << 20),
    _threshold(16, 1, 30, (15, 11), 1 << 20),
    _threshold(3, 1, 255, (18, 14), 1 << 20),
    _threshold(8, 8, 3, (10, 9), 1 << 20),
    _threshold(32, 1, 255, (15, 13), 256),
    _swg(16, 34, 1, 4),
    _swg(16, 34, 4, 4),
    _swg(32, 66, 2, 4, stride=2),
    _swg(3, 66, 3, 8),
    _swg(3, 34, 3, 8, parallel=1),
    _swg(8, 18, 8, 4, parallel=1),
    _swg(32, 66, 2, 4, style="block"),
    _swg(16, 34, 4, 4, style="block"),
    _swg(32, 10, 8, 4),
    _padding(3, 64, 3, 8),
    _padding(32, 16, 4, 4),
    _padding(16, 64, 1, 4),
    _converter(4, 8),
    _converter(16, 4),
    _converter(24, 8),
    _converter(8, 12),
    _converter(4, 32),
    _converter(108, 12),
    _fifo(2, 8),
    _fifo(32, 16),
    _fifo(64, 16),
    _fifo(256, 32),
    _fifo(200, 8, "distributed"),
    _fifo(1024, 16, "block"),
    _fifo(600, 32, "block"),
    _fork(1, 4, 2),
    _fork(4, 4, 2),
    _add(1, (5, 5, 6)),
    _add(8, (5, 5, 6)),
    _upsample(32, 16, 1, 4),
    _upsample(32, 32, 2, 4),
    _upsample(16, 16, 4, 4),
    _tlast(4096),
)
"""A few points per operator, spread over the sizes that nets of the modifier family use."""

"""Hardware graphs of the modifier family as node views, made without FINN."""

from __future__ import annotations

from dataclasses import replace

from hls.folding import Network, Stream
from hls.resources import NodeView
from hw_anon.core.boards import Board

__all__ = ["NetworkBuilder", "modifier_network"]


class NetworkBuilder:
    """Appends layers to a chain; residual branches through `fork` and `join`."""

    def __init__(self, channels: int, size: int, bits: int) -> None:
        self.views: list[NodeView] = []
        self.streams: list[Stream] = []
        self.channels, self.size, self.bits = channels, size, bits
        self.last: int | None = None

    def _append(self, view: NodeView, elements: int) -> int:
        index = len(self.views)
        self.views.append(replace(view, name=f"{view.op}_{index}"))
        if self.last is not None:
            self._connect(self.last, index, elements)
        self.last = index
        return index

    def _connect(self, producer: int, consumer: int, elements: int) -> None:
        self.streams.append(Stream(producer=producer, consumer=consumer, bits=self.bits, elements=elements))

    def _view(self, op: str, channels: int, size: int, **attributes: object) -> NodeView:
        return NodeView(
            name=op, op=op, attributes=attributes, input_bits=self.bits, output_bits=self.bits,
            vectors=size * size, channels=channels,
        )  # fmt: skip

    def convolution(self, out_channels: int, *, weight_bits: int = 4, stride: int = 1, bits: int = 4) -> None:
        """Adds padding, windows, a matrix-vector unit and thresholds of a 3×3 convolution."""
        channels, size = self.channels, self.size
        padded, out = size + 2, (size + 2 - 3) // stride + 1
        pad = self._view(
            "FMPadding_rtl", channels, padded, ImgDim=(size, size), Padding=(1, 1, 1, 1), NumChannels=channels
        )
        self._append(pad, size * size * channels)
        window = self._view(
            "ConvolutionInputGenerator_rtl", 9 * channels, out, ConvKernelDim=(3, 3), IFMChannels=channels,
            IFMDim=(padded, padded), OFMDim=(out, out), Stride=(stride, stride), Dilation=(1, 1), SIMD=1,
        )  # fmt: skip
        self._append(window, padded * padded * channels)
        accumulator = self.bits + weight_bits + (9 * channels).bit_length()
        unit = self._view("MVAU_rtl", out_channels, out, MW=9 * channels, MH=out_channels, PE=1, SIMD=1)
        unit = replace(unit, other_bits=weight_bits, output_bits=accumulator, narrow=True)
        self._append(unit, out * out * 9 * channels)
        self.bits, self.channels, self.size = accumulator, out_channels, out
        self.threshold(bits)

    def threshold(self, bits: int) -> None:
        """Adds thresholds."""
        view = self._view(
            "Thresholding_rtl", self.channels, self.size, NumChannels=self.channels, PE=1, numSteps=(1 << bits) - 1
        )
        view = replace(view, other_bits=self.bits, output_bits=bits, threshold_rows=self.channels)
        self._append(view, self._elements)
        self.bits = bits

    def upsample(self) -> None:
        """Adds nearest upsampling by two."""
        before = self._elements
        view = self._view(
            "UpsampleNearestNeighbour_rtl", self.channels, 2 * self.size, NumChannels=self.channels, HI=self.size,
            WI=self.size, HO=2 * self.size, WO=2 * self.size, SIMD=1,
        )  # fmt: skip
        self._append(view, before)
        self.size *= 2

    def residual(self, bits: int = 4) -> None:
        """Adds a block of two convolutions with a bypass."""
        fork = self._append(
            self._view("DuplicateStreams_rtl", self.channels, self.size, PE=1, NumOutputStreams=2), self._elements
        )
        self.convolution(self.channels, bits=bits)
        self.convolution(self.channels, bits=bits + 1)
        add = self._view("ElementwiseAdd_rtl", self.channels, self.size, PE=1)
        join = self._append(replace(add, other_bits=bits, output_bits=bits + 2), self._elements)
        self.bits = bits
        self._connect(fork, join, self._elements)
        self.bits = bits + 2
        self.threshold(bits)

    @property
    def _elements(self) -> int:
        return self.size * self.size * self.channels

    def build(self, board: Board) -> Network:
        """Returns the network with its foldings for `board`."""
        return Network.build(self.views, self.streams, board)


def modifier_network(
    board: Board, *, size: int = 64, widths: tuple[int, int, int] = (16, 32, 32), blocks: int = 2, bits: int = 4,
    weight_bits: int = 4,
) -> Network:  # fmt: skip
    """Returns a modifier: two strided convolutions down, residual blocks, two upsamplings; first and last layer 8 bits.

    Args:
        board: board to fold for.
        size: edge of the input image in pixels.
        widths: channels at full, half and quarter resolution.
        blocks: residual blocks.
        bits: bits of hidden activations.
        weight_bits: bits of hidden weights.
    """
    net = NetworkBuilder(3, size, 8)
    net.convolution(widths[0], weight_bits=8, bits=bits)
    net.convolution(widths[1], weight_bits=weight_bits, stride=2, bits=bits)
    net.convolution(widths[2], weight_bits=weight_bits, stride=2, bits=bits)
    for _ in range(blocks):
        net.residual(bits)
    net.upsample()
    net.convolution(widths[1], weight_bits=weight_bits, bits=bits)
    net.upsample()
    net.convolution(widths[0], weight_bits=weight_bits, bits=bits)
    net.convolution(3, weight_bits=8, bits=8)
    return net.build(board)

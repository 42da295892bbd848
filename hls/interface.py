"""The stream interface of a stitched design: what its ports carry and how arrays become beats.

`hls.stitch` writes it as `interface.json` beside the RTL; `hls.sim` needs only this file and the shared library to
drive the design, neither FINN nor torch.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hw_anon.core.atomic import write_text_atomically
from hw_anon.core.errors import ContractError

__all__ = ["FILE_LIST", "INTERFACE_FILE", "DesignInterface", "StreamPort"]

INTERFACE_FILE = "interface.json"
"""Name of the file that describes a stitched design's ports."""
FILE_LIST = "files.f"
"""Name of a stitched design's list of sources, in compile order."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StreamPort:
    """One AXI4-Stream port."""

    name: str
    """Port prefix, e.g. `s_axis` for `s_axis_tdata/tvalid/tready`."""
    element_bits: int
    """Bits of one element, without padding."""
    elements_per_beat: int
    """Elements in one beat, element 0 in the least significant bits."""
    signed: bool
    """Whether elements are two's complement."""
    shape: tuple[int, ...]
    """Shape of one image's tensor, without batch, NHWC order."""
    tdata_bits: int
    """Width of `tdata` (a multiple of 8 for vendor IP packaging, or exact for single kernels)."""
    has_tlast: bool = False
    """Whether the port has `tlast`, set on an image's last beat."""
    uppercase: bool = False
    """Whether the port's suffixes are upper case (`in0_V_TDATA`), as FINN's wrappers of single kernels have them."""

    def __post_init__(self) -> None:
        """Refuses a port whose sizes contradict each other.

        Raises:
            ContractError: if no whole number of beats carries an image or `tdata_bits` is too narrow for a beat.
        """
        if min(self.element_bits, self.elements_per_beat, *self.shape) < 1:
            raise ContractError(f"stream {self.name}: sizes must be positive, got {self}")
        if int(np.prod(self.shape)) % self.elements_per_beat:
            raise ContractError(
                f"stream {self.name}: {self.elements_per_beat} elements per beat do not divide shape {self.shape}"
            )
        if self.element_bits * self.elements_per_beat > self.tdata_bits:
            raise ContractError(
                f"stream {self.name}: {self.elements_per_beat} × {self.element_bits} bits exceed tdata's "
                f"{self.tdata_bits} bits"
            )

    def signal(self, suffix: str) -> str:
        """Returns the Verilog port of one signal, e.g. `s_axis_tdata` for `signal("tdata")`."""
        return f"{self.name}_{suffix.upper() if self.uppercase else suffix}"

    @property
    def beats(self) -> int:
        """Beats of one image."""
        return int(np.prod(self.shape)) // self.elements_per_beat

    @property
    def tdata_bytes(self) -> int:
        """Bytes of one beat in the simulator's buffers: `tdata_bits` rounded up."""
        return (self.tdata_bits + 7) // 8

    def pack(self, values: NDArray[Any]) -> NDArray[np.uint8]:
        """Packs `[N, *shape]` integers into `[N × beats, tdata_bytes]` uint8.

        Raises:
            ContractError: if the shape is not `[N, *shape]` or a value does not fit `element_bits`.
        """
        values = np.asarray(values)
        if values.shape[1:] != self.shape:
            raise ContractError(f"stream {self.name}: expected [N, {self.shape}], got {list(values.shape)}")
        low = -(1 << (self.element_bits - 1)) if self.signed else 0
        high = (1 << (self.element_bits - int(self.signed))) - 1
        if values.size and (values.min() < low or values.max() > high):
            raise ContractError(f"stream {self.name}: values outside [{low}, {high}]")
        flat = values.reshape(-1, self.elements_per_beat)
        if self.element_bits == 8 and self.tdata_bits == 8 * self.elements_per_beat:
            return np.ascontiguousarray(flat.astype(np.int16).astype(np.uint8))
        bits = ((flat.astype(np.int64)[..., None] >> np.arange(self.element_bits)) & 1).astype(np.uint8)
        packed = np.packbits(bits.reshape(len(flat), -1), axis=1, bitorder="little")
        beats = np.zeros((len(flat), self.tdata_bytes), np.uint8)
        beats[:, : packed.shape[1]] = packed
        return beats

    def unpack(self, beats: NDArray[np.uint8]) -> NDArray[np.int64]:
        """Unpacks `[N × beats, tdata_bytes]` uint8 into `[N, *shape]` int64."""
        used = self.element_bits * self.elements_per_beat
        bits = np.unpackbits(beats, axis=1, bitorder="little")[:, :used]
        bits = bits.reshape(len(beats), self.elements_per_beat, self.element_bits).astype(np.int64)
        values = (bits << np.arange(self.element_bits)).sum(-1)
        if self.signed:
            values -= (values >> (self.element_bits - 1)) << self.element_bits
        return values.reshape(-1, *self.shape)


@dataclass(frozen=True, kw_only=True, slots=True)
class DesignInterface:
    """Ports of a design's top module, all flat Verilog ports."""

    top: str
    """Name of the top module."""
    inputs: tuple[StreamPort, ...]
    """Streams into the design."""
    outputs: tuple[StreamPort, ...]
    """Streams out of the design."""
    monitors: tuple[str, ...] = ()
    """32-bit observation outputs of an instrumented design, e.g. `mon_res0_bypass_fifo`."""
    clock: str = "ap_clk"
    """Clock port."""
    reset_n: str = "ap_rst_n"
    """Synchronous active-low reset port."""

    def save(self, directory: Path) -> Path:
        """Writes `interface.json` into `directory` and returns its path."""
        path = directory / INTERFACE_FILE
        write_text_atomically(path, json.dumps(asdict(self), indent=2, sort_keys=True) + "\n")
        return path

    @classmethod
    def load(cls, directory: Path) -> DesignInterface:
        """Reads `interface.json` from `directory`.

        Raises:
            ContractError: if it is missing or malformed.
        """
        path = directory / INTERFACE_FILE
        try:
            raw = json.loads(path.read_text())
            return cls(
                top=raw["top"],
                inputs=tuple(StreamPort(**{**p, "shape": tuple(p["shape"])}) for p in raw["inputs"]),
                outputs=tuple(StreamPort(**{**p, "shape": tuple(p["shape"])}) for p in raw["outputs"]),
                monitors=tuple(raw["monitors"]),
                clock=raw["clock"],
                reset_n=raw["reset_n"],
            )
        except (OSError, ValueError, KeyError, TypeError) as exc:
            raise ContractError(f"{path} is missing or not a design interface ({exc!r}); build again") from exc

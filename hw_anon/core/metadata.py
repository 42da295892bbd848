"""The one metadata beat that follows each delivered frame, and its words in the register map.

A beat is `1 + MAX_FACES` little-endian words of 64 bits: 320 bits for 4 faces, 576 for 8. Bit 0 is the least
significant bit of `tdata`; a DMA writes it first.

| word | bits | content |
|---|---|---|
| 0 | 31…0 | frame number, modulo 2^32 |
| 0 | 39…32 | fault code (`Fault`), 0 for a picture |
| 0 | 47…40 | boxes that follow |
| 0 | 55…48 | format, 1 |
| 0 | 63…56 | 0 |
| 1 + k | 15…0, 31…16, 47…32, 63…48 | x, y, width, height of region k, in paste order; 0 from `boxes` on |

A frame with a fault lists no boxes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hw_anon.core.boxes import Box
from hw_anon.core.errors import ConfigError, ContractError
from hw_anon.core.frame import AnonymisedFrame, Fault

__all__ = ["METADATA_FORMAT", "MOST_FACES", "Metadata", "metadata_bits", "pack_metadata", "unpack_metadata"]

METADATA_FORMAT = 1
"""Number of this layout, in every beat."""
MOST_FACES = 32
"""Largest MAX_FACES of any design."""

_WORD_BITS = 64
_SIDE_BITS = 16


@dataclass(frozen=True, kw_only=True, slots=True)
class Metadata:
    """What is said about one delivered frame."""

    number: int
    """Frame number, counted by the sensor interface modulo 2^32."""
    boxes: tuple[Box, ...] = ()
    """The replaced regions, in paste order."""
    fault: Fault = Fault.NONE
    """Why the frame is black; `Fault.NONE` for a picture."""

    def __post_init__(self) -> None:
        if not 0 <= self.number < 1 << 32:
            raise ContractError(f"frame number {self.number} is not in 0 to 2^32 - 1")
        if self.fault is not Fault.NONE and self.boxes:
            raise ContractError(f"frame {self.number} has fault {self.fault.name} and {len(self.boxes)} boxes (P2)")

    @classmethod
    def of(cls, frame: AnonymisedFrame) -> Metadata:
        """Returns the metadata of a delivered frame."""
        return cls(number=frame.number, boxes=frame.boxes, fault=frame.fault)


def metadata_bits(max_faces: int) -> int:
    """Returns the width of the beat's `tdata`.

    Args:
        max_faces: faces the design replaces at most, 1 to `MOST_FACES`.

    Raises:
        ConfigError: if it is out of range.
    """
    if not 1 <= max_faces <= MOST_FACES:
        raise ConfigError(f"max_faces = {max_faces}: allowed range is 1 to {MOST_FACES}")
    return _WORD_BITS * (1 + max_faces)


def pack_metadata(metadata: Metadata, *, max_faces: int) -> NDArray[np.uint8]:
    """Returns the beat as `[metadata_bits / 8]` bytes, least significant byte first.

    Args:
        metadata: what the beat says.
        max_faces: faces the design replaces at most.

    Raises:
        ContractError: if there are more boxes than that, or one does not fit its 16-bit fields.
    """
    count = metadata_bits(max_faces) // _WORD_BITS
    if len(metadata.boxes) > max_faces:
        raise ContractError(f"frame {metadata.number} has {len(metadata.boxes)} boxes; the beat holds {max_faces}")
    words = np.zeros(count, "<u8")
    words[0] = metadata.number | int(metadata.fault) << 32 | len(metadata.boxes) << 40 | METADATA_FORMAT << 48
    for word, box in enumerate(metadata.boxes, start=1):
        sides = (box.x, box.y, box.width, box.height)
        if not all(0 <= side < 1 << _SIDE_BITS for side in sides):
            raise ContractError(f"{box} does not fit the beat's 16-bit fields")
        words[word] = sum(side << _SIDE_BITS * k for k, side in enumerate(sides))
    return words.view(np.uint8)


def unpack_metadata(beat: NDArray[Any] | bytes) -> Metadata:
    """Reads a beat.

    Args:
        beat: its bytes, least significant first; a whole number of 64-bit words.

    Raises:
        ContractError: if it is no beat of this format: the design and the software are of different releases, or
            memory was read that the DMA did not write.
    """
    data = bytes(beat) if isinstance(beat, bytes) else np.ascontiguousarray(beat, np.uint8).tobytes()
    if len(data) < 16 or len(data) % 8:
        raise ContractError(f"a metadata beat is a whole number of 8-byte words, at least 2; got {len(data)} bytes")
    words = [int(word) for word in np.frombuffer(data, "<u8")]
    number, code, count, layout = words[0] & 0xFFFFFFFF, words[0] >> 32 & 255, words[0] >> 40 & 255, words[0] >> 48
    if layout != METADATA_FORMAT:
        raise ContractError(f"the metadata beat has format {layout}, expected {METADATA_FORMAT}")
    if count >= len(words) or code not in set(Fault) or any(words[1 + count :]):
        raise ContractError(f"frame {number}: metadata with fault code {code} and {count} boxes is damaged")
    boxes = []
    for word in words[1 : 1 + count]:
        x, y, width, height = (word >> _SIDE_BITS * k & 0xFFFF for k in range(4))
        if not width or not height:
            raise ContractError(f"frame {number}: metadata with an empty box is damaged")
        boxes.append(Box(x=x, y=y, width=width, height=height))
    return Metadata(number=number, boxes=tuple(boxes), fault=Fault(code))

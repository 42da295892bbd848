"""The one interface of everything that can modify a face crop, and the comparison of any two of them.

The equivalence chain (QAT = QONNX = hardware graph = twin = RTL = board) is a list of backends that must return
the same bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from hw_anon.core.errors import ContractError

__all__ = ["Link", "ModifierBackend", "compare_outputs", "require_crops", "whole_bytes"]


class ModifierBackend(Protocol):
    """A face modifier, whatever it runs on."""

    @property
    def name(self) -> str:
        """Short name used in reports: `qat`, `qonnx`, `hardware_graph`, `twin`, `rtl`, `board`."""
        ...

    def modify(self, crops_u8: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Modifies face crops.

        Args:
            crops_u8: `[N, H, W, 3]` uint8 RGB crops of the network's input size.

        Returns:
            `[N, H, W, 3]` uint8 modified crops.

        Raises:
            ContractError: if shape or dtype are not the network's.
        """
        ...


def require_crops(crops_u8: NDArray[np.uint8], shape: tuple[int, ...], *, backend: str) -> None:
    """Refuses what is not a batch of a backend's crops: the check that every `modify` begins with.

    Args:
        crops_u8: what the caller gave.
        shape: `(H, W, C)` of the network's input.
        backend: the backend's name, for the message.

    Raises:
        ContractError: if it is not a uint8 array of shape `[N, *shape]`.
    """
    if not isinstance(crops_u8, np.ndarray):
        raise ContractError(f"{backend}: crops must be a uint8 array, got {type(crops_u8).__name__}")
    if crops_u8.dtype != np.uint8 or crops_u8.ndim != len(shape) + 1 or crops_u8.shape[1:] != shape:
        raise ContractError(
            f"{backend}: crops must be uint8 of shape [N, {', '.join(map(str, shape))}], "
            f"got {crops_u8.dtype} of shape {list(crops_u8.shape)}"
        )


def whole_bytes(values: NDArray[np.generic], *, backend: str) -> NDArray[np.uint8]:
    """Returns a backend's output as bytes; nothing is rounded, clipped or wrapped.

    Args:
        values: any numeric dtype and shape.
        backend: the backend's name, for the message.

    Raises:
        ContractError: if a value is not a whole number in 0..255: the backend is no 8-bit integer network then.
    """
    with np.errstate(invalid="ignore"):  # NaN is refused below
        out: NDArray[np.uint8] = np.clip(values, 0, 255).astype(np.uint8)
    if not np.array_equal(out, values):
        raise ContractError(f"{backend} returned values that are not whole numbers in 0..255")
    return out


@dataclass(frozen=True, kw_only=True, slots=True)
class Link:
    """One link of the equivalence chain: two backends, the crops they both saw, and the bytes that differ."""

    source: str
    """Backend taken as reference."""
    target: str
    """Backend compared with it."""
    crops: int
    """Crops compared."""
    differing_bytes: int
    """Output bytes that differ; 0 is the bar."""
    note: str = ""
    """Condition of the run, e.g. `random stalls`."""

    def as_json(self) -> dict[str, str | int]:
        """Returns the link in the stable JSON form of `hw-anon verify --json`."""
        out: dict[str, str | int] = {
            "from": self.source,
            "to": self.target,
            "crops": self.crops,
            "differing_bytes": self.differing_bytes,
        }
        if self.note:
            out["note"] = self.note
        return out


def compare_outputs(
    source: str,
    target: str,
    reference: Sequence[NDArray[np.uint8]] | NDArray[np.uint8],
    candidate: Sequence[NDArray[np.uint8]] | NDArray[np.uint8],
    *,
    note: str = "",
) -> Link:
    """Counts the bytes in which two backends' outputs differ.

    Args:
        source: name of the reference backend.
        target: name of the backend compared.
        reference: `[N, H, W, C]` uint8.
        candidate: same shape; a candidate of another shape differs in every byte.
        note: condition of the run.
    """
    ref, cand = np.asarray(reference), np.asarray(candidate)
    differing = int(np.count_nonzero(ref != cand)) if ref.shape == cand.shape else max(ref.size, cand.size, 1)
    return Link(source=source, target=target, crops=len(ref), differing_bytes=differing, note=note)

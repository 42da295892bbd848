"""JHMDB's puppet masks: which pixels of each frame of a clip are the actor's, and the box around them."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hw_anon.core.errors import ContractError, ToolError
from hw_anon.data.samples import require_file

__all__ = ["Edges", "mask_boxes", "read_puppet_mask"]

Edges = tuple[float, float, float, float]
"""Left, top, right, bottom in parts of the frame."""


def read_puppet_mask(path: Path) -> NDArray[np.bool_]:
    """Reads the mask of a clip.

    Returns:
        `[H, W, T]` bool: whether the pixel belongs to the actor.

    Raises:
        ContractError: if the file is missing, damaged, or holds no `part_mask`.
        ToolError: if scipy is not installed.
    """
    try:
        from scipy.io import loadmat
        from scipy.io.matlab import MatReadError
    except ImportError as exc:
        raise ToolError("puppet masks need scipy; install it with: pip install scipy") from exc
    require_file(path, "a puppet mask (MATLAB file)")
    try:
        content = loadmat(str(path), variable_names=["part_mask"])
    except NotImplementedError as exc:
        raise ContractError(f"{path}: is a MATLAB 7.3 file (HDF5); JHMDB's are of version 5") from exc
    except (
        MatReadError,
        OSError,
        EOFError,
        LookupError,
        MemoryError,
        TypeError,
        ValueError,
        struct.error,
        zlib.error,
    ) as exc:
        raise ContractError(f"{path}: not a readable MATLAB file ({type(exc).__name__}: {exc})") from exc
    mask = content.get("part_mask")
    if not isinstance(mask, np.ndarray) or mask.dtype.kind not in "biuf":
        raise ContractError(f"{path}: holds no array 'part_mask'")
    if mask.ndim == 2:
        mask = mask[..., None]  # MATLAB drops the last axis of a clip of one frame
    if mask.ndim != 3 or not mask.size:
        raise ContractError(f"{path}: part_mask is {list(mask.shape)}; expected rows × columns × frames")
    return np.asarray(mask != 0)


def mask_boxes(mask: NDArray[np.bool_]) -> tuple[Edges | None, ...]:
    """Returns the box that encloses the mask in each frame, `None` where it is empty.

    Args:
        mask: `[H, W, T]` bool.
    """
    height, width, count = mask.shape
    columns, rows = np.any(mask, axis=0, keepdims=True)[0], np.any(mask, axis=1, keepdims=True)[:, 0]
    boxes: list[Edges | None] = []
    for time in range(count):
        x, y = np.flatnonzero(columns[:, time]), np.flatnonzero(rows[:, time])
        if x.size == 0:
            boxes.append(None)
            continue
        edges = (x[0] / width, y[0] / height, (x[-1] + 1) / width, (y[-1] + 1) / height)
        boxes.append((float(edges[0]), float(edges[1]), float(edges[2]), float(edges[3])))
    return tuple(boxes)

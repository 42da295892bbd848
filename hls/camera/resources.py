"""What a camera takes of its device: its own modules, and the two networks by their builds' estimates.

Block RAM, UltraRAM and DSP slices of the camera's modules follow from their sizes. Their LUTs and flip-flops are those
that Yosys finds for xc7 at 320×240, four faces; they hardly depend on the sizes.
"""

from __future__ import annotations

from hls.memory import bram18, uram
from hls.resources import Resources
from hw_anon.core.boards import Board
from hw_anon.core.camera import CameraConfig
from hw_anon.core.errors import ConfigError

__all__ = ["camera_resources", "frame_store", "require_resources"]

_BANKS = 4
_ULTRA_LANES = 3
_CORE = {1: Resources(lut=3208, ff=3856, dsp=23), 2: Resources(lut=4056, ff=4416, dsp=26)}
"""`camera_core` by the number of frame stores, without memories."""
_AROUND = Resources(lut=790, ff=690)
"""`control_status` (382 LUT, 562 FF), `video_meta_line` (327, 9), four converters at the networks' ends (14, 28)."""
_MAP_BITS = 40


def frame_store(width: int, height: int, *, ultra: bool) -> Resources:
    """Returns what a store of pixels takes: four banks by the parities of row and column.

    Args:
        width: columns, even.
        height: rows, even.
        ultra: whether it is in UltraRAM, three pixels a word.
    """
    pixels = (width // 2) * (height // 2)
    if ultra:
        return Resources(uram=_BANKS * uram(-(-pixels // _ULTRA_LANES), 24 * _ULTRA_LANES))
    return Resources(bram18=_BANKS * bram18(pixels, 24))


def camera_resources(config: CameraConfig) -> Resources:
    """Returns what the camera takes without its networks."""
    ultra = config.target.uram > 0
    total = _CORE[config.buffers] + _AROUND
    for _ in range(config.buffers):
        total = total + frame_store(config.width, config.height, ultra=ultra)
    total = total + frame_store(config.crop_size, config.crop_size * config.max_faces, ultra=False)
    return total + Resources(bram18=bram18(config.cells, _MAP_BITS))


def require_resources(parts: dict[str, Resources], board: Board) -> Resources:
    """Returns the sum of a design's parts if the board holds it.

    Args:
        parts: amounts by part.
        board: the device.

    Raises:
        ConfigError: if it does not, with the amounts of each part.
    """
    total = Resources()
    for amount in parts.values():
        total = total + amount
    exceeded = [kind for kind, share in total.shares(board).items() if share > 1]
    if exceeded:
        lines = [
            f"{getattr(total, kind):,} {kind.upper()} of {getattr(board, kind):,} ("
            + ", ".join(f"{name} {getattr(amount, kind):,}" for name, amount in parts.items())
            + ")"
            for kind in exceeded
        ]
        raise ConfigError(
            f"the camera does not fit {board.name} ({board.device}): it needs {'; '.join(lines)}; fold the networks "
            "narrower, store one frame, or take a larger board"
        )
    return total

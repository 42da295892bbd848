"""Where a board's video comes from, and the check that it goes nowhere but into the camera.

pynq's own video classes (`pynq.lib.video`: HDMI input, `MIPICamera`) configure a chain that ends in a VDMA of its own
and so in memory: raw frames, in the hands of software. In this design the chain ends in the camera. The HDMI receiver
announces its modes itself and the image sensor is set up by logic, so that software has nothing to configure, and no
register by which it could redirect raw video. What is left to software is to say what is missing when no video comes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hw_anon.core.boards import get_board
from hw_anon.core.errors import DeviceError
from hw_anon.core.platform import Platform

__all__ = ["VideoInput", "require_closed", "video_input"]


@dataclass(frozen=True, kw_only=True, slots=True)
class VideoInput:
    """The video input of a board."""

    connector: str
    """Where the source is plugged in."""
    remedy: str
    """What to look at when no video comes."""


_HDMI = VideoInput(
    connector="HDMI IN",
    remedy="plug a source into HDMI IN and let it send 1280×720 at 60 frames/s",
)
_MIPI = VideoInput(
    connector="MIPI CSI-2 (Pcam 5C, OV5640)",
    remedy="switch the board off, seat the sensor's ribbon cable, and switch it on: the sensor is set up at power-up",
)
_INPUTS = {"pynq-z2": _HDMI, "kv260": _MIPI, "zcu104": _MIPI}


def video_input(board: str) -> VideoInput:
    """Returns the video input of a board.

    Raises:
        ConfigError: if the board is unknown.
        DeviceError: if there is no camera design with a video input for it.
    """
    name = get_board(board).name
    if name not in _INPUTS:
        raise DeviceError(f"{name} has no video input that ends in the camera; known: {', '.join(_INPUTS)}")
    return _INPUTS[name]


def require_closed(blocks: Mapping[str, Mapping[str, Any]], platform: Platform) -> None:
    """Refuses a loaded design in which software reaches more than camera, video DMA and interrupt controller (P4).

    Another DMA, or a video DMA with a second channel, could carry what the camera keeps inside.

    Args:
        blocks: pynq's `ip_dict`: what has registers, by name.
        platform: the block design that it has to be.

    Raises:
        DeviceError: naming what is too much.
    """
    expected = {peripheral.instance for peripheral in platform.peripherals} | {platform.ps.instance}
    if surplus := sorted(set(blocks) - expected):
        kinds = ", ".join(f"{name} ({blocks[name].get('type', 'unknown')})" for name in surplus)
        raise DeviceError(f"the loaded design has blocks that this camera does not need: {kinds}; do not use it")
    parameters = blocks[platform.vdma.instance].get("parameters", {})
    channels = [str(parameters.get(name, "unknown")) for name in ("C_INCLUDE_MM2S", "C_INCLUDE_S2MM")]
    if channels != ["0", "1"]:  # what the handoff file does not say counts as open
        raise DeviceError("the video DMA of the loaded design has other channels than camera to memory; do not use it")

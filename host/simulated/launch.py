"""Starts a simulated board in this process, before the first `Overlay`.

    with activate(camera=ModelCamera(config, detect=…, modify=…), source=VideoSource(frames)) as device:
        overlay = pynq.Overlay(str(write_overlay(device.board.platform, directory)))

Several boards one after the other are fine; two at a time are not, because pynq has one active device.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from host.simulated.board import SimulatedBoard
from host.simulated.device import SimulatedDevice
from host.simulated.source import VideoSource
from hw_anon.core.atomic import write_bytes_atomically, write_text_atomically
from hw_anon.core.camera_abi import CameraPort
from hw_anon.core.hwh import DESIGN_NAME, render_hwh
from hw_anon.core.platform import Platform, get_platform

__all__ = ["activate", "write_overlay"]


@contextmanager
def activate(
    *,
    camera: CameraPort,
    source: VideoSource | None = None,
    platform: Platform | None = None,
    memory_bytes: int = 64 << 20,
    cache: bool = True,
    clock: bool = True,
) -> Iterator[SimulatedDevice]:
    """Makes a simulated board pynq's active device for the length of the block.

    Args:
        camera: the programmable logic; closed at the end.
        source: what the sensor sends.
        platform: the block design; a KV260's if not given.
        memory_bytes: contiguous memory for buffers.
        cache: whether cacheable buffers have to be invalidated.
        clock: lets time pass by itself; without, `device.board.advance` moves it.
    """
    board = SimulatedBoard(camera, platform or get_platform("kv260"), source=source, memory_bytes=memory_bytes)
    device = SimulatedDevice(board, cache=cache)
    device.select()
    if clock:
        board.start_clock()
    try:
        yield device
    finally:
        device.close()


def write_overlay(platform: Platform, directory: Path, *, name: str = DESIGN_NAME) -> Path:
    """Writes what an `Overlay` is made of, the handoff file and an empty bitstream, and returns the bitstream's path.

    Only a simulated board takes such a bitstream.
    """
    directory.mkdir(parents=True, exist_ok=True)
    bitstream = directory / f"{name}.bit"
    write_text_atomically(bitstream.with_suffix(".hwh"), render_hwh(platform))
    write_bytes_atomically(bitstream, b"no bitstream: for a simulated board\n")
    return bitstream

"""A PYNQ device that is a simulated board: real, unmodified pynq finds it and works with it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from pynq.interrupt import _InterruptController
from pynq.pl_server.device import Device
from pynq.ps import Clocks
from pynqmetadata.frontends import Metadata
from pynqmetadata.views.runtime import RuntimeMetadataParser

from host.simulated.board import SimulatedBoard
from host.simulated.buffers import BufferMemory
from host.simulated.uio import UioLines
from host.simulated.window import RegisterWindow

__all__ = ["SimulatedDevice"]


class SimulatedDevice(Device):  # type: ignore[misc]  # pynq has no types
    """Registers, memory, clocks, interrupts and downloads of a simulated board."""

    _probe_priority_ = 10
    _selected: SimulatedDevice | None = None

    @classmethod
    def _probe_(cls) -> list[SimulatedDevice]:
        """Returns the device that was selected, if any: without one, pynq finds what it always finds."""
        return [cls._selected] if cls._selected is not None else []

    def __init__(self, board: SimulatedBoard, *, cache: bool = True) -> None:
        """Makes a device of a board.

        Args:
            board: the board.
            cache: whether cacheable buffers have to be invalidated.
        """
        super().__init__(f"simulated {board.platform.board.name} {os.getpid()}.{id(self)}")
        self.name = "simulated"
        self.arch = board.platform.ps.arch
        self.capabilities = {"MEMORY_MAPPED": True}
        self.board = board
        self.default_memory = BufferMemory(self, board.dram, cache=cache)
        self.bitfile_name: str | None = None
        self.timestamp: str | None = None
        self.downloads: list[str] = []
        """Bitstreams that were loaded, in order."""
        self._uio = UioLines(board)

    def select(self) -> None:
        """Becomes pynq's active device."""
        self._forget()
        SimulatedDevice._selected = self
        Device.active_device = self
        _InterruptController._uio_devices = self._uio

    def close(self) -> None:
        """Ends the board, and leaves pynq as if no device had been found yet."""
        self._forget()
        self._uio.close()
        self.board.close()

    def mmap(self, base_addr: int, length: int) -> RegisterWindow:
        """Returns registers as an array."""
        return RegisterWindow(self.board.read, self.board.write, base_addr, length // 4)

    def get_memory(self, description: Any) -> BufferMemory:
        """Returns the one memory there is."""
        del description
        return self.default_memory

    def flush(self, bo: Any, offset: int, ptr: Any, size: int) -> None:
        """Hands over what software wrote to a buffer."""
        del ptr
        with self.board.lock:
            self.default_memory.hand_over(bo, offset, size)

    def invalidate(self, bo: Any, offset: int, ptr: Any, size: int) -> None:
        """Fetches what the DMA wrote to a buffer."""
        del ptr
        with self.board.lock:
            self.default_memory.fetch(bo, offset, size)

    def get_bitfile_metadata(self, bitfile_name: str, partial: bool = False) -> Any:
        """Returns what the handoff file beside a bitstream says, as pynq's own parser reads it."""
        del partial
        parser = RuntimeMetadataParser(Metadata(input=str(Path(bitfile_name).with_suffix(".hwh"))))
        window = self.board.dram.window
        parser.mem_dict["PSDDR"] = {
            "base_address": 0,
            "size": window.base + window.size,
            "idx": 0,
            "tag": "PSDDR",
            "used": 1,
            "streaming": False,
            "raw_type": 2,
            "type": "DDR4",
            "fullpath": "PSDDR",
        }
        parser.refresh_hierarchy_dict()
        return parser

    def download(self, bitstream: Any, parser: Any = None) -> None:
        """Loads the design; the bitstream's content is not looked at."""
        self.downloads.append(bitstream.bitfile_name)
        self.board.load()
        self.post_download(bitstream, parser, self.name)

    def _forget(self) -> None:
        """Makes pynq forget what it found, and the clocks of an earlier device."""
        SimulatedDevice._selected = None
        for holder, name in ((Device, "_active_device"), (Device, "_devices"), (Clocks, "_real_instance")):
            if name in vars(holder):
                delattr(holder, name)
        Clocks.device = None
        _InterruptController._controllers.clear()
        _InterruptController._last_timestamp = None
        _InterruptController._uio_devices = {}

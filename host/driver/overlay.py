"""A board under pynq: the only module of the driver that knows it, and it is imported when a board is opened."""

from __future__ import annotations

import asyncio
import functools
import importlib
import time
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from host.design import Design
from host.driver.claim import BoardClaim
from host.driver.find import describe
from host.driver.hardware import DmaBuffer, Registers
from host.driver.sources import require_closed
from hw_anon.core.errors import ContractError, DeviceError
from hw_anon.core.platform import Peripheral, Platform, get_platform

__all__ = ["InterruptPin", "PynqDmaBuffer", "PynqHardware", "PynqRegisters"]

_CLOCK = 0
"""The processing system's clock that the programmable logic runs from."""


def _pynq(module: str = "pynq") -> Any:
    """Returns one of pynq's modules; it has no types.

    Raises:
        DeviceError: if pynq is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError as exc:
        raise DeviceError(f"a board needs pynq ({exc}); install it: pip install 'hw-anon[board]'") from exc


def _require_loaded(bitstream: Path) -> None:
    """Refuses a bitstream that pynq does not know to be loaded: where nothing answers, a board hangs at once.

    This process may have loaded it, or another one, of which pynq leaves a note.
    """
    device = _pynq("pynq.pl_server").Device.active_device
    if getattr(device, "bitfile_name", None) == str(bitstream):
        return
    notes = _pynq("pynq.pl_server.global_state")
    known = notes.global_state_file_exists()
    if not known or notes.load_global_state().bitfile_hash != notes.bitstream_hash(str(bitstream)):
        raise DeviceError(f"{bitstream} is not loaded as far as pynq knows; load it: leave out download=False")


def _name_clocks(overlay: Any, platform: Platform) -> None:
    """Tells pynq the clock's frequency where it found none.

    pynq 4.0 looks for it under the UltraScale+ name, finds none in a Zynq-7000's handoff file (PYNQ-Z2), and its
    download fails with a `TypeError`. The platform knows what the processing system has to give.

    Raises:
        DeviceError: if the design enables another clock whose frequency is not known.
    """
    clocks = {index: dict(clock) for index, clock in overlay.clock_dict.items()}
    for index, clock in clocks.items():
        if clock.get("enable") and clock.get("frequency", 0) is None:
            if index != _CLOCK:
                raise DeviceError(
                    f"pynq finds no frequency of clock {index}, which {overlay.bitfile_name} enables; the camera runs "
                    f"from clock {_CLOCK} alone: load a design that hw-anon bitstream made"
                )
            clock["frequency"] = platform.clock.ps_mhz
    overlay.clock_dict = clocks


def _device_tag() -> str:
    """Returns the name of pynq's active device, unique on the machine.

    Raises:
        DeviceError: if there is none.
    """
    try:
        return str(_pynq("pynq.pl_server").Device.active_device.tag)
    except RuntimeError as exc:
        raise DeviceError(f"pynq finds no board ({exc}): run this on one, or on a simulated one") from exc


def _load_overlay(bitstream: Path, platform: Platform, *, download: bool) -> Any:
    """Returns the `pynq.Overlay` of a bitstream, loaded if it is to be.

    Raises:
        DeviceError: if pynq cannot.
    """
    pynq = _pynq()
    try:
        overlay = pynq.Overlay(str(bitstream), download=False)
        if download:
            _name_clocks(overlay, platform)
            overlay.download()
    except DeviceError:
        raise
    except Exception as exc:  # pynq raises whatever its libraries raise
        raise DeviceError(f"pynq could not load {bitstream}: {type(exc).__name__}: {exc}") from exc
    return overlay


class PynqRegisters:
    """A register window through pynq's `MMIO`."""

    def __init__(self, mmio: Any, name: str) -> None:
        """Takes the window.

        Args:
            mmio: `pynq.MMIO`, or anything with its `read` and `write`.
            name: its name in messages.
        """
        self._mmio = mmio
        self._name = name

    def read(self, offset: int) -> int:
        """Returns the word at a byte offset."""
        try:
            return int(self._mmio.read(offset))
        except (OSError, RuntimeError, LookupError, ValueError) as exc:
            raise DeviceError(f"reading {self._name} at {offset:#x} failed: {exc}") from exc

    def write(self, offset: int, value: int) -> None:
        """Writes the word at a byte offset."""
        try:
            self._mmio.write(offset, int(value))
        except (OSError, RuntimeError, LookupError, ValueError) as exc:
            raise DeviceError(f"writing {self._name} at {offset:#x} failed: {exc}") from exc


class PynqDmaBuffer:
    """Memory of `pynq.allocate`, seen through the processor's cache."""

    def __init__(self, buffer: Any) -> None:
        """Takes a `PynqBuffer`, one-dimensional uint8."""
        self._buffer = buffer
        self._memory: NDArray[np.uint8] = np.asarray(buffer).view(np.ndarray)

    @property
    def address(self) -> int:
        """Physical address of the first byte."""
        return int(self._buffer.device_address)

    @property
    def memory(self) -> NDArray[np.uint8]:
        """`[size]` uint8, the processor's view."""
        return self._memory

    def invalidate(self, start: int, length: int) -> None:
        """Makes what the DMA wrote visible in `memory[start : start + length]`."""
        self._buffer[start : start + length].invalidate()

    def flush(self, start: int, length: int) -> None:
        """Makes what the processor wrote to `memory[start : start + length]` visible to the DMA."""
        self._buffer[start : start + length].flush()

    def free(self) -> None:
        """Returns the memory; harmless when repeated."""
        buffer, self._buffer = self._buffer, None
        self._memory = np.empty(0, np.uint8)
        if buffer is not None:
            buffer.freebuffer()


class InterruptPin:
    """An interrupt that can be awaited with an end, in any event loop.

    pynq ties its interrupt files to the event loop that was the default one when they were opened, so that they stay
    silent in a loop that `asyncio.run` makes later. Here every loop that waits takes them over.
    """

    def __init__(self, pin: str) -> None:
        """Touches nothing.

        Args:
            pin: full name in the block design, e.g. `axi_vdma_0/s2mm_introut`.
        """
        self._pin = pin
        self._loop: asyncio.AbstractEventLoop | None = None
        self._interrupt: Any = None

    async def wait(self, timeout_s: float) -> bool:
        """Returns whether the interrupt came in time.

        Raises:
            DeviceError: if the design has no such interrupt, or the system gives no access to it.
        """
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            self._adopt(loop)
        try:
            await asyncio.wait_for(self._interrupt.wait(), timeout_s)
        except TimeoutError:
            return False
        return True

    def _adopt(self, loop: asyncio.AbstractEventLoop) -> None:
        module = _pynq("pynq.interrupt")
        try:
            self._interrupt = module.Interrupt(self._pin)
        except (OSError, ValueError, LookupError) as exc:
            raise DeviceError(
                f"no interrupt {self._pin} ({exc}): the device tree gives no access to it; use frames() instead of "
                "frames_async(), or add the uio node of the design to the device tree"
            ) from exc
        for controller in module._InterruptController._uio_devices.values():
            loop.add_reader(controller.uio, functools.partial(type(controller)._uio_callback, controller))
        self._loop = loop


class PynqHardware:
    """A loaded overlay as the driver needs it."""

    def __init__(self, overlay: Any, platform: Platform, claim: BoardClaim) -> None:
        """Finds the blocks.

        Args:
            overlay: a loaded `pynq.Overlay`.
            platform: the block design that it has to be.
            claim: the right to drive the board, which `close` gives up.

        Raises:
            DeviceError: if a block is missing, of another kind, or one too many.
        """
        self._overlay = overlay
        self._claim = claim
        self.camera: Registers = self._window(platform.camera)
        """The camera's registers."""
        self.vdma: Registers = self._window(platform.vdma)
        """The video DMA's registers."""
        require_closed(overlay.ip_dict, platform)
        parameters = overlay.ip_dict[platform.vdma.instance].get("parameters", {})
        self.frame_stores = int(parameters.get("C_NUM_FSTORES", platform.frame_stores))
        self._pin = InterruptPin(platform.interrupt(platform.vdma).pin)

    @classmethod
    def load(cls, design: Design, *, download: bool = True) -> Self:
        """Loads a design's bitstream onto pynq's active device.

        Args:
            design: the verified design.
            download: load it; otherwise it has to be loaded already.

        Raises:
            ContractError: if the design has no bitstream, or no hardware handoff file (`.hwh`) beside it, or if they
                changed while pynq read them.
            DeviceError: if there is no device, another camera is open on it, or it refuses the bitstream.
        """
        bitstream = design.bitstream
        handoff = bitstream.with_suffix(".hwh")
        names = [path.relative_to(design.directory).as_posix() for path in (bitstream, handoff)]
        if names[1] not in design.manifest.files:
            raise ContractError(f"{handoff} is missing: pynq needs the bitstream's handoff file, of the same name")
        platform = get_platform(describe(design).config.board)
        claim = BoardClaim(_device_tag())
        try:
            if not download:
                _require_loaded(bitstream)
            overlay = _load_overlay(bitstream, platform, download=download)
            design.require_unchanged(names)
            return cls(overlay, platform, claim)
        except BaseException:
            claim.release()
            raise

    @property
    def name(self) -> str:
        """Name of pynq's device."""
        return str(self._overlay.device.name)

    @property
    def overlay(self) -> Any:
        """The `pynq.Overlay`, for what is not part of the driver: video sources, LEDs."""
        return self._overlay

    def allocate(self, size: int) -> DmaBuffer:
        """Returns a new buffer of contiguous memory."""
        try:
            buffer = _pynq().allocate((size,), dtype=np.uint8, target=self._overlay.device, cacheable=True)
        except (OSError, RuntimeError, MemoryError) as exc:
            raise DeviceError(
                f"no {size} bytes of contiguous memory ({exc}): free buffers of other programs (restart their "
                "notebooks), hold fewer frames, or reserve more (cma= in the boot arguments)"
            ) from exc
        return PynqDmaBuffer(buffer)

    def now(self) -> float:
        """Returns seconds on the system's monotonic clock."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Lets so much time go by."""
        time.sleep(seconds)

    async def interrupt(self, timeout_s: float) -> bool:
        """Waits for the video DMA's interrupt and returns whether it came in time."""
        return await self._pin.wait(timeout_s)

    def close(self) -> None:
        """Lets others have the board; the design stays loaded until another one replaces it."""
        self._claim.release()

    def _window(self, peripheral: Peripheral) -> PynqRegisters:
        description = self._overlay.ip_dict.get(peripheral.instance)
        if description is None:
            found = ", ".join(self._overlay.ip_dict) or "nothing"
            raise DeviceError(f"the loaded design has no {peripheral.instance} (it has {found}): load the right one")
        kind = str(description["type"])
        if kind.rpartition(":")[0] != peripheral.vlnv.rpartition(":")[0]:
            raise DeviceError(f"{peripheral.instance} of the loaded design is {kind}, expected {peripheral.vlnv}")
        address, size = int(description["phys_addr"]), int(description["addr_range"])
        mmio = _pynq().MMIO(address, size, device=self._overlay.device)
        return PynqRegisters(mmio, peripheral.instance)

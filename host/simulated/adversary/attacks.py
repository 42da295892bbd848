"""What the attacker does: targeted attacks, each a function, and accesses at random.

Every attack takes the boards and a random generator and leaves the boards in whatever state they are in.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from host.simulated.adversary.twins import TwinBoards
from hw_anon.core.registers import REGISTERS, register

__all__ = ["ATTACKS", "prepare", "sweep_registers"]

_PARK, _CR, _SR, _VSIZE, _HSIZE, _STRIDE, _ADDRESS = 0x28, 0x30, 0x34, 0xA0, 0xA4, 0xA8, 0xAC
_RUNNING, _RESET = 0x0001_1083, 0x4
_CONTROL, _THRESHOLD, _META = (register(name).offset for name in ("CONTROL", "THRESHOLD", "META"))
_IRQ = tuple(register(name).offset for name in ("FAULTS", "IRQ_ENABLE", "IRQ_STATUS"))
_ALL = 0xFFFF_FFFF
_WORDS = tuple(reg.offset + 4 * word for reg in REGISTERS for word in range(reg.words))
_SWEPT = (0, _ALL, 0x5555_5555, 0xAAAA_AAAA, 1)
_OTHERS_BYTES = 0x100

Attack = Callable[[TwinBoards, np.random.Generator], None]


def _value(rng: np.random.Generator) -> int:
    """Returns a word of one of several kinds."""
    match int(rng.integers(0, 7)):
        case 0:
            return 0
        case 1:
            return _ALL
        case 2:
            return 1 << int(rng.integers(0, 32))
        case 3:
            return _ALL ^ 1 << int(rng.integers(0, 32))
        case 4:
            return int(rng.integers(0, 256))
        case 5:
            return 0x0101_0101 * int(rng.integers(0, 256))
        case _:
            return int(rng.integers(0, 1 << 32))


def _camera(boards: TwinBoards, offset: int) -> int:
    return boards.platform.camera.window.base + offset


def _dma(boards: TwinBoards, offset: int) -> int:
    return boards.platform.vdma.window.base + offset


def prepare(boards: TwinBoards, rng: np.random.Generator) -> None:
    """Starts camera and DMA as a driver would, the buffers one after the other."""
    base, size = boards.memory
    camera = boards.boards[0].camera
    line, lines = 3 * camera.width, camera.height + 1
    boards.write(_dma(boards, _CR), _RESET)
    for store in range(boards.platform.frame_stores):
        boards.write(_dma(boards, _ADDRESS + 4 * store), base + store * line * lines % (size // 2))
    boards.write(_dma(boards, _CR), _RUNNING)
    for offset, value in ((_STRIDE, line), (_HSIZE, line), (_VSIZE, lines)):
        boards.write(_dma(boards, offset), value)
    boards.write(_camera(boards, _CONTROL), 1)
    boards.advance(int(rng.integers(1, 4000)))


def sweep_registers(boards: TwinBoards) -> None:
    """Writes every word of the camera's window with every kind of value, and reads it back; then the others' blocks."""
    for peripheral in boards.platform.peripherals:
        whole = peripheral is boards.platform.camera
        for offset in range(0, peripheral.window.size if whole else _OTHERS_BYTES, 4):
            for value in _SWEPT:
                boards.write(peripheral.window.base + offset, value)
            boards.read(peripheral.window.base + offset)


def _reset_mid_frame(boards: TwinBoards, rng: np.random.Generator) -> None:
    """Resets the camera at any moment, and reads what it tells of itself."""
    prepare(boards, rng)
    boards.advance(int(rng.integers(1, 16_000)))
    boards.write(_camera(boards, _CONTROL), int(rng.choice([2, 3, 0x8000_0003])))
    for _ in range(int(rng.integers(1, 20))):
        boards.read(_camera(boards, int(rng.choice(_WORDS))))
    boards.write(_camera(boards, _CONTROL), 1)
    boards.advance(int(rng.integers(1, 8000)))


def _starve(boards: TwinBoards, rng: np.random.Generator) -> None:
    """Stops the DMA in the middle of a frame, so that the camera cannot deliver, resets either, and goes on."""
    prepare(boards, rng)
    boards.advance(int(rng.integers(1, 16_000)))
    boards.write(_dma(boards, _CR), int(rng.choice([0, _RESET])))
    boards.advance(int(rng.integers(1, 30_000)))
    if rng.random() < 0.5:
        boards.write(_camera(boards, _CONTROL), 2)
    prepare(boards, rng)


def _shape_dma(boards: TwinBoards, rng: np.random.Generator) -> None:
    """Programs the DMA with other sizes, strides and addresses than the frame's, wild ones too."""
    prepare(boards, rng)
    base, size = boards.memory
    line, lines = 3 * boards.boards[0].camera.width, boards.boards[0].camera.height + 1
    sizes = (0, 1, 2, 3, line - 1, line, line + 1, 2 * line, 0xFFFF)
    for _ in range(int(rng.integers(1, 5))):
        for store in range(boards.platform.frame_stores):
            address = int(rng.choice([base, base + size - 1, base + size - line, 0, _ALL, base + 7, _value(rng)]))
            boards.write(_dma(boards, _ADDRESS + 4 * store), address)
        boards.write(_dma(boards, _STRIDE), int(rng.choice([*sizes, line * lines])) & 0xFFFF)
        boards.write(_dma(boards, _HSIZE), int(rng.choice(sizes)))
        boards.write(_dma(boards, _PARK), _value(rng))
        boards.write(
            _dma(boards, _CR), int(rng.choice([_RUNNING, _RUNNING & ~2, _RUNNING | 1 << 15, _value(rng) & ~4]))
        )
        boards.write(_dma(boards, _VSIZE), int(rng.choice([0, 1, lines - 1, lines, lines + 1, 0x1FFF])))
        boards.advance(int(rng.integers(1, 6000)))
        boards.write(_dma(boards, _SR), _ALL)
        boards.read(_dma(boards, _SR))


def _blind(boards: TwinBoards, rng: np.random.Generator) -> None:
    """Tries to make the detector less sensitive, at any moment of a frame, locked and not."""
    prepare(boards, rng)
    for _ in range(int(rng.integers(10, 200))):
        boards.write(_camera(boards, _THRESHOLD), _value(rng))
        if rng.random() < 0.3:
            boards.advance(int(rng.integers(1, 300)))
    if rng.random() < 0.1:
        boards.write(_camera(boards, _CONTROL), 0x8000_0001)
    boards.write(_camera(boards, _THRESHOLD), int(rng.choice([99, 100, 101, 255])))


def _peek(boards: TwinBoards, rng: np.random.Generator) -> None:
    """Reads everything that can be read as fast as it goes, while frames come."""
    for _ in range(int(rng.integers(20, 400))):
        boards.read(_camera(boards, int(rng.choice(_WORDS))))


def _toggle(boards: TwinBoards, rng: np.random.Generator) -> None:
    """Starts and stops the camera, clears faults and interrupts, without a pause."""
    for _ in range(int(rng.integers(10, 100))):
        boards.write(_camera(boards, _CONTROL), int(rng.integers(0, 2)))
        boards.write(_camera(boards, int(rng.choice(_IRQ))), _value(rng))
        if rng.random() < 0.2:
            boards.advance(int(rng.integers(1, 500)))


def _random(boards: TwinBoards, rng: np.random.Generator) -> None:
    """Reads and writes anything anywhere, at random moments."""
    windows = boards.platform.peripherals
    for _ in range(int(rng.integers(20, 400))):
        window = windows[int(rng.integers(0, len(windows)))].window
        offset = int(rng.integers(0, 0x100)) if rng.random() < 0.7 else int(rng.integers(0, window.size))
        address = int(rng.integers(0, 1 << 32)) if rng.random() < 0.02 else window.base + (offset & ~3)
        if rng.random() < 0.5:
            boards.read(address)
        else:
            boards.write(address, _value(rng))
        if rng.random() < 0.05:
            boards.advance(int(rng.integers(1, 1000)))


def _memory(boards: TwinBoards, rng: np.random.Generator) -> None:
    """Reads memory while the DMA writes it, and fills it with what is no mark."""
    base, size = boards.memory
    for _ in range(int(rng.integers(1, 6))):
        start, length = int(rng.integers(0, size - 1)), int(rng.integers(1, 20_000))
        length = min(length, size - start)
        boards.read_memory(base + start, length)
        if rng.random() < 0.3:
            boards.write_memory(base + start, int(rng.choice([0, 255])), length)
        boards.advance(int(rng.integers(1, 300)))


ATTACKS: dict[str, Attack] = {
    "reset mid-frame": _reset_mid_frame,
    "starve": _starve,
    "shape the DMA": _shape_dma,
    "blind the detector": _blind,
    "peek": _peek,
    "toggle": _toggle,
    "random": _random,
    "memory": _memory,
}
"""Attacks by name."""

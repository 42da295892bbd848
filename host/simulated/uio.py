"""Interrupts of a simulated board: pynq's own code, on a pseudo-terminal in place of `/dev/uio0`.

As with Linux's UIO a line is masked when it has fired, until software writes to the file; then the next interrupt makes
the file readable. Which event loop the file belongs to is decided by pynq, as on a board, when the first `Interrupt`
of a design is made.
"""

from __future__ import annotations

import asyncio
import os
import pty
import select
import struct
import threading
import tty
from typing import Any

from pynq.uio import UioController

from host.simulated.board import SimulatedBoard

__all__ = ["UioLines"]

_POLL_S = 0.05


class UioLines(dict[int, Any]):
    """Stands in for pynq's table of UIO devices, by interrupt number, and makes a device when it is asked for one."""

    def __init__(self, board: SimulatedBoard) -> None:
        """Has the one line of the board's interrupt controller."""
        super().__init__()
        self._board = board
        self._files: list[int] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []

    def __contains__(self, number: object) -> bool:
        return number == self._board.platform.ps.interrupt

    def __missing__(self, number: int) -> Any:
        master, slave = pty.openpty()
        tty.setraw(slave)
        tty.setraw(master)
        self._files += [master, slave]
        self._loop = asyncio.get_event_loop()  # as pynq does
        self[number] = UioController(os.ttyname(slave))
        thread = threading.Thread(target=self._serve, args=(master,), name="simulated interrupts", daemon=True)
        self._threads.append(thread)
        thread.start()
        return self[number]

    def close(self) -> None:
        """Ends the lines; what waits for them waits for ever."""
        self._stop.set()
        with self._board.changed:
            self._board.changed.notify_all()
        self._release_controllers()
        for thread in self._threads:
            thread.join(1.0)
        for file in self._files:
            os.close(file)
        self._files.clear()

    def _release_controllers(self) -> None:
        """Drops pynq's controllers: their loop holds them, and their destructor needs a loop that exists."""
        if self._loop is not None and not self._loop.is_closed():
            for controller in self.values():
                self._loop.remove_reader(controller.uio)
        try:
            asyncio.get_event_loop()
        except RuntimeError:  # `asyncio.run` has taken it away
            loop = asyncio.new_event_loop()
            asyncio.set_event_loop(loop)
            self.clear()
            asyncio.set_event_loop(None)
            loop.close()
        else:
            self.clear()

    def _serve(self, master: int) -> None:
        count = 0
        while self._unmasked(master):
            if not self._wait_for_interrupt():
                return
            if self._board.faults.interrupt_lost():
                continue
            count += 1
            os.write(master, struct.pack("<I", count))

    def _unmasked(self, master: int) -> bool:
        """Waits until software unmasks the line."""
        try:
            while not self._stop.is_set():
                if _readable(master):
                    return bool(os.read(master, 4))
        except OSError:
            return False  # the other side was closed
        return False

    def _wait_for_interrupt(self) -> bool:
        with self._board.changed:
            while not self._stop.is_set():
                if self._board.intc.irq:
                    return True
                self._board.changed.wait(_POLL_S)
        return False


def _readable(file: int) -> bool:
    return bool(select.select([file], [], [], _POLL_S)[0])

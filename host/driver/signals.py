"""Signals that would end the process at once end the `with` block first: the DMA stops before its memory is gone."""

from __future__ import annotations

import signal
import threading
from types import FrameType

__all__ = ["SignalGuard"]

_SIGNALS = (signal.SIGTERM, signal.SIGHUP)
_EXIT_BASE = 128


class SignalGuard:
    """Turns SIGTERM and SIGHUP into `SystemExit`, unless the program handles them itself (SIGINT is one already).

    Only the main thread can take signals over; elsewhere nothing happens.
    """

    def __init__(self) -> None:
        self._installed: list[signal.Signals] = []
        self._held = False
        self._noted: int | None = None

    def install(self) -> None:
        """Takes over the signals that nobody handles."""
        if threading.current_thread() is not threading.main_thread():
            return
        for number in _SIGNALS:
            if signal.getsignal(number) == signal.SIG_DFL:
                signal.signal(number, self._leave)
                self._installed.append(number)

    def hold(self) -> None:
        """From now on signals are only noted: shutting down is not interrupted."""
        self._held = True

    def remove(self) -> None:
        """Gives the signals back, unless somebody else took them meanwhile; harmless when repeated.

        Raises:
            SystemExit: if one was noted.
        """
        for number in self._installed:
            if signal.getsignal(number) == self._leave:
                signal.signal(number, signal.SIG_DFL)
        self._installed.clear()
        noted, self._noted, self._held = self._noted, None, False
        if noted is not None:
            raise SystemExit(_EXIT_BASE + noted)

    def _leave(self, number: int, frame: FrameType | None) -> None:
        if self._held:
            self._noted = number
        else:
            raise SystemExit(_EXIT_BASE + number)

"""Signals that would end the process at once end the `with` block first: the DMA stops before its memory is gone."""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Any

__all__ = ["SignalGuard"]

_SIGNALS = (signal.SIGTERM, signal.SIGHUP)
_EXIT_BASE = 128


class SignalGuard:
    """Turns SIGTERM and SIGHUP into `SystemExit`, unless the program handles them itself (SIGINT is one already).

    Only the main thread can take signals over and give them back; elsewhere nothing happens.
    """

    def __init__(self) -> None:
        self._installed: list[signal.Signals] = []
        self._active = False
        self._before: dict[signal.Signals, Any] = {}
        self._noted: int | None = None

    def install(self) -> None:
        """Takes over the signals that nobody handles."""
        if not _in_main_thread():
            return
        self._active = True
        for number in _SIGNALS:
            if signal.getsignal(number) == signal.SIG_DFL:
                signal.signal(number, self._leave)
                self._installed.append(number)

    def hold(self) -> None:
        """From now on signals, Ctrl-C and those of the program too, are only noted: shutting down is not interrupted.

        Shutting down ends in bounded time by itself.
        """
        if not self._active or not _in_main_thread():
            return
        for number in (*_SIGNALS, signal.SIGINT):
            handler = signal.getsignal(number)
            if handler not in (None, signal.SIG_IGN, self._note):
                self._before[number] = handler
                signal.signal(number, self._note)

    def remove(self) -> None:
        """Gives the signals back, unless somebody else took them meanwhile; harmless when repeated.

        Raises:
            SystemExit: if one was noted that nobody else handles; others go to who handles them.
        """
        if not self._active or not _in_main_thread():
            return
        for number, handler in self._before.items():
            if signal.getsignal(number) == self._note:
                signal.signal(number, handler)
        for number in self._installed:
            if signal.getsignal(number) == self._leave:
                signal.signal(number, signal.SIG_DFL)
        noted, ours = self._noted, self._noted in self._installed
        self._noted, self._active = None, False
        self._before.clear()
        self._installed.clear()
        if noted is None:
            return
        if ours:
            raise SystemExit(_EXIT_BASE + noted)
        signal.raise_signal(noted)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self._noted = number

    def _leave(self, number: int, frame: FrameType | None) -> None:
        raise SystemExit(_EXIT_BASE + number)


def _in_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()

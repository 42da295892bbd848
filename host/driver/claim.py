"""One camera at a time on a board: a second driver would exchange the first one's frame buffers.

The claim is a name that the kernel gives to one process (a socket in Linux' abstract name space), so that it ends with
the process that made it, however that ends, and leaves no file behind. It keeps programs from disturbing each other by
mistake; it is no protection from a program that wants to.
"""

from __future__ import annotations

import errno
import os
import socket
import struct
import weakref
from contextlib import suppress
from hashlib import sha256

from hw_anon.core.errors import DeviceError

__all__ = ["BoardClaim"]

_CREDENTIALS = struct.Struct("3i")
_CLAIMS: weakref.WeakSet[BoardClaim] = weakref.WeakSet()


class BoardClaim:
    """The right to drive a board, until it is released or the process ends."""

    def __init__(self, board: str) -> None:
        """Claims a board.

        Args:
            board: its name, unique on this machine.

        Raises:
            DeviceError: if another driver has it, in this process or in another one.
        """
        # A digest: names in that space have at most 107 bytes.
        name = f"\0hw-anon camera {sha256(board.encode()).hexdigest()}"
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._socket.bind(name)
            self._socket.listen()
        except OSError as exc:
            self._socket.close()
            if exc.errno != errno.EADDRINUSE:
                raise DeviceError(f"the board {board} cannot be claimed: {exc}") from exc
            raise DeviceError(f"{_holder(name)} has a camera open on this board: close it there first") from None
        _CLAIMS.add(self)

    def release(self) -> None:
        """Lets others have the board; harmless when repeated."""
        self._socket.close()


def _holder(name: str) -> str:
    """Returns who has a claim, as far as the kernel tells."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asking, suppress(OSError):
        asking.setblocking(False)
        asking.connect(name)
        process, _, _ = _CREDENTIALS.unpack(asking.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size))
        return "this program" if process == os.getpid() else f"process {process}"
    return "another program"


def _leave_to_parent() -> None:
    for claim in _CLAIMS:
        claim.release()


os.register_at_fork(after_in_child=_leave_to_parent)

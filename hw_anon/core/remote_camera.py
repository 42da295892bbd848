"""A camera in another process: frames go in over a pipe and come back as the driver delivered them.

The driver runs where pynq is (`python -m host.served`), the evaluation where torch is; one environment cannot hold
both. The conversation, in messages of `hw_anon.core.messages`:

| from | header | bytes |
|---|---|---|
| camera | `kind` = `ready`, `backend`, `board`, `build_id`, `width`, `height`, `max_faces` | none |
| here | `kind` = `frame` | `[H, W, 3]` uint8, the raw frame |
| here | `kind` = `words` | `[N]` uint32, a frame as raw video words, a broken one perhaps; simulated cameras only |
| camera | `kind` = `frame`, of RTL also `began`, `times` in cycles | `[H + 1, W, 3]` uint8, the board frame |
| here | `kind` = `state` | none |
| camera | `kind` = `state`, `counters`, `faults`, `health` | none |
| camera | `kind` = `error`, `error` (class), `message`; the last message | none |

The conversation ends when the pipe is closed.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import tempfile
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from hw_anon.core.board_frame import unpack_board_frame
from hw_anon.core.errors import ConfigError, ContractError, DeviceError, HwAnonError, ToolError
from hw_anon.core.frame import AnonymisedFrame, Fault, check_frame
from hw_anon.core.messages import receive_message, send_message
from hw_anon.core.verilated_camera import StageTimes

__all__ = ["RemoteCamera", "RemoteDelivery", "RemoteDescription", "RemoteState"]

_ERRORS: dict[str, type[HwAnonError]] = {kind.__name__: kind for kind in (ConfigError, ContractError, DeviceError)}
_END_S = 30.0
_LOG_TAIL = 2000


@dataclass(frozen=True, kw_only=True, slots=True)
class RemoteDescription:
    """What a camera says about itself."""

    backend: str
    """`sim` or `board`."""
    board: str
    """Name of the board."""
    build_id: str
    """What the driver read back from the hardware, 32 hex digits."""
    width: int
    """Columns of a frame."""
    height: int
    """Rows of a frame."""
    max_faces: int
    """Faces replaced in a frame at most."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class RemoteDelivery:
    """What the driver delivered, and when the simulated RTL did what."""

    frame: AnonymisedFrame
    """The frame and what the camera said about it."""
    began: int | None
    """Cycle in which its first word was sent; `None` if no RTL is simulated."""
    times: StageTimes | None
    """Cycles in which its stages ended."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RemoteState:
    """What camera and driver have counted."""

    counters: dict[str, int]
    """The camera's counters since power-up, by name."""
    faults: frozenset[Fault]
    """The camera's sticky faults."""
    health: dict[str, int | str]
    """The driver's counters."""


class RemoteCamera:
    """A camera behind a command; a context manager."""

    def __init__(
        self, command: Sequence[str], *, environment: Mapping[str, str] | None = None, timeout_s: float = 900.0
    ) -> None:
        """Starts nothing.

        Args:
            command: what speaks the protocol on its standard input and output.
            environment: variables that it gets beside those of this process.
            timeout_s: seconds within which each answer has to come; the process is ended otherwise.
        """
        self._command = list(command)
        self._environment = {**os.environ, **(environment or {})}
        self._timeout_s = timeout_s
        self._process: subprocess.Popen[bytes] | None = None
        self._log = tempfile.TemporaryFile()  # noqa: SIM115  # closed by close()
        self._late = False
        self.description: RemoteDescription
        """The camera, once it is open."""

    def __enter__(self) -> Self:
        """Starts the process and waits until its camera is open.

        Raises:
            HwAnonError: whatever kept the camera from opening.
        """
        try:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._log,
                env=self._environment,
            )
        except OSError as exc:
            self._log.close()
            raise ToolError(
                f"{self._command[0]} cannot be started ({exc}): name the Python that has the board extra (pynq)",
                command=self._command,
            ) from exc
        try:
            header, _ = self._receive("ready")
            self.description = _described(header)
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Ends the process."""
        self.close()

    def anonymise(self, frame_u8: NDArray[np.uint8]) -> AnonymisedFrame:
        """Returns what the driver delivers for a frame.

        Args:
            frame_u8: `[H, W, 3]` uint8 RGB of the camera's size.

        Raises:
            ContractError: if it has another size, or what comes back is no board frame.
            HwAnonError: what went wrong on the other side.
        """
        shape = (self.description.height, self.description.width, 3)
        if check_frame(frame_u8).shape != shape:
            raise ContractError(f"the camera takes frames of {list(shape)}, got {list(frame_u8.shape)}")
        return self._deliver("frame", frame_u8.tobytes()).frame

    def deliver_words(self, words: NDArray[np.uint32]) -> RemoteDelivery:
        """Sends one frame as raw video words `[N]` uint32 and returns what is delivered for it.

        Raises:
            ContractError: if the camera cannot be sent words, or what comes back is no board frame.
            HwAnonError: what went wrong on the other side.
        """
        return self._deliver("words", words.astype("<u4").tobytes())

    def state(self) -> RemoteState:
        """Returns what camera and driver have counted so far.

        Raises:
            ContractError: if the other side says something else.
        """
        header, _ = self._ask("state", b"", answer="state")
        try:
            return RemoteState(
                counters={str(name): int(value) for name, value in header["counters"].items()},
                faults=frozenset(Fault[name] for name in header["faults"]),
                health={str(name): value for name, value in header["health"].items()},
            )
        except (KeyError, TypeError, ValueError, AttributeError) as exc:
            raise ContractError(f"the camera does not tell its state ({exc!r}): use one release on both sides") from exc

    def _ask(self, kind: str, data: bytes, *, answer: str) -> tuple[dict[str, Any], bytes]:
        assert self._process is not None and self._process.stdin is not None, "open it in a `with` block"
        with contextlib.suppress(OSError):  # it ended: its last message says why
            send_message(self._process.stdin, {"kind": kind}, data)
        return self._receive(answer)

    def _deliver(self, kind: str, data: bytes) -> RemoteDelivery:
        height, width = self.description.height, self.description.width
        header, answer = self._ask(kind, data, answer="frame")
        if len(answer) != (height + 1) * width * 3:
            raise ContractError(f"the camera sent {len(answer)} bytes for a frame of {[height, width, 3]}")
        pixels, metadata = unpack_board_frame(np.frombuffer(answer, np.uint8).reshape(height + 1, width, 3))
        frame = AnonymisedFrame(frame=pixels.copy(), number=metadata.number, boxes=metadata.boxes, fault=metadata.fault)
        try:
            times = None if header.get("times") is None else StageTimes(**header["times"])
            return RemoteDelivery(frame=frame, began=header.get("began"), times=times)
        except TypeError as exc:
            raise ContractError(f"the camera's times are none ({exc}): use one release on both sides") from exc

    def close(self) -> None:
        """Ends the process; harmless when repeated."""
        process, self._process = self._process, None
        if process is None:
            return
        assert process.stdin is not None and process.stdout is not None
        with contextlib.suppress(OSError):  # it did not wait for the end
            process.stdin.close()
        try:
            process.wait(_END_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()
        self._log.close()

    def _receive(self, kind: str) -> tuple[dict[str, Any], bytes]:
        """Returns the next message, which has to be of that kind."""
        assert self._process is not None and self._process.stdout is not None, "open it in a `with` block"
        watchdog = threading.Timer(self._timeout_s, self._give_up, [self._process])
        watchdog.start()
        try:
            message = receive_message(self._process.stdout)
        finally:
            watchdog.cancel()
        if self._late:
            raise DeviceError(f"the camera did not answer within {self._timeout_s:.0f} s\n{self._tail()}")
        if message is None:
            status = self._process.wait()
            raise ToolError(
                "the camera's process ended without a word", command=self._command, log=self._tail(), returncode=status
            )
        header, data = message
        if header.get("kind") == "error":
            error = _ERRORS.get(str(header.get("error")), HwAnonError)
            raise error(f"{header.get('message')}\n{self._tail()}".strip())
        if header.get("kind") != kind:
            raise ContractError(f"the camera sent {header.get('kind')!r} where {kind!r} is due: use one release")
        return header, data

    def _give_up(self, process: subprocess.Popen[bytes]) -> None:
        self._late = True
        process.kill()

    def _tail(self) -> str:
        """Returns the end of what the process printed."""
        self._log.seek(0, os.SEEK_END)
        self._log.seek(max(0, self._log.tell() - _LOG_TAIL))
        return self._log.read().decode(errors="replace").strip()


def _described(header: Mapping[str, Any]) -> RemoteDescription:
    try:
        return RemoteDescription(
            backend=str(header["backend"]),
            board=str(header["board"]),
            build_id=str(header["build_id"]),
            width=int(header["width"]),
            height=int(header["height"]),
            max_faces=int(header["max_faces"]),
        )
    except (KeyError, TypeError, ValueError) as exc:
        raise ContractError(f"the camera does not describe itself ({exc!r}): use one release on both sides") from exc

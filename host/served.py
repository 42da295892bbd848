"""Frames through the driver for a program in another environment, over standard input and output.

    python -m host.served sim --camera build/camera
    python -m host.served sim --camera build/camera --answers answers.npz
    python -m host.served board --design bitstreams/pynq-z2/ID --show 'feh --fullscreen'

The conversation is described in `hw_anon.core.remote_camera`, which is the other side of it. Everything that is printed
meanwhile, by pynq or by the RTL, goes to standard error.
"""

from __future__ import annotations

import argparse
import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from host.backend import CameraBackend, open_backend
from hw_anon.core.board_frame import pack_board_frame
from hw_anon.core.errors import ContractError, HwAnonError, ToolError
from hw_anon.core.messages import receive_message, send_message

__all__ = ["main", "serve"]

_SHOW_S = 30.0


def serve(backend: CameraBackend, requests: BinaryIO, answers: BinaryIO) -> None:
    """Answers requests until they end.

    Args:
        backend: the open camera.
        requests: where frames come from.
        answers: where what the driver delivers for them goes.

    Raises:
        HwAnonError: if a request is none, or no frame comes.
    """
    description = backend.camera.description
    config = description.config
    ready = {
        "kind": "ready",
        "backend": backend.name,
        "board": config.board,
        "build_id": description.build_id,
        "width": config.width,
        "height": config.height,
        "max_faces": config.max_faces,
    }
    send_message(answers, ready)
    shape = backend.frame_shape
    while (message := receive_message(requests)) is not None:
        header, data = message
        kind = header.get("kind")
        if kind == "state":
            send_message(answers, {"kind": "state", **backend.state()})
            continue
        if kind == "words" and len(data) % 4 == 0:
            delivered = backend.anonymise_words(np.frombuffer(data, "<u4"))
        elif kind == "frame" and len(data) == shape[0] * shape[1] * shape[2]:
            delivered = backend.anonymise(np.frombuffer(data, np.uint8).reshape(shape))
        else:
            raise ContractError(f"expected a frame of {list(shape)}, got {kind!r} of {len(data)} bytes")
        packed = pack_board_frame(delivered, max_faces=config.max_faces).tobytes()
        send_message(answers, {"kind": "frame", **backend.times()}, packed)


def _player(command: str) -> Callable[[NDArray[np.uint8]], None]:
    """Returns what lets a board's sensor see a frame: the command, with the name of a PNG file at its end."""
    import cv2

    words = shlex.split(command)

    def show(frame: NDArray[np.uint8]) -> None:
        with tempfile.TemporaryDirectory(prefix="hw-anon-") as place:
            picture = Path(place) / "frame.png"
            cv2.imwrite(str(picture), np.ascontiguousarray(frame[..., ::-1]))
            try:
                done = subprocess.run([*words, str(picture)], capture_output=True, timeout=_SHOW_S, check=False)
            except (OSError, subprocess.TimeoutExpired) as exc:
                raise ToolError(f"showing a frame failed: {exc}", command=words) from exc
        if done.returncode:
            log = (done.stdout + done.stderr).decode(errors="replace")
            raise ToolError("showing a frame failed", command=words, log=log, returncode=done.returncode)

    return show


def main(arguments: Sequence[str] | None = None) -> int:
    """Serves standard input and output; returns the exit status.

    Args:
        arguments: the command line's words; those of this process if not given.
    """
    parser = argparse.ArgumentParser(prog="python -m host.served", description="Frames through the driver.")
    parser.add_argument("backend", choices=("sim", "board"))
    parser.add_argument("--camera", type=Path, help="sim: camera directory; the golden model with stand-ins if none")
    parser.add_argument("--answers", type=Path, help="sim: its networks' noted answers: the golden model, not the RTL")
    parser.add_argument("--design", type=Path, help="board: directory of the design; the only installed one if none")
    parser.add_argument("--show", help="board: command that plays the PNG file named at its end at the video input")
    given = parser.parse_args(arguments)
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    show = None if given.show is None else _player(given.show)
    place = given.camera if given.backend == "sim" else given.design
    try:
        with open_backend(given.backend, camera=place, answers=given.answers, show=show) as backend:
            serve(backend, sys.stdin.buffer, answers)
    except HwAnonError as exc:
        send_message(answers, {"kind": "error", "error": type(exc).__name__, "message": str(exc)})
        return exc.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())

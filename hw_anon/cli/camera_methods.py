"""Whole cameras as methods of `hw-anon evaluate`: on the simulated board, on a board, and their golden model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hw_anon.cli.board_process import board_python, served_camera
from hw_anon.cli.methods import NO_ATTACK
from hw_anon.console.output import status
from hw_anon.core.errors import ConfigError, ContractError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from hls.camera.golden import GoldenCamera
    from hw_anon.core.camera_directory import CameraDirectory
    from hw_anon.core.frame import AnonymisedFrame
    from hw_anon.evaluate.float_backend import Method

__all__ = ["CameraChoice", "CameraOption", "DesignOption", "ShowOption", "open_cameras"]

CameraOption = Annotated[
    Path | None, typer.Option("--camera", help="sim, board, golden: the camera's directory.", file_okay=False)
]
DesignOption = Annotated[
    Path | None,
    typer.Option("--design", help="board: directory of the camera's bitstream; the only one in bitstreams/ if none."),
]
ShowOption = Annotated[
    str | None,
    typer.Option(
        "--show", help="board: command that plays the PNG file named at its end at the video input, and waits for it."
    ),
]


@dataclass(frozen=True, kw_only=True, slots=True)
class CameraChoice:
    """What was said about the cameras to measure."""

    camera: Path | None
    """Camera directory."""
    design: Path | None
    """Directory of a board's design."""
    show: str | None
    """Command that shows frames to a board."""
    python: Path | None
    """Python of the board environment."""

    def require(self, cameras: Sequence[str], attacks: Sequence[str]) -> None:
        """Refuses what does not go together.

        Args:
            cameras: cameras to measure.
            attacks: attackers that were asked for.

        Raises:
            ConfigError: if something is missing or too much.
        """
        if not cameras:
            given = {
                "--camera": self.camera,
                "--design": self.design,
                "--show": self.show,
                "--board-python": self.python,
            }
            if said := [name for name, value in given.items() if value is not None]:
                raise ConfigError(f"{said[0]} is for cameras: ask for --backend sim, board or golden")
            return
        if self.camera is None:
            raise ConfigError(f"--backend {cameras[0]} needs --camera DIR, which hw-anon camera made")
        if list(attacks) != [NO_ATTACK]:
            raise ConfigError(
                f"--backend {cameras[0]} goes with --attack {NO_ATTACK}: attackers that train send thousands of "
                "pictures of their own through the modifier"
            )
        if "board" in cameras and self.show is None:
            raise ConfigError(
                "--backend board needs --show COMMAND: a board's camera sees what its sensor sees, and software has no "
                "way to put a frame into it"
            )


def open_cameras(names: Sequence[str], choice: CameraChoice, stack: ExitStack) -> list[Method]:
    """Opens cameras until the stack is left.

    Args:
        names: out of `sim`, `board`, `golden`.
        choice: what was said about them.
        stack: closes them.

    Raises:
        ContractError: if the directory is no camera, or the driver found another build.
        HwAnonError: if a camera cannot be opened.
    """
    if not names:
        return []
    from hls.camera.golden import load_golden
    from hw_anon.core.camera_directory import CameraDirectory

    assert choice.camera is not None, "require() was called"
    camera = CameraDirectory.load(choice.camera)
    return [_method(name, camera, load_golden(camera), choice, stack) for name in names]


def _method(name: str, camera: CameraDirectory, golden: GoldenCamera, choice: CameraChoice, stack: ExitStack) -> Method:
    from hls.camera.golden import differing_bytes
    from hw_anon.evaluate.camera_frames import CameraFrames, CameraIdentity
    from hw_anon.evaluate.float_backend import Method

    config = camera.config
    design_id = camera.manifest.design_id
    identity = CameraIdentity(backend=name, board=config.board, design_id=design_id, build_id=camera.build_id)

    def compare(frame: NDArray[np.uint8], delivered: AnonymisedFrame) -> int:
        return differing_bytes(delivered, golden.deliver(frame), max_faces=config.max_faces)

    real = name != "golden"
    frames = CameraFrames(
        f"{name}-{design_id}",
        _opened(name, camera, choice, stack) if real else golden.deliver,
        width=config.width,
        height=config.height,
        identity=identity,
        compare=compare if real else None,
    )
    return Method(backend=frames, crop_side=config.crop_size)


def _opened(
    name: str, camera: CameraDirectory, choice: CameraChoice, stack: ExitStack
) -> Callable[[NDArray[np.uint8]], AnonymisedFrame]:
    """Starts the board's environment with the driver in it, and returns what sends a frame through."""
    arguments = [name]
    if name == "sim":
        arguments += ["--camera", str(camera.directory)]
    else:
        arguments += ["--show", choice.show or ""]
        arguments += ["--design", str(choice.design)] if choice.design is not None else []
    with status(f"opening the camera ({name})"):
        opened = stack.enter_context(served_camera(board_python(choice.python), arguments))
    if opened.description.build_id != camera.build_id:
        raise ContractError(
            f"the driver opened build {opened.description.build_id}, --camera {camera.directory} is {camera.build_id}: "
            "name the camera that the design was made of"
        )
    return opened.anonymise

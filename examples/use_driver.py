"""Uses the driver: what a program on the board does with the camera.

    .venv-board/bin/python examples/use_driver.py                     # on the simulated board
    .venv-board/bin/python examples/use_driver.py --design DIR        # on a board, with a bitstream

On the simulated board pynq and the driver are the real ones; behind them is the golden model of a small camera with
stand-ins for its networks: a face is what is bright, and "modified" is inverted.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from host import AnonymizedCamera


@contextmanager
def simulated_design() -> Iterator[Path]:
    """Yields the design of a simulated board that sees another scene in every frame."""
    from host.simulated.source import VideoSource
    from host.simulation import simulated_camera
    from host.stand_ins import model_config, scene

    config = model_config()
    scenes = VideoSource(scene(config, number) for number in count())
    with (
        tempfile.TemporaryDirectory() as work,
        simulated_camera(work=Path(work), source=scenes, config=config) as simulated,
    ):
        yield simulated.design


def show(design: Path, frames: int) -> None:
    """Prints what the camera delivers."""
    # The driver checks the design's files, loads it, and checks that the hardware is that very build.
    with AnonymizedCamera(design) as camera:
        print("build", camera.registers.build_id, camera.registers.geometry)
        for frame in camera.frames():  # each is released when the next one is asked for
            # Pixels are a read-only view of the DMA's memory: faces were replaced before they came there.
            print(f"frame {frame.number}: {frame.fault.name}, {len(frame.boxes)} regions, {frame.pixels.shape}")
            if frame.number + 1 >= frames:
                break
        print("health", camera.health.as_json())


def main() -> None:
    """Opens the camera."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--design", type=Path, help="directory of a bitstream; a simulated board if not given")
    parser.add_argument("--frames", type=int, default=5)
    given = parser.parse_args()
    if given.design is not None:
        show(given.design, given.frames)
        return
    with simulated_design() as design:
        show(design, given.frames)


if __name__ == "__main__":
    main()

"""What can go wrong on a board and is hard to bring about there: each fault once, at the next opportunity.

Faults of the video belong to the source (`VideoSource` takes malformed words), exhausted buffers to the size of the
memory (`SimulatedBoard(memory_bytes=…)`), another build id to the camera (`OtherBuild`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from host.simulated.vdma import DmaError
from hw_anon.core.camera_abi import CameraPort
from hw_anon.core.registers import register

if TYPE_CHECKING:
    from host.simulated.board import SimulatedBoard

__all__ = ["Faults", "OtherBuild"]

_BUILD_ID = register("BUILD_ID")


class Faults:
    """Faults of a simulated board."""

    def __init__(self, board: SimulatedBoard) -> None:
        """Belongs to a board; nothing fails yet."""
        self._board = board
        self.lost_interrupts = 0
        """Interrupts that will not reach the processors."""

    def stall_dma(self, *, at_line: int = 0, for_ever: bool = False) -> None:
        """Lets the DMA take nothing more from a line of a frame on, until it is reset.

        Args:
            at_line: lines of a frame that are still written.
            for_ever: not even a reset helps.
        """
        with self._board.lock:
            self._board.vdma.stall(at_line=at_line, for_ever=for_ever)

    def tear_frame(self, *, at_line: int) -> None:
        """Lets the DMA report the next frame as whole of which it wrote so many lines only."""
        with self._board.lock:
            self._board.vdma.tear_at_line = at_line

    def dma_error(self, error: DmaError) -> None:
        """Sets an error bit of the DMA now; those of the memory side halt it."""
        with self._board.lock:
            self._board.vdma.fail(error)
            self._board.settle()

    def lose_interrupts(self, count: int = 1) -> None:
        """Lets so many interrupts of the controller go unheard."""
        with self._board.lock:
            self.lost_interrupts += count

    def interrupt_lost(self) -> bool:
        """Returns whether the interrupt that is due now is lost, and counts it."""
        with self._board.lock:
            lost = self.lost_interrupts > 0
            self.lost_interrupts -= lost
            return lost


class OtherBuild:
    """A camera that says it is another build."""

    def __init__(self, camera: CameraPort, build_id: str) -> None:
        """Wraps a camera.

        Args:
            camera: the camera.
            build_id: what it says, 32 hex digits.
        """
        self._camera = camera
        self._words = [int(build_id, 16) >> 32 * k & 0xFFFF_FFFF for k in range(_BUILD_ID.words)]

    @property
    def width(self) -> int:
        """Columns of a frame."""
        return self._camera.width

    @property
    def height(self) -> int:
        """Rows of a frame."""
        return self._camera.height

    @property
    def max_faces(self) -> int:
        """Faces replaced in a frame at most."""
        return self._camera.max_faces

    @property
    def cycle(self) -> int:
        """Cycles since power-up."""
        return self._camera.cycle

    @property
    def irq(self) -> bool:
        """Level of the interrupt line."""
        return self._camera.irq

    def read(self, offset: int) -> int:
        """Reads a register."""
        word = self._camera.read(offset)
        return self._words[(offset - _BUILD_ID.offset) // 4] if _BUILD_ID.offset <= offset < _BUILD_ID.end else word

    def write(self, offset: int, value: int) -> None:
        """Writes a register."""
        self._camera.write(offset, value)

    def send(self, beats: NDArray[np.uint32]) -> None:
        """Queues raw video words."""
        self._camera.send(beats)

    def pending(self) -> int:
        """Returns how many queued words were not taken yet."""
        return self._camera.pending()

    def set_sink(self, ready: bool, stall_per_mille: int = 0) -> None:
        """Says whether output is taken."""
        self._camera.set_sink(ready, stall_per_mille)

    def run(self, cycles: int) -> None:
        """Lets so many cycles go by."""
        self._camera.run(cycles)

    def receive(self) -> NDArray[np.uint32]:
        """Returns all output words since the last call."""
        return self._camera.receive()

    def reset(self) -> None:
        """Switches the camera off and on."""
        self._camera.reset()

    def close(self) -> None:
        """Frees the camera."""
        self._camera.close()

"""What other threads may ask of an open camera, and what a DMA that is at work may have done meanwhile."""

from __future__ import annotations

import signal
import threading
from pathlib import Path

import numpy as np
import pytest

from host.driver import AnonymizedCamera, CameraSettings
from host.driver.capture import Capture
from host.driver.frames import FrameLayout
from host.driver.ring import FrameRing
from host.simulated.vdma import DmaError
from hw_anon.core.board_frame import pack_board_frame
from tests.host.world import CONFIG, board_with, golden, scenes, write_design

FAST = CameraSettings(frame_timeout_s=0.01, hardware_timeout_s=0.001, recoveries=2, poll_interval_s=0.0)
LAYOUT = FrameLayout(width=CONFIG.width, height=CONFIG.height)


@pytest.fixture(scope="module")
def design(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_design(tmp_path_factory.mktemp("designs") / "kv260" / "one")


def test_the_page_that_asks_for_the_counters_takes_no_buffer_back(
    design: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two threads that both take the same returned buffer break the ring."""
    owner, takers = threading.get_ident(), set[int]()
    give_back = FrameRing.give_back

    def noted(ring: FrameRing, buffer: int) -> None:
        takers.add(threading.get_ident())
        give_back(ring, buffer)

    monkeypatch.setattr(FrameRing, "give_back", noted)
    board, _ = board_with(scenes(10))
    with AnonymizedCamera(design, FAST, hardware=board) as camera:
        held = [camera.readframe() for _ in range(3)]
        held.pop().release()
        seen: list[int] = []
        page = threading.Thread(target=lambda: seen.append(camera.health.held))
        page.start()
        page.join(10)
        assert seen == [2]
        assert not takers
        camera.readframe().release()
        assert takers == {owner}


def test_a_metadata_line_that_is_still_being_written_is_no_frame(design: Path) -> None:
    """The DMA writes a line in bursts: its first bytes are there before its last ones."""
    board, source = board_with(scenes(3))
    source.silent = True
    capture = Capture(board, LAYOUT, held_frames=1, latest=False, timeout_s=0.001)
    capture.start()
    line = pack_board_frame(golden(scenes(1))[0], max_faces=CONFIG.max_faces).reshape(LAYOUT.lines, -1)
    memory = board.dram.view(board.dma.read(0xAC), LAYOUT.size)
    for row in range(CONFIG.height):
        memory[row * LAYOUT.stride_bytes :][: LAYOUT.line_bytes] = line[row]
    place = memory[LAYOUT.metadata_start :]
    for written in (8, 16, LAYOUT.line_bytes - 1):
        place[:written] = line[-1][:written]
        assert capture.poll(thorough=True) is None
    place[: LAYOUT.line_bytes] = line[-1]
    captured = capture.poll(thorough=True)
    assert captured is not None and capture.counters.torn == 0
    assert np.array_equal(captured.view.reshape(LAYOUT.lines, -1), line)


@pytest.mark.parametrize("left", ["running", "failed"])
def test_a_dma_that_a_killed_process_left_behind_is_stopped_first(design: Path, left: str) -> None:
    raw = scenes(8)
    board, source = board_with(raw)
    source.silent = True
    stale = [board.allocate(LAYOUT.size).address for _ in range(board.frame_stores)]
    for offset, value in ((0x30, 3), *((0xAC + 4 * k, address) for k, address in enumerate(stale))):
        board.dma.write(offset, value)
    for offset, value in ((0xA8, LAYOUT.stride_bytes), (0xA4, LAYOUT.line_bytes), (0xA0, LAYOUT.lines)):
        board.dma.write(offset, value)
    if left == "failed":
        board.dma.fail(DmaError.SLAVE)
    allocated_while_running: list[bool] = []
    allocate = board.allocate

    def watched(size: int) -> object:
        allocated_while_running.append(not board.dma.read(0x34) & 1)
        return allocate(size)

    board.allocate = watched  # type: ignore[method-assign, assignment]
    source.silent = False
    with AnonymizedCamera(design, FAST, hardware=board) as camera:
        assert not any(allocated_while_running)
        for wanted in golden(raw)[:3]:
            with camera.readframe() as frame:
                assert frame.copy().equals(wanted)
        assert camera.health.recoveries == 0


@pytest.mark.parametrize(
    ("number", "ending"),
    [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, SystemExit), (signal.SIGHUP, SystemExit)],
)
def test_an_impatient_user_does_not_keep_the_dma_from_being_stopped(
    design: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals, ending: type[BaseException]
) -> None:
    """Ctrl-C twice: the second one comes while the camera is being closed."""
    handler = signal.default_int_handler if number is signal.SIGINT else signal.SIG_DFL
    before = signal.signal(number, handler)  # tests that run in the background are begun with some signals ignored
    board, _ = board_with(scenes(5))
    camera = AnonymizedCamera(design, FAST, hardware=board).open()
    reset = board.dma.reset

    def interrupted() -> None:
        signal.raise_signal(number)
        reset()

    monkeypatch.setattr(board.dma, "reset", interrupted)
    with pytest.raises(ending):
        camera.close()
    assert board.dma.read(0x34) & 1 and not board.live and board.closed == 1
    assert signal.getsignal(number) == handler
    signal.signal(number, before)


def test_a_camera_that_another_thread_closes_leaves_no_deaf_process(design: Path) -> None:
    handler = signal.getsignal(signal.SIGTERM)
    board, _ = board_with(scenes(5))
    camera = AnonymizedCamera(design, FAST, hardware=board).open()
    failures: list[BaseException] = []

    def close() -> None:
        try:
            camera.close()
        except BaseException as exc:
            failures.append(exc)

    closing = threading.Thread(target=close)
    closing.start()
    closing.join(10)
    try:
        assert not failures and board.closed == 1
        with pytest.raises(SystemExit):
            signal.raise_signal(signal.SIGTERM)
        camera.close()
        assert signal.getsignal(signal.SIGTERM) == handler
    finally:
        signal.signal(signal.SIGTERM, handler)

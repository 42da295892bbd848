"""The simulated camera behind its C interface: frames, registers, queues, interrupt, failures that are exceptions."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from hls.camera.run import CameraRun, longest_frame_cycles
from hw_anon.core.board_frame import pack_board_frame, unpack_board_frame
from hw_anon.core.camera_abi import BoardFrames, CameraPort, VerilatedCamera, frame_beats
from hw_anon.core.errors import ConfigError, ContractError, DeviceError
from hw_anon.core.frame import Fault
from hw_anon.core.register_access import CameraRegisters
from hw_anon.core.registers import CAMERA_ID, register
from tests.hls.cameras import BENCH, BUILD_ID, CONFIG, golden, picture, stand_in_library

pytestmark = pytest.mark.sim

PIXELS = CONFIG.width * CONFIG.height
FRAME = longest_frame_cycles(CONFIG)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    return stand_in_library(tmp_path_factory.mktemp("camera"), Path(request.config.cache.mkdir("kernels")))


@pytest.fixture
def camera(library: Path, tmp_path: Path) -> Iterator[VerilatedCamera]:
    with VerilatedCamera(library, data_dir=tmp_path) as camera:
        yield camera


def _registers(camera: CameraPort) -> CameraRegisters:
    return CameraRegisters(read32=camera.read, write32=camera.write)


def test_it_says_what_it_is(camera: VerilatedCamera) -> None:
    port: CameraPort = camera
    assert (port.width, port.height, port.max_faces, camera.build_id) == (80, 48, 2, BUILD_ID)
    assert port.read(register("ID").offset) == CAMERA_ID
    registers = _registers(camera)
    registers.require(build_id=BUILD_ID)
    assert registers.geometry.max_faces == 2
    assert registers.set_threshold(255) == 230
    assert 0 < camera.cycle < 200
    assert camera.times.first == -1


@pytest.mark.parametrize(("gap", "stall"), [(0, 0), (3, 300), (0, 700)])
def test_frames_equal_the_golden_model(camera: VerilatedCamera, gap: int, stall: int) -> None:
    pictures = [picture(faces) for faces in (1, 0, 2, 3, 1)]
    expected = golden(pictures).take()
    run = CameraRun(camera, CONFIG)
    camera.set_sink(True, stall)
    for frame, shown in zip(expected, pictures, strict=True):
        delivery = run.deliver(shown, pixel_gap=gap)
        assert delivery.frame.equals(frame)
        cycles = delivery.cycles
        assert cycles.capture >= PIXELS * (1 + gap)
        assert cycles.deliver == PIXELS + CONFIG.width or stall
        assert cycles.detect + cycles.decode + cycles.modify + cycles.paste == cycles.latency > 0
        assert (cycles.modify > 0) == bool(frame.boxes)
    assert [len(frame.boxes) for frame in expected] == [1, 0, 2, 0, 1]
    assert expected[3].fault is Fault.TOO_MANY_FACES
    counters = run.registers.counters
    assert (counters.frames_in, counters.frames_out, counters.frames_black, counters.faces) == (5, 5, 1, 4)
    assert run.registers.faults == {Fault.TOO_MANY_FACES}


def test_output_is_the_board_frame_of_the_golden_model(camera: VerilatedCamera) -> None:
    _registers(camera).start()
    camera.send(frame_beats(picture(2)))
    assert camera.pending() == PIXELS
    camera.run(PIXELS)
    assert camera.pending() == 0, "a pixel every cycle"
    assert len(camera.receive()) == 0
    camera.run(FRAME)
    (expected,) = golden([picture(2)]).take()
    words = camera.receive()
    np.testing.assert_array_equal(words, frame_beats(pack_board_frame(expected, max_faces=2)))
    assert len(camera.receive()) == 0, "received is received"


def _scenario(camera: VerilatedCamera) -> tuple[NDArray[np.uint32], int, int]:
    _registers(camera).start()
    camera.set_sink(True, 400)
    for faces in (2, 1):
        camera.send(frame_beats(picture(faces), pixel_gap=1, line_gap=9))
        camera.run(FRAME)
        camera.read(0x40)
    return camera.receive(), camera.cycle, camera.read(0x44)


def test_equal_calls_give_equal_cycles_also_side_by_side_and_after_power_up(library: Path, tmp_path: Path) -> None:
    with (
        VerilatedCamera(library, data_dir=tmp_path) as one,
        VerilatedCamera(library, data_dir=tmp_path) as other,
    ):
        first = _scenario(one)
        other.run(1234)
        assert other.cycle == 1234
        other.reset()
        assert other.cycle == 0
        second = _scenario(other)
        np.testing.assert_array_equal(first[0], second[0])
        assert first[1:] == second[1:]
        one.reset()
        assert _registers(one).counters.frames_in == 0, "power-up clears what a soft reset does not"
        assert len(one.receive()) == 0


def test_the_interrupt_follows_its_registers(camera: VerilatedCamera) -> None:
    registers = _registers(camera)
    registers.write_fields("IRQ_ENABLE", frame=1)
    registers.start()
    camera.send(frame_beats(picture(1)))
    camera.run(PIXELS)
    assert not camera.irq
    camera.run(FRAME)
    assert camera.irq
    registers.write_fields("IRQ_STATUS", frame=1)
    camera.run(2)
    assert not camera.irq


def test_a_stopped_sink_stops_the_frame_and_no_register(camera: VerilatedCamera) -> None:
    _registers(camera).start()
    camera.set_sink(False)
    camera.send(frame_beats(picture(1)))
    camera.run(FRAME)
    assert len(camera.receive()) == 0
    assert _registers(camera).status.delivering
    camera.set_sink(True)
    camera.run(FRAME)
    frames = BoardFrames(camera.width, camera.height).feed(camera.receive())
    assert [unpack_board_frame(frame)[1].number for frame in frames] == [0]
    with pytest.raises(ConfigError, match="stall_per_mille = 1000"):
        camera.set_sink(True, 1000)


def test_idle_cycles_are_cycles(camera: VerilatedCamera) -> None:
    camera.send(np.array([5 << 26, 0, 63 << 26], np.uint32))
    for cycles, pending in ((5, 3), (1, 2), (1, 1), (63, 1), (1, 0)):
        camera.run(cycles)
        assert camera.pending() == pending


BREAK = """
    always_ff @(posedge ap_clk) if (ap_rst_n && s_axis_tvalid && in_q == 100) $error("the detector broke");
endmodule

/// Inverts"""


def test_an_error_in_the_rtl_is_an_exception_and_the_process_goes_on(
    library: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    broken = tmp_path / "stand_in_networks.sv"
    broken.write_text(BENCH.read_text().replace("\nendmodule\n\n/// Inverts", BREAK, 1))
    other = stand_in_library(tmp_path, Path(request.config.cache.mkdir("kernels")), networks=broken)
    with VerilatedCamera(other, data_dir=tmp_path) as camera:
        run = CameraRun(camera, CONFIG)
        with pytest.raises(DeviceError, match="the detector broke"):
            run.deliver(picture(1))
        assert "the detector broke" in camera.log
        with pytest.raises(DeviceError, match="the detector broke"):
            camera.run(1)
        with pytest.raises(DeviceError, match="the detector broke"):
            camera.read(0)
        camera.reset()
        assert camera.read(0) == CAMERA_ID


def test_memory_files_come_from_the_camera_s_directory(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    networks = tmp_path / "stand_in_networks.sv"
    memory = '    logic [7:0] rom [1];\n    initial $readmemh("./rom.dat", rom);\nendmodule\n\n/// Inverts'
    text = BENCH.read_text().replace("\nendmodule\n\n/// Inverts", f"\n{memory}", 1)
    networks.write_text(text.replace("m_axis_tdata  = map_q[out_q]", "m_axis_tdata  = map_q[out_q] & rom[0]"))
    library = stand_in_library(tmp_path, Path(request.config.cache.mkdir("kernels")), networks=networks)
    with pytest.raises(DeviceError, match=r"rom\.dat"):
        VerilatedCamera(library, data_dir=tmp_path / "elsewhere")
    (tmp_path / "rom.dat").write_text("00\n")
    with VerilatedCamera(library, data_dir=tmp_path) as camera:
        assert CameraRun(camera, CONFIG).deliver(picture(2)).frame.boxes == ()


def test_what_is_no_camera_is_refused(library: Path, tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="does not exist"):
        VerilatedCamera.open(tmp_path)
    (tmp_path / "sim").mkdir()
    (tmp_path / "sim" / "libcamera.so").write_text("no library")
    with pytest.raises(ContractError, match="no simulator library of a camera"):
        VerilatedCamera.open(tmp_path)
    camera = VerilatedCamera(library, data_dir=tmp_path)
    with pytest.raises(ContractError, match=r"uint32 \[N\]"):
        camera.send(np.zeros(4, np.int64))  # type: ignore[arg-type]
    camera.close()
    camera.close()
    with pytest.raises(DeviceError, match="closed"):
        camera.run(1)

"""The simulator: bytes, cycles, stalls, and every way a design can fail without taking the process with it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from hls.sim.errors import DeadlockError, SimulationError
from hls.sim.simulator import Simulator, Stalls
from hls.sim.verilate import SimulatorOptions, build_simulator
from hw_anon.core.errors import ConfigError, ContractError
from tests.hls import probe

pytestmark = pytest.mark.sim

STALL_PATTERNS = [
    Stalls(),
    Stalls(input_per_mille=300),
    Stalls(output_per_mille=300),
    Stalls(input_per_mille=600, output_per_mille=600, seed=5),
]


@pytest.fixture(scope="module")
def probe_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("probe")
    probe.write_probe(directory)
    return directory


@pytest.fixture(scope="module")
def probe_library(probe_dir: Path, simulator_cache: Path) -> Path:
    options = SimulatorOptions(trace=True, asserts=True)
    sources = [probe_dir / "probe.sv"]
    return build_simulator(sources, probe.probe_interface(), cache_dir=simulator_cache, options=options).library


@pytest.fixture(scope="module")
def odd_library(tmp_path_factory: pytest.TempPathFactory, simulator_cache: Path) -> Path:
    source = probe.write_odd(tmp_path_factory.mktemp("odd"))
    return build_simulator([source], probe.odd_interface(), cache_dir=simulator_cache).library


@pytest.fixture
def simulator(probe_library: Path, probe_dir: Path) -> Iterator[Simulator]:
    with Simulator(probe_library, probe.probe_interface(), data_dir=probe_dir) as simulator:
        yield simulator


def images(count: int, seed: int = 0) -> NDArray[np.int64]:
    """Harmless random images: no beat is one of the probe's triggers."""
    return np.random.default_rng(seed).integers(0, 0xE0, (count, 4, 2, 2))


def with_beat(value: int, *, image: int, beat: int, count: int = 3) -> NDArray[np.int64]:
    x = images(count)
    x.reshape(count, 8, 2)[image, beat] = value & 0xFF, value >> 8
    return x


def expected(x: NDArray[np.int64]) -> NDArray[np.int64]:
    y = x.copy().reshape(len(x), 8, 2)
    y[..., 0] ^= probe.MEMORY_VALUE
    return y.reshape(x.shape)


@pytest.mark.parametrize("stalls", STALL_PATTERNS)
def test_bytes_are_the_same_under_all_stalls(simulator: Simulator, stalls: Stalls) -> None:
    x = images(50)
    result = simulator.run(x, stalls=stalls)
    np.testing.assert_array_equal(result.outputs[0], expected(x))
    assert result.outputs[0].dtype == np.int64
    assert result.image_end_cycles[0][-1] == result.cycles - 1
    assert simulator.monitors() == {"mon_beats__taken": 400}


def test_without_stalls_a_beat_moves_in_every_cycle(simulator: Simulator) -> None:
    result = simulator.run(images(20))
    assert result.cycles == 161  # one register
    np.testing.assert_array_equal(result.intervals[0], np.full(19, 8))
    assert result.kcycles_per_s > 0


def test_stalls_are_decided_by_their_seed(simulator: Simulator) -> None:
    x = images(30)
    ends = [
        simulator.run(x, stalls=Stalls(input_per_mille=400, output_per_mille=400, seed=seed)).image_end_cycles[0]
        for seed in (7, 7, 8)
    ]
    np.testing.assert_array_equal(ends[0], ends[1])
    assert (ends[0] != ends[2]).any()


def test_stall_probability_is_what_was_asked(simulator: Simulator) -> None:
    cycles = simulator.run(images(2000), stalls=Stalls(output_per_mille=750)).cycles
    assert cycles == pytest.approx(16000 * 4, rel=0.05)


@pytest.mark.parametrize("interval", [8, 13, 50, 1001])
def test_throttled_images_leave_at_the_interval(simulator: Simulator, interval: int) -> None:
    result = simulator.run(images(6), input_interval_cycles=interval)
    # The last of 8 beats is offered at 7/8 of the interval and leaves one cycle later.
    np.testing.assert_array_equal(result.image_end_cycles[0], np.arange(6) * interval + 7 * interval // 8 + 1)


def test_throttle_is_no_deadlock(simulator: Simulator) -> None:
    x = images(3)
    result = simulator.run(x, input_interval_cycles=4000, max_idle_cycles=100)
    np.testing.assert_array_equal(result.outputs[0], expected(x))


def test_interval_shorter_than_an_image_is_refused(simulator: Simulator) -> None:
    with pytest.raises(ConfigError, match="input_interval_cycles=7"):
        simulator.run(images(1), input_interval_cycles=7)


@pytest.mark.parametrize(
    "fields", [{"input_per_mille": 1000}, {"output_per_mille": -1}, {"seed": -1}], ids=["full", "negative", "seed"]
)
def test_impossible_stalls_are_refused(fields: dict[str, int]) -> None:
    with pytest.raises(ConfigError):
        Stalls(**fields)


def test_deadlock_names_the_beats_and_reset_recovers(simulator: Simulator) -> None:
    with pytest.raises(DeadlockError, match="s_axis 11 of 24 beats accepted") as caught:
        simulator.run(with_beat(probe.HANG, image=1, beat=2), max_idle_cycles=500)
    assert caught.value.beats_in == {"s_axis": (11, 24)}
    assert caught.value.beats_out == {"m_axis": (11, 24)}
    assert 500 < caught.value.cycle < 520
    with pytest.raises(SimulationError, match="reset"):
        simulator.run(images(1))
    simulator.reset()
    np.testing.assert_array_equal(simulator.run(images(2)).outputs[0], expected(images(2)))


@pytest.mark.parametrize(
    ("trigger", "message"),
    [
        (probe.ERROR, r"probe\.sv:\d+: .*probe met e001"),
        (probe.FATAL, "probe gave up"),
        (probe.FINISH, r"\$finish .*probe\.sv"),
        (probe.ASSERT, "probe asserted"),
        (probe.WRONG_LAST, "m_axis_tlast is 1 at beat 2 of 8 of image 1"),
        (probe.UNSTABLE, "m_axis_tvalid or its data changed while waiting"),
    ],
)
def test_misbehaving_rtl_is_an_error_and_the_process_goes_on(
    simulator: Simulator, probe_library: Path, probe_dir: Path, trigger: int, message: str
) -> None:
    with pytest.raises(SimulationError, match=message):
        simulator.run(with_beat(trigger, image=1, beat=2), stalls=Stalls(output_per_mille=700))
    with pytest.raises(SimulationError, match=message):  # it stays refused, with the first reason
        simulator.run(images(1))
    with pytest.raises(SimulationError):
        simulator.reset()
    with Simulator(probe_library, probe.probe_interface(), data_dir=probe_dir) as other:
        np.testing.assert_array_equal(other.run(images(2)).outputs[0], expected(images(2)))


def test_missing_last_is_noticed(simulator: Simulator) -> None:
    with pytest.raises(SimulationError, match="m_axis_tlast is 0 at beat 7 of 8 of image 0"):
        simulator.run(with_beat(probe.WRONG_LAST, image=0, beat=7))


def test_missing_memory_file_is_an_error(probe_library: Path, tmp_path: Path) -> None:
    with pytest.raises(SimulationError, match=r"offset\.dat"):
        Simulator(probe_library, probe.probe_interface(), data_dir=tmp_path)


def test_memory_files_are_read_from_the_data_directory(probe_library: Path, tmp_path: Path) -> None:
    (tmp_path / probe.MEMORY_FILE).write_text("00\n")
    before = Path.cwd()
    with Simulator(probe_library, probe.probe_interface(), data_dir=tmp_path) as simulator:
        np.testing.assert_array_equal(simulator.run(images(2)).outputs[0], images(2))
    assert Path.cwd() == before


def test_what_the_rtl_prints_goes_to_the_log(simulator: Simulator, capfd: pytest.CaptureFixture[str]) -> None:
    assert "probe says hello" in simulator.log
    assert capfd.readouterr().out == ""


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ([np.zeros((2, 4, 2, 3), np.int64)], "expected"),
        ([np.zeros((4, 2, 2), np.int64)], "expected"),
        ([np.zeros((0, 4, 2, 2), np.int64)], "at least one"),
        ([np.full((1, 4, 2, 2), 256)], "outside"),
        ([np.full((1, 4, 2, 2), -1)], "outside"),
        ([np.zeros((1, 4, 2, 2), np.float32)], "integers"),
        ([np.zeros((1, 4, 2, 2), np.int64)] * 2, "1 input streams, got 2"),
    ],
    ids=["channels", "no-batch", "empty", "high", "low", "float", "streams"],
)
def test_wrong_arrays_are_refused_before_anything_runs(
    simulator: Simulator, arrays: list[NDArray[np.int64]], message: str
) -> None:
    with pytest.raises(ContractError, match=message):
        simulator.run(*arrays)
    np.testing.assert_array_equal(simulator.run(images(1)).outputs[0], expected(images(1)))


def test_interrupt_ends_a_run_and_reset_recovers(simulator: Simulator) -> None:
    def interrupt(fraction: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        simulator.run(images(3000), on_progress=interrupt)
    with pytest.raises(SimulationError, match="reset"):
        simulator.run(images(1))
    simulator.reset()
    np.testing.assert_array_equal(simulator.run(images(1)).outputs[0], expected(images(1)))


def test_progress_grows_to_one(simulator: Simulator) -> None:
    seen: list[float] = []
    simulator.run(images(2000), on_progress=seen.append)
    assert len(seen) > 1
    assert seen == sorted(seen)
    assert seen[-1] == 1.0


def test_two_designs_live_side_by_side(simulator: Simulator, odd_library: Path, probe_dir: Path) -> None:
    with Simulator(odd_library, probe.odd_interface(), data_dir=probe_dir) as odd:
        for seed in range(3):
            x = images(2, seed)
            np.testing.assert_array_equal(simulator.run(x).outputs[0], expected(x))
            flags = np.random.default_rng(seed).integers(0, 2, (2, 3, 1))
            np.testing.assert_array_equal(odd.run(flags, flags * 0).outputs[0], 1 - flags)


@pytest.mark.parametrize("stalls", STALL_PATTERNS)
def test_odd_widths_and_several_streams(odd_library: Path, tmp_path: Path, stalls: Stalls) -> None:
    rng = np.random.default_rng(1)
    bits, numbers = rng.integers(0, 2, (40, 3, 1)), rng.integers(-4096, 4096, (40, 3, 1))
    with Simulator(odd_library, probe.odd_interface(), data_dir=tmp_path) as simulator:
        flag, wide = simulator.run(bits, numbers, stalls=stalls).outputs
    np.testing.assert_array_equal(flag, 1 - bits)
    np.testing.assert_array_equal(wide, (numbers + np.arange(5) + 4096) % 8192 - 4096)


def test_waveform_is_written(simulator: Simulator, tmp_path: Path) -> None:
    for name in ("first.vcd", "second.vcd"):
        simulator.run(images(2), trace_file=tmp_path / name)
    without = simulator.run(images(2))
    first, second = ((tmp_path / name).read_text() for name in ("first.vcd", "second.vcd"))
    assert "s_axis_tdata" in first
    assert "$enddefinitions" in second
    assert len(without.outputs) == 1
    assert not list(tmp_path.glob("third*"))


def test_waveform_that_cannot_be_written_is_refused(simulator: Simulator, odd_library: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no waveform"):
        simulator.run(images(1), trace_file=tmp_path / "missing" / "a.vcd")
    np.testing.assert_array_equal(simulator.run(images(1)).outputs[0], expected(images(1)))
    with (
        Simulator(odd_library, probe.odd_interface(), data_dir=tmp_path) as odd,
        pytest.raises(ConfigError, match="trace"),
    ):
        odd.run(np.zeros((1, 3, 1), int), np.zeros((1, 3, 1), int), trace_file=tmp_path / "a.vcd")


def test_library_of_other_ports_is_refused(odd_library: Path, probe_library: Path, tmp_path: Path) -> None:
    interface = probe.probe_interface()
    for library, ports in ((odd_library, interface), (probe_library, replace(interface, monitors=()))):
        with pytest.raises(ContractError, match="other ports"):
            Simulator(library, ports, data_dir=tmp_path)


def test_file_that_is_no_library_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="does not exist"):
        Simulator(tmp_path / "libsim.so", probe.probe_interface(), data_dir=tmp_path)
    (tmp_path / "libsim.so").write_bytes(b"\x7fELF cut short")
    with pytest.raises(ContractError, match="no simulator library"):
        Simulator(tmp_path / "libsim.so", probe.probe_interface(), data_dir=tmp_path)

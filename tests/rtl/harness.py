"""What the kernels' test benches share: building one module, driving it under many stall patterns, seeding bugs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from hls.interface import DesignInterface, StreamPort
from hls.kernels import kernel_source
from hls.sim.errors import SimulationError
from hls.sim.simulator import Simulator, Stalls
from hls.sim.toolchain import find_toolchain
from hls.sim.verilate import SimulatorOptions, build_simulator

STALLS = tuple(
    Stalls(input_per_mille=idle, output_per_mille=pressure, seed=seed)
    for seed, (idle, pressure) in enumerate(
        [(0, 0), (300, 0), (0, 300), (300, 300), (700, 0), (0, 700), (700, 300), (300, 700), (700, 700)], start=7
    )
)
"""Idle insertion × back-pressure at 0, 30 and 70 %."""


def port(
    name: str,
    shape: tuple[int, ...],
    bits: int,
    *,
    elements: int = 1,
    signed: bool = False,
    padded: bool = False,
    has_tlast: bool = False,
) -> StreamPort:
    """Returns a stream of `elements` × `bits` a beat; `padded` for a generated wrapper's whole-byte upper-case port."""
    payload = bits * elements
    return StreamPort(
        name=name,
        element_bits=bits,
        elements_per_beat=elements,
        signed=signed,
        shape=shape,
        tdata_bits=-(-payload // 8) * 8 if padded else payload,
        uppercase=padded,
        has_tlast=has_tlast,
    )


def kernel_interface(kernel: str, inputs: Sequence[StreamPort], outputs: Sequence[StreamPort]) -> DesignInterface:
    """Returns the interface of a kernel driven without a wrapper."""
    return DesignInterface(top=kernel, inputs=tuple(inputs), outputs=tuple(outputs), clock="clk_i", reset_n="rst_ni")


def simulator(
    interface: DesignInterface,
    cache_dir: Path,
    *,
    parameters: Mapping[str, int | str] | None = None,
    sources: Sequence[Path] = (),
) -> Simulator:
    """Builds a design with its assertions on and loads it; `sources` default to the kernel of the top's name."""
    options = SimulatorOptions(asserts=True, optimisation="-O0", parameters=verilog_parameters(parameters or {}))
    paths = list(sources) or [kernel_source(interface.top)]
    binary = build_simulator(paths, interface, cache_dir=cache_dir, options=options)
    return Simulator(binary.library, interface, data_dir=cache_dir)


def verilog_parameters(parameters: Mapping[str, int | str]) -> tuple[tuple[str, str], ...]:
    """Returns parameters as names and Verilog literals; a string that is a sized literal (`64'h…`) stays one."""
    return tuple((name, f'"{v}"' if isinstance(v, str) and "'" not in v else str(v)) for name, v in parameters.items())


def seeded(source: Path, old: str, new: str, directory: Path) -> Path:
    """Writes a copy of a module with one bug: `old`, which must occur once, becomes `new`."""
    text = source.read_text()
    assert text.count(old) == 1, f"{old!r} occurs {text.count(old)} times in {source.name}"
    path = directory / source.name
    path.write_text(text.replace(old, new))
    return path


@contextmanager
def assertion_fires(design: Simulator, message: str) -> Iterator[None]:
    """Expects the design to fail with an assertion's `message` (regular expression).

    It is looked for in what the design printed: the simulator's own check of its streams may see the bug as well.
    """
    with pytest.raises(SimulationError):
        yield
    assert re.search(message, design.log), f"no {message!r} in the log:\n{design.log}"


def random_images(stream: StreamPort, count: int, seed: int) -> NDArray[np.int64]:
    """Returns `[count, *shape]` random values over the stream's whole range, its extremes included."""
    low = -(1 << (stream.element_bits - 1)) if stream.signed else 0
    high = low + (1 << stream.element_bits) - 1
    images = np.random.default_rng(seed).integers(low, high, (count, *stream.shape), endpoint=True)
    images.reshape(-1)[:2] = low, high
    return images


def lint(kernel: str, parameters: Mapping[str, int | str], cwd: Path) -> None:
    """Runs Verilator's lint with all warnings on a kernel.

    Raises:
        ToolError: if it has a complaint, which is in the error's log.
    """
    settings = [f"-G{name}={value}" for name, value in verilog_parameters(parameters)]
    arguments = ["--lint-only", "-Wall", "--assert", "--no-timing", "--top-module", kernel, *settings]
    find_toolchain().verilate([*arguments, str(kernel_source(kernel))], cwd=cwd)

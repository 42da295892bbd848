"""The simulated RTL as a face modifier, one link of the equivalence chain."""

from __future__ import annotations

from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from hls.interface import FILE_LIST, DesignInterface
from hls.sim.fast_models import fast_sources
from hls.sim.simulator import RunResult, Simulator, Stalls
from hls.sim.verilate import SimulatorOptions, build_simulator, read_file_list
from hw_anon.core.backend import require_crops, whole_bytes
from hw_anon.core.errors import ContractError

__all__ = ["RtlBackend"]


class RtlBackend:
    """Modifies face crops by simulating a stitched design; every call starts from reset."""

    def __init__(
        self,
        library: Path,
        interface: DesignInterface,
        *,
        data_dir: Path,
        stalls: Stalls | None = None,
        name: str = "rtl",
    ) -> None:
        """Takes a built simulator.

        Args:
            library: shared library made by `build_simulator`.
            interface: the design's ports: one stream of `[H, W, 3]` uint8 in, one out.
            data_dir: directory of the memory files that the RTL names by relative paths.
            stalls: random pauses on both streams; `None` for none.
            name: the backend's name in reports.

        Raises:
            ContractError: if the design is no face modifier.
        """
        _require_modifier(interface)
        self._library = library
        self._interface = interface
        self._data_dir = data_dir
        self._stalls = stalls
        self._name = name
        self._last_result: RunResult | None = None

    @classmethod
    def from_design(
        cls,
        directory: Path,
        *,
        cache_dir: Path,
        options: SimulatorOptions | None = None,
        fast: bool = True,
        stalls: Stalls | None = None,
        name: str = "rtl",
    ) -> Self:
        """Builds the simulator of a stitched design directory, or finds it built.

        Args:
            directory: holds `interface.json`, `files.f` and what they name.
            cache_dir: directory of the built simulators.
            options: how to build; `None` for the defaults.
            fast: whether to replace FINN's compute cores by models with the same bytes and cycles.
            stalls: random pauses on both streams; `None` for none.
            name: the backend's name in reports.

        Raises:
            ContractError: if the directory is incomplete or the design is no face modifier.
            ToolError: if the simulator cannot be built.
        """
        interface = DesignInterface.load(directory)
        sources = read_file_list(directory / FILE_LIST)
        binary = build_simulator(
            fast_sources(sources) if fast else sources, interface, cache_dir=cache_dir, options=options
        )
        return cls(binary.library, interface, data_dir=directory, stalls=stalls, name=name)

    @property
    def name(self) -> str:
        """Name of the backend in reports."""
        return self._name

    @property
    def last_result(self) -> RunResult:
        """What the last call of `modify` measured; there must have been one."""
        assert self._last_result is not None, "modify comes first"
        return self._last_result

    def modify(self, crops_u8: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Modifies `[N, H, W, 3]` uint8 crops.

        Raises:
            ContractError: if shape or dtype are not the design's.
            SimulationError: if the RTL broke a rule or stopped moving data.
        """
        require_crops(crops_u8, self._interface.inputs[0].shape, backend=self._name)
        with Simulator(self._library, self._interface, data_dir=self._data_dir) as simulator:
            self._last_result = simulator.run(crops_u8, stalls=self._stalls)
        return whole_bytes(self._last_result.outputs[0], backend=self._name)


def _require_modifier(interface: DesignInterface) -> None:
    streams = (*interface.inputs, *interface.outputs)
    if len(interface.inputs) != 1 or len(interface.outputs) != 1:
        raise ContractError(f"design {interface.top}: a face modifier has one stream in and one out")
    for port in streams:
        if port.element_bits != 8 or port.signed or len(port.shape) != 3:
            raise ContractError(f"design {interface.top}: stream {port.name} does not carry [H, W, C] uint8 images")

"""A finished build directory, as other commands read it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hls.interface import FILE_LIST, DesignInterface
from hls.report.record import RECORD_FILE
from hw_anon.core.contract import NetContract, load_contract
from hw_anon.core.errors import ContractError
from hw_anon.core.manifest import Manifest

if TYPE_CHECKING:
    from hls.flow.execute import GraphBackend
    from hls.sim.backend import RtlBackend
    from hls.sim.simulator import Stalls
    from hls.twin.run import Twin

__all__ = [
    "GRAPH_FILE",
    "LIBRARY_FILE",
    "MODEL_DIR",
    "RTL_DIR",
    "TWIN_FILE",
    "FinishedBuild",
    "load_build",
]

MODEL_DIR = "model"
"""The exported network the build was made from."""
GRAPH_FILE = "graph/dataflow.onnx"
"""The folded hardware graph with its FIFOs: what the RTL was generated from."""
TWIN_FILE = "graph/twin.npz"
"""The software twin's program."""
RTL_DIR = "rtl"
"""The stitched design: self-contained HDL, memory files, file list and interface."""
LIBRARY_FILE = "sim/libsim.so"
"""The compiled simulator of exactly that RTL."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FinishedBuild:
    """A build directory whose manifest was verified."""

    directory: Path
    """The build directory."""
    manifest: Manifest
    """Its identity and the hashes of its files."""
    contract: NetContract
    """The network's contract."""
    report: dict[str, Any]
    """Content of `report.json`."""

    def graph_backend(self, work_dir: Path) -> GraphBackend:
        """Returns the hardware graph, executed in FINN's Python semantics."""
        from hls.flow.boot import boot

        boot(work_dir)
        from qonnx.core.modelwrapper import ModelWrapper

        import hls.kernels
        from hls.flow.execute import GraphBackend

        hls.kernels.register()
        return GraphBackend(ModelWrapper(str(self.directory / GRAPH_FILE)))

    def twin(self, *, threads: int = 1) -> Twin:
        """Returns the software twin."""
        from hls.twin.program import TwinProgram
        from hls.twin.run import Twin

        return Twin(TwinProgram.load(self.directory / TWIN_FILE), threads=threads)

    def rtl_backend(self, *, stalls: Stalls | None = None) -> RtlBackend:
        """Returns the simulated RTL."""
        from hls.sim.backend import RtlBackend

        return RtlBackend(self.library, self.interface, data_dir=self.rtl_dir, stalls=stalls)

    @property
    def library(self) -> Path:
        """The compiled simulator."""
        return self.directory / LIBRARY_FILE

    @property
    def rtl_dir(self) -> Path:
        """Directory of the stitched design."""
        return self.directory / RTL_DIR

    @property
    def sources(self) -> tuple[Path, ...]:
        """The stitched design's HDL files in compile order."""
        from hls.sim.verilate import read_file_list

        return read_file_list(self.rtl_dir / FILE_LIST)

    @property
    def interface(self) -> DesignInterface:
        """Ports of the stitched design."""
        return DesignInterface.load(self.rtl_dir)


def load_build(directory: Path) -> FinishedBuild:
    """Opens a build directory and verifies every file against its manifest.

    Raises:
        ContractError: if it is not a finished build, or a file is missing or was changed.
    """
    manifest = Manifest.load(directory)
    manifest.verify(directory)
    try:
        report = json.loads((directory / RECORD_FILE).read_text())
    except (OSError, ValueError) as exc:
        raise ContractError(f"{directory / RECORD_FILE} cannot be read ({exc}); build again") from exc
    return FinishedBuild(
        directory=directory, manifest=manifest, contract=load_contract(directory / MODEL_DIR), report=report
    )

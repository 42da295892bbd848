"""Where commands keep what they made: exported networks, builds and caches below one working directory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hw_anon.console.places import directory_to_write

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from hls.flow.config import BuildConfig
    from hls.flow.finished import FinishedBuild
    from hw_anon.data.crops import CropSet

__all__ = ["NetOption", "WorkOption", "Workspace", "with_keys"]

WorkOption = Annotated[
    Path,
    typer.Option(
        "--work", callback=directory_to_write, help="Working directory: exported networks, builds, caches, downloads."
    ),
]
"""The `--work` option of every command that makes something."""

NetOption = Annotated[str, typer.Option("--net", help="Name of a shipped network, or a directory of weights.")]
"""The `--net` option."""

_PROOF_FACES = 4
"""Faces streamed through a new design: the steady state shows from the third on."""
_CROP_SEED = 2018


def with_keys(crops_u8: NDArray[np.uint8], channels: int) -> NDArray[np.uint8]:
    """Returns crops with as many channels as a network takes: each crop under a key of its own.

    Args:
        crops_u8: `[N, H, W, 3]` uint8.
        channels: 3, or more for a keyed network.
    """
    from hw_anon.core.keys import append_key, power_up_keys

    return append_key(crops_u8, power_up_keys(len(crops_u8), channels - 3, seed=_CROP_SEED))


@dataclass(frozen=True, slots=True)
class Workspace:
    """The working directory's layout."""

    root: Path
    """The directory itself."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "root", self.root.resolve())

    @property
    def downloads(self) -> Path:
        """Downloaded data."""
        return self.root / "downloads"

    @property
    def simulators(self) -> Path:
        """Cache of compiled simulators."""
        return self.root / "cache" / "simulators"

    @property
    def finn(self) -> Path:
        """Scratch directory of FINN."""
        return self.root / "cache" / "finn"

    def export_dir(self, net: str) -> Path:
        """Directory of an exported network."""
        return self.root / "nets" / Path(net).name

    def build_dir(self, net: str, config: BuildConfig) -> Path:
        """Directory of a network's build for one board, throughput and, if it is not the board's own, clock."""
        board = config.target
        clock = "" if config.clock_mhz == board.clk_mhz else f"-{config.clock_mhz:g}mhz"
        return self.root / "designs" / f"{Path(net).name}-{board.name}-{config.faces_per_s:g}{clock}"

    def crops(self, count: int, size: int, *, seed: int = _CROP_SEED) -> CropSet:
        """Returns real faces and adversarial patterns; the AT&T faces are fetched on first use."""
        from hw_anon.data.crops import equivalence_crops, load_faces

        faces, _ = load_faces(self.downloads)
        return equivalence_crops(count, size, seed, faces)

    def faces(self, count: int, size: int, *, seed: int = _CROP_SEED, portrait_only: bool = False) -> CropSet:
        """Returns real faces only; with `portrait_only` none of people whose pictures may not be redistributed."""
        from hw_anon.data.crops import load_faces, real_crops

        faces = None if portrait_only else load_faces(self.downloads)[0]
        return real_crops(count, size, seed, faces)

    def exported(self, net: str) -> Path:
        """Exports a network (equal networks give equal bytes) and returns the directory."""
        from quant.export import export_net
        from quant.zoo import load_network

        directory = self.export_dir(net)
        export_net(load_network(net), Path(net).name, directory)
        return directory

    def built(
        self, net: str, config: BuildConfig, *, on_stage: Callable[[str], None] | None = None, force: bool = False
    ) -> FinishedBuild:
        """Returns the build of a network, made now unless an intact one of the same inputs and tools is there."""
        from hls.flow.build import build
        from hls.flow.finished import load_build
        from hls.flow.identity import planned_design_id
        from hw_anon.core.contract import load_contract
        from hw_anon.core.errors import ContractError

        source, directory = self.exported(net), self.build_dir(net, config)
        if not force:
            try:
                finished = load_build(directory)
                if finished.manifest.design_id == planned_design_id(source, config):
                    return finished
            except ContractError:
                pass  # none, half of one, or damaged: build (again)
        _, height, width, channels = load_contract(source).input.shape
        return build(
            source,
            directory,
            config,
            crops_u8=with_keys(self.faces(_PROOF_FACES, max(height, width)).crops[:, :height, :width], channels),
            work_dir=self.finn,
            cache_dir=self.simulators,
            on_stage=on_stage,
        )

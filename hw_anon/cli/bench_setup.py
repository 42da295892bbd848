"""What a benchmark of `hw-anon bench` is given and what it gives back."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hw_anon.cli.build import note_stage
from hw_anon.cli.workspace import Workspace, with_keys

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from hls.flow.config import BuildConfig
    from hls.flow.finished import FinishedBuild

__all__ = ["Bench", "Line", "Measured"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One line of the table."""

    what: str
    """What was measured, with its unit."""
    value: float
    """The figure."""
    peer: str = ""
    """What it is compared with, if there is something."""
    peer_value: float | None = None
    """The peer's figure, measured in the same run."""
    ratio: float | None = None
    """How many times better than the peer; below 1 it is worse."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Measured:
    """What an entry found."""

    figures: dict[str, Any]
    """Everything, for the file."""
    lines: tuple[Line, ...] = ()
    """The table's lines."""
    missing: str = ""
    """What was not there, if nothing could be measured."""


@dataclass(frozen=True, kw_only=True)
class Bench:
    """What is measured."""

    net: str
    """The modifier's name, or its directory."""
    workspace: Workspace
    """Where builds and caches are."""
    cameras: tuple[Path, ...]
    """Configurations of cameras, or their directories."""
    detector: Path | None
    """Directory of an exported action detector; the one among the weights is exported if not given."""
    board_python: Path | None
    """Python of the board's environment, if there is one."""

    @cached_property
    def config(self) -> BuildConfig:
        """Board and rate of the README's network."""
        from hls.flow.config import BuildConfig

        return BuildConfig()

    @cached_property
    def finished(self) -> FinishedBuild:
        """The network's build, made now if it is not there."""
        return self.workspace.built(self.net, self.config, on_stage=note_stage)

    def crops(self, count: int, *, faces_only: bool = False) -> NDArray[np.uint8]:
        """Returns `[count, S, S, C]` uint8 for the network: real faces, and patterns unless `faces_only`."""
        _, size, _, channels = self.finished.contract.input.shape
        some = self.workspace.faces if faces_only else self.workspace.crops
        return with_keys(some(count, size).crops, channels)

"""A block design as data: cells, what connects them, and what leaves the chip; and the proof that nothing goes around.

The scripts for the vendor's tools are rendered from it, so that what is checked here is what they are told to build.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from hw_anon.core.errors import ContractError

__all__ = ["BlockDesign", "Cell", "External", "Segment", "check_paths"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Cell:
    """An instance of a block."""

    name: str
    """Instance name."""
    vlnv: str
    """Vendor, library, name and version."""
    settings: tuple[tuple[str, str], ...] = ()
    """Settings in order, without `CONFIG.`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class External:
    """What leaves the chip: a port, or an interface of several."""

    name: str
    """Name, and first part of its ports' names."""
    pin: str
    """`cell/pin` that it is connected to."""
    vlnv: str = ""
    """Kind of interface; empty for a plain output port of one bit."""
    mode: str = "Slave"
    """`Master` or `Slave`, for an interface."""
    ports: tuple[str, ...] = ()
    """Names of the ports of the chip that result, as constraints name them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Segment:
    """Where a master sees a slave."""

    space: str
    """`cell/space` of the master."""
    target: str
    """`cell/interface/block` of the slave."""
    base: int
    """First address."""
    size: int
    """Bytes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BlockDesign:
    """The whole design; names are unique."""

    name: str
    """Name of the design."""
    part: str
    """Part number."""
    board_parts: str
    """Pattern of the vendor's board descriptions that fit."""
    cells: tuple[Cell, ...]
    """Instances; the processing system first."""
    streams: tuple[tuple[str, str], ...]
    """Video and pixels: from `cell/interface` to `cell/interface`."""
    buses: tuple[tuple[str, str], ...]
    """Memory-mapped: from a master's `cell/interface` to a slave's."""
    nets: tuple[tuple[str, tuple[str, ...]], ...]
    """Single pins: a driver and what it drives."""
    externals: tuple[External, ...]
    """What leaves the chip."""
    segments: tuple[Segment, ...]
    """The address map."""

    def cell(self, name: str) -> Cell:
        """Returns the instance called `name`.

        Raises:
            ContractError: if there is none.
        """
        for cell in self.cells:
            if cell.name == name:
                return cell
        raise ContractError(f"the block design has no {name}")

    def pins(self) -> list[str]:
        """Returns every pin and interface that is connected, as often as it is."""
        ends = [end for link in (*self.streams, *self.buses) for end in link]
        ends += [pin for driver, sinks in self.nets for pin in (driver, *sinks)]
        return ends + [external.pin for external in self.externals if external.vlnv]


def _owner(pin: str) -> str:
    return pin.split("/")[0]


def _one(found: list[str], what: str) -> str:
    if len(found) != 1:
        raise ContractError(f"{what}: expected one, found {', '.join(found) or 'none'}")
    return found[0]


def check_paths(design: BlockDesign, *, camera: str, vdma: str, constants: Iterable[str] = ()) -> None:
    """Checks that raw video ends in the camera and that software reaches nothing before it (P3, P4).

    Args:
        design: the block design.
        camera: instance of the camera, video in at `s_axis`, out at `m_axis`.
        vdma: instance of the video DMA.
        constants: instances that drive constants only.

    Raises:
        ContractError: naming the connection that could carry raw video, or settings of the sensor's blocks.
    """
    head = _one(
        [source for source, target in design.streams if target == f"{camera}/s_axis"], "sources of the raw video"
    )
    chain = {_owner(head)}
    while fresh := {_owner(source) for source, target in design.streams if _owner(target) in chain} - chain:
        chain |= fresh
    if camera in chain or vdma in chain:
        raise ContractError("the raw video runs in a circle: the camera feeds a block before itself")
    for source, target in design.streams:
        if _owner(source) in chain and _owner(target) not in chain and target != f"{camera}/s_axis":
            raise ContractError(f"raw video leaves for {target}: only the camera may have it")
    for master, slave in design.buses:
        for pin in (master, slave):
            if _owner(pin) in chain:
                raise ContractError(f"the bus {master} to {slave} reaches {pin}, a block before the camera")
    feeds = [source for source, target in design.streams if _owner(target) == vdma]
    if _one(feeds, "sources of the video DMA") != f"{camera}/m_axis":
        raise ContractError(f"the video DMA is fed by {feeds[0]}, not by the camera")
    _check_writers(design, vdma)
    _check_outputs(design, chain, camera, set(constants))


def _check_writers(design: BlockDesign, vdma: str) -> None:
    """Checks that beside the processing system only the video DMA is a master."""
    masters = {_owner(master) for master, _ in design.buses} - {design.cells[0].name}
    others = sorted(name for name in masters - {vdma} if "smartconnect" not in design.cell(name).vlnv)
    if others:
        raise ContractError(f"{', '.join(others)} can reach memory beside the video DMA")


def _check_outputs(design: BlockDesign, chain: set[str], camera: str, constants: set[str]) -> None:
    """Checks that no plain output of the chip comes from a block that has raw video."""
    for external in design.externals:
        owner = _owner(external.pin)
        if not external.vlnv and owner not in constants and (owner in chain or owner == camera):
            raise ContractError(
                f"the output {external.name} of the chip comes from {external.pin}, which has raw video"
            )

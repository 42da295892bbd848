"""What a design takes of a board before any vendor tool has seen it: the camera's estimate, and the sensor's part.

The vendor's own blocks (video DMA, interconnect, receivers) are not in it: there is nothing to measure them with.
"""

from __future__ import annotations

from collections.abc import Mapping

from hls.memory import bram18
from hls.resources.amounts import Resources
from hls.synth.sensor_table import WORD_BITS
from hw_anon.core.boards import Board
from hw_anon.core.camera_directory import CameraDirectory
from hw_anon.core.errors import ContractError
from hw_anon.core.sensor import SensorFit

__all__ = ["design_parts", "sensor_resources", "usage_rows"]

_KINDS = ("dsp", "lut", "bram18", "uram")
_NO_PARTS = ("sum", "share")
_FIT = {"none": Resources(lut=321, ff=142), "bayer": Resources(lut=174, ff=143)}
_SETUP = Resources(lut=122, ff=100)


def sensor_resources(fit: SensorFit, *, table_words: int | None) -> Resources:
    """Returns what stands between the receiver and the camera.

    Block RAMs follow from the sizes; look-up tables and flip-flops are those that Yosys finds for the boards' modes.

    Args:
        fit: how frames are fitted.
        table_words: words of the sensor's table; `None` if the camera writes none.
    """
    samples = fit.factor**2
    sum_bits = 8 + samples.bit_length()
    total = _FIT["none" if fit.bayer == "none" else "bayer"]
    if fit.factor > 1:
        total = total + Resources(bram18=bram18(fit.source_width // fit.factor, 3 * sum_bits))
    if table_words is not None:
        total = total + _SETUP + Resources(bram18=bram18(table_words, WORD_BITS))
    return total


def design_parts(camera: CameraDirectory, fit: SensorFit, *, table_words: int | None) -> dict[str, Resources]:
    """Returns what the parts of a design take, by name; the sum is the last one.

    Raises:
        ContractError: if the camera's manifest has no estimates.
    """
    try:
        rows = camera.manifest.metrics["resources"]
        parts = {
            name: Resources(**{kind: int(row[kind]) for kind in _KINDS})
            for name, row in rows.items()
            if name not in _NO_PARTS
        }
    except (KeyError, TypeError, ValueError) as exc:
        raise ContractError(f"{camera.directory} says nothing of its resources ({exc!r}); build it again") from exc
    parts["sensor"] = sensor_resources(fit, table_words=table_words)
    total = Resources()
    for amount in parts.values():
        total = total + amount
    return {**parts, "sum": total}


def usage_rows(parts: Mapping[str, Resources], board: Board) -> list[tuple[object, ...]]:
    """Returns a table's rows: each part, what the board has, and the share that the sum takes."""
    rows: list[tuple[object, ...]] = [(name, *(getattr(part, kind) for kind in _KINDS)) for name, part in parts.items()]
    shares = parts["sum"].shares(board)
    rows.append((f"{board.name} has", *(getattr(board, kind) for kind in _KINDS)))
    rows.append(("share", *(f"{shares[kind]:.0%}" for kind in _KINDS)))
    return rows

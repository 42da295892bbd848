"""What a run leaves behind while it goes on: a JSON-lines log, TensorBoard events, pictures."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from hw_anon.core.atomic import write_bytes_atomically, write_text_atomically

__all__ = ["LOG_FILE", "Log", "flat", "picture_grid", "read_log"]

LOG_FILE = "log.jsonl"
"""Name of the log."""


def read_log(path: Path) -> list[dict[str, Any]]:
    """Returns the log's entries; a last line that was cut off is left out."""
    entries = []
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
        try:
            entries.append(json.loads(line))
        except ValueError:
            break
    return entries


class Log:
    """The log of one run; in processes that do not lead it writes nothing."""

    def __init__(self, directory: Path, *, first_step: int, writes: bool = True, tensorboard: bool = True) -> None:
        """Opens the log; entries of steps that will be made again are dropped.

        Args:
            directory: where the run keeps its files.
            first_step: the next step, 0 for a new run.
            writes: whether this process writes.
            tensorboard: whether events are written too, if the package is installed.
        """
        self._directory, self._writes = directory, writes
        self._path = directory / LOG_FILE
        self._events: Any = None
        if not writes:
            return
        directory.mkdir(parents=True, exist_ok=True)
        kept = [entry for entry in read_log(self._path) if entry["step"] <= first_step]
        write_text_atomically(self._path, "".join(json.dumps(entry) + "\n" for entry in kept))
        if tensorboard:
            self._events = _open_events(directory / "events", first_step)

    def scalars(self, kind: str, step: int, values: Mapping[str, Any]) -> None:
        """Writes one entry.

        Args:
            kind: "train" or "validation".
            step: steps done.
            values: JSON values; numbers are drawn as curves.
        """
        if not self._writes:
            return
        with self._path.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps({"kind": kind, "step": step, **values}) + "\n")
        if self._events is not None:
            for name, value in values.items():
                if isinstance(value, int | float):
                    self._events.add_scalar(f"{kind}/{name}", value, step)

    def picture(self, name: str, step: int, picture: Tensor) -> None:
        """Writes one picture as PNG, replacing the last of that name, and as an event.

        Args:
            name: file name without suffix.
            step: steps done.
            picture: `[3, H, W]` uint8.
        """
        if not self._writes:
            return
        from torchvision.io import encode_png

        data: Tensor = encode_png(picture.cpu())
        write_bytes_atomically(self._directory / f"{name}.png", bytes(data.numpy()))
        if self._events is not None:
            self._events.add_image(name, picture, step)

    def close(self) -> None:
        """Flushes the events."""
        if self._events is not None:
            self._events.close()


def _open_events(directory: Path, first_step: int) -> Any:
    """Returns a TensorBoard writer, or `None` where the package is missing."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return None
    return SummaryWriter(str(directory), purge_step=first_step or None)


def picture_grid(rows: list[Tensor], columns: int) -> Tensor:
    """Returns pictures of equal size side by side, kind below kind.

    Args:
        rows: the kinds, e.g. f and M(f): `[N, 3, S, S]` 0..1 each.
        columns: pictures in a line; the next ones follow below.

    Returns:
        `[3, H, W]` uint8.
    """
    lines = []
    for start in range(0, len(rows[0]), columns):
        for row in rows:
            part = row[start : start + columns]
            blank = part.new_ones(columns - len(part), *part.shape[1:])
            lines.append(torch.cat([*part, *blank], dim=2))
    return (torch.cat(lines, dim=1).clamp(0, 1) * 255.0).round().to(torch.uint8)


def flat(report: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Returns nested values by joined names, as `classifiers.0.crossed.auc`."""
    values: dict[str, Any] = {}
    for name, value in report.items():
        if isinstance(value, dict):
            values |= flat(value, f"{prefix}{name}.")
        elif isinstance(value, list):
            values |= flat({str(i): item for i, item in enumerate(value)}, f"{prefix}{name}.")
        else:
            values[prefix + name] = value
    return values

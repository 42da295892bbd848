"""What the camera writes to a sensor after power-up: read from a file, checked, and turned into a ROM.

The file is JSON: `{"name": "…", "licence": "…", "steps": […]}`, each step either `{"wait_ms": 10}` or
`{"device": "0x3c", "bytes": "3103 11"}`: a 7-bit address and one to three bytes in hexadecimal digits. Sensors need
hundreds of settings that their makers publish in application notes; none is shipped here.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hw_anon.core.errors import ContractError

__all__ = ["MAX_STEPS", "WORD_BITS", "SensorTable", "read_sensor_table"]

MAX_STEPS = 1024
"""Steps at most: two block RAMs."""
WORD_BITS = 36
"""Bits of a step: kind (bit 34 wait, 33…32 bytes), device, three bytes."""
_MAX_WAIT_MS = (1 << 16) - 1


@dataclass(frozen=True, kw_only=True, slots=True)
class SensorTable:
    """The steps of a sensor's set-up."""

    name: str
    """The sensor and its mode."""
    words: tuple[int, ...]
    """One word a step, see `WORD_BITS`."""

    def rom(self) -> str:
        """Returns the memory file: one word a line, hexadecimal; a word of zeros ends it."""
        return "".join(f"{word:09x}\n" for word in (*self.words, 0))


def read_sensor_table(path: Path) -> SensorTable:
    """Reads a table.

    Raises:
        ContractError: if the file cannot be read or a step is malformed, with its number.
    """
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        name, steps = str(raw["name"]), list(raw["steps"])
    except (OSError, ValueError, KeyError, TypeError) as exc:
        raise ContractError(f"{path} is no table of a sensor's settings: {exc!r}") from exc
    if not 0 < len(steps) < MAX_STEPS:
        raise ContractError(f"{path}: {len(steps)} steps, allowed are 1 to {MAX_STEPS - 1}")
    return SensorTable(name=name, words=tuple(_word(step, f"{path}: step {n}") for n, step in enumerate(steps)))


def _word(step: Any, where: str) -> int:
    try:
        if set(step) == {"wait_ms"}:
            wait = step["wait_ms"]
            if not isinstance(wait, int) or not 0 < wait <= _MAX_WAIT_MS:
                raise ValueError(f"wait_ms must be 1 to {_MAX_WAIT_MS}")
            return 1 << 34 | wait
        if set(step) != {"device", "bytes"}:
            raise ValueError("expected wait_ms, or device and bytes")
        device, data = int(step["device"], 16), bytes.fromhex(step["bytes"])
        if not 8 <= device < 120 or not 1 <= len(data) <= 3:
            raise ValueError("a device is 0x08 to 0x77, and takes 1 to 3 bytes")
    except (ValueError, TypeError, AttributeError) as exc:
        raise ContractError(f"{where}: {step!r}: {exc}") from exc
    return len(data) << 32 | device << 24 | int.from_bytes(data.ljust(3, b"\0"), "big")

"""Replaces FINN's compute cores by simulation models with the same ports, bytes and cycles.

A whole network simulates about three times as fast with them. They were checked against exact originals, so they
stand in for those only: another FINN release must be checked again before its hash is added here.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hw_anon.core.errors import ContractError
from hw_anon.core.hashing import sha256_file

__all__ = ["FAST_MODEL_DIR", "ORIGINALS", "fast_sources"]

FAST_MODEL_DIR = Path(__file__).with_name("fast")
"""Directory of the models, one file per replaced one, with its name."""

ORIGINALS: dict[str, tuple[str, str]] = {
    "mvu.sv": (
        "4c6c11482fe3e8b569b6249469a302f9cb9bf89978d007ff1d0153511762b068",
        "d44e895c4848e83ddf3f67cd96cd904e616f18f579f02b01875421d1a39babcd",
    ),
    "thresholding.sv": (
        "706ca3232e5daab15374b9645f4a3696bd39787e6578f2905aa697f059f57772",
        "d53db7d04a329a1c6413c9dc06892e3b2148312f645e5da2cebe4dbe6c85f3a5",
    ),
    "vpc.sv": (
        "b0b2b20405d897212723e77067d7507778d8be0ecbe29836259e3b95daef626b",
        "0514a6aaafe4c8e983c1277d5195b1eec8ba3ed17c7875a27f661911fbd8db03",
    ),
}
"""Per replaced file of FINN+ 1.6.1 the SHA-256 of the original and of `hls.stitch`'s patched copy, of equal logic."""


def fast_sources(sources: Sequence[Path]) -> tuple[Path, ...]:
    """Returns a design's sources with every file that has a fast model replaced by it, order kept.

    Raises:
        ContractError: if a file to be replaced is not the original that its model was checked against.
    """
    return tuple(_fast_source(Path(source)) for source in sources)


def _fast_source(source: Path) -> Path:
    expected = ORIGINALS.get(source.name)
    if expected is None:
        return source
    if not source.is_file():
        raise ContractError(f"source {source} does not exist")
    if (found := sha256_file(source)) not in expected:
        raise ContractError(
            f"{source} (SHA-256 {found[:12]}…) is not the file that hls/sim/fast/{source.name} was checked against "
            f"({expected[0][:12]}…): simulate the full RTL, or check the model against the new file and add its hash"
        )
    return FAST_MODEL_DIR / source.name

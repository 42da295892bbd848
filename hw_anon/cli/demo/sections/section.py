"""What a section is."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from hls.report.figures import encode_png

__all__ = ["Section", "picture_uri"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Section:
    """One section of the page."""

    anchor: str
    """Its place in the page, and the name of its template."""
    title: str
    """Its heading."""
    short: str
    """Its name in the table of contents."""
    values: Mapping[str, object] = field(default_factory=dict)
    """What its template shows, beside the report."""
    figures: Mapping[str, bytes] = field(default_factory=dict)
    """Its charts as PNG files, by name."""


def picture_uri(picture: NDArray[np.uint8]) -> str:
    """Returns a picture `[H, W, 3]` uint8 as something that a page can hold."""
    return f"data:image/png;base64,{base64.b64encode(encode_png(picture)).decode()}"

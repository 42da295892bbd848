"""Designs that were installed beside the driver (entry point pynq.overlays).

`install` puts a design where `AnonymizedCamera()` finds it from any directory, and pynq's `Overlay` as
`<board>/<id>/hw_anon.bit`.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from host.driver.find import describe, open_design
from host.driver.settings import CameraSettings
from hw_anon.core.atomic import atomic_directory

__all__ = ["install"]


def install(directory: Path, *, root: Path | None = None, require_signature: Path | None = None) -> Path:
    """Copies a verified design and returns the copy's directory; an earlier copy is replaced.

    Args:
        directory: the design.
        root: where to; beside the driver if not given.
        require_signature: public key that has to have signed it.

    Raises:
        ContractError: if it is not what its manifest says, has no camera or no bitstream, or is not signed by the key.
    """
    design = open_design(directory, CameraSettings(require_signature=require_signature))
    _ = design.bitstream
    place = (root or Path(__file__).resolve().parent) / describe(design).config.target.name / design.design_id
    with atomic_directory(place) as partial:
        shutil.copytree(design.directory, partial, dirs_exist_ok=True)
    return place

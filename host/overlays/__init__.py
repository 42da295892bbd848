"""Designs that were installed beside the driver (entry point pynq.overlays).

`install` puts a design where `AnonymizedCamera()` finds it from any directory, and pynq's `Overlay` as
`<board>/<id>/hw_anon.bit`.
"""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

from host.driver.find import describe, open_design
from host.driver.settings import CameraSettings
from hw_anon.core.atomic import atomic_directory
from hw_anon.core.manifest import MANIFEST_FILE, SIGNATURE_FILE

__all__ = ["install"]


def install(directory: Path, *, root: Path | None = None, require_signature: Path | None = None) -> Path:
    """Copies the files of a verified design and returns the copy's directory; an earlier copy is replaced.

    Files that the manifest does not list stay behind, and the copy is verified as the design was.

    Args:
        directory: the design.
        root: where to; beside the driver if not given.
        require_signature: public key that has to have signed it.

    Raises:
        ContractError: if it is not what its manifest says, has no camera or no bitstream, or is not signed by the key.
    """
    settings = CameraSettings(require_signature=require_signature)
    design = open_design(directory, settings)
    _ = design.bitstream
    place = (root or Path(__file__).resolve().parent) / describe(design).config.target.name / design.design_id
    with atomic_directory(place) as partial:
        for name in (*design.manifest.files, MANIFEST_FILE, SIGNATURE_FILE):
            if name != SIGNATURE_FILE or (design.directory / name).is_file():
                (partial / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(design.directory / name, partial / name)
        open_design(partial, replace(settings, design_id=design.design_id))
    return place

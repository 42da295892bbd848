"""`hw-anon export-detector`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hw_anon.console.output import JsonOption, emit_document, print_table, status
from hw_anon.console.places import directory_to_write
from hw_anon.core.errors import ContractError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Adds the command to `app`."""
    app.command("export-detector")(export_detector)


def export_detector(
    checkpoint: Annotated[Path, typer.Argument(help="A detector that hw-anon train-detector made.")],
    out: Annotated[
        Path,
        typer.Option(
            "--out", callback=directory_to_write, help="Directory to write; an earlier export there is replaced."
        ),
    ],
    width: Annotated[int, typer.Option("--width", help="Columns of the camera's frames.")] = 320,
    height: Annotated[int, typer.Option("--height", help="Rows of the camera's frames.")] = 240,
    proposals: Annotated[
        int | None,
        typer.Option("--proposals", help="Places looked at closely: fewer are faster; default: the detector's own."),
    ] = None,
    frames: Annotated[int, typer.Option("--frames", min=1, help="Pictures over which it is compared with torch.")] = 4,
    as_json: JsonOption = False,
) -> None:
    """Export an action detector to ONNX: detector.onnx and detector.json, all that hw-anon-host needs.

    Resizing, box decoding and both suppressions are in the graph: a frame's bytes go in, boxes with actions come out.
    The export is then run by ONNX Runtime and compared with the detector in torch; if a detection differs, the command
    fails.

    Example: hw-anon export-detector detectors/original/detector.safetensors --out build/detector
    """
    from hw_anon.nets.detector_export import compare_detector
    from hw_anon.nets.detector_export import export_detector as write

    with status(f"exporting {checkpoint}"):
        model = write(checkpoint, out, width=width, height=height, proposals=proposals)
    with status("comparing ONNX Runtime with torch"):
        agreement = compare_detector(checkpoint, out, _pictures(width, height, frames))
    if as_json:
        emit_document({"directory": str(out), "model": model.to_dict(), "agreement": agreement.as_json()})
    else:
        rows = [
            ("directory", out),
            ("frames", f"{width}×{height}"),
            ("actions", ", ".join(model.actions)),
            ("proposals", model.proposals),
            ("SHA-256 of detector.onnx", model.model_sha256),
            ("detections compared", agreement.detections),
            ("without their like", agreement.unmatched),
            ("largest difference of a corner [px]", agreement.box_px),
            ("largest difference of a probability", agreement.score),
        ]
        print_table("Action detector exported", ("figure", "value"), rows)
    if not agreement.holds:
        raise ContractError(
            f"{agreement.unmatched} of {agreement.detections} detections differ between ONNX Runtime and torch: "
            "do not use this export; report the versions of torch, torchvision and onnxruntime"
        )


def _pictures(width: int, height: int, many: int) -> list[NDArray[np.uint8]]:
    """Returns `[height, width, 3]` pictures of a rendered person who drinks, the same ones every time."""
    import cv2
    import numpy as np

    from hw_anon.data.synthetic.studio import load_studio

    shots = load_studio().clip(0, "drinking", 0, frames=many, fps=8.0, size=min(max(width, height), 512))
    pictures = (cv2.resize(shot.picture, (width, height), interpolation=cv2.INTER_AREA) for shot in shots)
    return [np.ascontiguousarray(picture, np.uint8) for picture in pictures]

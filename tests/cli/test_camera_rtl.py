"""`hw-anon evaluate --backend sim` over the RTL of a small camera: driver, DMA and Verilated RTL, frame by frame."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest

from hls.camera import golden as golden_module
from host.simulated.adversary.marks import detect, modify
from hw_anon.cli.camera_methods import CameraChoice, open_cameras
from hw_anon.core.boxes import Box
from hw_anon.core.camera_directory import CameraDirectory
from hw_anon.core.camera_model import CameraModel
from hw_anon.core.frame import AnonymisedFrame
from hw_anon.core.video_words import frame_beats, video_beats
from hw_anon.data.face_detectors import Candidate
from hw_anon.evaluate.camera_frames import CameraFrames
from hw_anon.evaluate.faces import IdentityFaces
from tests.host.stand_in_rtl import STAND_IN_CONFIG, pictures

pytestmark = pytest.mark.sim

ROOT = Path(__file__).parents[2]
PYNQ = ROOT / ".venv-board/bin/python"
MODELS = f"""#!{sys.executable}
import sys
sys.path.insert(0, {str(ROOT)!r})
from tests.host.served_rtl import main
assert sys.argv[1:3] == ["-m", "host.served"], sys.argv
sys.exit(main(sys.argv[3:]))
"""


class StandIns:
    """The golden model of the small camera, whose networks have no software twins."""

    def __init__(self, *, flip: int = 0) -> None:
        self.model = CameraModel(STAND_IN_CONFIG, detect=detect, modify=lambda crops: modify(crops) ^ flip)
        self.model.running = True

    def deliver(self, picture: np.ndarray) -> AnonymisedFrame:
        self.model.feed(video_beats(frame_beats(picture)))
        (frame,) = self.model.take()
        return frame


def _choice(environment: str, camera: Path, work: Path) -> CameraChoice:
    python = PYNQ
    if environment == "models":
        python = work / "python"
        python.write_text(MODELS)
        python.chmod(0o755)
    elif not python.is_file():
        pytest.skip("missing: the board environment (make test-board)")
    return CameraChoice(camera=camera, design=None, show=None, python=python)


def _faces(count: int) -> IdentityFaces:
    box = Box(x=8, y=8, width=24, height=24)
    marks = ((12.0, 14.0), (26.0, 14.0), (18.0, 20.0), (14.0, 26.0), (24.0, 26.0))
    return IdentityFaces(
        name="marked",
        pictures=tuple(pictures(count)),
        people=np.arange(count, dtype=np.int64),
        faces=(Candidate(box=box, score=1.0, landmarks=marks),) * count,
        regions=(box,) * count,
    )


@pytest.mark.parametrize(("environment", "flip"), [("models", 0), ("models", 1), ("pynq", 0)])
def test_every_frame_through_driver_and_rtl_is_compared_with_the_golden_model(
    environment: str, flip: int, whole_camera: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(golden_module, "load_golden", lambda made: StandIns(flip=flip))
    with ExitStack() as stack:
        methods = open_cameras(["golden", "sim"], _choice(environment, whole_camera, tmp_path), stack)
        backends = [method.backend for method in methods if isinstance(method.backend, CameraFrames)]
        shown = [backend.modify_pictures(_faces(12)) for backend in backends]
    golden, simulated = (backend.figures.as_json() for backend in backends)
    made = CameraDirectory.load(whole_camera)
    assert (golden["backend"], simulated["backend"]) == ("golden", "sim")
    assert (simulated["board"], simulated["build_id"]) == ("kv260", made.build_id)
    assert [backend.name for backend in backends] == [f"{name}-{made.manifest.design_id}" for name in ("golden", "sim")]
    assert (simulated["n_frames"], simulated["faults"]) == (12, golden["faults"])
    assert (simulated["differing_bytes"] == 0) is (flip == 0)
    same = [np.array_equal(left, right) for left, right in zip(*shown, strict=True)]
    assert all(same) is (flip == 0)

"""A whole camera as a method: the command line's side, with a stand-in for the board's environment."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from hls.camera import golden as golden_module
from hls.camera.golden import GoldenCamera
from host.stand_ins import bright_faces, inverted, model_config
from hw_anon.cli.camera_methods import CameraChoice, open_cameras
from hw_anon.core.boxes import Box
from hw_anon.core.camera_directory import CameraDirectory
from hw_anon.core.errors import ContractError, ToolError
from hw_anon.data.face_detectors import Candidate
from hw_anon.evaluate.camera_frames import CameraFrames
from hw_anon.evaluate.faces import IdentityFaces
from tests.host.world import scenes

ROOT = Path(__file__).parents[2]
CONFIG = model_config()
BUILD_ID = "0123456789abcdef" * 2

BOARD_PYTHON = f"""#!{sys.executable}
import sys
from types import SimpleNamespace
sys.path.insert(0, {str(ROOT)!r})
from host.served import serve
from host.stand_ins import bright_faces, inverted, model_config
from hw_anon.core.camera_model import CameraModel
from hw_anon.core.video_words import frame_beats, video_beats

assert sys.argv[1:4] == ["-m", "host.served", "sim"], sys.argv
config = model_config()
model = CameraModel(config, detect=bright_faces, modify=lambda crops: inverted(crops) ^ FLIP)
model.running = True
def anonymise(frame):
    model.feed(video_beats(frame_beats(frame)))
    return model.take()[0]
camera = SimpleNamespace(description=SimpleNamespace(config=config, build_id={BUILD_ID!r}))
shape = (config.height, config.width, 3)
serve(SimpleNamespace(name="sim", camera=camera, frame_shape=shape, anonymise=anonymise, times=dict), sys.stdin.buffer,
      sys.stdout.buffer)
"""


def _choice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, flip: int = 0, build_id: str = BUILD_ID
) -> CameraChoice:
    camera = SimpleNamespace(
        config=CONFIG, build_id=build_id, directory=tmp_path, manifest=SimpleNamespace(design_id=build_id[:16])
    )
    twins = {
        "detector": SimpleNamespace(modify=lambda halves: bright_faces(halves[0])[None]),
        "modifier": SimpleNamespace(modify=lambda crops: inverted(crops[..., :3])),
    }
    monkeypatch.setattr(CameraDirectory, "load", classmethod(lambda cls, directory: camera))
    monkeypatch.setattr(golden_module, "load_golden", lambda made: GoldenCamera(CONFIG, **twins))
    python = tmp_path / "python"
    python.write_text(BOARD_PYTHON.replace("FLIP", str(flip)))
    python.chmod(0o755)
    return CameraChoice(camera=tmp_path, design=None, show=None, python=python)


def _faces(count: int) -> IdentityFaces:
    box = Box(x=8, y=8, width=24, height=24)
    marks = ((12.0, 14.0), (26.0, 14.0), (18.0, 20.0), (14.0, 26.0), (24.0, 26.0))
    return IdentityFaces(
        name="toy",
        pictures=tuple(scenes(count)),
        people=np.arange(count, dtype=np.int64),
        faces=(Candidate(box=box, score=1.0, landmarks=marks),) * count,
        regions=(box,) * count,
    )


@pytest.mark.parametrize(("flip", "equal"), [(0, True), (1, False)])
def test_frames_are_compared_with_the_golden_model(
    flip: int, equal: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    choice = _choice(tmp_path, monkeypatch, flip=flip)
    with ExitStack() as stack:
        methods = open_cameras(["golden", "sim"], choice, stack)
        assert [method.backend.name for method in methods] == [f"golden-{BUILD_ID[:16]}", f"sim-{BUILD_ID[:16]}"]
        backends = [method.backend for method in methods if isinstance(method.backend, CameraFrames)]
        pictures = [backend.modify_pictures(_faces(6)) for backend in backends]
        golden, simulated = (backend.figures for backend in backends)
    assert golden.differing_bytes is None
    assert (simulated.differing_bytes == 0) is equal
    assert simulated.as_json()["build_id"] == BUILD_ID and simulated.frames == 6
    same = [np.array_equal(left, right) for left, right in zip(*pictures, strict=True)]
    assert all(same) is equal


def test_another_build_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    choice = _choice(tmp_path, monkeypatch, build_id="f" * 32)
    with ExitStack() as stack, pytest.raises(ContractError, match="name the camera"):
        open_cameras(["sim"], choice, stack)


def test_a_missing_board_environment_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    choice = _choice(tmp_path, monkeypatch)
    (tmp_path / "python").unlink()
    with ExitStack() as stack, pytest.raises(ToolError, match="board extra"):
        open_cameras(["sim"], choice, stack)

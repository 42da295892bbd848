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
from hw_anon.evaluate.baselines import make_baseline
from hw_anon.evaluate.gallery import Gallery, GalleryMethod, gallery_png, make_gallery, modify_regions, pair_gallery
from hw_anon.evaluate.gallery_files import read_galleries, write_gallery

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


def test_pairs_are_original_beside_modified() -> None:
    pairs = pair_gallery(gallery(), original="original", modified="mask", name="pairs", title="Pairs")
    assert (pairs.rows, pairs.columns) == (("0.0 s", "0.5 s"), ("original", "mask"))
    assert np.array_equal(pairs.tiles[0][1], gallery().tiles[1][0])
    with pytest.raises(ConfigError, match="no row 'blur-8'"):
        pair_gallery(gallery(), original="original", modified="blur-8", name="p", title="")


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

"""Decoding pictures: every kind ends as upright RGB, and every damage as an error that names the file."""

from __future__ import annotations

import io
import struct
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("PIL", reason="missing: pillow")
from PIL import Image

from hw_anon.core.errors import ContractError, ToolError
from hw_anon.data.images import decode_picture, image_files, read_picture
from tests.data.trees import encoded, picture, write_file

NOISE = np.random.default_rng(0).integers(0, 256, (64, 48, 3), dtype=np.uint8)


@pytest.mark.parametrize("kind", ["PNG", "BMP", "PPM"])
def test_lossless_kinds_give_their_pixels(kind: str) -> None:
    decoded = decode_picture(encoded(NOISE, kind), "x")
    assert decoded.dtype == np.uint8
    assert (decoded == NOISE).all()
    assert decoded.flags.writeable


def test_jpeg_keeps_red_red() -> None:
    red = np.zeros((16, 16, 3), np.uint8)
    red[..., 0] = 200
    assert np.abs(decode_picture(encoded(red, quality=95), "x").astype(int) - red).max() <= 4


def test_grey_palette_cmyk_and_transparency_become_rgb() -> None:
    grey = NOISE[..., 0]
    assert (decode_picture(encoded(grey, "PNG"), "x") == grey[..., None]).all()
    image = Image.fromarray(picture(3))
    for converted in (image.quantize(4), image.convert("RGBA")):
        stream = io.BytesIO()
        converted.save(stream, "PNG")
        assert np.abs(decode_picture(stream.getvalue(), "x").astype(int) - picture(3)).max() <= 4
    stream = io.BytesIO()
    image.convert("CMYK").save(stream, "JPEG")
    assert decode_picture(stream.getvalue(), "x").shape == (12, 16, 3)


def test_sixteen_bits_are_divided_not_clipped() -> None:
    deep = np.array([[0, 255, 256, 65535, 32768, 511]], np.uint16)
    assert decode_picture(encoded(deep, "PNG"), "x")[0, :, 0].tolist() == [0, 0, 1, 255, 128, 1]


def test_the_cameras_orientation_is_applied() -> None:
    sideways = Image.fromarray(NOISE)
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90° clockwise
    stream = io.BytesIO()
    sideways.save(stream, "PNG", exif=exif)
    assert (decode_picture(stream.getvalue(), "x") == np.rot90(NOISE, -1)).all()


@pytest.mark.parametrize("keep", [0, 1, 30, 0.3, 0.9])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "PPM"])
def test_a_cut_off_picture_is_refused_not_filled_up(kind: str, keep: float) -> None:
    data = encoded(NOISE, kind)
    cut = data[: int(keep if keep in (0, 1, 30) else keep * len(data))]
    with pytest.raises(ContractError, match="people/7.jpg: "):
        decode_picture(cut, "people/7.jpg")


@pytest.mark.parametrize(
    "data",
    [b"<html>404</html>", b"\xff\xd8\xff\xe0" + bytes(100), b"\x89PNG\r\n\x1a\n" + bytes(50), b"GIF89a" + bytes(99)],
    ids=["page", "jpeg", "png", "gif"],
)
def test_what_is_no_picture_is_refused(data: bytes) -> None:
    with pytest.raises(ContractError, match="x: not a readable picture"):
        decode_picture(data, "x")


def test_a_flipped_bit_in_a_png_is_noticed() -> None:
    data = bytearray(encoded(NOISE, "PNG"))
    data[len(data) // 2] ^= 1
    with pytest.raises(ContractError, match="not a readable picture"):
        decode_picture(bytes(data), "x")


def test_a_picture_that_announces_a_huge_size_is_refused_before_decoding() -> None:
    data = encoded(NOISE, "BMP")
    bomb = data[:18] + struct.pack("<ii", 9000, 9000) + data[26:]
    with pytest.raises(ContractError, match="9000×9000 pixels; at most 4096"):
        decode_picture(bomb, "x")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match=r"none\.jpg: cannot be read \(No such file"):
        read_picture(tmp_path / "none.jpg")


def test_without_pillow_the_error_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(ToolError, match="pip install pillow"):
        decode_picture(b"x", "x")


def test_only_pictures_are_listed(tmp_path: Path) -> None:
    for name in ("a.JPG", "b.png", ".hidden.jpg", "._a.jpg", "Thumbs.db", "notes.txt"):
        write_file(tmp_path / name, b"x")
    (tmp_path / "folder.jpg").mkdir()
    assert sorted(path.name for path in image_files(tmp_path)) == ["a.JPG", "b.png"]


def test_names_that_are_not_utf8_are_refused(tmp_path: Path) -> None:
    latin1 = Path(str(tmp_path).encode().decode() + "/" + b"Jos\xe9.jpg".decode("utf-8", "surrogateescape"))
    try:
        latin1.write_bytes(b"x")
    except OSError:
        pytest.skip("missing: a file system that takes any bytes as names")
    with pytest.raises(ContractError, match=r"'Jos\\udce9\.jpg' is not UTF-8"):
        image_files(tmp_path)

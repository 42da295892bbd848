"""Frames for a demonstration: pictures, folders and videos at the camera's size; rendered people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from hw_anon.core.errors import ConfigError, ContractError
from hw_anon.data.footage import fit_picture, read_footage, rendered_footage
from hw_anon.data.synthetic.studio import PersonTraits, Shot

Image = pytest.importorskip("PIL.Image")
WIDTH, HEIGHT = 80, 48


def _noise(height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(1, 256, (height, width, 3), dtype=np.uint8)


def test_a_picture_keeps_its_proportions_between_black_bars() -> None:
    fitted = fit_picture(np.full((96, 96, 3), 200, np.uint8), WIDTH, HEIGHT)
    assert fitted.shape == (HEIGHT, WIDTH, 3)
    assert (fitted[:, 16:64] == 200).all()
    assert not fitted[:, :16].any() and not fitted[:, 64:].any()
    exact = _noise(HEIGHT, WIDTH)
    assert fit_picture(exact, WIDTH, HEIGHT) is exact


def test_a_folder_is_read_in_the_order_of_its_names(tmp_path: Path) -> None:
    for number in (10, 2, 1):
        Image.fromarray(np.full((HEIGHT, WIDTH, 3), number, np.uint8)).save(tmp_path / f"frame{number}.png")
    (tmp_path / "notes.txt").write_text("no picture")
    footage = read_footage(tmp_path, width=WIDTH, height=HEIGHT, most=2)
    assert [int(frame[0, 0, 0]) for frame in footage.frames] == [1, 2]
    assert footage.left_out == 1
    single = read_footage(tmp_path / "frame10.png", width=WIDTH, height=HEIGHT, most=5)
    assert (len(single.frames), single.left_out, int(single.frames[0][0, 0, 0])) == (1, 0, 10)


def test_a_video_is_read_from_its_beginning(tmp_path: Path) -> None:
    av = pytest.importorskip("av")
    path = tmp_path / "video.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for level in (40, 80, 120, 160, 200):
            frame = av.VideoFrame.from_ndarray(np.full((HEIGHT, WIDTH, 3), level, np.uint8), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    footage = read_footage(path, width=WIDTH, height=HEIGHT, most=3)
    assert [round(float(frame.mean())) for frame in footage.frames] == pytest.approx([40, 80, 120], abs=4)
    assert footage.left_out == 2
    assert footage.fps == pytest.approx(10)


@pytest.mark.parametrize("kind", ["missing", "empty", "damaged"])
def test_what_holds_no_frames_is_refused(kind: str, tmp_path: Path) -> None:
    path = tmp_path / ("clip.webm" if kind == "damaged" else "folder")
    error: type[Exception] = ConfigError if kind == "missing" else ContractError
    if kind == "empty":
        path.mkdir()
    if kind == "damaged":
        pytest.importorskip("av")
        path.write_bytes(b"\x1a\x45\xdf\xa3 cut off")
    with pytest.raises(error, match=path.name):
        read_footage(path, width=WIDTH, height=HEIGHT, most=3)


class _Painter:
    """A studio that fills pictures with the person's number."""

    actions = near_face = ("drinking",)
    version = "0"

    def warm_up(self) -> None: ...

    def traits(self, person: int) -> PersonTraits:
        raise NotImplementedError

    def portraits(self, person: int, seeds: Sequence[int], size: int) -> Iterator[Shot]:
        raise NotImplementedError

    def clip(self, person: int, action: str, seed: int, *, frames: int, fps: float, size: int) -> Iterator[Shot]:
        for _ in range(frames):
            yield Shot(picture=np.full((size, size, 3), person, np.uint8), face=None, person=(0, 0, size, size))


def test_scenes_have_one_person_or_two_side_by_side_and_a_real_portrait_ends_them() -> None:
    pytest.importorskip("skimage")
    footage = rendered_footage(width=WIDTH, height=HEIGHT, most=14, studio=_Painter())
    assert {frame.shape for frame in footage.frames} == {(HEIGHT, WIDTH, 3)}
    assert len(footage.frames) == 14
    scenes = footage.frames[:6]
    assert [len(np.unique(frame)) for frame in scenes] == [1, 1, 1, 1, 2, 2]
    assert scenes[4][0, 0, 0] != scenes[4][0, -1, 0]
    assert all(frame.std() > 20 for frame in footage.frames[6:]), "the portrait"

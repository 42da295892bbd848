"""Videos: the frame that is asked for and no other, in every container."""

from __future__ import annotations

import random
import sys
from pathlib import Path

import pytest

pytest.importorskip("av", reason="missing: av")

from hw_anon.core.errors import ConfigError, ContractError, ToolError
from hw_anon.data.video import Video, VideoFolder
from tests.data.trees import frame_number, write_file, write_video

KINDS = {
    "h264 in mp4, B-frames": ("a.mp4", "libx264", {"g": "12", "bf": "3"}),
    "h264 in mkv": ("a.mkv", "libx264", {"g": "12", "bf": "3"}),
    "mpeg4 in avi, B-frames": ("a.avi", "mpeg4", {"g": "12", "bf": "2"}),
    "mjpeg in avi": ("b.avi", "mjpeg", {}),
    "vp8 in webm": ("a.webm", "libvpx", {"g": "10", "deadline": "realtime"}),
    "mpeg1, no index": ("a.mpg", "mpeg1video", {"g": "12", "bf": "2"}),
}


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """40 frames, 25 a second, with B-frames."""
    return write_video(tmp_path_factory.mktemp("video") / "a.mp4", g="12", bf="3")


@pytest.mark.parametrize("kind", KINDS)
def test_every_frame_is_the_one_that_was_asked_for(tmp_path: Path, kind: str) -> None:
    name, codec, options = KINDS[kind]
    with Video(write_video(tmp_path / name, codec=codec, **options)) as video:
        assert (len(video), video.width, video.height) == (40, 64, 48)
        assert [frame_number(frame.picture) for frame in video.frames()] == list(range(1, 41))
        order = [40, 1, 39, 2, 2, 14, 13, 12, 11, 25, *random.Random(0).sample(range(1, 41), 12)]
        assert [frame_number(video.frame(number).picture) for number in order] == order


def test_frames_are_as_the_sequential_pass_gives_them(plain: Path) -> None:
    with Video(plain) as video:
        passes = {frame.number: frame.picture for frame in video.frames()}
        for number in (17, 5, 33):
            assert (video.frame(number).picture == passes[number]).all()


def test_times_come_from_the_video_not_from_its_rate(tmp_path: Path) -> None:
    times = [500 + 40 * n + 7 * (n % 3) + 1000 * (n >= 20) for n in range(40)]
    with Video(write_video(tmp_path / "a.mkv", times=times, g="12", bf="3")) as video:
        assert len(video) == 40
        assert [round(1000 * video.time_s(n)) for n in range(1, 41)] == [t - 500 for t in times]
        assert video.frame(7).time_s == video.time_s(7)


@pytest.mark.parametrize("number", [0, -1, 41])
def test_frames_are_numbered_from_one(plain: Path, number: int) -> None:
    with Video(plain) as video, pytest.raises(ConfigError, match=f"frame {number}: frames are numbered 1 to 40"):
        video.frame(number)


@pytest.mark.parametrize("data", [b"", b"<html>404</html>", bytes(5000)])
def test_what_is_no_video_is_refused(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(ContractError, match=r"x\.mp4: not a readable video"):
        Video(write_file(tmp_path / "x.mp4", data))


def test_a_missing_video_is_named(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match=r"x\.mp4: does not exist"):
        Video(tmp_path / "x.mp4")


def test_sound_alone_is_no_video(tmp_path: Path) -> None:
    import wave

    with wave.open(str(tmp_path / "x.avi"), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(bytes(1600))
    with pytest.raises(ContractError, match=r"x\.avi: holds no video"):
        Video(tmp_path / "x.avi")


def test_a_cut_off_video_is_refused_or_shorter_but_never_wrong(tmp_path: Path) -> None:
    for name, codec in (("a.mp4", "libx264"), ("a.mkv", "libx264"), ("a.avi", "mpeg4")):
        data = write_video(tmp_path / name, codec=codec, g="12", bf="2").read_bytes()
        shortened = 0
        for keep in (0.1, 0.5, 0.7, 0.9):
            cut = write_file(tmp_path / f"cut-{name}", data[: int(keep * len(data))])
            try:
                with Video(cut) as video:
                    seen = [frame_number(frame.picture) for frame in video.frames()]
            except ContractError as exc:
                assert f"cut-{name}: " in str(exc)
                continue
            shortened += 1
            # Frames are stored out of order: of the last few, one may be there and the one before it not.
            assert seen == sorted(set(seen))
            assert seen[:-2] == list(range(1, len(seen) - 1))
            assert len(seen) < 40 or keep == 0.9
        assert shortened == 0 or name != "a.mp4", "an mp4 file has its index at the end"


def test_a_damaged_frame_is_named_and_the_others_can_be_had(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", g="10", bf="0")
    data = bytearray(path.read_bytes())
    start = data.index(b"mdat") + 4
    end = data.index(b"moov")
    middle = (start + end) // 2
    data[middle : middle + 60] = bytes(60)
    with Video(write_file(path, bytes(data))) as video:
        bad = []
        for number in range(1, 41):
            try:
                assert frame_number(video.frame(number).picture) == number
            except ContractError as exc:
                assert f"a.mp4: frame {number} " in str(exc)
                bad.append(number)
    assert bad
    assert len(bad) < 25


def test_a_frame_that_the_decoder_leaves_out_is_not_replaced_by_the_next(plain: Path) -> None:
    with Video(plain) as video:
        video._times.insert(20, video._times[20] - 1)
        with pytest.raises(ContractError, match=r"a\.mp4: frame 21 of 41 is missing"):
            video.frame(21)
        assert frame_number(video.frame(22).picture) == 21


def test_without_pyav_the_error_says_so(plain: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(ToolError, match="pip install av"):
        Video(plain)


@pytest.fixture
def folder(tmp_path: Path) -> VideoFolder:
    """Files only, none of them a video inside."""
    for name in (
        "b10.mp4",
        "b2.avi",
        "A title-abc_DEF-123.mp4",
        "x [Qw-9].webm",
        "notes.txt",
        ".b.mp4",
        "twin.mp4",
        "twin.mkv",
    ):
        write_file(tmp_path / name, b"")
    return VideoFolder(tmp_path)


def test_videos_are_listed_in_natural_order(folder: VideoFolder) -> None:
    assert len(folder) == 6
    assert [name for name in folder.names if name.startswith("b")] == ["b2.avi", "b10.mp4"]


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("b2.avi", "b2.avi"),
        ("b2", "b2.avi"),
        ("b2.mp4", "b2.avi"),
        ("abc_DEF-123.mp4", "A title-abc_DEF-123.mp4"),
        ("Qw-9", "x [Qw-9].webm"),
        ("twin.mkv", "twin.mkv"),
    ],
)
def test_a_video_is_found_by_name_stem_or_id(folder: VideoFolder, name: str, found: str) -> None:
    assert folder.find(name).name == found


@pytest.mark.parametrize(("name", "state"), [("b", "there is none"), ("0", "there is none"), ("twin", "there are 2")])
def test_no_video_or_several_are_an_error(folder: VideoFolder, name: str, state: str) -> None:
    with pytest.raises(ContractError, match=f"expected one video called '{name}', {state}"):
        folder.find(name)


def test_a_folder_opens_its_videos(plain: Path) -> None:
    with VideoFolder(plain.parent).open("a") as video:
        assert frame_number(video.frame(9).picture) == 9


def test_a_folder_without_videos_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="holds no video"):
        VideoFolder(tmp_path)
    with pytest.raises(ContractError, match="does not exist; expected a folder of videos"):
        VideoFolder(tmp_path / "none")

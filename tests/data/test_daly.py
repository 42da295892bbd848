"""DALY: annotations as they are pickled, videos as they are downloaded."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("av", reason="missing: av")

from hw_anon.core.errors import ConfigError, ContractError
from hw_anon.core.hashing import sha256_file
from hw_anon.data.daly import DALY_ACTIONS, DalySet
from tests.data.trees import frame_number, write_file, write_video

FLAGS = {"isReflection": False, "isSmall": True, "isOccluded": False}


def keyframe(number: int, *edges: float) -> dict[str, Any]:
    return {
        "frameNumber": number,
        "boundingBox": np.array([edges], np.float32),
        "objects": np.zeros((0, 7), np.float32),
        "pose": np.zeros((0, 0)),
        "time": number / 25,
    }


def performance(*keyframes: dict[str, Any], **flags: bool) -> dict[str, Any]:
    return {"beginTime": 0.0, "endTime": 1.5, "flags": FLAGS | flags, "keyframes": list(keyframes)}


def annotations() -> dict[str, Any]:
    drinking = [
        performance(keyframe(7, 0.1, 0.2, 0.5, 1.0), keyframe(30, 0.2, 0.2, 0.6, 1.0)),
        performance(keyframe(7, 0.5, 0.25, 0.75, 0.75), isReflection=True),
    ]
    return {
        "version": "1.1.0",
        "labels": list(DALY_ACTIONS),
        "joints": ["head"],
        "objectList": ["cup"],
        "splits": [["id_B-000000.mp4"]],
        "metadata": {},
        "annot": {
            "id_A-000000.mp4": {
                "suggestedClass": "Drinking",
                "annot": {"Drinking": drinking, "Phoning": [performance(keyframe(7, -0.004, 0.0, 0.25, 1.003))]},
            },
            "id_B-000000.mp4": {"annot": {"Ironing": [performance(keyframe(1, 0, 0, 1, 1))]}},
        },
    }


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two videos, one with a title in front of its id."""
    folder = tmp_path_factory.mktemp("videos")
    write_video(folder / "How to drink-id_A-000000.mp4", g="12", bf="2")
    write_video(folder / "id_B-000000.mp4", 10)
    return folder


def write(path: Path, content: object, protocol: int = 2) -> Path:
    return write_file(path / "daly1.1.0.pkl", pickle.dumps(content, protocol))


def test_key_frames_with_their_boxes(tmp_path: Path, videos: Path) -> None:
    daly = DalySet(write(tmp_path, annotations()), videos)
    assert daly.actions[4:8] == ("Drinking", "FoldingTextile", "Ironing", "Phoning")
    assert [(clip.name, clip.split, clip.frames) for clip in daly.clips] == [
        ("id_A-000000.mp4", "train", (7, 30)),
        ("id_B-000000.mp4", "test", (1,)),
    ]
    assert daly.missing == ()
    first = daly.boxes(daly.clips[0], 7)
    assert [(box.action, box.instance) for box in first] == [(4, 0), (4, 1), (7, 2)]
    assert first[0].pixels(100, 100) == pytest.approx((10, 20, 50, 100), abs=1e-4)
    assert (first[2].left, first[2].bottom) == (0, 1), "what sticks out a little is cut"
    assert daly.boxes(daly.clips[0], 30)[0].instance == 0


def test_the_picture_is_the_annotated_frame_counted_from_one(tmp_path: Path, videos: Path) -> None:
    daly = DalySet(write(tmp_path, annotations()), videos)
    for number in (30, 7):
        frame = daly.frame(daly.clips[0], number)
        assert frame_number(frame.picture) == number
    assert frame.boxes.tolist()[1] == [32, 12, 48, 36]
    assert frame.actions.tolist() == [4, 4, 7]
    assert frame_number(daly.frame(daly.clips[1], 1).picture) == 1
    daly.close()
    assert frame_number(daly.picture(daly.clips[0], 30)) == 30
    assert daly.content_hash(daly.clips[1]) == sha256_file(videos / "id_B-000000.mp4")
    copy = pickle.loads(pickle.dumps(daly))
    assert frame_number(copy.picture(copy.clips[0], 7)) == 7


def test_few_videos_are_open_at_once(tmp_path: Path) -> None:
    content = annotations()
    names = [f"v{index}.mp4" for index in range(6)]
    content["annot"] = {n: {"annot": {"Ironing": [performance(keyframe(2, 0, 0, 1, 1))]}} for n in names}
    content["splits"] = [[]]
    for name in names:
        write_video(tmp_path / "videos" / name, 3)
    daly = DalySet(write(tmp_path, content), tmp_path / "videos")
    for clip in (*daly.clips, daly.clips[0]):
        assert frame_number(daly.picture(clip, 2)) == 2
    assert len(daly._open._open) == 4


def test_flagged_performances_can_be_left_out(tmp_path: Path, videos: Path) -> None:
    daly = DalySet(write(tmp_path, annotations()), videos, skip_flags=["isReflection"])
    assert [(box.action, box.instance) for box in daly.boxes(daly.clips[0], 7)] == [(4, 0), (7, 2)]
    everything = DalySet(write(tmp_path, annotations()), videos, skip_flags=["isSmall"])
    assert everything.clips[0].frames == ()


def test_python_2_names_and_numbers_are_read(tmp_path: Path, videos: Path) -> None:
    content = annotations()
    content["splits"] = [np.array(["id_B-000000.mp4"], dtype=object)]
    content["annot"]["id_B-000000.mp4"]["annot"]["Ironing"][0]["keyframes"][0]["frameNumber"] = np.int32(1)
    daly = DalySet(write(tmp_path, content, 0), videos)
    assert [clip.name for clip in daly.of_split("test")] == ["id_B-000000.mp4"]


def test_videos_that_are_gone_can_be_left_out(tmp_path: Path, videos: Path) -> None:
    content = annotations()
    content["annot"]["gone-000000.mp4"] = {"annot": {}}
    path = write(tmp_path, content)
    with pytest.raises(ContractError, match=r"expected one video called 'gone-000000\.mp4', there is none"):
        DalySet(path, videos)
    daly = DalySet(path, videos, skip_missing=True)
    assert daly.missing == ("gone-000000.mp4",)
    assert len(daly.clips) == 2
    write_file(tmp_path / "other" / "x.mp4", b"")
    with pytest.raises(ContractError, match="holds none of the 3 videos"):
        DalySet(path, tmp_path / "other", skip_missing=True)


def test_only_key_frames_can_be_asked_for(tmp_path: Path, videos: Path) -> None:
    daly = DalySet(write(tmp_path, annotations()), videos)
    with pytest.raises(ConfigError, match="frame 8 of id_A-000000.mp4 is not a key frame"):
        daly.boxes(daly.clips[0], 8)


def test_another_version_of_a_video_is_noticed(tmp_path: Path, videos: Path) -> None:
    content = annotations()
    content["annot"]["id_B-000000.mp4"]["annot"]["Ironing"][0]["keyframes"][0]["frameNumber"] = 11
    daly = DalySet(write(tmp_path, content), videos)
    with pytest.raises(ContractError, match="has 10 frames, but frame 11 is annotated"):
        daly.frame(daly.clips[1], 11)


def _first(content: dict[str, Any]) -> dict[str, Any]:
    frame: dict[str, Any] = content["annot"]["id_A-000000.mp4"]["annot"]["Drinking"][0]["keyframes"][0]
    return frame


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda c: c.pop("annot"), r"lacks 'annot' \(it has joints, labels"),
        (lambda c: c.update(labels=c["labels"][:9]), "labels are "),
        (lambda c: c.update(splits=[]), "splits is empty"),
        (lambda c: c.update(splits=5), "splits: expected a list, got int"),
        (lambda c: c.update(splits=[["nobody"]]), "the test video 'nobody' has no annotation"),
        (lambda c: c["annot"].update({"id_A-000000.mp4": []}), "id_A-000000.mp4: expected a dictionary, got list"),
        (lambda c: c["annot"]["id_A-000000.mp4"].pop("annot"), "id_A-000000.mp4: lacks 'annot'"),
        (lambda c: c["annot"]["id_A-000000.mp4"]["annot"].update(Sleeping=[]), "unknown action 'Sleeping'"),
        (lambda c: _first(c).update(frameNumber=0), r"Drinking\[0\]: frameNumber is 0; frames are numbered from 1"),
        (lambda c: _first(c).update(frameNumber="7"), "frameNumber is '7'"),
        (lambda c: _first(c).pop("boundingBox"), "frame 7: lacks 'boundingBox'"),
        (lambda c: _first(c).update(boundingBox="x"), "frame 7: boundingBox holds no numbers"),
        (lambda c: _first(c).update(boundingBox=np.zeros((1, 5))), r"frame 7: boundingBox is \[0.0, 0.0"),
        (lambda c: _first(c).update(boundingBox=np.array([[10, 20, 50, 90]])), "within 0 to 1"),
        (lambda c: _first(c).update(boundingBox=np.array([[0, np.nan, 1, 1]])), "within 0 to 1"),
        (lambda c: _first(c).update(boundingBox=np.array([[0.5, 0.2, 0.5, 1]])), "is empty"),
    ],
)
def test_damaged_annotations_say_where(
    tmp_path: Path, videos: Path, damage: Callable[[dict[str, Any]], Any], message: str
) -> None:
    content = annotations()
    damage(content)
    with pytest.raises(ContractError, match=message):
        DalySet(write(tmp_path, content), videos)


def test_what_is_no_annotation_is_refused(tmp_path: Path, videos: Path) -> None:
    with pytest.raises(ContractError, match="expected a dictionary, got list"):
        DalySet(write(tmp_path, [1]), videos)
    with pytest.raises(ContractError, match="does not exist"):
        DalySet(tmp_path / "none.pkl", videos)

"""JHMDB: puppet masks and lists, and the variant in one pickle."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("PIL", reason="missing: pillow")
pytest.importorskip("scipy", reason="missing: scipy")
from scipy.io import savemat

from hw_anon.core.errors import ConfigError, ContractError
from hw_anon.data.jhmdb import JHMDB_ACTIONS, JhmdbSet, JhmdbTubeSet, read_split
from hw_anon.data.puppet_masks import mask_boxes, read_puppet_mask
from tests.data.trees import encoded, picture, write_file

HEIGHT, WIDTH = 24, 32


def mask(*boxes: tuple[int, int, int, int] | None) -> NDArray[np.uint8]:
    """A mask whose frames are frames of pixels around x1, y1, x2, y2 (both ends belong to it)."""
    stack = np.zeros((HEIGHT, WIDTH, len(boxes)), np.uint8)
    for time, box in enumerate(boxes):
        if box is not None:
            x1, y1, x2, y2 = box
            stack[y1, x1:x2, time] = stack[y2, x1 : x2 + 1, time] = 1
            stack[y1 : y2 + 1, x2, time] = 3
            stack[y1, x1, time] = 7
    return stack


def write_mask(path: Path, stack: NDArray[Any], key: str = "part_mask") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    savemat(path, {"other": np.arange(3), key: stack}, do_compression=True)
    return path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Each class has a training and a test video of four frames; masks are of three."""
    for index, action in enumerate(JHMDB_ACTIONS):
        lines = ""
        for place, video in enumerate((f"A_{action}_1", f"b_{action}_2_")):
            for number in range(1, 5):
                frame = encoded(picture(index + number, HEIGHT, WIDTH), "PNG")
                write_file(tmp_path / "Rename_Images" / action / video / f"{number:05d}.png", frame)
            stack = mask((2, 3, 9, 20), (4, 3, 11, 20), (6 + place, 3, 31, 23))
            write_mask(tmp_path / "puppet_mask" / action / video / "puppet_mask.mat", stack)
            lines += f"{video}.avi {place + 1} \n"
        write_file(tmp_path / "splits" / f"{action}_test_split1.txt", lines)
    return tmp_path


def test_clips_splits_and_frames(root: Path) -> None:
    jhmdb = JhmdbSet(root)
    assert len(jhmdb.actions) == 21
    assert len(jhmdb.clips) == 42
    assert {clip.name.split("/")[0] for clip in jhmdb.of_split("test")} == set(JHMDB_ACTIONS)
    assert jhmdb.clips[2].name == "catch/A_catch_1"
    assert (jhmdb.clips[2].split, jhmdb.clips[3].split) == ("train", "test")
    assert jhmdb.clips[2].frames == (1, 2, 3, 4)


def test_the_box_encloses_the_mask_and_the_last_one_goes_on(root: Path) -> None:
    jhmdb = JhmdbSet(root)
    train, test = jhmdb.clips[2:4]
    assert jhmdb.frame(train, 1).boxes.tolist() == [[2, 3, 10, 21]]
    assert jhmdb.frame(train, 2).boxes.tolist() == [[4, 3, 12, 21]]
    assert jhmdb.frame(train, 3).boxes.tolist() == [[6, 3, 32, 24]]
    assert jhmdb.frame(train, 4).boxes.tolist() == [[6, 3, 32, 24]]
    assert jhmdb.frame(test, 4).boxes.tolist() == [[7, 3, 32, 24]]
    assert jhmdb.frame(test, 4).actions.tolist() == [JHMDB_ACTIONS.index("catch")]
    assert (jhmdb.picture(test, 4) == picture(5, HEIGHT, WIDTH)).all()
    with pytest.raises(ConfigError, match="frame 5 of catch/A_catch_1 is not labelled"):
        jhmdb.boxes(train, 5)


def test_frames_without_the_actor_have_no_box(root: Path) -> None:
    write_mask(root / "puppet_mask" / "wave" / "A_wave_1" / "puppet_mask.mat", mask((0, 0, 1, 1), None))
    jhmdb = JhmdbSet(root)
    clip = jhmdb.clips[-2]
    assert jhmdb.boxes(clip, 1)[0].right == 2 / WIDTH
    assert jhmdb.boxes(clip, 2) == jhmdb.boxes(clip, 4) == ()
    assert mask_boxes(mask(None) != 0) == (None,)


def test_a_mask_of_one_frame_has_lost_its_last_axis_in_matlab(tmp_path: Path) -> None:
    path = write_mask(tmp_path / "m.mat", mask((1, 2, 3, 4))[..., 0])
    assert read_puppet_mask(path).shape == (HEIGHT, WIDTH, 1)


def test_the_pictures_make_the_content_hash(root: Path) -> None:
    jhmdb = JhmdbSet(root)
    before = jhmdb.content_hash(jhmdb.clips[2])
    assert before != jhmdb.content_hash(jhmdb.clips[4])
    write_file(root / "Rename_Images" / "catch" / "A_catch_1" / "00004.png", encoded(picture(99), "PNG"))
    assert JhmdbSet(root).content_hash(jhmdb.clips[2]) != before


@pytest.mark.parametrize(
    ("gone", "message"),
    [
        ("splits/golf_test_split1.txt", r"golf_test_split1\.txt: does not exist; expected a split of JHMDB"),
        ("puppet_mask/golf/A_golf_1/puppet_mask.mat", r"A_golf_1/puppet_mask\.mat: does not exist"),
        ("Rename_Images/golf/A_golf_1/00002.png", "A_golf_1: frame 2 is missing"),
        ("Rename_Images/golf/A_golf_1/00001.png", "A_golf_1: frame 1 is missing"),
    ],
)
def test_missing_files_are_named(root: Path, gone: str, message: str) -> None:
    (root / gone).unlink()
    with pytest.raises(ContractError, match=message):
        JhmdbSet(root)


def test_odd_pictures_are_named(root: Path) -> None:
    folder = root / "Rename_Images" / "run" / "A_run_1"
    extra = write_file(folder / "00004.jpg", b"x")
    with pytest.raises(ContractError, match="A_run_1: frame 4 is there twice"):
        JhmdbSet(root)
    extra.rename(folder / "cover.jpg")
    with pytest.raises(ContractError, match=r"cover\.jpg: the frames of a clip are called 00001\.png"):
        JhmdbSet(root)


def test_other_splits_are_other_files(root: Path) -> None:
    with pytest.raises(ContractError, match=r"brush_hair_test_split2\.txt: does not exist"):
        JhmdbSet(root, split=2)
    with pytest.raises(ConfigError, match="split = 4"):
        JhmdbSet(root, split=4)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"s\.txt: lists no videos"),
        ("a.avi 1\nb.avi\n", r"s\.txt:2: expected 'video\.avi 1' or 'video\.avi 2', got 'b\.avi'"),
        ("a.avi 3\n", r"s\.txt:1: expected"),
        ("a.avi 1\n\nb.avi 2\n", r"s\.txt:2: expected .* got ''"),
        ("a.mp4 1\n", r"s\.txt:1: expected"),
        ("a.avi 1\na.avi 2\n", r"s\.txt:2: 'a\.avi' is no plain file name or is listed twice"),
        ("../a.avi 1\n", r"s\.txt:1: '\.\./a\.avi' is no plain"),
    ],
)
def test_malformed_lists_are_refused_with_the_lines_number(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ContractError, match=message):
        read_split(write_file(tmp_path / "s.txt", text))


def test_lists_of_windows_are_read(tmp_path: Path) -> None:
    assert read_split(write_file(tmp_path / "s.txt", "b.avi 2\r\na.avi 1\r\n\r\n")) == {"b": "test", "a": "train"}


def test_damaged_masks_are_named(root: Path) -> None:
    path = root / "puppet_mask" / "catch" / "A_catch_1" / "puppet_mask.mat"
    data = path.read_bytes()
    for damaged in (b"", b"<html>", data[:100], data[:-40], data[:140] + bytes(30) + data[170:]):
        path.write_bytes(damaged)
        jhmdb = JhmdbSet(root)
        with pytest.raises(ContractError, match=r"puppet_mask\.mat: "):
            jhmdb.boxes(jhmdb.clips[2], 1)


@pytest.mark.parametrize(
    ("stack", "key", "message"),
    [
        (mask((0, 0, 3, 3)), "mask", "holds no array 'part_mask'"),
        (np.array(["text"]), "part_mask", "holds no array 'part_mask'"),
        (np.zeros((2, 2, 2, 2)), "part_mask", r"part_mask is \[2, 2, 2, 2\]; expected rows × columns × frames"),
        (np.zeros((4, 4, 0)), "part_mask", "expected rows × columns × frames"),
    ],
)
def test_masks_of_another_form_are_refused(tmp_path: Path, stack: NDArray[Any], key: str, message: str) -> None:
    with pytest.raises(ContractError, match=message):
        read_puppet_mask(write_mask(tmp_path / "m.mat", stack, key))


def test_matlab_7_3_files_are_recognised(tmp_path: Path) -> None:
    header = b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM" + bytes(400)
    with pytest.raises(ContractError, match=r"MATLAB 7\.3 file"):
        read_puppet_mask(write_file(tmp_path / "m.mat", header))


def ground_truth() -> dict[str, Any]:
    tube = np.array([[n, 2 + n, 3, 10 + n, 21] for n in range(1, 5)], np.float32)
    return {
        "labels": list(JHMDB_ACTIONS),
        "gttubes": {
            "catch/A_catch_1": {1: [tube]},
            "golf/A_golf_1": {4: [tube[:2], tube[1:3] + np.array([0, 5, 0, 5, 0])]},
        },
        "nframes": {"catch/A_catch_1": 4, "golf/A_golf_1": 4},
        "train_videos": [["catch/A_catch_1"], ["golf/A_golf_1"]],
        "test_videos": [["golf/A_golf_1"], ["catch/A_catch_1"]],
        "resolution": {"catch/A_catch_1": (HEIGHT, WIDTH), "golf/A_golf_1": (HEIGHT, WIDTH)},
    }


def tubes(root: Path, content: object, split: int = 1) -> JhmdbTubeSet:
    path = write_file(root / "JHMDB-GT.pkl", pickle.dumps(content, 2))
    return JhmdbTubeSet(path, root / "Rename_Images", split=split)


def test_tubes_give_boxes_in_pixels(root: Path) -> None:
    jhmdb = tubes(root, ground_truth())
    train, test = jhmdb.clips
    assert (train.name, train.split, train.frames) == ("catch/A_catch_1", "train", (1, 2, 3, 4))
    assert (test.split, test.frames) == ("test", (1, 2, 3))
    frame = jhmdb.frame(train, 2)
    assert frame.boxes.tolist() == [[4, 3, 12, 21]]
    assert frame.actions.tolist() == [1]
    both = jhmdb.boxes(test, 2)
    assert [(box.instance, box.action) for box in both] == [(0, 4), (1, 4)]
    assert both[1].pixels(WIDTH, HEIGHT) == pytest.approx((9, 3, 17, 21))
    assert tubes(root, ground_truth(), split=2).clips[0].split == "test"
    with pytest.raises(ConfigError, match="frame 4 of golf/A_golf_1 is not labelled"):
        jhmdb.boxes(test, 4)


def test_both_forms_say_the_same(root: Path) -> None:
    masks = JhmdbSet(root)
    tube = np.array([[1, 2, 3, 10, 21], [2, 4, 3, 12, 21]])
    content = ground_truth()
    content["gttubes"]["catch/A_catch_1"] = {1: [tube]}
    of_pickle = tubes(root, content)
    for number in (1, 2):
        of_masks = masks.boxes(masks.clips[2], number)
        assert of_pickle.boxes(of_pickle.clips[0], number) == of_masks


def test_without_resolution_it_is_that_of_all_clips(root: Path) -> None:
    content = ground_truth()
    del content["resolution"]
    box = tubes(root, content).boxes(tubes(root, content).clips[0], 1)[0]
    assert box.pixels(320, 240) == pytest.approx((3, 3, 11, 21))


def test_a_missing_frame_is_named(root: Path) -> None:
    jhmdb = tubes(root, ground_truth())
    (root / "Rename_Images" / "catch" / "A_catch_1" / "00004.png").unlink()
    with pytest.raises(ContractError, match=r"A_catch_1: frame 4 \(00004\.png\) is missing"):
        jhmdb.picture(jhmdb.clips[0], 4)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda c: c.pop("gttubes"), "lacks 'gttubes'"),
        (lambda c: c.update(train_videos=[]), "train_videos has 0 splits; split 1 was asked for"),
        (lambda c: c.update(test_videos=[["catch/A_catch_1"]]), "catch/A_catch_1: is listed twice in split 1"),
        (lambda c: c.update(test_videos=[["golf/none"]]), "nframes: lacks 'golf/none'"),
        (lambda c: c["nframes"].update({"golf/A_golf_1": 0}), "nframes is 0; expected 1 or more"),
        (lambda c: c["nframes"].update({"catch/A_catch_1": 3}), "a box is in frame 4; frames are numbered 1 to 3"),
        (lambda c: c["gttubes"].pop("golf/A_golf_1"), "gttubes: lacks 'golf/A_golf_1'"),
        (lambda c: c["gttubes"].update({"golf/A_golf_1": {21: []}}), "class 21 is none of the 21 labels"),
        (lambda c: c["gttubes"].update({"golf/A_golf_1": {"golf": []}}), "class 'golf' is none of"),
        (lambda c: c["gttubes"].update({"golf/A_golf_1": {4: [np.zeros((2, 4))]}}), "no array of frame, x1, y1"),
        (lambda c: c["gttubes"].update({"golf/A_golf_1": {4: [[1, 2, 3, 4, 5]]}}), "no array of frame, x1, y1"),
        (lambda c: c["gttubes"].update({"golf/A_golf_1": {4: [np.array([[0, 1, 1, 5, 5]])]}}), "a box is in frame 0"),
        (
            lambda c: c["gttubes"].update({"golf/A_golf_1": {4: [np.array([[1, 5, 1, 5, 5]])]}}),
            "is empty in a frame of",
        ),
        (lambda c: c["gttubes"].update({"golf/A_golf_1": {4: [np.full((1, 5), np.nan)]}}), "a box is in frame nan"),
        (
            lambda c: c["resolution"].update({"golf/A_golf_1": (0, 5)}),
            r"resolution is \[0, 5\]; expected rows, columns",
        ),
        (lambda c: c["resolution"].update({"golf/A_golf_1": "x"}), "resolution: expected a list, got str"),
    ],
)
def test_damaged_tubes_say_where(root: Path, damage: Callable[[dict[str, Any]], Any], message: str) -> None:
    content = ground_truth()
    damage(content)
    with pytest.raises(ContractError, match=message):
        tubes(root, content)


def test_a_missing_clip_is_named(root: Path) -> None:
    content = ground_truth()
    content["nframes"]["golf/none"] = 4
    content["test_videos"] = [["golf/none"]]
    with pytest.raises(ContractError, match="golf/none: does not exist; expected the 4 frames of a clip"):
        tubes(root, content)

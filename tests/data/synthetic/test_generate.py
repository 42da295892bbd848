"""The same bytes from any number of processes, after any interruption; damage heals; strangers are left alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hw_anon.core.errors import ConfigError, ContractError
from hw_anon.core.hashing import sha256_files
from hw_anon.data.synthetic.generate import generate
from hw_anon.data.synthetic.plan import SPLITS, SynthesisConfig, clip_jobs, person_jobs
from hw_anon.data.synthetic.shards import read_shard
from tests.data.synthetic.fake_studio import DyingStudio, FakeStudio, fake_studio

CONFIG = SynthesisConfig(
    people=5, test_people=2, pictures_per_person=3, clips=8, test_clips=3, frames_per_clip=4, size=64, portrait_size=64
)


def content(directory: Path) -> str:
    return sha256_files((path for path in directory.rglob("*") if path.is_file()), root=directory)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A set made in one go by one process."""
    directory = tmp_path_factory.mktemp("finished") / "set"
    drawn = generate(CONFIG, directory, fake_studio)
    assert (drawn.portraits, drawn.frames, drawn.kept) == (15, 32, 0)
    return directory


def test_two_processes_give_the_bytes_of_one(finished: Path, tmp_path: Path) -> None:
    seen = []
    drawn = generate(CONFIG, tmp_path / "set", fake_studio, workers=2, on_progress=lambda *state: seen.append(state))
    assert (drawn.portraits, drawn.frames) == (15, 32)
    assert content(tmp_path / "set") == content(finished)
    assert seen[0] == (0, 47)
    assert seen[-1] == (47, 47)
    assert seen == sorted(seen)


def test_a_stopped_run_goes_on_where_it_was(finished: Path, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        generate(CONFIG, tmp_path / "set", DyingStudio)
    assert len(list((tmp_path / "set/people").glob("*.tar"))) == 2
    assert not (tmp_path / "set/people.jsonl").exists()
    drawn = generate(CONFIG, tmp_path / "set", fake_studio)
    assert drawn.kept == 6
    assert content(tmp_path / "set") == content(finished)


def test_damaged_archives_are_drawn_again(finished: Path, tmp_path: Path) -> None:
    directory = tmp_path / "set"
    generate(CONFIG, directory, fake_studio)
    cut, flipped, emptied = sorted((directory / "clips").glob("*.tar"))[:3]
    cut.write_bytes(cut.read_bytes()[:5000])
    data = bytearray(flipped.read_bytes())
    start, length = read_shard(flipped)["places"][-1]
    data[start + length // 2] ^= 1
    flipped.write_bytes(data)
    emptied.write_bytes(b"")
    (directory / "people/train-00000.tar").unlink()
    drawn = generate(CONFIG, directory, fake_studio)
    assert (drawn.portraits, drawn.frames) == (3, 12)
    assert content(directory) == content(finished)


def test_a_larger_set_keeps_what_the_smaller_one_had(tmp_path: Path) -> None:
    small = SynthesisConfig.from_dict(CONFIG.to_dict() | {"people": 3, "test_people": 1, "clips": 0, "test_clips": 0})
    generate(small, tmp_path / "set", fake_studio)
    before = {path: path.read_bytes() for path in (tmp_path / "set/people").iterdir()}
    drawn = generate(CONFIG, tmp_path / "set", fake_studio)
    assert drawn.kept == 9
    assert all(path.read_bytes() == data for path, data in before.items())


def test_other_settings_and_other_files_are_refused(finished: Path, tmp_path: Path) -> None:
    other = SynthesisConfig.from_dict(CONFIG.to_dict() | {"seed": 7})
    with pytest.raises(ConfigError, match="made with seed = 0, not 7"):
        generate(other, finished, fake_studio)
    with pytest.raises(ConfigError, match="made by another version"):
        generate(CONFIG, finished, _NewStudio)
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(ConfigError, match="holds other files"):
        generate(CONFIG, tmp_path, fake_studio)
    with pytest.raises(ConfigError, match="workers = 0"):
        generate(CONFIG, tmp_path / "set", fake_studio, workers=0)
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged/recipe.json").write_text("{")
    with pytest.raises(ContractError, match="unreadable"):
        generate(CONFIG, tmp_path / "damaged", fake_studio)


class _NewStudio(FakeStudio):
    version = "fake-2"


def test_seeds_and_splits() -> None:
    people, clips = person_jobs(CONFIG), clip_jobs(CONFIG, FakeStudio.actions)
    assert [job.name for job in people] == ["train-00000", "train-00001", "train-00002", "test-00000", "test-00001"]
    assert len({job.person for job in people}) == len(people)
    assert len({seed for job in people for seed in job.seeds}) == 15
    assert len({job.seed for job in clips}) == len(clips)
    of = {job.name: job for job in people}
    for clip in clips:
        assert of[clip.performer].split == clip.split
        assert of[clip.performer].person == clip.person
    assert json.loads(json.dumps([job.person for job in people])) == [job.person for job in people]


def test_actions_and_people_are_balanced_and_independent() -> None:
    config = SynthesisConfig(people=44, test_people=22, clips=600, test_clips=200)
    actions = tuple("abcdefghijk")
    for split in SPLITS:
        clips = [job for job in clip_jobs(config, actions) if job.split == split]
        for values in ([c.action for c in clips], [c.performer for c in clips]):
            counts = [values.count(value) for value in set(values)]
            assert max(counts) - min(counts) <= 1
        first = {clip.action for clip in clips if clip.performer == clips[0].performer}
        assert len(first) > 4, "22 people and 11 actions: in plain turns everybody would do one thing only"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"test_people": 6}, "test_people = 6: allowed range is 0 to 5"),
        ({"test_people": 0}, "test split has 3 clips but no people"),
        ({"size": 16}, "size = 16"),
        ({"picture_format": "gif"}, "picture_format = 'gif'"),
    ],
)
def test_impossible_settings_are_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        SynthesisConfig.from_dict(CONFIG.to_dict() | change)

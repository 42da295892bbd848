"""Folders of people: order, checks, and the AT&T faces as the worked example."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("PIL", reason="missing: pillow")

from hw_anon.core.errors import ConfigError, ContractError
from hw_anon.data.folders import FolderIdentities, write_att_folder
from hw_anon.data.samples import broken_pictures
from tests.data.trees import encoded, picture, write_file, write_people


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Three people with 1, 11 and 2 pictures."""
    return write_people(tmp_path / "set", {"s10": 1, "s2": 11, "s1": 2}, lambda _, n: f"{n}.png", "PNG")


def test_people_and_pictures_are_in_natural_order(root: Path) -> None:
    people = FolderIdentities(root)
    assert people.identities == ("s1", "s2", "s10")
    assert people.labels.tolist() == [0, 0] + [1] * 11 + [2]
    assert people.samples[0].name == "s1/1.png"
    assert [sample.name for sample in people.samples[11:13]] == ["s2/10.png", "s2/11.png"]
    assert (people.picture(12) == picture(21)).all()
    assert people.title == "set"


def test_the_att_faces_as_their_archive_unpacks(tmp_path: Path) -> None:
    faces = np.random.default_rng(2).integers(0, 256, (12, 3, 112, 92), dtype=np.uint8)
    write_att_folder(faces, tmp_path / "att")
    people = FolderIdentities(tmp_path / "att", title="AT&T")
    assert people.identities == tuple(f"s{number}" for number in range(1, 13))
    assert len(people) == 36
    for index in (0, 29, 35):
        assert (people.picture(index) == faces.reshape(-1, 112, 92)[index][..., None]).all()
    assert broken_pictures(people) == {}
    write_att_folder(faces, tmp_path / "half", people=slice(1, None, 2))
    half = FolderIdentities(tmp_path / "half")
    assert half.identities == ("s2", "s4", "s6", "s8", "s10", "s12")
    assert (half.picture(3) == faces[3, 0][..., None]).all()


def test_faces_of_another_shape_are_not_written(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match=r"float64 \[2, 3\]"):
        write_att_folder(np.zeros((2, 3)), tmp_path / "att")  # type: ignore[arg-type]
    assert not (tmp_path / "att").exists()


def test_opening_decodes_nothing_and_the_check_finds_what_is_broken(root: Path) -> None:
    write_file(root / "s2" / "3.png", encoded(picture(1), "PNG")[:45])
    write_file(root / "s10" / "1.png", b"")
    people = FolderIdentities(root)
    problems = broken_pictures(people)
    assert list(problems) == ["s2/3.png", "s10/1.png"]
    assert str(root / "s10" / "1.png") in problems["s10/1.png"]
    assert list(broken_pictures(people, range(5))) == ["s2/3.png"]
    (root / "s1" / "2.png").unlink()
    with pytest.raises(ContractError, match=r"s1/2\.png: cannot be read"):
        people.picture(1)


def test_hidden_and_other_files_are_not_people_or_pictures(root: Path) -> None:
    (root / ".git").mkdir()
    write_file(root / "README.txt", "x")
    write_file(root / "s1" / ".DS_Store", b"x")
    write_file(root / "s1" / "notes.txt", b"x")
    assert len(FolderIdentities(root)) == 14


def test_people_with_few_pictures_can_be_left_out(root: Path) -> None:
    people = FolderIdentities(root, min_pictures=2)
    assert people.identities == ("s1", "s2")
    assert set(people.labels.tolist()) == {0, 1}
    with pytest.raises(ContractError, match="none of its 3 people has 12 pictures"):
        FolderIdentities(root, min_pictures=12)
    with pytest.raises(ConfigError, match="min_pictures = 0"):
        FolderIdentities(root, min_pictures=0)


def test_an_empty_person_is_named(root: Path) -> None:
    (root / "s7").mkdir()
    with pytest.raises(ContractError, match=r"s7: holds no picture"):
        FolderIdentities(root)
    assert "s7" not in FolderIdentities(root, min_pictures=2).identities


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (None, "does not exist; expected a folder that holds one folder of pictures for each person"),
        ("file", "is a file, not a directory"),
        ("empty", "but it is empty"),
        ("loose", "it holds 2 pictures: put each person's into a folder of its own"),
    ],
)
def test_what_is_no_such_folder_is_explained(tmp_path: Path, made: str | None, message: str) -> None:
    root = tmp_path / "set"
    if made == "file":
        root.write_bytes(b"")
    elif made is not None:
        root.mkdir()
    if made == "loose":
        for name in "ab":
            write_file(root / f"{name}.jpg", encoded(picture(1)))
    with pytest.raises(ContractError, match=message):
        FolderIdentities(root)

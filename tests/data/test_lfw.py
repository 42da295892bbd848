"""LFW: the list of pairs, line by line, and the pictures behind it."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("PIL", reason="missing: pillow")

from hw_anon.core.errors import ContractError
from hw_anon.data.lfw import LfwFaces, read_pairs
from tests.data.trees import write_file, write_people

PEOPLE = {"Ann_Lee": 3, "Bob": 2, "Zoë_Ix": 2}
PAIRS = """2\t2
Ann_Lee\t1\t3
Bob\t1\t2
Ann_Lee\t2\tBob\t1
Bob\t2\tZoë_Ix\t1
Zoë_Ix\t1\t2
Ann_Lee\t1\t2
Ann_Lee\t3\tZoë_Ix\t2
Bob\t1\tAnn_Lee\t1
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Three people and the list beside them."""
    write_file(tmp_path / "pairs.txt", PAIRS)
    return write_people(tmp_path / "lfw", PEOPLE, lambda person, n: f"{person}_{n:04d}.jpg")


def test_pairs_name_the_right_samples(root: Path) -> None:
    lfw = LfwFaces(root, complete=False)
    names = [sample.name for sample in lfw.samples]
    assert names[3:5] == ["Bob/Bob_0001.jpg", "Bob/Bob_0002.jpg"]
    assert lfw.pair_table().tolist() == [
        [0, 2, 1, 0],
        [3, 4, 1, 0],
        [1, 3, 0, 0],
        [4, 5, 0, 0],
        [5, 6, 1, 1],
        [0, 1, 1, 1],
        [2, 6, 0, 1],
        [3, 0, 0, 1],
    ]
    for pair in lfw.pairs:
        assert pair.same == (lfw.labels[pair.first] == lfw.labels[pair.second])


def test_the_protocol_of_the_real_list(tmp_path: Path) -> None:
    lines = ["10\t300"]
    for fold in range(10):
        lines += [f"P{fold}_{n}\t1\t2" for n in range(300)]
        lines += [f"P{fold}_{n}\t1\tQ{fold}_{n}\t4" for n in range(300)]
    pairs = read_pairs(write_file(tmp_path / "pairs.txt", "\n".join(lines)))
    assert len(pairs) == 6000
    assert [sum(p.same for p in pairs if p.fold == fold) for fold in range(10)] == [300] * 10
    assert {p.fold for p in pairs[600:1200]} == {1}
    assert pairs[-1].second.file_name == "Q9_299/Q9_299_0004.jpg"
    assert pairs[-1].line == 6001


def test_development_lists_are_one_fold(tmp_path: Path) -> None:
    pairs = read_pairs(write_file(tmp_path / "pairsDevTest.txt", "1\nA 1 2\nA 1 B 1\n"))
    assert [(pair.same, pair.fold) for pair in pairs] == [(True, 0), (False, 0)]


@pytest.mark.parametrize(
    "text", [PAIRS.replace("\n", "\r\n"), "\ufeff" + PAIRS, PAIRS + "\n \n", PAIRS.replace("\t", "  ")]
)
def test_files_of_other_systems_are_read(tmp_path: Path, text: str) -> None:
    assert len(read_pairs(write_file(tmp_path / "pairs.txt", text))) == 8


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"pairs\.txt: is empty"),
        ("ten\t300\n", r"pairs\.txt:1: expected 'folds <tab> pairs'.*'10 300'; got 'ten"),
        ("1 2 3\n", r"pairs\.txt:1: expected"),
        ("0\t300\n", r"pairs\.txt:1: 0 folds of 300"),
        ("10\t0\n", r"pairs\.txt:1: 10 folds of 0"),
        ("99999999\t3\n", r"pairs\.txt:1: 99999999 folds"),
        (
            PAIRS.replace("Bob\t1\t2\n", ""),
            r"pairs\.txt:3: expected 'name number number' \(one person\) in fold 1, got 4",
        ),
        (
            PAIRS.replace("Ann_Lee\t2\tBob\t1\n", ""),
            r"pairs\.txt:5: expected 'name number name number' .* in fold 1, got 3",
        ),
        (PAIRS.replace("Bob\t1\t2", "Bob\t1"), r"pairs\.txt:3: .* got 2 columns"),
        (PAIRS.replace("Bob\t1\t2", "Bob\tone\t2"), r"pairs\.txt:3: 'one' is not the number of a picture"),
        (PAIRS.replace("Bob\t1\t2", "Bob\t0\t2"), r"pairs\.txt:3: '0' is not the number"),
        (PAIRS.replace("Bob\t1\t2", "Bob\t2\t2"), r"pairs\.txt:3: compares picture 2 of Bob with itself"),
        (PAIRS.replace("Bob\t1\t2", "../x\t1\t2"), r"pairs\.txt:3: '\.\./x' is not the name of a person"),
        (PAIRS.replace("2\tBob\t1", "2\tAnn_Lee\t1"), r"pairs\.txt:4: expected two people here, got Ann_Lee twice"),
        (PAIRS + "Bob\t1\t2\n", r"pairs\.txt:10: the header announces 8 pairs \(2 × 2 × 2\); this is more"),
        (PAIRS[: PAIRS.rindex("Bob")], r"pairs\.txt:8: ends after 7 of the 8 pairs"),
        (PAIRS.replace("Bob\t1\t2\n", "\n"), r"pairs\.txt:3: .* got 0 columns"),
    ],
)
def test_a_malformed_list_is_refused_with_the_lines_number(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ContractError, match=message):
        read_pairs(write_file(tmp_path / "pairs.txt", text))


def test_a_list_in_another_encoding_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match=r"pairs\.txt:5: is not UTF-8"):
        read_pairs(write_file(tmp_path / "pairs.txt", PAIRS.encode("latin-1")))


def test_a_missing_picture_is_named_with_the_pairs_line(root: Path) -> None:
    (root / "Ann_Lee" / "Ann_Lee_0003.jpg").unlink()
    with pytest.raises(ContractError, match=r"pairs\.txt:2: Ann_Lee/Ann_Lee_0003\.jpg is not in"):
        LfwFaces(root, complete=False)


def test_the_list_may_lie_in_the_folder_or_elsewhere_but_must_be_there(root: Path, tmp_path: Path) -> None:
    listed = (tmp_path / "pairs.txt").rename(root / "pairs.txt")
    assert len(LfwFaces(root, complete=False).pairs) == 8
    moved = listed.rename(tmp_path / "other.txt")
    assert len(LfwFaces(root, moved, complete=False).pairs) == 8
    with pytest.raises(ContractError, match=r"pairs\.txt is neither in nor beside it"):
        LfwFaces(root, complete=False)


def test_an_archive_in_its_own_folder_is_found(root: Path, tmp_path: Path) -> None:
    (tmp_path / "outer").mkdir()
    (tmp_path / "pairs.txt").rename(tmp_path / "outer" / "pairs.txt")
    root.rename(tmp_path / "outer" / "lfw-deepfunneled")
    assert len(LfwFaces(tmp_path / "outer", complete=False)) == 7


def test_an_incomplete_set_is_not_taken_for_lfw(root: Path, tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="7 pictures of 3 people; LFW has 13233 of 5749"):
        LfwFaces(root)
    with pytest.raises(ContractError, match="nowhere: does not exist; expected the LFW pictures"):
        LfwFaces(tmp_path / "nowhere")

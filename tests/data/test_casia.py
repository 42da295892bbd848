"""CASIA-WebFace in both forms, and RecordIO down to its bytes."""

from __future__ import annotations

import pickle
import struct
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("PIL", reason="missing: pillow")

from hw_anon.core.errors import ContractError
from hw_anon.data.casia import RecordIdentities, open_casia
from hw_anon.data.recordio import RecordFile, read_index
from hw_anon.data.samples import broken_pictures
from tests.data.trees import (
    MAGIC,
    encoded,
    people_records,
    picture,
    picture_payload,
    record,
    record_part,
    write_file,
    write_people,
    write_records,
)

MAGIC_BYTES = struct.pack("<I", MAGIC)


@pytest.fixture
def casia(tmp_path: Path) -> Path:
    """Three people with 2, 1 and 3 pictures."""
    return write_records(tmp_path / "train.rec", people_records({0: 2, 1: 1, 2: 3}))


def near(pixels: np.ndarray, seed: int) -> bool:
    return bool(np.abs(pixels.astype(int) - picture(seed)).max() <= 6)


def test_people_of_a_record_file(casia: Path) -> None:
    people = RecordIdentities(casia)
    assert people.identities == ("0", "1", "2")
    assert people.labels.tolist() == [0, 0, 1, 2, 2, 2]
    assert [sample.name for sample in people.samples] == ["1", "2", "3", "4", "5", "6"]
    assert all(near(people.picture(index), index + 1) for index in range(6))
    assert broken_pictures(people) == {}


def test_record_numbers_need_not_follow_the_file(casia: Path, tmp_path: Path) -> None:
    payloads = people_records({4: 2, 9: 1})
    shuffled = {key: payloads[key] for key in (5, 2, 0, 4, 1, 3)}
    people = RecordIdentities(write_records(tmp_path / "b.rec", shuffled))
    assert people.identities == ("4", "9")
    assert [near(people.picture(index), index + 1) for index in range(3)] == [True] * 3


def test_a_file_without_description_is_read_record_by_record(tmp_path: Path) -> None:
    labels = [7.0, [3.0, 99.0], 7.0, 3.0]
    payloads = {key: picture_payload(label, encoded(picture(key)), key) for key, label in enumerate(labels, start=1)}
    people = RecordIdentities(write_records(tmp_path / "b.rec", payloads))
    assert people.identities == ("3", "7")
    assert [sample.name for sample in people.samples] == ["2", "4", "1", "3"]
    assert near(people.picture(0), 2)
    assert people.title == "b"


def test_folder_record_file_and_its_folder_are_all_casia(casia: Path, tmp_path: Path) -> None:
    folders = write_people(tmp_path / "casia", {"0000045": 2, "0000099": 1}, lambda _, n: f"{n:03d}.jpg")
    assert open_casia(folders, complete=False).identities == ("0000045", "0000099")
    assert open_casia(casia, complete=False).identities == ("0", "1", "2")
    assert open_casia(casia.parent, complete=False).title == "CASIA-WebFace"
    with pytest.raises(ContractError, match="3 people; CASIA-WebFace has 10575"):
        open_casia(casia)
    with pytest.raises(ContractError, match="does not exist"):
        open_casia(tmp_path / "nowhere")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"abc",
        MAGIC_BYTES,
        MAGIC_BYTES * 3,
        b"four" + MAGIC_BYTES + b"tail.",
        b"x" + MAGIC_BYTES,
        b"four" + MAGIC_BYTES + MAGIC_BYTES + b"more" + MAGIC_BYTES,
    ],
    ids=["empty", "padded", "magic", "magics", "inside", "unaligned", "many"],
)
def test_payloads_survive_padding_and_the_magic_word(tmp_path: Path, data: bytes) -> None:
    path = write_records(tmp_path / "a.rec", {1: picture_payload(5.0, data), 2: picture_payload([1.0, 2.5], b"end")})
    with RecordFile(path) as records:
        first, second = records.read(1), records.read(2)
    assert (first.labels, first.has_list, first.data) == ((5.0,), False, data)
    assert (second.labels, second.has_list, second.data) == ((1.0, 2.5), True, b"end")


def test_the_trees_own_writer_cuts_at_the_magic_word() -> None:
    words = struct.unpack("<8I", record(b"four" + MAGIC_BYTES + MAGIC_BYTES + b"tail"))
    assert [words[place] >> 29 for place in (1, 4, 6)] == [1, 2, 3]
    assert [words[place] & 0xFF for place in (1, 4, 6)] == [4, 0, 4]


def test_parts_may_end_anywhere(tmp_path: Path) -> None:
    body = record_part(1, picture_payload(5.0, b"a")) + record_part(2, b"bcd") + record_part(3, b"e")
    write_file(tmp_path / "a.idx", "1\t0\n")
    records = RecordFile(write_file(tmp_path / "a.rec", body))
    assert records.read(1).data == b"a" + MAGIC_BYTES + b"bcd" + MAGIC_BYTES + b"e"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (record_part(2, b"data"), r"record 1: starts in the middle of a record \(part flag 2\)"),
        (record_part(3, b"data"), r"starts in the middle of a record \(part flag 3\)"),
        (record_part(1, b"data") + record_part(0, b"next"), "a new record starts before its last part"),
        (record_part(1, b"data") + record_part(1, b"next"), r"before its last part \(part flag 1\)"),
        (record_part(1, b"data"), "record 1: cut off: 8 bytes at 12 announced, the file has 12"),
        (record_part(1, b"data") + b"garbage!", "no record starts at byte 12"),
        (b"garbage!" * 4, "no record starts at byte 0"),
        (record_part(0, b"x" * 40)[:30], "record 1: cut off: 40 bytes at 8 announced, the file has 30"),
        (record_part(0, b"x" * 23), "23 bytes are too few for a picture record's header"),
        (record_part(0, struct.pack("<IfQQ", 3, 0, 0, 0) + bytes(8)), "announces 3 labels, but it has 32 bytes"),
        (record_part(0, struct.pack("<IfQQ", 2**31, 0, 0, 0)), "announces 2147483648 labels"),
    ],
)
def test_damaged_records_are_named(tmp_path: Path, body: bytes, message: str) -> None:
    write_file(tmp_path / "a.idx", "1\t0\n")
    records = RecordFile(write_file(tmp_path / "a.rec", body))
    with pytest.raises(ContractError, match=message):
        records.read(1)
    with pytest.raises(ContractError, match="record 2: the index has no such key"):
        records.read(2)


@pytest.mark.parametrize(
    ("index", "message"),
    [
        (b"", "holds no records"),
        (b"1\t0\n2 x\n", r"a\.idx:2: expected 'key <tab> offset', got '2 x'"),
        (b"1\t0\t5\n", r"a\.idx:1: expected"),
        (b"1\t-4\n", r"a\.idx:1: expected"),
        (b"1\t0\n\n1\t0\n", r"a\.idx:3: key 1 appears for the second time"),
        (b"\xff\xfe1\x00\n", r"a\.idx:1: expected"),
        (b"1\t0\n2\t9999\n", "puts record 2 at byte 9999, but the file has 12 bytes"),
    ],
)
def test_damaged_indices_are_named(tmp_path: Path, index: bytes, message: str) -> None:
    write_file(tmp_path / "a.idx", index)
    with pytest.raises(ContractError, match=message):
        RecordFile(write_file(tmp_path / "a.rec", record_part(0, b"four")))


def test_index_lines_may_end_in_any_way(tmp_path: Path) -> None:
    assert read_index(write_file(tmp_path / "a.idx", b"3 44\r\n1\t0\r\n")) == {3: 44, 1: 0}


def test_a_missing_file_of_the_pair_is_named(casia: Path) -> None:
    casia.with_suffix(".idx").unlink()
    with pytest.raises(ContractError, match=r"train\.idx: does not exist; expected the index"):
        open_casia(casia)
    casia.unlink()
    with pytest.raises(ContractError, match=r"does not exist"):
        open_casia(casia)


def test_a_truncated_file_is_noticed_when_it_is_opened(casia: Path) -> None:
    casia.write_bytes(casia.read_bytes()[:-60])
    with pytest.raises(ContractError, match=r"record 9.*cut off|puts record 9 at byte"):
        RecordIdentities(casia)


def test_a_damaged_picture_is_named_and_the_others_are_read(casia: Path) -> None:
    data = bytearray(casia.read_bytes())
    offset = read_index(casia.with_suffix(".idx"))[4]
    data[offset + 8 + 24 : offset + 8 + 40] = bytes(16)
    casia.write_bytes(bytes(data))
    problems = broken_pictures(RecordIdentities(casia))
    assert list(problems) == ["4"]
    assert "train.rec: record 4: not a readable picture" in problems["4"]


def changed(**replaced: bytes) -> dict[int, bytes]:
    return people_records({0: 2, 1: 1}) | {int(key[1:]): payload for key, payload in replaced.items()}


@pytest.mark.parametrize(
    ("payloads", "message"),
    [
        (changed(_0=picture_payload([4.0])), "record 0: expected the first and the last key of a range, got 1 label"),
        (changed(_0=picture_payload([4.0, 4.0])), "record 0: announces people's records 4 to 3"),
        (changed(_0=picture_payload([4.0, 7.0])), "record 6: the index has no such key"),
        (changed(_4=picture_payload([1.0, 2.5])), r"record 4: label 2\.5 is not a whole number"),
        (changed(_4=picture_payload([float("nan"), 2.0])), "record 4: label nan"),
        (changed(_5=picture_payload([2.0, 4.0])), "record 5: announces pictures 2 to 3; expected some of 3 to 3"),
        (changed(_5=picture_payload([3.0, 6.0])), "record 5: announces pictures 3 to 5"),
        (changed(_1=picture_payload(-1.0)), r"record 1: label -1\.0"),
        ({k: v for k, v in changed().items() if k != 2}, "record 4: its picture 2 is not in the index"),
    ],
)
def test_records_that_contradict_each_other_are_refused(
    tmp_path: Path, payloads: dict[int, bytes], message: str
) -> None:
    with pytest.raises(ContractError, match=message):
        RecordIdentities(write_records(tmp_path / "a.rec", payloads))


def test_a_picture_with_another_label_than_its_person_is_refused(tmp_path: Path) -> None:
    payloads = changed(_2=picture_payload(1.0, encoded(picture(2))))
    people = RecordIdentities(write_records(tmp_path / "a.rec", payloads))
    with pytest.raises(ContractError, match="record 2: is labelled 1, but its person's record says 0"):
        people.picture(1)


def test_workers_get_their_own_copy(casia: Path) -> None:
    people = RecordIdentities(casia)
    people.picture(0)
    copy = pickle.loads(pickle.dumps(people))
    assert (copy.picture(5) == people.picture(5)).all()
    with ProcessPoolExecutor(1, mp_context=get_context("fork")) as pool:
        assert (pool.submit(people.picture, 5).result() == people.picture(5)).all()

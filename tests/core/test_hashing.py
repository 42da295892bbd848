"""Content hashes."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from hw_anon.core.hashing import sha256_bytes, sha256_file, sha256_files


def test_known_value() -> None:
    assert sha256_bytes(b"abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


@pytest.mark.parametrize("size", [0, 1, (1 << 20) - 1, 1 << 20, (1 << 20) + 1])
def test_file_equals_bytes_over_chunk_borders(tmp_path: Path, size: int) -> None:
    data = bytes(i % 251 for i in range(size))
    (tmp_path / "f").write_bytes(data)
    assert sha256_file(tmp_path / "f") == hashlib.sha256(data).hexdigest()


def test_files_depend_on_names_and_contents_not_on_order_or_place(tmp_path: Path) -> None:
    def tree(root: Path, contents: dict[str, bytes]) -> list[Path]:
        for name, data in contents.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_bytes(data)
        return [root / name for name in contents]

    here, there = tmp_path / "here", tmp_path / "there"
    one = tree(here, {"a.v": b"1", "b/c.v": b"2"})
    two = tree(there, {"b/c.v": b"2", "a.v": b"1"})
    same = sha256_files(one, root=here)
    assert sha256_files(two, root=there) == same
    assert sha256_files(reversed(one), root=here) == same
    assert sha256_files(tree(tmp_path / "x", {"a.v": b"2", "b/c.v": b"1"}), root=tmp_path / "x") != same
    assert sha256_files(tree(tmp_path / "y", {"a.v": b"1", "b/d.v": b"2"}), root=tmp_path / "y") != same
    assert sha256_files(one[:1], root=here) != same

"""Noted answers of a camera's networks: found by what was asked, through a file, and never guessed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hw_anon.core.errors import ContractError, DeviceError
from hw_anon.core.network_answers import AnswerBook

RNG = np.random.default_rng(5)
HALF = RNG.integers(0, 256, (24, 32, 3)).astype(np.uint8)
CROPS = RNG.integers(0, 256, (3, 8, 8, 3)).astype(np.uint8)
MAP = RNG.integers(0, 256, (3, 4, 5)).astype(np.uint8)


def _book() -> AnswerBook:
    book = AnswerBook()
    assert np.array_equal(book.noted_detector(lambda half: MAP)(HALF), MAP)
    assert np.array_equal(book.noted_modifier(lambda crops: 255 - crops)(CROPS), 255 - CROPS)
    return book


def test_answers_survive_a_file(tmp_path: Path) -> None:
    path = tmp_path / "book" / "answers.npz"
    _book().save(path)
    book = AnswerBook.load(path)
    assert len(book) == 4
    assert np.array_equal(book.detect(HALF), MAP)
    assert np.array_equal(book.modify(CROPS[::-1]), 255 - CROPS[::-1])
    assert len(book.modify(CROPS[:0])) == 0


def test_what_was_not_asked_has_no_answer(tmp_path: Path) -> None:
    other = CROPS.copy()
    other[1, 0, 0, 0] ^= 1
    with pytest.raises(DeviceError, match="modifier's answer"):
        _book().modify(other)
    AnswerBook().save(tmp_path / "none.npz")
    with pytest.raises(DeviceError, match="detector's answer"):
        AnswerBook.load(tmp_path / "none.npz").detect(HALF)


@pytest.mark.parametrize("content", [b"", b"no archive", None])
def test_a_damaged_book_is_refused(content: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / "answers.npz"
    if content is None:
        np.savez(path, detector_keys=np.zeros((1, 32), np.uint8))
    else:
        path.write_bytes(content)
    with pytest.raises(ContractError, match=r"answers\.npz"):
        AnswerBook.load(path)

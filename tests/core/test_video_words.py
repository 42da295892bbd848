"""Video as words: what is sent is what the golden model reads, and broken output is noticed."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from hw_anon.core import camera_model
from hw_anon.core.board_frame import pack_board_frame, unpack_board_frame
from hw_anon.core.camera_abi import IDLE_SHIFT, MAX_IDLE, TLAST, TUSER, BoardFrames, frame_beats, video_beats
from hw_anon.core.errors import ConfigError, ContractError
from hw_anon.core.frame import AnonymisedFrame
from hw_anon.core.metadata import Metadata

WIDTH, HEIGHT = 16, 8
WORDS = WIDTH * (HEIGHT + 1)


def _picture(seed: int) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (HEIGHT, WIDTH, 3)).astype(np.uint8)


def _board_words(seed: int) -> NDArray[np.uint32]:
    frame = AnonymisedFrame(frame=_picture(seed), number=seed)
    return frame_beats(pack_board_frame(frame, max_faces=4))


def test_a_word_is_what_the_table_says() -> None:
    picture = np.zeros((8, 8, 3), np.uint8)
    picture[0, 0], picture[3, 7] = (1, 2, 3), (255, 254, 253)
    words = frame_beats(picture, pixel_gap=3, line_gap=40)
    assert words[0] == 0x030201 | TUSER | 40 << IDLE_SHIFT
    assert words[1] == 3 << IDLE_SHIFT
    assert words[31] == 0xFDFEFF | TLAST | 3 << IDLE_SHIFT
    assert words[32] == 40 << IDLE_SHIFT


def test_the_golden_model_reads_the_same_beats() -> None:
    picture = _picture(1)
    got, expected = video_beats(frame_beats(picture)), camera_model.frame_beats(picture)
    for name in ("pixels", "sof", "eol", "idle"):
        np.testing.assert_array_equal(getattr(got, name), getattr(expected, name))
    assert video_beats(frame_beats(picture, pixel_gap=MAX_IDLE)).idle.tolist() == [MAX_IDLE] * (WIDTH * HEIGHT)


@pytest.mark.parametrize("gap", [-1, MAX_IDLE + 1])
def test_gaps_out_of_range_are_refused(gap: int) -> None:
    with pytest.raises(ConfigError, match="0 to 63"):
        frame_beats(_picture(0), pixel_gap=gap)
    with pytest.raises(ConfigError, match="0 to 63"):
        frame_beats(_picture(0), line_gap=gap)


@pytest.mark.parametrize("step", [1, 7, WORDS, 5 * WORDS])
def test_frames_come_out_whatever_the_pieces(step: int) -> None:
    stream = np.concatenate([_board_words(seed) for seed in range(3)])
    frames, collector = [], BoardFrames(WIDTH, HEIGHT)
    for at in range(0, len(stream), step):
        frames += collector.feed(stream[at : at + step])
    assert collector.pending == 0
    assert len(frames) == 3
    for seed, board_frame in enumerate(frames):
        picture, metadata = unpack_board_frame(board_frame)
        np.testing.assert_array_equal(picture, _picture(seed))
        assert metadata == Metadata(number=seed)


@pytest.mark.parametrize(
    ("at", "bit", "message"),
    [
        (5, TLAST, "line 0, pixel 5 of a frame of 9 lines: tuser 0, tlast 1"),
        (2 * WIDTH - 1, TLAST, "line 1, pixel 15 .* tlast 0"),
        (3 * WIDTH, TUSER, "line 3, pixel 0 .* tuser 1"),
    ],
)
def test_a_broken_frame_is_named_and_left_out(at: int, bit: int, message: str) -> None:
    broken = _board_words(1)
    broken[at] ^= bit
    collector = BoardFrames(WIDTH, HEIGHT)
    with pytest.raises(ContractError, match=message):
        collector.feed(np.concatenate([_board_words(0), broken, _board_words(2)]))
    frames: list[NDArray[np.uint8]] = []
    for _ in range(3):  # a start of frame in the middle breaks once more, where the rest of that frame ends
        try:
            frames += collector.feed(np.zeros(0, np.uint32))
        except ContractError:
            continue
    assert [unpack_board_frame(frame)[1].number for frame in frames] == [0, 2]


def test_a_truncated_frame_is_left_out() -> None:
    collector = BoardFrames(WIDTH, HEIGHT)
    assert collector.feed(_board_words(0)[:50]) == []
    assert collector.pending == 50
    with pytest.raises(ContractError, match="tuser 1"):
        collector.feed(_board_words(1))
    assert len(collector.feed(np.zeros(0, np.uint32))) == 1


def test_words_before_a_start_of_frame_are_dropped_at_once() -> None:
    collector = BoardFrames(WIDTH, HEIGHT)
    with pytest.raises(ContractError, match="line 0, pixel 0"):
        collector.feed(_board_words(0)[10:20])
    assert collector.pending == 0
    collector.feed(_board_words(0)[:20])
    collector.reset()
    assert len(collector.feed(_board_words(3))) == 1


def test_other_arrays_are_refused() -> None:
    for words in (np.zeros(3, np.int64), np.zeros((3, 1), np.uint32)):
        with pytest.raises(ContractError, match=r"uint32 \[N\]"):
            video_beats(words)  # type: ignore[arg-type]

"""The board table."""

from __future__ import annotations

import pytest

from hw_anon.core.boards import BOARDS, Board, get_board
from hw_anon.core.errors import ConfigError


@pytest.mark.parametrize("board", BOARDS.values(), ids=list(BOARDS))
def test_every_name_of_a_board_finds_it(board: Board) -> None:
    for name in (board.name, board.device, board.part):
        assert get_board(name) is board


def test_names_are_unique() -> None:
    names = [name for board in BOARDS.values() for name in (board.name, board.device, board.part)]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    ("device", "kind", "dsp", "bram18", "uram"),
    [
        ("xc7z020", "DSP48E1", 220, 280, 0),
        ("xck26", "DSP48E2", 1248, 288, 64),
        ("xczu7ev", "DSP48E2", 1728, 624, 96),
    ],
)
def test_resources_are_the_data_sheets(device: str, kind: str, dsp: int, bram18: int, uram: int) -> None:
    board = get_board(device)
    assert (board.dsp_kind, board.dsp, board.bram18, board.uram) == (kind, dsp, bram18, uram)
    assert board.part.startswith(device)


def test_clock_period() -> None:
    assert get_board("pynq-z2").clk_period_ns == pytest.approx(10.0)
    assert get_board("kv260").clk_period_ns == pytest.approx(5.0)


def test_unknown_board_lists_the_known_ones() -> None:
    with pytest.raises(ConfigError, match=r"unknown board 'arty'.*pynq-z2 \(xc7z020\).*kv260.*zcu104"):
        get_board("arty")

"""Exploration: the Pareto front, its files and its picture."""

from __future__ import annotations

import csv
import json
import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from hls.folding.explore import default_targets, non_dominated, pareto, write_points
from hls.folding.point import DesignPoint
from hw_anon.cli import main
from hw_anon.core.boards import BOARDS, Board
from hw_anon.core.errors import ConfigError
from tests.hls.networks import modifier_network

ZYNQ, KRIA = BOARDS["pynq-z2"], BOARDS["kv260"]


@pytest.fixture
def made_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stands in for reading a FINN graph: the tests' models are keyword arguments of a made-up modifier."""

    def read(model: dict[str, Any], board: Board) -> Any:
        return modifier_network(board, **model)

    monkeypatch.setattr(sys.modules["hls.folding.fold"], "read_network", read)


MODEL: dict[str, Any] = {"size": 32, "widths": (8, 8, 16), "blocks": 1}


def point(**changes: Any) -> DesignPoint:
    base = DesignPoint(
        board="pynq-z2", device="xc7z020", clk_mhz=100.0, faces_per_s=100.0, interval_cycles=1_000_000, dsp=10,
        lut=1000, ff=1000, bram18=10, dsp_efficiency=0.5, fits=True, limits="",
    )  # fmt: skip
    return replace(base, **changes)


def test_dominated_points_go_and_trade_offs_stay() -> None:
    slower, more_brams = point(faces_per_s=50.0), point(lut=500, bram18=20)
    faster = point(faces_per_s=200.0, dsp=20)
    kept = non_dominated([faster, slower, point(), more_brams, point()])
    assert kept == [point(), more_brams, faster]


@pytest.mark.usefixtures("made_up")
def test_front_is_sorted_and_pays_for_speed() -> None:
    points = pareto(MODEL, [ZYNQ, KRIA])
    for board in (ZYNQ, KRIA):
        front = [p for p in points if p.board == board.name]
        assert len(front) >= 8
        rates = [p.faces_per_s for p in front]
        assert rates == sorted(rates) and rates[-1] > 50 * rates[0]
        assert all(a.dsp <= b.dsp for a, b in pairwise(front))
        assert all(p.faces_per_s == pytest.approx(board.clk_mhz * 1e6 / p.interval_cycles, rel=1e-3) for p in front)


@pytest.mark.usefixtures("made_up")
def test_given_targets_are_met_or_left_out() -> None:
    points = pareto(MODEL, [ZYNQ], [120.0, 1e7])
    assert len(points) == 1 and points[0].faces_per_s >= 120


@pytest.mark.usefixtures("made_up")
def test_fit_is_judged_by_the_board() -> None:
    large = {"size": 64, "widths": (16, 32, 64), "blocks": 3}
    points = pareto(large, [ZYNQ, KRIA], [3_000.0])
    by_board = {p.board: p for p in points}
    assert not by_board["pynq-z2"].fits and "dsp of 220" in by_board["pynq-z2"].limits
    assert by_board["kv260"].fits and by_board["kv260"].limits == ""


def test_default_targets_span_the_possible() -> None:
    targets = default_targets(modifier_network(ZYNQ, **MODEL))
    assert targets == sorted(targets)
    slowest = 100e6 / targets[0]
    assert slowest == max(m * n for m, n in [(32 * 32, 9 * 8 * 8), (32 * 32, 9 * 8 * 3)])


@pytest.mark.usefixtures("made_up")
def test_bad_target_is_named() -> None:
    with pytest.raises(ConfigError, match="positive rates"):
        pareto(MODEL, [ZYNQ], [0.0])


@pytest.mark.usefixtures("made_up")
def test_progress_is_reported() -> None:
    seen = []
    pareto(MODEL, [ZYNQ], [10.0, 20.0], on_point=lambda *step: seen.append(step))
    assert seen == [("pynq-z2", 0, 2), ("pynq-z2", 1, 2)]


@pytest.mark.usefixtures("made_up")
def test_files_agree_and_are_reproducible(tmp_path: Path) -> None:
    from PIL import Image

    points = pareto(MODEL, [ZYNQ, KRIA], [100.0, 1_000.0, 5_000.0])
    files = write_points(points, tmp_path / "a", net="small")
    again = write_points(points, tmp_path / "b", net="small")
    assert all(files[kind].read_bytes() == again[kind].read_bytes() for kind in files)
    document = json.loads(files["json"].read_text())
    with files["csv"].open() as stream:
        rows = list(csv.DictReader(stream))
    assert [int(row["dsp"]) for row in rows] == [p["dsp"] for p in document["points"]] == [p.dsp for p in points]
    assert document["net"] == "small" and document["estimate_errors"]["lut_mean"] > 0
    picture = Image.open(files["figure"])
    assert picture.width > 1000 and len(picture.convert("RGB").getcolors(1 << 20)) > 20


def test_no_points_still_draw(tmp_path: Path) -> None:
    assert write_points([], tmp_path, net="none")["figure"].stat().st_size > 1000


@pytest.mark.parametrize("arguments", [[], ["--net", "modifier-s", "--model", "x"]])
def test_command_wants_one_network(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explore", *arguments]) == 2
    assert "exactly one of --net" in capsys.readouterr().err


def test_command_names_an_unknown_board(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explore", "--net", "modifier-s", "--board", "abacus"]) == 2
    assert "unknown board 'abacus'" in capsys.readouterr().err


@pytest.mark.finn
def test_command_explores_an_exported_network(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("finn", reason="needs FINN+ (extra: finn)")
    from quant.export import export_net
    from quant.modifier import ModifierConfig
    from quant.zoo import random_net

    export_net(random_net(1, ModifierConfig(input_size=32, widths=(4, 4, 6), blocks=0)), "tiny", tmp_path / "tiny")
    arguments = ["explore", "--model", str(tmp_path / "tiny"), "--board", "xc7z020", "--faces-per-s", "200"]
    places = ["--out", str(tmp_path / "out"), "--work", str(tmp_path / "work")]
    assert main([*arguments, *places, "--json"]) == 0
    document = json.loads(capfd.readouterr().out)
    assert [p["device"] for p in document["points"]] == ["xc7z020"]
    assert document["points"][0]["faces_per_s"] >= 200 and document["points"][0]["fits"]
    assert Path(document["files"]["figure"]).is_file()

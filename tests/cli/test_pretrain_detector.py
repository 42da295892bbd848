"""`hw-anon pretrain-detector`: weights, record and figures from a synthetic set."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("brevitas", reason="missing: brevitas")
pytest.importorskip("cv2", reason="missing: opencv-python-headless")

from hw_anon.cli import main
from hw_anon.data.synthetic import studio
from quant.face_detector import FaceDetectorConfig
from quant.zoo import DETECTORS, load_detector
from tests.data.synthetic.fake_studio import fake_studio

TINY = FaceDetectorConfig(input_width=48, input_height=32, widths=(4, 6, 8), quarter_layers=0, eighth_layers=0)
CLIPS = ["--people", "4", "--pictures-per-person", "1", "--clips", "8", "--test-clips", "3", "--frames-per-clip", "2"]
SIZES = ["--size", "64", "--portrait-size", "64", "--workers", "1"]
BRIEF = ["--net", "tiny", "--steps", "2", "--batch", "2", "--pictures", "5", "--frames", "8"]


def test_a_run_leaves_weights_with_their_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(studio, "load_studio", fake_studio)
    monkeypatch.setitem(DETECTORS, "tiny", TINY)
    people, work = tmp_path / "set", tmp_path / "work"
    assert main(["synthesise", "--out", str(people), *CLIPS, *SIZES]) == 0
    capfd.readouterr()
    assert main(["pretrain-detector", "--data", str(people), "--work", str(work), *BRIEF, "--json"]) == 0
    document = json.loads(capfd.readouterr().out)
    assert document["metrics"]["validation"]["frames"] == 8
    load_detector("tiny", weights_dir=work / "weights")
    record = json.loads((work / "weights" / "tiny" / "recipe.json").read_text())
    assert record["data"]["generator"]
    assert (record["data"]["train_pictures"], record["data"]["test_pictures"]) == (5, 5)
    assert str(tmp_path) not in json.dumps(record)
    assert main(["pretrain-detector", "--data", str(people), "--work", str(work), *BRIEF]) == 0
    assert "of height" in capfd.readouterr().out
    weights = str(work / "weights" / "tiny")
    asked = ["--data", str(people), "--net", weights, "--frames", "6", "--out", str(tmp_path / "out")]
    assert main(["evaluate-detector", *asked, "--json"]) == 0
    found = json.loads(capfd.readouterr().out)
    assert found == json.loads((tmp_path / "out" / "detector.json").read_text())
    assert (found["frames"], found["net"], found["hard"]) == (6, "tiny", True)
    assert [row["threshold"] for row in found["rules"]] == [128, 128, 112, 112, 96, 96]
    assert main(["evaluate-detector", "--net", weights]) == 2


def test_a_long_run_is_done_in_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(studio, "load_studio", fake_studio)
    monkeypatch.setitem(DETECTORS, "tiny", TINY)
    people, work = tmp_path / "set", tmp_path / "work"
    assert main(["synthesise", "--out", str(people), *CLIPS, *SIZES]) == 0
    long = ["--net", "tiny", "--steps", "110", "--batch", "2", "--pictures", "5", "--frames", "4", "--work", str(work)]
    assert main(["pretrain-detector", "--data", str(people), *long, "--minutes", "0"]) == 0
    assert "goes on" in capfd.readouterr().err
    assert not (work / "weights").exists()
    assert main(["pretrain-detector", "--data", str(people), *long]) == 0
    assert (work / "weights" / "tiny" / "weights.safetensors").exists()


def test_a_missing_set_and_an_unknown_detector_are_named(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["pretrain-detector", "--data", str(tmp_path / "nothing")]) == 3
    assert "synthesise" in capfd.readouterr().err
    assert main(["pretrain-detector", "--data", str(tmp_path), "--net", "modifier-s"]) == 2
    assert "detector-s" in capfd.readouterr().err

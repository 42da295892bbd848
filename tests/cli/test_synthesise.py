"""The command makes a set, tells what is in it, completes it, and measures it when asked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from hw_anon.cli import main
from hw_anon.data.synthetic import studio
from hw_anon.data.synthetic.sets import open_clips, open_people
from hw_anon.evaluate import synthetic_quality
from tests.data.synthetic.fake_studio import fake_studio

SMALL = ["--people", "4", "--pictures-per-person", "2", "--clips", "8", "--test-clips", "3", "--frames-per-clip", "2"]
SIZES = ["--size", "96", "--portrait-size", "64", "--seed", "3", "--workers", "1"]


@pytest.fixture(autouse=True)
def rectangles(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draws rectangles instead of people."""
    monkeypatch.setattr(studio, "load_studio", fake_studio)


def synthesise(out: Path, *options: str) -> int:
    return main(["synthesise", "--out", str(out), *SMALL, *SIZES, *options])


def test_a_set_is_made_and_described(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert synthesise(tmp_path / "set", "--json") == 0
    document = json.loads(capfd.readouterr().out)
    assert document["card"]["splits"]["train"]["people"] == 3
    assert document["card"]["splits"]["test"] == {
        "people": 1, "portraits": 2, "clips": 3, "performers": 1, "frames": 6,
    }  # fmt: skip
    assert document["drawn"]["portraits"] == 8
    assert document["drawn"]["frames"] == 16
    assert len(open_people(tmp_path / "set", "train")) == 6
    assert len(open_clips(tmp_path / "set").clips) == 8
    for name in ("card.json", "card.md", "sheets/identities.png", "sheets/labels.png"):
        assert (tmp_path / "set" / name).stat().st_size
    assert synthesise(tmp_path / "set") == 0
    assert "kept from an earlier run: 24 pictures" in capfd.readouterr().err


def test_other_settings_in_the_same_place_are_refused(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert synthesise(tmp_path / "set") == 0
    assert synthesise(tmp_path / "set", "--fps", "12") == 2
    assert "made with fps = 8.0, not 12.0" in capfd.readouterr().err


def test_a_check_is_noted_beside_the_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    quality = {
        "detectors": {"yunet": {"recall": {"frames": {"24 to 32": {"faces": 3, "recall": 0.5}}}}},
        "recogniser": {"people": 20, "auc": {"value": 0.99}},
        "bars": [{"bar": "yunet finds faces", "value": 0.5, "least": 0.97, "reached": False}],
    }

    def measure(directory: Path, **_: Any) -> dict[str, Any]:
        assert (directory / "people.jsonl").is_file()
        return quality

    monkeypatch.setattr(synthetic_quality, "measure_quality", measure)
    assert synthesise(tmp_path / "set", "--check", "--work", str(tmp_path / "work")) == 0
    captured = capfd.readouterr()
    assert "24 to 32" in captured.out
    assert "MISSED" in captured.err
    assert json.loads((tmp_path / "set/quality.json").read_text()) == quality

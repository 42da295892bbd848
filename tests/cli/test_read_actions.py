"""`hw-anon read-actions` on a set of drawn rectangles: it reads behind each method and says what it read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hw_anon.cli import main
from hw_anon.data.synthetic import studio
from tests.data.synthetic.fake_studio import fake_studio


@pytest.fixture
def drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Rectangles instead of people, who wave, drink or are idle: the drink is near the face."""
    monkeypatch.setattr(studio, "load_studio", fake_studio)
    numbers = {
        "people": 5, "test-people": 2, "pictures-per-person": 2, "clips": 22, "test-clips": 11, "frames-per-clip": 2,
        "size": 96, "portrait-size": 64, "workers": 1,
    }  # fmt: skip
    options = [part for name, value in numbers.items() for part in (f"--{name}", str(value))]
    assert main(["synthesise", "--out", str(tmp_path / "set"), *options]) == 0
    return tmp_path / "set"


def _read(drawn: Path, out: Path, *options: str) -> int:
    return main(["read-actions", "--clips", str(drawn), "--out", str(out), "--detector", "smoke", *options])


def test_each_method_has_a_file_and_the_same_seed_reads_the_same(
    drawn: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    both = ("--method", "original", "--method", "mask", "--epochs", "2", "--every", "1", "--crop-side", "32", "--json")
    assert _read(drawn, tmp_path / "out", *both) == 0
    documents = json.loads(capfd.readouterr().out)
    assert [document["method"] for document in documents] == ["original", "mask"]
    for document in documents:
        file = tmp_path / "out" / "reading" / f"{document['method']}.json"
        assert json.loads(file.read_text()) == document
        assert 0 <= document["named_ci"][0] <= document["named"] <= document["named_ci"][1] <= 1
        assert (document["named_n"], document["clips"]) == (8, 4), "two frames of every clip with the near-face action"
        assert list(document["by_action"]) == ["drink"]
    assert _read(drawn, tmp_path / "again", *both) == 0
    assert json.loads(capfd.readouterr().out) == documents


def test_it_refuses_what_does_not_exist_before_it_reads(
    drawn: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert _read(drawn, tmp_path / "out") == 2
    assert "--method" in capfd.readouterr().err
    assert _read(drawn, tmp_path / "out", "--method", "blurr") == 2
    assert _read(drawn, tmp_path / "out", "--method", "mask", "--detector", "huge") == 2
    assert _read(drawn, tmp_path / "out", "--modifier", str(tmp_path / "none.safetensors")) == 3
    assert not (tmp_path / "out").exists()

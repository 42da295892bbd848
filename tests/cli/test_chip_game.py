"""`hw-anon distil` and `hw-anon train` with a network of the chip: distilled, played with, found again as --net."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="missing: torch")
pytest.importorskip("brevitas", reason="missing: brevitas")

from hw_anon.cli import main  # noqa: E402
from hw_anon.cli.chip_game import teacher_file  # noqa: E402
from hw_anon.core.errors import ConfigError  # noqa: E402
from hw_anon.core.hashing import sha256_file  # noqa: E402
from hw_anon.data import covered_faces  # noqa: E402
from hw_anon.data.covered_faces import CoveredFace  # noqa: E402
from hw_anon.data.synthetic import studio  # noqa: E402
from hw_anon.nets.action import ActionDetector, smoke_config  # noqa: E402
from hw_anon.nets.checkpoint import save_modifier  # noqa: E402
from hw_anon.nets.detector_checkpoint import save_detector  # noqa: E402
from hw_anon.nets.modifier import JohnsonModifier  # noqa: E402
from hw_anon.recipes import smoke  # noqa: E402
from hw_anon.train.config import ChipConfig  # noqa: E402
from quant.zoo import load_net, net_record  # noqa: E402
from tests.data.synthetic.fake_studio import fake_studio  # noqa: E402
from tests.train.setting import SHORT  # noqa: E402

SET = ["--people", "6", "--test-people", "3", "--pictures-per-person", "3", "--clips", "4", "--test-clips", "3"]
SIZES = ["--frames-per-clip", "2", "--size", "64", "--portrait-size", "64", "--workers", "1"]


@pytest.fixture
def people(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A tiny synthetic set."""
    monkeypatch.setattr(studio, "load_studio", fake_studio)
    directory = tmp_path / "set"
    assert main(["synthesise", "--out", str(directory), *SET, *SIZES]) == 0
    return directory


@pytest.fixture
def teacher(tmp_path: Path) -> Path:
    """An untrained float modifier of 32×32 pixels."""
    path = tmp_path / "teacher" / "modifier.safetensors"
    path.parent.mkdir()
    save_modifier(path, JohnsonModifier(smoke().modifier), {"judges_seen": ["sface"], "seed": 0, "recipe_name": "x"})
    return path


def test_a_student_is_distilled(people: Path, teacher: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    capfd.readouterr()
    out, where = tmp_path / "student", ["--people", str(people), "--work", str(tmp_path / "work")]
    brief = ["--net", "modifier-xs", "--start", "modifier-xs", "--steps", "4", "--batch", "2", "--portrait-size", "64"]
    assert main(["distil", "--teacher", str(teacher), "--out", str(out), *where, *brief, "--json"]) == 0
    document = json.loads(capfd.readouterr().out)
    assert document["metrics"] == json.loads((out / "metrics.json").read_text())
    assert net_record(str(out))["judges_seen"] == ["sface"]
    assert str(tmp_path) not in (out / "recipe.json").read_text()
    assert main(["distil", "--teacher", str(teacher), "--out", str(out), *where, "--net", "modifier-s"]) == 2
    assert "64×64" in capfd.readouterr().err


def _fake_covered(person: int, action: str, seed: int, *, pictures: int, size: int) -> list[CoveredFace]:
    """Returns noise with a covered corner in place of rendered faces."""
    rng = np.random.default_rng((person, seed))
    noise = rng.integers(0, 256, (pictures, size, size, 3), dtype=np.uint8)
    cover = np.zeros((size, size), np.uint8)
    cover[size // 2 :, size // 2 :] = 255
    marks = np.array([[0.4, 0.4], [0.6, 0.4], [0.5, 0.5], [0.42, 0.6], [0.58, 0.6]]) * size
    box = (0.3 * size, 0.25 * size, 0.7 * size, 0.75 * size)
    return [CoveredFace(picture=p, bare=p // 2, cover=cover, landmarks=marks, face_box=box) for p in noise]


def test_a_keyed_student_learns_nobodys_face_and_leaves_things(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(studio, "load_studio", fake_studio)
    monkeypatch.setattr(covered_faces, "covered_faces", _fake_covered)
    crowd = ["--people", "45", "--test-people", "5", "--pictures-per-person", "3", "--clips", "0", "--test-clips", "0"]
    people, out = tmp_path / "set", tmp_path / "student"
    assert main(["synthesise", "--out", str(people), *crowd, *SIZES]) == 0
    brief = ["--net", "modifier-xs", "--bits", "", "--steps", "3", "--batch", "2", "--portrait-size", "64"]
    where = ["--people", str(people), "--work", str(tmp_path / "work"), "--out", str(out)]
    keyed = ["--teacher", "average", "--key-channels", "2", "--covered", "1"]
    hidden = ["--hide", "--likeness", "0", "--own-likeness", "0", "--leak", "0.75"]
    assert main(["distil", *keyed, *hidden, *where, *brief]) == 0
    record = net_record(str(out))
    assert record["recipe"]["terms"]["leak"] == 0.75
    assert record["config"]["key_channels"] == 2
    assert record["teacher"]["name"] == "average" and record["teacher"]["keyed_face"]["channels"] == 2
    assert record["teacher"]["covered_actions_a_person"] == 1
    capfd.readouterr()
    assert main(["distil", "--teacher", "edge-0", "--covered", "1", *where, *brief]) == 2
    assert "--teacher average" in capfd.readouterr().err
    assert main(["distil", *keyed, "--hide", "--leak", "-1", *where, *brief]) == 2
    assert "leak" in capfd.readouterr().err


def test_an_action_detector_watches_a_student(
    people: Path, teacher: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    detector, out = tmp_path / "detector.safetensors", tmp_path / "student"
    save_detector(detector, ActionDetector(smoke_config(3)), ("wave", "drink", "idle"), {"seed": 0})
    brief = ["--net", "modifier-s", "--bits", "", "--steps", "2", "--batch", "2", "--portrait-size", "64"]
    where = ["--people", str(people), "--work", str(tmp_path / "work"), "--out", str(out)]
    watched = ["--actions", str(people), "--action-detector", str(detector), "--action-every", "1"]
    assert main(["distil", "--teacher", "edge-0", *watched, *where, *brief]) == 0
    record = net_record(str(out))
    assert record["recipe"]["actions"]["every"] == 1
    assert record["data"]["actions"]["detector"] == sha256_file(detector)
    assert str(tmp_path) not in (out / "recipe.json").read_text()
    capfd.readouterr()
    assert main(["distil", "--teacher", "edge-0", "--actions", str(people), *where, *brief]) == 2
    assert "belong together" in capfd.readouterr().err
    save_detector(detector, ActionDetector(smoke_config(2)), ("reading", "idle"), {"seed": 0})
    assert main(["distil", "--teacher", "edge-0", *watched, *where, *brief]) == 3
    assert "knows reading, idle" in capfd.readouterr().err


def test_a_recipe_of_the_chip_is_distilled_and_played(people: Path, teacher: Path, tmp_path: Path) -> None:
    chip = ChipConfig(network="modifier-xs", key_channels=1, teacher=str(teacher), distil_steps=2, distil_bits=())
    recipe = dataclasses.replace(smoke(), chip=chip, schedule=SHORT)
    (tmp_path / "recipe.json").write_text(json.dumps(recipe.to_dict()))
    out = tmp_path / "run"
    asked = ["--people", str(people), "--clips", str(people), "--recipe", str(tmp_path / "recipe.json")]
    command = ["train", *asked, "--out", str(out), "--portrait-size", "64", "--device", "cpu"]
    assert main([*command, "--minutes", "0"]) == 0
    started = (out / "distilled" / "weights.safetensors").read_bytes()
    assert main([*command, "--resume"]) == 0
    assert (out / "distilled" / "weights.safetensors").read_bytes() == started, "distilled once"
    net = load_net(str(out / "chip"))
    assert net.config.key_channels == 1
    record = net_record(str(out / "chip"))
    assert record["finished"]
    assert record["start"]["teacher"]["name"] == "teacher"
    assert record["judges_seen"] == ["sface"], "its teacher's training saw it"


def test_a_network_that_was_distilled_otherwise_is_not_taken(
    people: Path, teacher: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    chip = ChipConfig(network="modifier-xs", teacher=str(teacher), distil_steps=2, distil_bits=())
    out = tmp_path / "run"

    def train(chip: ChipConfig) -> int:
        recipe = dataclasses.replace(smoke(), chip=chip, schedule=SHORT)
        (tmp_path / "recipe.json").write_text(json.dumps(recipe.to_dict()))
        asked = ["--people", str(people), "--clips", str(people), "--recipe", str(tmp_path / "recipe.json")]
        return main(["train", *asked, "--out", str(out), "--portrait-size", "64", "--device", "cpu", "--minutes", "0"])

    assert train(chip) == 0
    (out / "state.safetensors").unlink()  # as if the run had been stopped before its first checkpoint
    assert train(dataclasses.replace(chip, distil_steps=3)) == 2
    assert "another recipe" in capfd.readouterr().err
    save_modifier(teacher, JohnsonModifier(smoke().modifier), {"judges_seen": [], "seed": 1, "recipe_name": "y"})
    assert train(chip) == 2
    assert "another teacher" in capfd.readouterr().err


def test_teachers_are_files_or_shipped_weights(teacher: Path) -> None:
    assert teacher_file(str(teacher)) == teacher
    assert teacher_file(str(teacher.parent)) == teacher
    assert teacher_file("edge-0").is_file()
    with pytest.raises(ConfigError, match="edge-0"):
        teacher_file("edge-9")

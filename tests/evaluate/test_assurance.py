"""Committed results of proving, fuzzing and attacking: read strictly, kept with the RTL that they belong to."""

from __future__ import annotations

import copy
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from hw_anon.cli import main
from hw_anon.cli.assurance import camera_rtl_sha256
from hw_anon.core.errors import ContractError
from hw_anon.evaluate.assurance import ASSURANCE_DIR, Assurance, kind_of, read_assurance

PROVED = {
    "properties": [
        {"property": "guard_rules", "statement": "…", "method": "pdr", "depth": 3, "result": "proven", "seconds": 1.0}
    ],
    "bugs": [{"bug": "gate", "property": "guard_rules", "result": "caught", "caught": True, "depth": 2, "seconds": 1}],
}
FUZZED = {
    "stores": 1, "seed": 1, "batches": 1, "frames": 9, "delivered": 9, "black": 4, "raw_face_pixels": 0, "hangs": 0,
    "mismatches": 0, "outcomes": {"short line": {"frames": 9, "correct": 5, "black": 4}}, "failures": [],
}  # fmt: skip
ATTACKED = {
    "camera": "RTL", "seed": 1, "operations": 10, "reads": 5, "writes": 5, "bus_errors": 0, "memory_reads": 2,
    "episodes": 1, "attacks": {"storm": 1}, "frames": {"NONE": 3}, "faces_replaced": 2, "leaks": 0,
}  # fmt: skip
OUTPUTS: dict[str, dict[str, Any]] = {"prove": PROVED, "fuzz": FUZZED, "adversary": ATTACKED}
ROOT = Path(__file__).parents[2]


def _record(kind: str) -> dict[str, Any]:
    record = {"kind": kind, "command": f"hw-anon {kind}", "commit": "abc", "rtl_sha256": "0" * 64}
    return {**record, "output": copy.deepcopy(OUTPUTS[kind])}


@pytest.mark.parametrize("kind", list(OUTPUTS))
def test_a_result_survives_its_file(kind: str, tmp_path: Path) -> None:
    result = Assurance.parse(_record(kind), where="here")
    result.save(tmp_path / ASSURANCE_DIR / f"{kind}-1.json")
    assert read_assurance(tmp_path) == {f"{kind}-1": result}
    assert kind_of(OUTPUTS[kind], where="here") == kind


@pytest.mark.parametrize(
    ("kind", "path", "value"),
    [
        ("prove", ("kind",), "guess"),
        ("prove", ("rtl_sha256",), "12"),
        ("prove", ("command",), ""),
        ("prove", ("output",), []),
        ("prove", ("output", "bugs", 0, "caught"), "yes"),
        ("prove", ("output", "properties", 0), "guard_rules"),
        ("fuzz", ("output", "raw_face_pixels"), None),
        ("adversary", ("output", "leaks"), "none"),
    ],
)
def test_a_damaged_result_is_refused(kind: str, path: tuple[Any, ...], value: object, tmp_path: Path) -> None:
    record = _record(kind)
    place: Any = record
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    (tmp_path / ASSURANCE_DIR).mkdir()
    (tmp_path / ASSURANCE_DIR / "result.json").write_text(json.dumps(record))
    with pytest.raises(ContractError, match=r"result\.json"):
        read_assurance(tmp_path)


def test_nothing_measured_is_no_error(tmp_path: Path) -> None:
    assert read_assurance(tmp_path) == {}
    with pytest.raises(ContractError, match="not the --json output"):
        kind_of({"frames": 3}, where="here")


def test_committed_results_are_sound() -> None:
    read_assurance(ROOT / "docs" / "results")


def test_an_output_is_kept_with_the_rtl_that_is_here(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    printed, out = tmp_path / "fuzz.json", tmp_path / "results" / ASSURANCE_DIR / "fuzz-1.json"
    printed.write_text(json.dumps(FUZZED))
    command = "hw-anon fuzz --frames 9"
    assert main(["assurance", str(printed), "--command", command, "--out", str(out), "--json"]) == 0
    (result,) = read_assurance(tmp_path / "results").values()
    assert (result.kind, result.command, result.output) == ("fuzz", command, FUZZED)
    assert result.rtl_sha256 == camera_rtl_sha256() == json.loads(capfd.readouterr().out)["rtl_sha256"]
    git = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert git.returncode or git.stdout.startswith(result.commit.removesuffix("+changes"))


def test_an_output_of_another_command_is_refused(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    printed = tmp_path / "prove.json"
    printed.write_text(json.dumps(PROVED))
    arguments = ["assurance", str(printed), "--command", "hw-anon fuzz", "--out", str(tmp_path / "out.json")]
    assert main(arguments) == 2
    assert "hw-anon prove" in capfd.readouterr().err
    assert not (tmp_path / "out.json").exists()

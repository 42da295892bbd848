"""A board takes a complete, unchanged build of the expected identity, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from host import load_design
from hw_anon.core.errors import ConfigError, ContractError
from hw_anon.core.manifest import MANIFEST_FILE, Manifest


@pytest.fixture
def build(tmp_path: Path) -> Path:
    """A small finished build with a bitstream."""
    directory = tmp_path / "build"
    (directory / "rtl").mkdir(parents=True)
    (directory / "rtl" / "top.v").write_text("module top; endmodule\n")
    (directory / "design.bit").write_bytes(bytes(range(64)))
    manifest = Manifest.create(directory, inputs={"model.onnx": "ab" * 32}, tools={"finn-plus": "1.6.1"}, config={})
    manifest.save(directory)
    return directory


def test_a_whole_build_is_loaded(build: Path) -> None:
    design = load_design(build)
    assert design.design_id == Manifest.load(build).design_id
    assert design.bitstream == build.resolve() / "design.bit"
    assert load_design(build, expected_id=design.design_id) == design


def test_a_log_beside_the_build_is_no_reason_to_refuse_it(build: Path) -> None:
    (build / "run.log").write_text("started\n")
    load_design(build)


@pytest.mark.parametrize("damage", ["flip", "truncate", "remove", "unfinished", "edited manifest"])
def test_a_damaged_build_is_refused(build: Path, damage: str) -> None:
    bitstream, manifest = build / "design.bit", build / MANIFEST_FILE
    match damage:
        case "flip":
            bitstream.write_bytes(bytes([1]) + bitstream.read_bytes()[1:])
        case "truncate":
            bitstream.write_bytes(bitstream.read_bytes()[:-1])
        case "remove":
            bitstream.unlink()
        case "unfinished":
            manifest.unlink()
        case "edited manifest":
            raw = json.loads(manifest.read_text())
            raw["tools"]["finn-plus"] = "9.9"
            manifest.write_text(json.dumps(raw))
    with pytest.raises(ContractError):
        load_design(build)


def test_another_design_than_promised_is_refused(build: Path) -> None:
    with pytest.raises(ContractError, match="expected was 0123456789abcdef"):
        load_design(build, expected_id="0123456789abcdef")


@pytest.mark.parametrize("bad", ["", "123", "0123456789ABCDEF", "0123456789abcdeg"])
def test_an_expected_id_must_be_an_id(build: Path, bad: str) -> None:
    with pytest.raises(ConfigError, match="16 lower-case hex digits"):
        load_design(build, expected_id=bad)


def test_a_build_without_bitstream_cannot_be_loaded_onto_a_board(build: Path) -> None:
    (build / "design.bit").unlink()
    Manifest.create(build, inputs={}, tools={}, config={}).save(build)
    design = load_design(build)
    with pytest.raises(ContractError, match="can be simulated, not loaded"):
        _ = design.bitstream


@pytest.mark.parametrize("name", ["design.dtbo", "design.hwh"])
def test_a_file_that_pynq_would_load_beside_the_bitstream_must_be_of_the_build(build: Path, name: str) -> None:
    """Pynq puts `<bitstream>.dtbo` into the running kernel without being asked to."""
    design = load_design(build)
    (build / name).write_bytes(b"of unknown origin")
    with pytest.raises(ContractError, match=rf"holds {name} beside the bitstream"):
        _ = design.bitstream


def test_a_file_that_was_exchanged_after_the_check_is_noticed(build: Path) -> None:
    design = load_design(build)
    design.require_unchanged(["design.bit"])
    (build / "design.bit").write_bytes(b"another one")
    with pytest.raises(ContractError, match=r"design\.bit was changed while it was used"):
        design.require_unchanged(["design.bit"])

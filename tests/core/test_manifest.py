"""The manifest: identity, tamper evidence, and no half-written build taken for a good one."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from hw_anon.core.atomic import atomic_directory
from hw_anon.core.errors import ConfigError, ContractError
from hw_anon.core.hashing import sha256_bytes
from hw_anon.core.manifest import MANIFEST_FILE, Manifest, design_id

INPUTS = {"model": sha256_bytes(b"model")}
TOOLS = {"verilator": "5.48.0", "finn-plus": "1.6.1"}
CONFIG = {"board": "pynq-z2", "fps": 120.0, "shape": (64, 64), "layers": {10: "ten", 9: "nine"}}


def create(directory: Path, **changed: Any) -> Manifest:
    """A manifest with the values above."""
    return Manifest.create(directory, **{"inputs": INPUTS, "tools": TOOLS, "config": CONFIG, **changed})


@pytest.fixture
def build(tmp_path: Path) -> Path:
    """A finished build directory."""
    directory = tmp_path / "build"
    (directory / "rtl").mkdir(parents=True)
    (directory / "rtl" / "top.v").write_text("module top; endmodule\n")
    (directory / "report.json").write_text("{}")
    create(directory, metrics={"dsp": 20}, provenance={"licence": "Apache-2.0"}).save(directory)
    return directory


def edit(build: Path, **changed: Any) -> None:
    """Changes fields of a saved manifest, as an attacker or an editor would."""
    path = build / MANIFEST_FILE
    path.write_text(json.dumps({**json.loads(path.read_text()), **changed}))


def test_round_trip_and_verify(build: Path) -> None:
    manifest = Manifest.load(build)
    assert manifest == create(build, metrics={"dsp": 20}, provenance={"licence": "Apache-2.0"})
    assert manifest == Manifest.load(build / MANIFEST_FILE)
    assert set(manifest.files) == {"rtl/top.v", "report.json"}
    assert manifest.config["shape"] == [64, 64]
    manifest.verify(build, allow_extra=False)


def test_a_build_can_be_moved(build: Path, tmp_path: Path) -> None:
    moved = build.rename(tmp_path / "elsewhere")
    Manifest.load(moved).verify(moved, allow_extra=False)


def test_saving_twice_gives_the_same_bytes(build: Path) -> None:
    first = (build / MANIFEST_FILE).read_bytes()
    create(build, metrics={"dsp": 20}, provenance={"licence": "Apache-2.0"}).save(build)
    assert (build / MANIFEST_FILE).read_bytes() == first


def test_design_id_is_stable() -> None:
    """A change of the hash is a change of every build's identity; it must be deliberate."""
    assert design_id({"model": "00"}, {"tool": "1"}, {"a": 1, "b": [2.5, None]}) == "6a55d98e296780a6"


def test_design_id_depends_on_what_went_in_and_on_nothing_else(build: Path) -> None:
    base = create(build)
    assert create(build, config=dict(reversed(list(CONFIG.items())))).design_id == base.design_id
    assert create(build, metrics={"dsp": 1}, provenance={"date": "today"}).design_id == base.design_id
    others = [
        create(build, inputs={"model": sha256_bytes(b"other")}),
        create(build, inputs={"weights": INPUTS["model"]}),
        create(build, tools={**TOOLS, "verilator": "5.49.0"}),
        create(build, config={**CONFIG, "fps": 121.0}),
    ]
    assert len({base.design_id, *(other.design_id for other in others)}) == 5


def test_inputs_may_be_files(build: Path, tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"model")
    assert create(build, inputs={"model": tmp_path / "model.onnx"}).inputs == INPUTS


@pytest.mark.parametrize("value", [Path("no/such/file"), "model.onnx", "A" * 64, "0" * 63])
def test_inputs_that_are_neither_file_nor_hash_are_refused(build: Path, value: Path | str) -> None:
    with pytest.raises(ConfigError, match="manifest input 'model'"):
        create(build, inputs={"model": value})


@pytest.mark.parametrize("value", [object(), float("nan"), {1, 2}, Path("x")])
def test_values_that_are_not_json_are_refused(build: Path, value: object) -> None:
    for field in ("config", "metrics", "provenance"):
        with pytest.raises(ConfigError, match="JSON values only"):
            create(build, **{field: {"key": value}})


def test_a_changed_file_is_named(build: Path) -> None:
    (build / "rtl" / "top.v").write_text("module top; /* bypass */ endmodule\n")
    with pytest.raises(ContractError, match=r"changed: rtl/top\.v"):
        Manifest.load(build).verify(build)


def test_a_truncated_file_is_named(build: Path) -> None:
    (build / "rtl" / "top.v").write_text("module top;")
    with pytest.raises(ContractError, match=r"changed: rtl/top\.v"):
        Manifest.load(build).verify(build)


def test_missing_and_changed_files_are_told_apart(build: Path) -> None:
    (build / "report.json").unlink()
    (build / "rtl" / "top.v").write_text("")
    with pytest.raises(ContractError, match=r"missing: report\.json; changed: rtl/top\.v; build it again"):
        Manifest.load(build).verify(build)


def test_many_missing_files_are_counted(build: Path) -> None:
    for index in range(8):
        (build / f"w{index}.dat").write_text("0")
    manifest = create(build)
    for index in range(8):
        (build / f"w{index}.dat").unlink()
    with pytest.raises(ContractError, match=r"missing: w0\.dat, .*w4\.dat and 3 more"):
        manifest.verify(build)


def test_extra_files_are_refused_on_demand(build: Path) -> None:
    (build / "rtl" / "extra.v").write_text("")
    Manifest.load(build).verify(build)
    with pytest.raises(ContractError, match=r"not listed: rtl/extra\.v"):
        Manifest.load(build).verify(build, allow_extra=False)


def test_a_missing_directory_is_refused(build: Path, tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="missing or not a directory"):
        Manifest.load(build).verify(tmp_path / "nowhere")


def test_links_are_refused(build: Path) -> None:
    (build / "link.v").symlink_to(build / "rtl" / "top.v")
    with pytest.raises(ContractError, match=r"holds a link \(link\.v\)"):
        create(build)


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "rtl/../../secret"])
def test_names_outside_the_directory_are_refused(build: Path, name: str) -> None:
    edit(build, files={name: "0" * 64})
    with pytest.raises(ContractError, match="outside the directory"):
        Manifest.load(build).verify(build)


def test_a_directory_without_a_manifest_is_no_build(build: Path) -> None:
    (build / MANIFEST_FILE).unlink()
    with pytest.raises(ContractError, match="is not a finished build"):
        Manifest.load(build)


@pytest.mark.parametrize("field", ["inputs", "tools", "config", "design_id"])
def test_an_edited_identity_is_noticed(build: Path, field: str) -> None:
    changed = "0" * 16 if field == "design_id" else {"model": "f" * 64}
    edit(build, **{field: changed})
    with pytest.raises(ContractError, match="it was edited"):
        Manifest.load(build)


def test_every_truncation_is_refused(build: Path) -> None:
    data = (build / MANIFEST_FILE).read_bytes().rstrip()
    for length in range(0, len(data), 11):
        (build / MANIFEST_FILE).write_bytes(data[:length])
        with pytest.raises(ContractError, match="is not a manifest"):
            Manifest.load(build)


@pytest.mark.parametrize(
    "text", ["[]", "null", "7", '{"version": 1}', '{"version": 1, "design_id": "x", "inputs": [1]}', "\x00"]
)
def test_other_content_is_refused(build: Path, text: str) -> None:
    (build / MANIFEST_FILE).write_text(text)
    with pytest.raises(ContractError, match="is not a manifest"):
        Manifest.load(build)


def test_values_of_other_types_are_refused(build: Path) -> None:
    edit(build, files={"report.json": 3})
    with pytest.raises(ContractError, match="is not a manifest"):
        Manifest.load(build)


def test_another_format_version_is_refused(build: Path) -> None:
    edit(build, version=2)
    with pytest.raises(ContractError, match="format version 2, this release reads 1"):
        Manifest.load(build)


def test_a_build_that_dies_before_its_manifest_leaves_the_old_one(build: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The whole chain: the disk fills up while the manifest of a new build is written."""

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch, pytest.raises(OSError, match="No space"), atomic_directory(build) as fresh:
        (fresh / "report.json").write_text('{"new": true}')
        patch.setattr(os, "fsync", full)
        create(fresh).save(fresh)
    Manifest.load(build).verify(build, allow_extra=False)
    assert (build / "report.json").read_text() == "{}"

"""What cannot be written or read in the end is refused at the start."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import typer

from hw_anon.cli import main
from hw_anon.cli.app import make_app
from hw_anon.core.errors import ConfigError, ContractError

CapFd = pytest.CaptureFixture[str]

FILES = {("bench", "--out"), ("assurance", "--out"), ("simulate", "--waveform"), ("search", "--journal")}
"""Options whose place is a file's; all others write directories."""


def _written() -> list[tuple[str, str]]:
    """Commands and their options that name where results go, found in the commands themselves."""
    group: Any = typer.main.get_command(make_app())
    names = ("--out", "--work", "--waveform", "--journal", "--face-boxes")
    found = [
        (command, option)
        for command, entry in group.commands.items()
        for parameter in entry.params
        for option in parameter.opts
        if option in names
    ]
    assert len(found) > 30, "the commands were not looked through"
    return found


@pytest.mark.parametrize(("command", "option"), _written())
def test_a_place_of_another_kind_is_refused_at_once(command: str, option: str, tmp_path: Path, capfd: CapFd) -> None:
    file, folder = tmp_path / "file", tmp_path / "folder"
    file.write_text("not ours")
    folder.mkdir()
    is_file = (command, option) in FILES
    wrong, why = (folder, "is a directory, and a file") if is_file else (file, "is a file, and a directory")
    assert main([command, option, str(wrong)]) == ConfigError.exit_code
    assert f"{wrong} {why}" in capfd.readouterr().err
    assert main([command, option, str(file / "below" / "it")]) == ConfigError.exit_code
    assert f"{file} is a file, not a directory; name another place" in capfd.readouterr().err
    assert file.read_text() == "not ours"
    assert not [*folder.iterdir()]


def test_a_camera_is_not_built_over_other_things(tmp_path: Path, capfd: CapFd) -> None:
    config = Path(__file__).parents[2] / "hls/camera/configs/pynq-z2-qvga.toml"
    (tmp_path / "thesis.txt").write_text("not ours")
    assert main(["camera", str(config), "--out", str(tmp_path)]) == ConfigError.exit_code
    assert "holds thesis.txt and no camera" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("option", "code", "why"),
    [
        ("--warm-start", ConfigError.exit_code, "is a directory, and no .safetensors file is in it"),
        ("--clear-detector", ConfigError.exit_code, "is a directory, and no .safetensors file is in it"),
        ("--modifier", ContractError.exit_code, "does not exist; expected a checkpoint"),
        ("--imagenet", ContractError.exit_code, "not a torch checkpoint"),
    ],
)
def test_checkpoints_are_looked_at_before_the_first_frame(
    option: str, code: int, why: str, tmp_path: Path, capfd: CapFd, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hw_anon.nets.action import smoke_config
    from hw_anon.train.detector import DetectorRecipe

    def worked(*_: object) -> None:
        pytest.fail("it began to work")

    recipe = DetectorRecipe(detector=smoke_config(3))
    monkeypatch.setattr("hw_anon.cli.train_detector.sized_detector", lambda *_, **__: recipe)
    monkeypatch.setattr("hw_anon.cli.train_detector.run_job", worked)
    given = ["train-detector", "--clips", str(tmp_path), "--out", str(tmp_path / "out"), "--method", "mask"]
    assert main([*given, option, str(tmp_path)]) == code
    assert why in capfd.readouterr().err


@pytest.mark.parametrize("command", [["study"], ["gallery", "--results", "build/results"], ["evaluate"]])
def test_a_missing_set_is_told_before_a_method_is_built(
    command: list[str], tmp_path: Path, capfd: CapFd, monkeypatch: pytest.MonkeyPatch
) -> None:
    def built(*_: object, **__: object) -> None:
        pytest.fail("it began to build")

    monkeypatch.setattr("hw_anon.cli.methods.MethodMaker.make", built)
    place = tmp_path / "nowhere"
    assert main([*command, "--backend", "blur-8", "--set", f"folder:{place}"]) == ContractError.exit_code
    assert f"{place}: does not exist" in capfd.readouterr().err
